"""Entity frames in every form Feast's callers have them, as Arrow."""

import os
import pathlib

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feast.errors import EntityTimestampInferenceException
from feast.value_type import ValueType
from floe.errors import FloeInputError

DEFAULT_TIMESTAMP_COLUMN = "event_timestamp"


def to_arrow(entity_df, run_sql):
    """The entity rows as a pyarrow Table.

    entity_df is a pandas DataFrame, anything Arrow (Table, RecordBatch, reader), the path
    of a Parquet file, or SQL text, which run_sql turns into a Table.
    """
    if isinstance(entity_df, pd.DataFrame):
        return _from_pandas(entity_df)
    if isinstance(entity_df, pa.Table):
        return entity_df
    if isinstance(entity_df, pa.RecordBatch):
        return pa.Table.from_batches([entity_df])
    if isinstance(entity_df, pathlib.Path) or _is_parquet_path(entity_df):
        return _from_parquet(entity_df)
    if isinstance(entity_df, str):
        return run_sql(entity_df)
    if hasattr(entity_df, "__arrow_c_stream__"):
        return pa.table(entity_df)
    raise FloeInputError(
        f"entity_df is a {type(entity_df).__name__}; give a pandas DataFrame, a pyarrow "
        "Table or reader, the path of a Parquet file, SQL text, or None with start_date",
        "INVALID_ARGUMENT",
    )


def _is_parquet_path(entity_df):
    return isinstance(entity_df, str) and entity_df.strip().endswith(".parquet")


def _from_parquet(path):
    if not os.path.exists(path):
        raise FloeInputError(
            f"the entity file {path} does not exist; check the path", "NO_SUCH_FILE"
        )
    return pq.read_table(path)


def _from_pandas(frame):
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FloeInputError(
            f"the entity frame has a column Arrow cannot hold: {error}; give it one type",
            "INVALID_ARGUMENT",
        ) from error


def timestamp_column(table):
    """The column of the entity's time: event_timestamp, else the only time column."""
    if DEFAULT_TIMESTAMP_COLUMN in table.column_names:
        return DEFAULT_TIMESTAMP_COLUMN
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if len(times) != 1:
        raise EntityTimestampInferenceException(DEFAULT_TIMESTAMP_COLUMN)
    return times[0]


def with_parsed_times(table, column):
    """The table with `column` as timestamps where it is text, which counts as UTC."""
    index = table.schema.get_field_index(column)
    values = table.column(index)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return table
    parsed = pd.to_datetime(values.to_pandas(), utc=True)
    return table.set_column(index, column, pa.array(parsed))


def with_whole_keys(table, key_types):
    """The table with integer keys as integers where pandas made them floats, as it does
    of a column with missing values. key_types: {column: ValueType}."""
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


def time_bounds(table, column):
    """(earliest, latest) entity time as datetimes; None for an empty frame."""
    bounds = pc.min_max(table.column(column)).as_py()
    return bounds["min"], bounds["max"]
