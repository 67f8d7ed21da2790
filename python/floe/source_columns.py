"""The columns of data sources: as they are stored, or as a feature view declares them."""

import pyarrow as pa

from feast import FeatureStore
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig
from feast.types import Array, ComplexFeastType, Set, Struct
from feast.value_type import ValueType
from floe.errors import FloeNotFoundError, FloeNotSupportedError
from floe.source import IcebergSource, check_time_columns
from floe.source_access import locate, parquet_dataset, source_names
from floe.types import type_text, value_type_of

_TIME = pa.timestamp("us", tz="UTC")
SCALAR_TYPES = {
    ValueType.BOOL: pa.bool_(),
    ValueType.INT32: pa.int32(),
    ValueType.INT64: pa.int64(),
    ValueType.FLOAT: pa.float32(),
    ValueType.DOUBLE: pa.float64(),
    ValueType.STRING: pa.string(),
    ValueType.BYTES: pa.binary(),
    ValueType.UNIX_TIMESTAMP: _TIME,
    # Feast has these as text.
    ValueType.JSON: pa.string(),
    ValueType.UUID: pa.string(),
    ValueType.TIME_UUID: pa.string(),
    ValueType.DECIMAL: pa.string(),
    ValueType.ZONED_TIMESTAMP: pa.string(),
    ValueType.PDF_BYTES: pa.binary(),
    ValueType.IMAGE_BYTES: pa.binary(),
    ValueType.MAP: pa.map_(pa.string(), pa.string()),
}


def validate(config: RepoConfig, source: DataSource):
    """Checks that the table of an Iceberg source and its time columns are there; what
    other sources check, of others."""
    if not isinstance(source, FeastIcebergSource):
        source.validate(config)
        return
    location = locate(config, source)
    schema = location.catalog.schema(location.table)
    check_time_columns(source, location.table, schema)


def names_and_types(config: RepoConfig, source: DataSource):
    """[(column, type as text)] for Feast's schema inference."""
    if isinstance(source, IcebergSource):
        try:
            schema = source.arrow_schema(config)
        except FloeNotFoundError as error:
            if error.code not in ("NO_SUCH_TABLE", "NO_SUCH_NAMESPACE"):
                raise
            schema = _schema_of_view_over(config, source)
            if schema is None:
                raise
    elif isinstance(source, FeastIcebergSource):
        location = locate(config, source)
        schema = location.catalog.schema(location.table)
        source.source_datatype_to_feast_value_type = _exact_types
    elif isinstance(source, FileSource):
        schema = parquet_dataset(config, source).schema
        source.source_datatype_to_feast_value_type = _exact_types
    else:
        return source.get_table_column_names_and_types(config)
    return [(field.name, type_text(field.type)) for field in schema]


def _exact_types():
    """Instead of the mappers of Feast's own sources, which have lists and times of Iceberg
    tables as UNKNOWN and INT64, and fail on the names Parquet gives list elements."""
    return value_type_of


def _schema_of_view_over(config, source):
    """The schema declared by a registered view over the source; None without one."""
    store = FeatureStore(config=config)
    views = (
        *store.list_feature_views(),
        *store.list_stream_feature_views(),
        *store.list_label_views(),
    )
    for view in views:
        batch_source = view.batch_source
        if batch_source is not None and batch_source.name == source.name:
            return declared_schema(view)
    return None


def declared_schema(view):
    """The schema of a table for a feature view's rows, by the source's names: join keys,
    features, event time, created time."""
    source = view.batch_source
    to_source = source_names(source)
    fields = {
        to_source(field.name): _arrow_type(field.dtype, view, field.name)
        for field in (*view.entity_columns, *view.features)
        if field.name != DUMMY_ENTITY_ID
    }
    for name in (source.timestamp_field, source.created_timestamp_column):
        if name:
            fields[to_source(name)] = _TIME
    return pa.schema(list(fields.items()))


def _arrow_type(dtype, view, name):
    if isinstance(dtype, (Array, Set)):
        return pa.list_(_arrow_type(dtype.base_type, view, name))
    if isinstance(dtype, Struct):
        return pa.struct(
            [(field, _arrow_type(kind, view, name)) for field, kind in dtype.fields.items()]
        )
    arrow_type = None
    if not isinstance(dtype, ComplexFeastType):
        arrow_type = SCALAR_TYPES.get(dtype.to_value_type())
    if arrow_type is None:
        raise FloeNotSupportedError(
            f"feature view '{view.name}': Floe makes no column for '{name}' of type "
            f"{dtype}; create the table yourself (floe.open_repo_catalog)",
            "NOT_SUPPORTED",
        )
    return arrow_type
