"""Rows Floe has stored outside Iceberg, read back: CSV files and tables of SQL databases."""

import json
import os
import pathlib
import tempfile
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig
from feast.value_type import ValueType
from floe.errors import FloeConfigError, FloeInputError, FloeNotFoundError
from floe.types import type_text, value_type_of

_CLASS_TYPE = "floe.stored_rows.StoredRowsSource"
_SQL_ROWS_AT_ONCE = 10_000


class StoredRowsSource(DataSource):
    """A CSV file or a SQL table with a saved dataset. Types are what the file or database
    tells: CSV has text, numbers, booleans and times only."""

    def __init__(
        self,
        *,
        name: str,
        timestamp_field: str,
        csv_path: Optional[str] = None,
        sql_table: Optional[str] = None,
        sql_url: Optional[str] = None,
        sql_url_env_var: Optional[str] = None,
        created_timestamp_column: Optional[str] = None,
        field_mapping: Optional[Dict[str, str]] = None,
        description: Optional[str] = "",
        tags: Optional[Dict[str, str]] = None,
        owner: Optional[str] = "",
    ):
        if (csv_path is None) == (sql_table is None):
            raise FloeInputError(
                f"the source '{name}' needs one of csv_path and sql_table",
                "INVALID_ARGUMENT",
            )
        super().__init__(
            name=name,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            description=description,
            tags=tags,
            owner=owner,
        )
        self.csv_path = csv_path
        self.sql_table = sql_table
        self.sql_url = sql_url
        self.sql_url_env_var = sql_url_env_var

    def _options(self):
        return {
            "csv_path": self.csv_path,
            "sql_table": self.sql_table,
            "sql_url": self.sql_url,
            "sql_url_env_var": self.sql_url_env_var,
        }

    def source_type(self) -> DataSourceProto.SourceType.ValueType:
        return DataSourceProto.CUSTOM_SOURCE

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> Any:
        return StoredRowsSource(
            name=data_source.name,
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column,
            field_mapping=dict(data_source.field_mapping),
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
            **json.loads(data_source.custom_options.configuration),
        )

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=_CLASS_TYPE,
            custom_options=DataSourceProto.CustomSourceOptions(
                configuration=json.dumps(self._options()).encode()
            ),
            description=self.description,
            tags=self.tags,
            owner=self.owner,
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            field_mapping=self.field_mapping,
        )

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        return value_type_of

    def open(self, repo_path) -> pa.RecordBatchReader:
        """The rows as stored."""
        if self.csv_path is not None:
            path = pathlib.Path(repo_path or ".") / self.csv_path
            if not path.exists():
                raise FloeNotFoundError(f"the file {path} does not exist", "NO_SUCH_FILE")
            return pyarrow.csv.open_csv(path)
        return _sql_rows(self.sql_table, self.sql_url, self.sql_url_env_var)

    def get_table_column_names_and_types(
        self, config: RepoConfig
    ) -> Iterable[Tuple[str, str]]:
        schema = self.open(config.repo_path).schema
        return [(field.name, type_text(field.type)) for field in schema]

    def get_table_query_string(self) -> str:
        return self.csv_path or self.sql_table

    def validate(self, config: RepoConfig):
        self.open(config.repo_path).close()

    def __eq__(self, other):
        return (
            isinstance(other, StoredRowsSource)
            and super().__eq__(other)
            and self._options() == other._options()
        )

    def __hash__(self):
        return super().__hash__()


def _sql_rows(table, url, url_env_var):
    import sqlalchemy

    engine = sqlalchemy.create_engine(resolve_url(url, url_env_var))
    if not sqlalchemy.inspect(engine).has_table(table):
        raise FloeNotFoundError(f"the database has no table '{table}'", "NO_SUCH_TABLE")
    reflected = sqlalchemy.Table(table, sqlalchemy.MetaData(), autoload_with=engine)
    schema = pa.schema(
        [(column.name, _arrow_type(column.type)) for column in reflected.columns]
    )

    def batches():
        with engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(
                sqlalchemy.select(reflected)
            )
            while rows := result.fetchmany(_SQL_ROWS_AT_ONCE):
                yield pa.RecordBatch.from_pylist(
                    [dict(row._mapping) for row in rows], schema=schema
                )
        engine.dispose()

    return pa.RecordBatchReader.from_batches(schema, batches())


def resolve_url(url, url_env_var):
    """The database's URL. FloeConfigError where the variable is not set."""
    if url_env_var is None:
        return url
    value = os.environ.get(url_env_var)
    if not value:
        raise FloeConfigError(
            f"the environment variable {url_env_var}, which should hold the database's "
            "URL, is not set",
            "INVALID_CONFIG",
        )
    return value


def _arrow_type(sql_type):
    import sqlalchemy

    for kind, arrow_type in (
        (sqlalchemy.Boolean, pa.bool_()),
        (sqlalchemy.BigInteger, pa.int64()),
        (sqlalchemy.Integer, pa.int64()),
        (sqlalchemy.Float, pa.float64()),
        (sqlalchemy.DateTime, pa.timestamp("us")),
        (sqlalchemy.Date, pa.date32()),
        (sqlalchemy.LargeBinary, pa.binary()),
    ):
        if isinstance(sql_type, kind):
            return arrow_type
    return pa.string()


class ParquetCopy:
    """Stored rows as a temporary Parquet file, for the engine to read; gone with this."""

    def __init__(self, source, repo_path):
        self._folder = tempfile.TemporaryDirectory(prefix="floe-")
        self.path = str(pathlib.Path(self._folder.name) / "rows.parquet")
        reader = source.open(repo_path)
        with pq.ParquetWriter(self.path, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
