"""Writing the rows of a retrieval where a saved dataset's storage says, batch by batch."""

import base64
import json
import os
import pathlib
import uuid

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet as pq

from feast.data_format import ParquetFormat
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from floe.config import storage_options
from floe.errors import FloeNotSupportedError
from floe.object_paths import is_uri, open_path
from floe.source_access import locate
from floe.storage import (
    SavedDatasetCsvStorage,
    SavedDatasetIcebergStorage,
    SavedDatasetSqlStorage,
)

# Rows of a file of an export, and of a statement to a database.
_ROWS_PER_FILE = 1_000_000
_SQL_ROWS_AT_ONCE = 1_000


def persist(config, storage, open_rows, allow_overwrite):
    """Writes the batches of open_rows() to `storage`. Nothing is read where the place is
    taken already: SavedDatasetLocationAlreadyExists unless allow_overwrite."""
    for kind, write in (
        (SavedDatasetFileStorage, _to_file),
        (SavedDatasetIcebergStorage, _to_iceberg),
        (SavedDatasetCsvStorage, _to_csv),
        (SavedDatasetSqlStorage, _to_sql),
    ):
        if isinstance(storage, kind):
            write(config, storage, open_rows, allow_overwrite)
            return
    raise FloeNotSupportedError(
        f"cannot persist to {type(storage).__name__}; use SavedDatasetFileStorage for "
        "Parquet, or floe's SavedDatasetIcebergStorage, SavedDatasetCsvStorage or "
        "SavedDatasetSqlStorage",
        "NOT_SUPPORTED",
    )


def export(config, location, open_rows):
    """Writes the rows as Parquet files of about a million rows to a folder of their own
    below `location` (a path or URI); the files' paths, as URIs where location is one."""
    filesystem, base = open_path(
        location, storage_options(config.offline_store), config.repo_path
    )
    scheme = location.split("://")[0] if is_uri(location) else "file"
    prefix = "" if scheme == "file" else f"{scheme}://"
    folder = f"{base.rstrip('/')}/{uuid.uuid4().hex}"
    filesystem.create_dir(folder, recursive=True)
    paths, writer, rows = [], None, 0
    reader = open_rows()
    try:
        for batch in reader:
            if writer is None or rows >= _ROWS_PER_FILE:
                if writer is not None:
                    writer.close()
                paths.append(f"{folder}/part-{len(paths):05}.parquet")
                writer, rows = _writer(filesystem, paths[-1], reader.schema), 0
            writer.write_batch(batch)
            rows += batch.num_rows
        if writer is None:
            paths.append(f"{folder}/part-00000.parquet")
            writer = _writer(filesystem, paths[-1], reader.schema)
    finally:
        if writer is not None:
            writer.close()
    return [prefix + path for path in paths]


def _writer(filesystem, path, schema):
    return pq.ParquetWriter(path, schema, filesystem=filesystem)


def _to_file(config, storage, open_rows, allow_overwrite):
    options = storage.file_options
    if not isinstance(options.file_format or ParquetFormat(), ParquetFormat):
        raise FloeNotSupportedError(
            f"cannot persist as {type(options.file_format).__name__}; Floe writes Parquet",
            "NOT_SUPPORTED",
        )
    filesystem, path = open_path(
        options.uri,
        storage_options(config.offline_store),
        config.repo_path,
        options.s3_endpoint_override,
    )
    info = filesystem.get_file_info(path)
    # A folder that was made for the dataset but holds nothing yet is not taken.
    taken = info.type != pa.fs.FileType.NotFound
    if taken and not allow_overwrite:
        raise SavedDatasetLocationAlreadyExists(location=options.uri)
    reader = open_rows()
    if path.endswith(".parquet"):
        filesystem.create_dir(os.path.dirname(path) or ".", recursive=True)
        _write_one(filesystem, path, reader)
        return
    if taken:
        filesystem.delete_dir_contents(path)
    filesystem.create_dir(path, recursive=True)
    _write_one(filesystem, f"{path}/{uuid.uuid4().hex}.parquet", reader)


def _write_one(filesystem, path, reader):
    """One file, which appears whole: a reader of the old one is not disturbed."""
    scratch = f"{os.path.dirname(path) or '.'}/.{uuid.uuid4().hex}.tmp"
    try:
        with _writer(filesystem, scratch, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        filesystem.move(scratch, path)
    finally:
        if filesystem.get_file_info(scratch).type != pa.fs.FileType.NotFound:
            filesystem.delete_file(scratch)


def _to_iceberg(config, storage, open_rows, allow_overwrite):
    location = locate(config, storage.source or storage.to_data_source())
    catalog, table = location.catalog, location.table
    exists = catalog.table_exists(table)
    if exists and not allow_overwrite:
        raise SavedDatasetLocationAlreadyExists(location=table)
    reader = open_rows()
    schema = iceberg_schema(reader.schema)
    if exists:
        rows = pa.RecordBatchReader.from_stream(reader)
        written = catalog.overwrite(table, rows.cast(schema))
    else:
        catalog.create_table(table, schema)
        written = catalog.append(table, reader)
    storage.snapshot_id = written["snapshot_id"]


def iceberg_schema(schema):
    """The schema of a table to hold rows of an Arrow schema: times in microseconds, the
    types Iceberg has none for as the next that holds every value."""
    return pa.schema([field.with_type(_iceberg_type(field.type)) for field in schema])


def _iceberg_type(arrow_type):
    if pa.types.is_timestamp(arrow_type):
        return pa.timestamp("us", tz="UTC" if arrow_type.tz else None)
    if pa.types.is_date64(arrow_type):
        return pa.date32()
    if pa.types.is_null(arrow_type):
        return pa.string()
    if pa.types.is_dictionary(arrow_type):
        return _iceberg_type(arrow_type.value_type)
    return arrow_type


def _to_csv(config, storage, open_rows, allow_overwrite):
    path = pathlib.Path(config.repo_path or ".") / storage.path
    if path.exists() and not allow_overwrite:
        raise SavedDatasetLocationAlreadyExists(location=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    reader = open_rows()
    try:
        schema = plain_rows(pa.RecordBatch.from_pylist([], schema=reader.schema)).schema
        with pyarrow.csv.CSVWriter(scratch, schema) as writer:
            for batch in reader:
                writer.write_batch(plain_rows(batch))
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def plain_rows(batch):
    """The batch with what neither CSV nor SQL has a type for as text: nested values as
    JSON, times with a zone in UTC, and bytes in hexadecimal."""
    columns = [_plain(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _plain(column):
    kind = column.type
    if pa.types.is_nested(kind):
        return pa.array(
            [None if v is None else json.dumps(v, default=_json) for v in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_timestamp(kind):
        unit = "us" if kind.unit == "ns" else kind.unit
        return column.cast(pa.timestamp(unit, kind.tz and "UTC"), safe=False)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()])
    if pa.types.is_dictionary(kind):
        return column.dictionary_decode()
    return column


def _json(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _to_sql(config, storage, open_rows, allow_overwrite):
    import sqlalchemy

    engine = sqlalchemy.create_engine(storage.resolved_url())
    exists = sqlalchemy.inspect(engine).has_table(storage.table)
    if exists and not allow_overwrite:
        raise SavedDatasetLocationAlreadyExists(location=storage.table)
    reader = open_rows()
    schema = plain_rows(pa.RecordBatch.from_pylist([], schema=reader.schema)).schema
    table = sqlalchemy.Table(
        storage.table,
        sqlalchemy.MetaData(),
        *(sqlalchemy.Column(field.name, _sql_type(field.type)) for field in schema),
    )
    # One transaction: readers see the old rows or the new.
    with engine.begin() as connection:
        if exists:
            table.drop(connection)
        table.create(connection)
        for batch in reader:
            rows = _sql_rows(plain_rows(batch))
            for start in range(0, len(rows), _SQL_ROWS_AT_ONCE):
                connection.execute(
                    table.insert(), rows[start : start + _SQL_ROWS_AT_ONCE]
                )
    engine.dispose()


def _sql_rows(batch):
    """Rows as dictionaries; times without a zone, which are UTC."""
    columns = [
        column.cast(pa.timestamp(column.type.unit))
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()


def _sql_type(arrow_type):
    import sqlalchemy

    if pa.types.is_boolean(arrow_type):
        return sqlalchemy.Boolean()
    if pa.types.is_integer(arrow_type):
        return sqlalchemy.BigInteger()
    if pa.types.is_floating(arrow_type):
        return sqlalchemy.Double()
    if pa.types.is_decimal(arrow_type):
        return sqlalchemy.Numeric(arrow_type.precision, arrow_type.scale)
    if pa.types.is_timestamp(arrow_type):
        return sqlalchemy.DateTime()
    if pa.types.is_date(arrow_type):
        return sqlalchemy.Date()
    return sqlalchemy.Text()
