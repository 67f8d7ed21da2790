"""Entity frames in every form Feast's callers have them, as Arrow."""

import functools
import pathlib
import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs

from feast.errors import EntityTimestampInferenceException
from feast.value_type import ValueType
from floe import sql_entities
from floe.config import storage_options
from floe.errors import FloeInputError, FloeNotFoundError
from floe.object_paths import open_path
from floe.source import IcebergSource
from floe.source_access import locate, qualified
from floe.source_columns import SCALAR_TYPES

DEFAULT_TIMESTAMP_COLUMN = "event_timestamp"

_TABLE_NAME = re.compile(r"\s*[\w-]+(\.[\w-]+)+\s*")


class EntityFrame:
    """The entity rows of a retrieval, which can be read any number of times."""

    def __init__(self, schema, time_column, open_rows, sql=None):
        """open_rows() gives a Table or a reader; sql is the query the rows come from."""
        self.schema = schema
        self.time_column = time_column
        self.open = open_rows
        self.sql = sql

    @staticmethod
    def make(entity_df, config, catalog, namespace, key_types):
        """entity_df is a pandas DataFrame, anything Arrow (Table, RecordBatch, reader),
        the path of a Parquet file or folder, an IcebergSource, "namespace.table", or SQL
        text. key_types: {column: ValueType}."""
        if _is_parquet_path(entity_df):
            dataset = _parquet(entity_df, config)
            frame = _from_parquet(dataset)
            if frame is not None:
                return frame
            entity_df = dataset.to_table()
        is_sql = isinstance(entity_df, str) and not _TABLE_NAME.fullmatch(entity_df)
        table = _to_table(entity_df, config, catalog, namespace)
        _check_names(table)
        column = timestamp_column(table.schema)
        table = _with_parsed_times(table, column)
        table = _with_typed_keys(table, key_types)
        if isinstance(entity_df, pd.DataFrame):
            table = _with_whole_keys(table, key_types)
        return EntityFrame(
            table.schema, column, lambda: table, entity_df if is_sql else None
        )

    def time_bounds(self):
        """(earliest, latest) entity time as datetimes; None for an empty frame."""
        low = high = None
        rows = self.open()
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        for batch in batches:
            bounds = pc.min_max(batch.column(self.time_column)).as_py()
            if bounds["min"] is not None:
                low = bounds["min"] if low is None else min(low, bounds["min"])
                high = bounds["max"] if high is None else max(high, bounds["max"])
        return low, high


def _to_table(entity_df, config, catalog, namespace):
    if isinstance(entity_df, pd.DataFrame):
        return _from_pandas(entity_df)
    if isinstance(entity_df, pa.Table):
        return entity_df
    if isinstance(entity_df, pa.RecordBatch):
        return pa.Table.from_batches([entity_df])
    if isinstance(entity_df, IcebergSource):
        location = locate(config, entity_df)
        return location.catalog.scan(location.table, **entity_df.pin()).read_all()
    if isinstance(entity_df, str):
        if _TABLE_NAME.fullmatch(entity_df):
            return catalog.scan(qualified(entity_df.strip(), namespace)).read_all()
        return sql_entities.run(entity_df, catalog, namespace)
    if hasattr(entity_df, "__arrow_c_stream__"):
        return pa.table(entity_df)
    raise FloeInputError(
        f"entity_df is a {type(entity_df).__name__}; give a pandas DataFrame, a pyarrow "
        "Table or reader, the path of a Parquet file, an IcebergSource, SQL text, or None "
        "with start_date",
        "INVALID_ARGUMENT",
    )


def _is_parquet_path(entity_df):
    return isinstance(entity_df, pathlib.Path) or (
        isinstance(entity_df, str) and entity_df.strip().endswith(".parquet")
    )


def _parquet(path, config):
    """The Parquet file or folder, which may be in an object store."""
    filesystem, place = open_path(path, storage_options(config.offline_store))
    if filesystem.get_file_info(place).type == fs.FileType.NotFound:
        raise FloeNotFoundError(
            f"the entity file {path} does not exist; check the path", "NO_SUCH_FILE"
        )
    return ds.dataset(place, format="parquet", filesystem=filesystem)


def _from_parquet(dataset):
    """A frame that streams the files; None where the rows need work first."""
    _check_names(dataset.schema.empty_table())
    column = timestamp_column(dataset.schema)
    has_untyped = any(pa.types.is_null(field.type) for field in dataset.schema)
    if has_untyped or _is_text(dataset.schema.field(column).type):
        return None
    open_rows = functools.partial(_stream, dataset)
    return EntityFrame(dataset.schema, column, open_rows)


def _stream(dataset):
    return dataset.scanner().to_reader()


def _from_pandas(frame):
    duplicates = frame.columns[frame.columns.duplicated()]
    if len(duplicates):
        raise FloeInputError(
            f"the entity frame has more than one column '{duplicates[0]}'; rename one",
            "INVALID_ARGUMENT",
        )
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FloeInputError(
            f"the entity frame has a column Arrow cannot hold: {error}; give it one type",
            "INVALID_ARGUMENT",
        ) from error


def _check_names(table):
    seen = set()
    for name in table.column_names:
        if name in seen:
            raise FloeInputError(
                f"the entity frame has more than one column '{name}'; rename one",
                "INVALID_ARGUMENT",
            )
        seen.add(name)


def timestamp_column(schema):
    """The column of the entity's time: event_timestamp, else the only time column."""
    if DEFAULT_TIMESTAMP_COLUMN in schema.names:
        return DEFAULT_TIMESTAMP_COLUMN
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    if len(times) != 1:
        raise EntityTimestampInferenceException(DEFAULT_TIMESTAMP_COLUMN)
    return times[0]


def _is_text(kind):
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def _with_parsed_times(table, column):
    """The table with `column` as timestamps where it is text, which counts as UTC unless
    it names a zone, or where it has no type for want of values."""
    index = table.schema.get_field_index(column)
    values = table.column(index)
    if pa.types.is_null(values.type):
        nulls = values.cast(pa.timestamp("us", tz="UTC"))
        return table.set_column(index, column, nulls)
    if not _is_text(values.type):
        return table
    texts = values.to_pylist()
    try:
        parsed = [None if text is None else _parse(text) for text in texts]
    except ValueError as error:
        raise FloeInputError(
            f"the entity frame's '{column}' has text that is no time: {error}",
            "INVALID_ARGUMENT",
        ) from error
    unit = "ns" if any(t is not None and t.nanosecond for t in parsed) else "us"
    return table.set_column(index, column, pa.array(parsed, pa.timestamp(unit, tz="UTC")))


def _parse(text):
    time = pd.Timestamp(text)
    if time is pd.NaT:
        raise ValueError(f"'{text}'")
    return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")


def _with_typed_keys(table, key_types):
    """The table with the declared type for keys that have none, as of a pandas column
    without values."""
    for column, value_type in key_types.items():
        index = table.schema.get_field_index(column)
        if index >= 0 and pa.types.is_null(table.schema.field(index).type):
            kind = SCALAR_TYPES.get(value_type, pa.string())
            table = table.set_column(index, column, table.column(index).cast(kind))
    return table


def _with_whole_keys(table, key_types):
    """The table with integer keys as integers where pandas made them floats, as it does
    of a column with missing values."""
    for column, value_type in key_types.items():
        index = table.schema.get_field_index(column)
        if index < 0 or value_type not in (ValueType.INT32, ValueType.INT64):
            continue
        values = table.column(index)
        if pa.types.is_floating(values.type):
            table = table.set_column(index, column, _as_whole(values, column))
    return table


def _as_whole(values, column):
    missing = pc.is_nan(values)
    try:
        return pc.if_else(missing, None, values).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise FloeInputError(
            f"the entity column '{column}' is an integer key but holds {error}",
            "INVALID_ARGUMENT",
        ) from error
