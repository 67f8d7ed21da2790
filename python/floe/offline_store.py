"""IcebergOfflineStore: Feast's offline store over Iceberg tables."""

import functools
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Literal, Optional, Tuple, Union

import pyarrow as pa
from pydantic import StrictStr

from feast.data_source import DataSource
from feast.errors import RequestDataNotFoundInEntityDfException
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_store import (
    OfflineStore,
    RetrievalJob,
    RetrievalMetadata,
)
from feast.infra.registry.base_registry import BaseRegistry
from feast.labeling.conflict_policy import ConflictPolicy
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import RepoConfig
from feast.utils import _parse_feature_ref, compute_non_entity_date_range
from floe import entity_frame, monitoring, offline_write, source_columns, sql_text
from floe.config import CatalogSettings, open_store_catalog
from floe.retrieval_job import IcebergRetrievalJob
from floe.source_access import source_json, source_names, store_settings
from floe.storage import register_storages
from floe.times import to_micros

# A ttl that reaches before any time there is.
_LONGEST_TTL_US = 2**63 - 1

# The tag of a LabelView that ranks its labelers for LABELER_PRIORITY, the first heard
# first: Feast's resolver takes such a list, its LabelView has no place for it.
LABELERS_TAG = "floe.labelers"

register_storages()


class IcebergOfflineStoreConfig(CatalogSettings):
    """`offline_store:` of feature_store.yaml; the catalog's keys are in floe.config."""

    type: Literal[
        "iceberg", "floe.IcebergOfflineStore", "floe.offline_store.IcebergOfflineStore"
    ] = "floe.IcebergOfflineStore"

    namespace: StrictStr = "feast"
    """Of tables that a source names without a namespace."""

    staging_location: Optional[StrictStr] = None
    """Where retrievals are exported to as Parquet files (to_remote_storage): a folder
    below the repository, or a URI such as s3://bucket/staging."""


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
        of a Parquet file, an IcebergSource or "namespace.table", SQL text over the
        catalog's tables, or None for one row per distinct (keys, event time) between
        start_date and end_date."""
        settings = store_settings(config)
        catalog = open_store_catalog(config, settings)
        odfvs = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
        request = {
            "views": [
                _view_json(config, catalog, view, names, full_feature_names)
                for view, names in _features_by_view(feature_views, feature_refs)
            ],
            "filter_by_created_timestamp": filter_by_created_timestamp,
        }
        job = functools.partial(
            IcebergRetrievalJob,
            config,
            full_feature_names=full_feature_names,
            on_demand_feature_views=odfvs,
        )
        if entity_df is None:
            start, end = _time_range(feature_views, start_date, end_date)
            request["start_us"], request["end_us"] = to_micros(start), to_micros(end)
            request["entity_timestamp_column"] = entity_frame.DEFAULT_TIMESTAMP_COLUMN
            keys = sorted(_join_keys(feature_views))
            return job(
                functools.partial(catalog.historical_features, request),
                metadata=lambda: RetrievalMetadata(feature_refs, keys, start, end),
                explain=functools.partial(catalog.explain_historical_features, request),
            )
        frame = entity_frame.EntityFrame.make(
            entity_df, config, catalog, settings.namespace, _join_keys(feature_views)
        )
        _check_request_data(odfvs, frame)
        request["entity_timestamp_column"] = frame.time_column
        keys = [name for name in frame.schema.names if name != frame.time_column]
        return job(
            lambda timeout_ms: catalog.historical_features(
                request, frame.open(), timeout_ms
            ),
            metadata=lambda: RetrievalMetadata(feature_refs, keys, *frame.time_bounds()),
            explain=lambda: catalog.explain_historical_features(request, frame.open()),
            sql=lambda: sql_text.historical_features(request, frame.sql),
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
            config, functools.partial(catalog.pull_latest, request)
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
        return IcebergRetrievalJob(config, functools.partial(catalog.pull_all, request))

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Optional[Callable[[int], Any]],
    ):
        """Appends the rows to the feature view's source in one snapshot, making the table
        where there is none. The columns must be the source's, in its order; else
        ValueError and nothing is written."""
        offline_write.write_batch(config, feature_view, table)
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
        """Appends the logs to an IcebergLoggingDestination, or to a FileLoggingDestination
        as new Parquet files; both are made where they are missing."""
        offline_write.write_logs(
            config, data, source.get_log_timestamp_column(), logging_config.destination
        )

    def validate_data_source(self, config: RepoConfig, data_source: DataSource):
        """Checks that the source's table and its time columns are there. Feast's own
        Iceberg sources are asked for as they will be read: their own check knows nothing
        of their catalog_properties."""
        source_columns.validate(config, data_source)

    def get_table_column_names_and_types_from_data_source(
        self, config: RepoConfig, data_source: DataSource
    ) -> Iterable[Tuple[str, str]]:
        """The source's columns, with types as the source's own mapper takes them. Of a
        table that does not exist yet: those the feature view over it declares."""
        return source_columns.names_and_types(config, data_source)

    @staticmethod
    def compute_monitoring_metrics(
        config: RepoConfig,
        data_source: DataSource,
        feature_columns: List[Tuple[str, str]],
        timestamp_field: str,
        start_date: Optional[datetime] = None,
        end_date: Optional[datetime] = None,
        histogram_bins: int = 20,
        top_n: int = 10,
    ) -> List[Dict[str, Any]]:
        """Computed by the engine, exact and in bounded memory."""
        return monitoring.compute(
            config,
            data_source,
            timestamp_field,
            feature_columns,
            (start_date, end_date),
            histogram_bins,
            top_n,
        )

    @staticmethod
    def get_monitoring_max_timestamp(
        config: RepoConfig, data_source: DataSource, timestamp_field: str
    ) -> Optional[datetime]:
        return monitoring.max_timestamp(config, data_source, timestamp_field)

    @staticmethod
    def ensure_monitoring_tables(config: RepoConfig) -> None:
        monitoring.ensure_tables(config)

    @staticmethod
    def save_monitoring_metrics(
        config: RepoConfig, metric_type: str, metrics: List[Dict[str, Any]]
    ) -> None:
        monitoring.save(config, metric_type, metrics)

    @staticmethod
    def query_monitoring_metrics(
        config: RepoConfig,
        project: str,
        metric_type: str,
        filters: Optional[Dict[str, Any]] = None,
        start_date: Optional[date] = None,
        end_date: Optional[date] = None,
    ) -> List[Dict[str, Any]]:
        return monitoring.query(
            config, project, metric_type, filters, start_date, end_date
        )

    @staticmethod
    def clear_monitoring_baseline(
        config: RepoConfig,
        project: str,
        feature_view_name: Optional[str] = None,
        feature_name: Optional[str] = None,
        data_source_type: Optional[str] = None,
    ) -> None:
        monitoring.clear_baseline(
            config, project, feature_view_name, feature_name, data_source_type
        )


def _time_range(feature_views, start, end):
    """The range asked for, as Feast completes it; a start before all times is the first."""
    if end is not None and end.tzinfo is None:
        # FeatureStore's default is the local clock's time without its zone.
        age = datetime.now() - end
        if timedelta(0) <= age < timedelta(minutes=1):
            end = end.astimezone()
    try:
        return compute_non_entity_date_range(feature_views, start, end)
    except OverflowError:
        earliest = datetime.min.replace(tzinfo=timezone.utc)
        return compute_non_entity_date_range(feature_views, earliest, end)


def _check_request_data(odfvs, frame):
    """What on-demand views need of the caller is in the entity frame, whatever its kind."""
    for odfv in odfvs:
        for name in odfv.get_request_data_schema():
            if name not in frame.schema.names:
                raise RequestDataNotFoundInEntityDfException(name, odfv.name)


def _features_by_view(feature_views, feature_refs):
    """[(view, names of its features asked for)], in the order of the views."""
    wanted = {}
    for ref in dict.fromkeys(feature_refs):
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
        "ttl_us": _ttl_micros(view.ttl),
        "features": [
            {"source": to_source(name), "output": prefix + name} for name in feature_names
        ],
        "labels": _labels_json(view, to_source),
    }


def _labels_json(view, to_source):
    """How a label view resolves conflicts; None: the last label written counts, which is
    also what Feast's resolver does where it is given no order of labelers."""
    policy = getattr(view, "conflict_policy", None)
    if policy == ConflictPolicy.MAJORITY_VOTE:
        return {"policy": "majority_vote"}
    labelers = view.tags.get(LABELERS_TAG) if policy else None
    if policy != ConflictPolicy.LABELER_PRIORITY or not labelers:
        return None
    return {
        "policy": "labeler_priority",
        "labeler": to_source(view.labeler_field),
        "labelers": [name.strip() for name in labelers.split(",")],
    }


def _ttl_micros(ttl):
    return min(ttl // timedelta(microseconds=1), _LONGEST_TTL_US) if ttl else 0


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
