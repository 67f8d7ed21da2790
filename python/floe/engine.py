"""IcebergEngine: Feast's batch engine that materializes inside the native library."""

import logging
from typing import List, Literal, Optional, Union

from pydantic import NonNegativeInt, PositiveInt

from feast.infra.common.materialization_job import (
    MaterializationJobStatus,
    MaterializationTask,
)
from feast.infra.compute_engines.local.compute import LocalComputeEngine
from feast.infra.compute_engines.local.job import LocalMaterializationJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.utils import _get_feature_view_vector_field_metadata
from floe.config import FloeSettings, open_store_catalog
from floe.engine_progress import Bar, run_watched
from floe.offline_store import IcebergOfflineStoreConfig, to_micros
from floe.online_store import IcebergOnlineStore, view_json
from floe.source_access import source_json, source_names

logger = logging.getLogger(__name__)

_DUMMY_KEY = "__dummy_id"


class IcebergEngineConfig(FloeSettings):
    """`batch_engine:` of feature_store.yaml."""

    type: Literal["iceberg", "floe.IcebergEngine", "floe.engine.IcebergEngine"] = (
        "floe.IcebergEngine"
    )

    threads: NonNegativeInt = 0
    """Threads that read; 0: as many as the machine has."""

    rows_per_commit: PositiveInt = 4194304
    """Rows of a commit to the online table at most: memory is a multiple of it."""

    backend: Optional[Literal["pandas", "polars"]] = None
    """What transforms rows where Feast's own path is taken."""


class IcebergEngine(LocalComputeEngine):
    """Materializes from Floe's offline store into Floe's online store without a row
    passing through Python. Into other online stores, from other offline stores, and for
    views that transform, aggregate or validate rows, it does what Feast's local engine
    does."""

    def __init__(self, **options):
        stores = {
            name: options.pop(name)
            for name in ("repo_config", "offline_store", "online_store")
        }
        self._settings = IcebergEngineConfig(**options)
        super().__init__(backend=self._settings.backend, **stores)

    @property
    def supports_batch(self) -> bool:
        """All views of a command come in one call."""
        return True

    def materialize(
        self,
        registry: BaseRegistry,
        tasks: Union[MaterializationTask, List[MaterializationTask]],
        **kwargs,
    ) -> List[LocalMaterializationJob]:
        """One job per task, in order. A task that fails does not keep the others from
        being done."""
        if isinstance(tasks, MaterializationTask):
            tasks = [tasks]
        return [self._materialize_one(registry, task) for task in tasks]

    def _materialize_one(
        self, registry: BaseRegistry, task: MaterializationTask, **kwargs
    ) -> LocalMaterializationJob:
        reason = self.why_not_native(task.feature_view)
        if reason:
            logger.info(
                "the feature view '%s' is materialized row by row: %s",
                task.feature_view.name,
                reason,
            )
            return super()._materialize_one(registry, task)
        status, error = MaterializationJobStatus.SUCCEEDED, None
        try:
            self._materialize_natively(task)
        except Exception as raised:
            status, error = MaterializationJobStatus.ERROR, raised
        job_id = f"{task.feature_view.name}-{task.start_time}-{task.end_time}"
        return LocalMaterializationJob(job_id, status, error)

    def why_not_native(self, view) -> Optional[str]:
        """Why rows of the view have to pass through Python; None where they need not."""
        if not self._reads_iceberg:
            return "the offline store is not Floe's"
        if not isinstance(self.online_store, IcebergOnlineStore):
            return "the online store is not Floe's"
        for attribute, reason in _NEEDS_PYTHON.items():
            if getattr(view, attribute, None):
                return reason
        return None if view.online else "it is not served online"

    @property
    def _reads_iceberg(self):
        return isinstance(self.repo_config.offline_store, IcebergOfflineStoreConfig)

    def get_execution_context(self, registry, task):
        """As Feast's; of a view that takes rows as they are, Floe's offline store chooses
        the newest, which is exact also for a view without entities."""
        context = super().get_execution_context(registry, task)
        is_computed = any(getattr(task.feature_view, name, None) for name in _COMPUTED)
        if isinstance(task, MaterializationTask) and self._reads_iceberg and not is_computed:
            context.repo_config = _with_pull_latest(context.repo_config)
        return context

    def _materialize_natively(self, task):
        config, view = self.repo_config, task.feature_view
        catalog = open_store_catalog(config, config.offline_store)
        tables = self.online_store._tables(config)
        request = {
            **_columns(view),
            "view": view_json(config, view),
            "source": _source(config, view, catalog),
            "start_us": to_micros(task.start_time),
            "end_us": to_micros(task.end_time),
            "rows_per_commit": self._settings.rows_per_commit,
            "options": {"threads": self._settings.threads},
        }
        return run_watched(
            lambda progress: tables.materialize(catalog, request, progress.handle),
            Bar(task.tqdm_builder),
        )


# What a view may have that makes its rows in Python.
_COMPUTED = {
    "source_views": "it is made of other views",
    "feature_transformation": "it transforms rows",
    "aggregations": "it aggregates rows",
    "filter": "it filters rows",
}

# What Feast checks of a view with enable_validation is checked of every view natively.
_NEEDS_PYTHON = {
    **_COMPUTED,
    "validation_config": "it validates rows",
    "offline": "it is written to the offline store too",
}


def _source(config, view, catalog):
    source = view.batch_source
    if source is None:
        raise ValueError(f"the feature view '{view.name}' has no batch_source to read")
    to_source = source_names(source)
    return source_json(
        config,
        source,
        catalog,
        to_source(source.timestamp_field),
        to_source(source.created_timestamp_column),
    )


def _columns(view):
    """Join keys and features of a materialization request."""
    to_source = source_names(view.batch_source)
    vector = _get_feature_view_vector_field_metadata(view)
    features = []
    keys = {field.name for field in view.entity_columns}
    for field in view.features:
        if field.name in keys:  # As stream views have them.
            continue
        feature = {"source": to_source(field.name), "name": field.name}
        if vector is not None and field.name == vector.name:
            feature["vector_length"] = field.vector_length or 0
        features.append(feature)
    join_keys = [
        {
            "source": to_source(field.name),
            "name": field.name,
            "type": field.dtype.to_value_type().name,
        }
        for field in view.entity_columns
        if field.name != _DUMMY_KEY
    ]
    return {"join_keys": join_keys, "features": features}


def _with_pull_latest(config):
    settings = config.materialization_config.model_copy(
        update={"pull_latest_features": True}
    )
    copy = config.model_copy()
    copy.materialization_config = settings
    return copy
