"""IcebergOfflineStore: Feast's offline store over Iceberg tables."""

import functools
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, List, Literal, Optional, Union

import pandas as pd
import pyarrow as pa
from pydantic import StrictStr

from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_store import (
    OfflineStore,
    RetrievalJob,
    RetrievalMetadata,
)
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import RepoConfig
from feast.utils import _parse_feature_ref, compute_non_entity_date_range
from floe import entity_frame, parquet_output, sql_entities
from floe.config import CatalogSettings, nearest, open_store_catalog
from floe.errors import FloeInputError
from floe.retrieval_job import IcebergRetrievalJob
from floe.source import IcebergSource
from floe.source_access import locate, source_json, source_names, store_settings

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class IcebergOfflineStoreConfig(CatalogSettings):
    """`offline_store:` of feature_store.yaml; the catalog's keys are in floe.config."""

    type: Literal[
        "iceberg", "floe.IcebergOfflineStore", "floe.offline_store.IcebergOfflineStore"
    ] = "floe.IcebergOfflineStore"

    namespace: StrictStr = "feast"
    """Of tables that a source names without a namespace."""


class IcebergOfflineStore(OfflineStore):
    """Trains from Iceberg tables. Reads floe.IcebergSource, Feast's own IcebergSource and
    UnityCatalogSource, and Parquet FileSource."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: List[FeatureView],
        feature_refs: List[str],
        entity_df: Any,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        start_date: Optional[datetime] = None,
        end_date: Optional[datetime] = None,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """The point-in-time join. entity_df: a pandas DataFrame, anything Arrow, the path
        of a Parquet file, SQL text over the catalog's tables, or None for one row per
        distinct (keys, event time) between start_date and end_date."""
        settings = store_settings(config)
        catalog = open_store_catalog(config, settings)
        request = {
            "views": [
                _view_json(config, catalog, view, names, full_feature_names)
                for view, names in _features_by_view(feature_views, feature_refs)
            ],
            "filter_by_created_timestamp": filter_by_created_timestamp,
        }
        if entity_df is None:
            entity = None
            start, end = compute_non_entity_date_range(feature_views, start_date, end_date)
            request["start_us"], request["end_us"] = to_micros(start), to_micros(end)
            time_column = entity_frame.DEFAULT_TIMESTAMP_COLUMN
            keys, bounds = sorted(_join_keys(feature_views)), (start, end)
        else:
            run_sql = functools.partial(
                sql_entities.run, catalog=catalog, namespace=settings.namespace
            )
            entity = entity_frame.to_arrow(entity_df, run_sql)
            time_column = entity_frame.timestamp_column(entity)
            entity = entity_frame.with_parsed_times(entity, time_column)
            if isinstance(entity_df, pd.DataFrame):
                entity = entity_frame.with_whole_keys(entity, _join_keys(feature_views))
            keys = [name for name in entity.column_names if name != time_column]
            bounds = entity_frame.time_bounds(entity, time_column)
        request["entity_timestamp_column"] = time_column
        return IcebergRetrievalJob(
            functools.partial(catalog.historical_features, request, entity),
            full_feature_names=full_feature_names,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(
                feature_refs, project, registry
            ),
            metadata=RetrievalMetadata(feature_refs, keys, *bounds),
            explain=functools.partial(
                catalog.explain_historical_features, request, entity
            ),
            repo_path=config.repo_path,
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: List[str],
        feature_name_columns: List[str],
        timestamp_field: str,
        created_timestamp_column: Optional[str],
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        catalog = open_store_catalog(config, store_settings(config))
        request = _pull_json(
            source_json(
                config, data_source, catalog, timestamp_field, created_timestamp_column
            ),
            join_key_columns,
            feature_name_columns or _all_columns(config, data_source),
            (start_date, end_date),
        )
        return IcebergRetrievalJob(
            functools.partial(catalog.pull_latest, request), repo_path=config.repo_path
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: List[str],
        feature_name_columns: List[str],
        timestamp_field: str,
        created_timestamp_column: Optional[str] = None,
        start_date: Optional[datetime] = None,
        end_date: Optional[datetime] = None,
    ) -> RetrievalJob:
        catalog = open_store_catalog(config, store_settings(config))
        request = _pull_json(
            source_json(
                config, data_source, catalog, timestamp_field, created_timestamp_column
            ),
            join_key_columns,
            feature_name_columns or _all_columns(config, data_source),
            (start_date, end_date),
        )
        return IcebergRetrievalJob(
            functools.partial(catalog.pull_all, request), repo_path=config.repo_path
        )

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Optional[Callable[[int], Any]],
    ):
        """Appends the rows to the feature view's source in one snapshot. The columns must
        be the source's, in its order; else ValueError and nothing is written."""
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
            parquet_output.append_to_source(location.parquet, table, source.name)
        else:
            schema = location.catalog.schema(location.table)
            # Feast hands columns over under its own names.
            to_source = source_names(source)
            table = table.rename_columns([to_source(name) for name in table.column_names])
            _check_columns(table, schema, f"table {location.table}")
            location.catalog.append(location.table, table)
        if progress:
            progress(table.num_rows)

    @staticmethod
    def write_logged_features(
        config: RepoConfig,
        data: Union[pa.Table, Path],
        source: LoggingSource,
        logging_config: LoggingConfig,
        registry: BaseRegistry,
    ):
        """Adds the logs to a FileLoggingDestination as new Parquet files."""
        parquet_output.write_logs(config.repo_path, data, logging_config.destination)


def to_micros(time):
    """Microseconds since the epoch; a naive time is UTC. None stays None."""
    if time is None:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return (time - _EPOCH) // timedelta(microseconds=1)


def _features_by_view(feature_views, feature_refs):
    """[(view, names of its features asked for)], in the order of the views."""
    wanted = {}
    for ref in feature_refs:
        view_name, version, feature = _parse_feature_ref(ref)
        key = view_name if version is None else f"{view_name}@v{version}"
        wanted.setdefault(key, []).append(feature)
    return [
        (view, wanted[view.projection.name_to_use()])
        for view in feature_views
        if view.projection.name_to_use() in wanted
    ]


def _view_json(config, catalog, view, feature_names, full_feature_names):
    """A view of a historical features request."""
    source = view.batch_source
    if source is None:
        raise ValueError(f"the feature view '{view.name}' has no batch_source to read")
    to_source = source_names(source)
    renamed = view.projection.join_key_map
    prefix = f"{view.projection.name_alias or view.name}__" if full_feature_names else ""
    return {
        "name": view.projection.name_to_use(),
        "source": source_json(
            config,
            source,
            catalog,
            to_source(source.timestamp_field),
            to_source(source.created_timestamp_column),
        ),
        "join_keys": [
            {"entity": renamed.get(name, name), "source": to_source(name)}
            for name in _key_names(view)
        ],
        "ttl_us": view.ttl // timedelta(microseconds=1) if view.ttl else 0,
        "features": [
            {"source": to_source(name), "output": prefix + name} for name in feature_names
        ],
    }


def _key_names(view):
    """The view's join keys; a view without entities has none (Feast has a dummy there)."""
    return [field.name for field in view.entity_columns if field.name != "__dummy_id"]


def _join_keys(feature_views):
    """{entity column: ValueType} of all views, projections applied."""
    return {
        view.projection.join_key_map.get(field.name, field.name): (
            field.dtype.to_value_type()
        )
        for view in feature_views
        for field in view.entity_columns
        if field.name != "__dummy_id"
    }


def _all_columns(config, source):
    """What Feast's engine means by no features: a transformation may need any column."""
    return [name for name, _ in source.get_table_column_names_and_types(config)]


def _pull_json(source, join_keys, features, time_range):
    start, end = time_range
    return {
        "source": source,
        "join_keys": list(join_keys),
        "features": list(features),
        "start_us": to_micros(start),
        "end_us": to_micros(end),
    }


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
