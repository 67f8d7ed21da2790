"""Writing rows of feature views, and logs of what was served, to their sources."""

import pathlib
import re

import pyarrow as pa
import pyarrow.dataset as ds

from feast.infra.offline_stores.file_source import FileLoggingDestination
from floe import parquet_output
from floe.config import nearest
from floe.dataset_output import iceberg_schema
from floe.errors import FloeInputError, FloeNotSupportedError
from floe.source import IcebergSource
from floe.source_access import locate, source_names
from floe.source_columns import declared_schema
from floe.storage import IcebergLoggingDestination

# Types of a column, and wider ones that Iceberg can make it.
_WIDER = {(pa.int32(), pa.int64()), (pa.float32(), pa.float64())}

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def write_batch(config, feature_view, table):
    """Appends a table to a feature view's source (IcebergOfflineStore)."""
    source = feature_view.batch_source
    if source is None:
        raise ValueError(f"the feature view '{feature_view.name}' has no batch_source")
    if isinstance(source, IcebergSource) and source.is_pinned():
        raise FloeInputError(
            f"the data source '{source.name}' is pinned to {source.pin()}, so rows "
            "written to it could not be read; write through a source without a pin",
            "INVALID_ARGUMENT",
        )
    table = _without_pandas_index(table)
    location = locate(config, source)
    if location.parquet is not None:
        parquet_output.append_to_source(location, table, source.name)
        return
    catalog = location.catalog
    # Feast hands columns over under its own names.
    to_source = source_names(source)
    table = table.rename_columns([to_source(name) for name in table.column_names])
    if catalog.table_exists(location.table):
        schema = catalog.schema(location.table)
        _check_columns(table, schema, f"table {location.table}")
    else:
        schema = declared_schema(feature_view)
        _check_columns(table, schema, f"feature view '{feature_view.name}'")
        catalog.create_table(location.table, schema, if_not_exists=True)
    catalog.append(location.table, fitted(table, schema, location.table))


def fitted(table, schema, where):
    """The table's columns, which are the schema's, in the schema's types: what pandas made
    of them (doubles of floats, nanoseconds, all-NULL columns) may differ. A value that
    does not fit is an error."""
    columns = []
    for field in schema:
        column = table.column(field.name)
        if not column.type.equals(field.type):
            try:
                column = _cast(column, field.type)
            except pa.ArrowException as error:
                raise FloeInputError(
                    f"the rows to write do not fit {where}: column '{field.name}' is "
                    f"{column.type}, which cannot become {field.type}: {error}",
                    "INVALID_ARGUMENT",
                ) from error
        columns.append(column)
    return pa.table(columns, names=schema.names)


def _cast(column, target):
    if pa.types.is_map(target) and pa.types.is_struct(column.type):
        # pandas has dictionaries for both.
        rows = [
            None if row is None else [(k, v) for k, v in row.items() if v is not None]
            for row in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(rows, target)])
    if pa.types.is_struct(target) and pa.types.is_struct(column.type):
        return pa.chunked_array([pa.array(column.to_pylist(), target)])
    if pa.types.is_timestamp(target) and pa.types.is_timestamp(column.type):
        # Naive times are UTC; finer ones than the table keeps are cut, as it says.
        zone = target.tz and "UTC"
        if column.type.tz is None and zone:
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        elif column.type.tz is not None and not zone:
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
            column = column.cast(pa.timestamp(column.type.unit))
        return column.cast(target, safe=False)
    return column.cast(target)


def write_logs(config, data, timestamp_column, destination):
    """Adds logged features to their destination. data: a Table, or a folder of Parquet
    files."""
    if isinstance(destination, FileLoggingDestination):
        parquet_output.write_logs(config, data, destination)
        return
    if not isinstance(destination, IcebergLoggingDestination):
        raise FloeNotSupportedError(
            f"cannot log to {type(destination).__name__}; use FileLoggingDestination or "
            "floe.IcebergLoggingDestination",
            "NOT_SUPPORTED",
        )
    if isinstance(data, pathlib.Path):
        data = ds.dataset(data, format="parquet").to_table()
    location = locate(config, destination.to_data_source())
    catalog, table = location.catalog, location.table
    if not catalog.table_exists(table):
        catalog.create_table(
            table,
            iceberg_schema(data.schema),
            partition_by=[f"day({timestamp_column})"],
            if_not_exists=True,
        )
    stored = catalog.schema(table)
    wanted = pa.schema(
        [
            stored.field(field.name)
            if field.name in stored.names
            and (stored.field(field.name).type, field.type) not in _WIDER
            else field
            for field in iceberg_schema(data.schema)
        ]
    )
    # A feature service that gained a feature, or a wider one, has the table follow.
    catalog.append(table, fitted(data, wanted, f"table {table}"), add_columns=True)


def _without_pandas_index(table):
    """The table without the columns Arrow makes of a pandas frame's index: Feast converts
    frames with whatever index a filter or a sort left them."""
    return table.select(
        [name for name in table.column_names if not _PANDAS_INDEX.fullmatch(name)]
    )


def _check_columns(table, schema, where):
    """ValueError unless the table's columns are the schema's, in order."""
    given, wanted = table.column_names, schema.names
    if given == wanted:
        return
    unknown = [name for name in given if name not in wanted]
    missing = [name for name in wanted if name not in given]
    if unknown:
        guess = nearest(unknown[0], wanted)
        hint = f" (did you mean '{guess}'?)" if guess else ""
        problem = f"'{unknown[0]}' is not a column of it{hint}"
    elif missing:
        problem = f"'{missing[0]}' is missing"
    else:
        problem = "the order differs"
    raise FloeInputError(
        f"the rows to write do not fit {where}: {problem}; the columns must be, in this "
        f"order, {', '.join(wanted)}, but are {', '.join(given)}",
        "INVALID_ARGUMENT",
    )
