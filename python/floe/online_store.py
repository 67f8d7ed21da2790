"""IcebergOnlineStore: Feast's online store in Iceberg tables."""

import asyncio
import concurrent.futures
import functools
import os
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, Literal, Optional, Sequence, Tuple

from pydantic import NonNegativeInt, PositiveInt, StrictBool, StrictStr

from feast import FeatureStore, utils
from feast.entity import Entity
from feast.feature_service import FeatureService
from feast.feature_view import FeatureView
from feast.field import Field
from feast.infra.infra_object import InfraObject
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.supported_async_methods import SupportedAsyncMethods
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.repo_config import RepoConfig
from feast.types import Bytes
from floe import online_documents, online_plan
from floe.config import CatalogSettings, open_store_catalog
from floe.errors import (
    FloeConfigError,
    FloeError,
    FloeInputError,
    FloeNotFoundError,
)
from floe.online_request import (
    PreparedRequest,
    RequestContexts,
    Unusual,
    columns_of,
    pack_key_columns,
)
from floe.online_response import FloeOnlineResponse
from floe.online_tables import OnlineTables
from floe.proto_rows import pack_keys, pack_rows, unpack_rows

# Views that Feast makes up for the vectors it computes ahead; `feast apply` never sees
# them, so their tables are made when they are first written.
_PRECOMPUTED_PREFIX = "__precomputed__"

# The tag of a Field that says which feature it was before: its column is renamed.
RENAMED_FROM_TAG = "floe.renamed_from"

# Threads that answer the async methods, beside those reads have of their own.
_ASYNC_THREADS = 32

_MICROSECOND = timedelta(microseconds=1)


class IcebergOnlineStoreConfig(CatalogSettings):
    """`online_store:` of feature_store.yaml; the catalog's keys are in floe.config."""

    type: Literal[
        "iceberg", "floe.IcebergOnlineStore", "floe.online_store.IcebergOnlineStore"
    ] = "floe.IcebergOnlineStore"

    namespace: StrictStr = "feast_online"
    """Of the tables, {namespace}.{project}_{view}_online."""

    partition_strategy: Literal["entity_hash", "timestamp", "hybrid"] = "entity_hash"
    """How rows are split into partitions (online.md); a table keeps the one it was made
    with."""

    partition_count: PositiveInt = 32
    """Buckets of entity_hash; a table keeps the number it was made with."""

    read_timeout_ms: PositiveInt = 100
    """A request that takes longer fails with FloeTimeoutError, whatever it waits for."""

    enforce_ttl: StrictBool = False
    """Rows older than their view's ttl get the status OUTSIDE_MAX_AGE and keep their
    values. Feast's own Python stores do not look at ttl here."""

    snapshot_refresh_ms: NonNegativeInt = 0
    """For how long a table's version is taken for the newest without asking the catalog.
    0: every request asks. Writes of the same process are always seen."""

    row_cache_mb: NonNegativeInt = 256
    """Memory for rows that were read lately; 0 keeps none."""

    search_timeout_ms: PositiveInt = 10_000
    """A document search that takes longer fails with FloeTimeoutError."""

    vector_enabled: Optional[StrictBool] = True
    """Feast's switch for document search; False refuses it."""

    similarity: Optional[StrictStr] = "L2"
    """The distance of searches that name none: L2, L1, cosine or dot."""


class IcebergOnlineStore(OnlineStore):
    """Serves the newest row of each entity key from Iceberg tables. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._opened = None  # (process id, settings, tables)
        self._warmed = set()
        self._contexts = RequestContexts()
        self._executor = None
        # Of a parent process: its threads and locks are not in this one, so that nothing
        # of it may be used, nor freed.
        self._inherited = []

    @property
    def async_supported(self) -> SupportedAsyncMethods:
        return SupportedAsyncMethods(read=True, write=True)

    def _is_versioned_read_supported(self) -> bool:
        return True

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: List[
            Tuple[EntityKeyProto, Dict[str, ValueProto], datetime, Optional[datetime]]
        ],
        progress: Optional[Callable[[int], Any]],
    ) -> None:
        """Writes the rows in one commit: all of them are visible afterwards, or none."""
        tables = self._tables(config)
        view = view_json(config, table)
        rows = pack_rows(data, [f["name"] for f in view["features"]], table.name)
        try:
            tables.write(view, rows)
        except FloeError as error:
            # A table of a view that `feast apply` never saw, and a feature that Feast
            # writes but did not name when the view was applied (a join key of a pushed
            # view, for one).
            is_new_view = error.code == "NO_SUCH_TABLE" and table.name.startswith(
                _PRECOMPUTED_PREFIX
            )
            if not is_new_view and error.code != "NO_SUCH_COLUMN":
                raise
            tables.update(create=[view])
            tables.write(view, rows)
        if progress:
            progress(len(data))

    async def online_write_batch_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: List[
            Tuple[EntityKeyProto, Dict[str, ValueProto], datetime, Optional[datetime]]
        ],
        progress: Optional[Callable[[int], Any]],
    ) -> None:
        await self._in_thread(self.online_write_batch, config, table, data, progress)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: List[EntityKeyProto],
        requested_features: Optional[List[str]] = None,
    ) -> List[Tuple[Optional[datetime], Optional[Dict[str, ValueProto]]]]:
        """One entry per key, in order: (event time, values), or (None, None) for a key
        without a row. FloeTimeoutError after read_timeout_ms."""
        if not entity_keys:
            return []
        tables = self._tables(config)
        view = view_json(config, table, requested_features)
        features = [feature["name"] for feature in view["features"]]
        self._warm(tables, view)
        answer = tables.read(view, features, pack_keys(entity_keys))
        return unpack_rows(answer, len(entity_keys), features)

    async def online_read_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: List[EntityKeyProto],
        requested_features: Optional[List[str]] = None,
    ) -> List[Tuple[Optional[datetime], Optional[Dict[str, ValueProto]]]]:
        return await self._in_thread(
            self.online_read, config, table, entity_keys, requested_features
        )

    def get_online_features(
        self,
        config: RepoConfig,
        features,
        entity_rows,
        registry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """As Feast's own, answered by one native call where the request is plain.
        FloeTimeoutError after read_timeout_ms, over all views together."""
        try:
            return self._answer(
                config,
                features,
                entity_rows,
                registry,
                project,
                full_feature_names,
                include_feature_view_version_metadata,
            )
        except Unusual:
            pass
        return super().get_online_features(
            config,
            features,
            entity_rows,
            registry,
            project,
            full_feature_names,
            include_feature_view_version_metadata,
        )

    async def get_online_features_async(
        self,
        config: RepoConfig,
        features,
        entity_rows,
        registry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        return await self._in_thread(
            self.get_online_features,
            config,
            features,
            entity_rows,
            registry,
            project,
            full_feature_names,
            include_feature_view_version_metadata,
        )

    def _answer(
        self, config, features, entity_rows, registry, project, full_names, with_versions
    ):
        if isinstance(features, FeatureService) and getattr(
            features, "precompute_online", False
        ):
            raise Unusual
        columns = columns_of(entity_rows)
        tables = self._tables(config)
        context = self._contexts.find(registry, project, features, full_names)
        request = self._prepared(
            config, tables, context, columns, full_names, with_versions
        )
        metrics = _metrics()
        start = time.monotonic() if metrics else 0
        message = request.answer(columns)
        response = FloeOnlineResponse(message, context.feature_types, request.names)
        if metrics:
            metrics.track_online_store_read(time.monotonic() - start)
            _track_statuses(metrics, context.grouped_refs, response.proto, full_names)
        if context.on_demand_views:
            utils._augment_response_with_on_demand_transforms(
                response.proto,
                context.feature_refs,
                context.on_demand_views,
                full_names,
                feature_types=context.feature_types,
            )
            utils._drop_unneeded_columns(response.proto, request.result_names)
        return response

    def _prepared(self, config, tables, context, columns, full_names, with_versions):
        key = (tuple(columns), with_versions)
        request = context.prepared.get(key)
        if request is None:
            request = PreparedRequest(
                tables,
                context,
                columns,
                functools.partial(view_json, config),
                functools.partial(_ttl_micros, config),
                with_versions,
                full_names,
            )
            for view in request.views:
                self._warm(tables, view)
            context.remember(key, request)
        return request

    def _read_features_per_fv(
        self,
        config,
        grouped_refs,
        join_key_values,
        entity_name_to_join_key_map,
        online_features_response,
        full_feature_names,
        include_feature_view_version_metadata,
    ):
        """All views in one native call, which appends to the response."""
        tables = self._tables(config)
        views, keys_by_view = [], []
        row_count = 0
        for table, features in grouped_refs:
            unique, indexes, row_count = utils._get_unique_entities(
                table, join_key_values, entity_name_to_join_key_map
            )
            keys = [b""] * row_count
            for key, rows in zip(utils._get_entity_key_protos(unique), indexes):
                serialized = key.SerializeToString()
                for row in rows:
                    keys[row] = serialized
            name = table.projection.name_to_use()
            view = {
                "view": view_json(config, table, features),
                "features": features,
                "names": [f"{name}__{f}" if full_feature_names else f for f in features],
                "key_column": len(views),
                "ttl_us": _ttl_micros(config, table),
            }
            if include_feature_view_version_metadata:
                view["metadata_name"] = (
                    table.projection.name_alias or table.projection.name
                )
                view["metadata_version"] = (
                    getattr(table, "current_version_number", 0) or 0
                )
            self._warm(tables, view["view"])
            views.append(view)
            keys_by_view.append(keys)
        columns = [
            {"name": f"keys {index}", "is_returned": False} for index in range(len(views))
        ]
        request = tables.prepare({"columns": columns, "views": views})
        message = request.features(pack_key_columns(keys_by_view, row_count))
        before = len(online_features_response.results)
        online_features_response.MergeFromString(message)
        metrics = _metrics()
        if metrics:
            _track_statuses(
                metrics, grouped_refs, online_features_response, full_feature_names, before
            )

    async def _read_features_per_fv_async(self, *arguments):
        await self._in_thread(self._read_features_per_fv, *arguments)

    def read_precomputed_vectors(
        self,
        config: RepoConfig,
        feature_service_name: str,
        project: str,
        entity_keys: List[EntityKeyProto],
    ) -> List[Optional[bytes]]:
        """The vectors, None where there is none. Feast's own takes every error for none."""
        view = FeatureView(
            name=f"{_PRECOMPUTED_PREFIX}{feature_service_name}",
            entities=[],
            schema=[Field(name="vector", dtype=Bytes)],
            source=None,
        )
        try:
            rows = self.online_read(config, view, entity_keys, ["vector"])
        except FloeNotFoundError as error:
            if error.code != "NO_SUCH_TABLE":
                raise
            return [None] * len(entity_keys)
        return [
            values["vector"].bytes_val
            if values and values["vector"].HasField("bytes_val")
            else None
            for _, values in rows
        ]

    async def read_precomputed_vectors_async(
        self,
        config: RepoConfig,
        feature_service_name: str,
        project: str,
        entity_keys: List[EntityKeyProto],
    ) -> List[Optional[bytes]]:
        return await self._in_thread(
            self.read_precomputed_vectors,
            config,
            feature_service_name,
            project,
            entity_keys,
        )

    def retrieve_online_documents(
        self,
        config: RepoConfig,
        table: FeatureView,
        requested_features: List[str],
        embedding: List[float],
        top_k: int,
        distance_metric: Optional[str] = None,
    ):
        """[(event time, entity key, vector, vector, distance)] of the nearest documents,
        nearest first; exact. The features asked for beside the vector are not part of
        this answer (retrieve_online_documents_v2 has them)."""
        vector = online_documents.vector_feature_of(table)
        documents = self._search(
            config,
            table,
            [vector],
            top_k,
            embedding=embedding,
            metric=distance_metric,
        )
        return [
            (
                document.event_time,
                document.entity_key,
                document.values[vector],
                document.values[vector],
                ValueProto(float_val=document.distance),
            )
            for document in documents
        ]

    def retrieve_online_documents_v2(
        self,
        config: RepoConfig,
        table: FeatureView,
        requested_features: List[str],
        embedding: Optional[List[float]],
        top_k: int,
        distance_metric: Optional[str] = None,
        query_string: Optional[str] = None,
        filters=None,
        include_feature_view_version_metadata: bool = False,
    ):
        """[(event time, entity key, {feature: value})] of the top_k documents by
        `distance`, or without an embedding by `text_rank`, which are among the features
        where they were asked about. Exact; words must all occur, in any string feature."""
        if embedding is None and query_string is None:
            raise FloeInputError(
                "a search needs an embedding, a query_string, or both", "INVALID_ARGUMENT"
            )
        known = _feature_types(table)
        features = [name for name in requested_features or [] if name in known]
        documents = self._search(
            config,
            table,
            features,
            top_k,
            embedding=embedding,
            metric=distance_metric,
            text=query_string,
            filters=filters,
        )
        answer = []
        for document in documents:
            values = document.values
            key = document.entity_key
            if key is not None:
                for name, value in zip(key.join_keys, key.entity_values):
                    if name in (requested_features or []):
                        values.setdefault(name, value)
            if embedding is not None:
                values["distance"] = ValueProto(float_val=document.distance)
            if query_string is not None:
                values["text_rank"] = ValueProto(float_val=document.text_rank)
            answer.append((document.event_time, key, values))
        return answer

    def _search(self, config, table, features, top_k, *, metric, **query):
        settings = config.online_store
        if not settings.vector_enabled:
            raise FloeConfigError(
                "document search is switched off: set vector_enabled of the online store "
                "to true",
                "INVALID_CONFIG",
            )
        online_documents.keep_order_of_documents()
        tables = self._tables(config)
        return online_documents.search(
            tables,
            view_json(config, table),
            table,
            features,
            top_k,
            metric=metric or settings.similarity,
            timeout_ms=settings.search_timeout_ms,
            key_version=config.entity_key_serialization_version,
            **query,
        )

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ):
        """Makes the tables of views that have none, brings the columns of the others up
        to date (added, dropped, renamed, widened; no data file is rewritten), and drops
        the tables of deleted views."""
        tables = self._tables(config)
        tables.update(
            create=[whole_view_json(config, view) for view in tables_to_keep],
            drop=self._drops(config, tables, tables_to_delete),
        )

    def plan(self, config: RepoConfig, desired_registry_proto) -> List[InfraObject]:
        """The online tables, with what `feast apply` will do to each: `feast plan` shows
        it. Changes nothing."""
        online_plan.show_online_tables()
        tables = self._tables(config)
        wanted = online_plan.views_of(desired_registry_proto)
        known = online_plan.views_of(
            FeatureStore(config=config).registry.proto(), config.project
        )
        names = {view.name for view in wanted}
        # Feast leaves the table of an on-demand view that is gone.
        dropped = [
            view
            for view in known
            if view.name not in names and not isinstance(view, OnDemandFeatureView)
        ]
        return online_plan.objects_of(
            tables.plan(
                create=[whole_view_json(config, view) for view in wanted],
                drop=self._drops(config, tables, dropped),
            )
        )

    def teardown(
        self,
        config: RepoConfig,
        tables: Sequence[FeatureView],
        entities: Sequence[Entity],
    ):
        """Drops the tables of the views, with their files."""
        online_tables = self._tables(config)
        online_tables.teardown(self._drops(config, online_tables, tables))

    async def initialize(self, config: RepoConfig) -> None:
        """Opens the catalog ahead of the first request."""
        await self._in_thread(self._tables, config)

    async def close(self) -> None:
        with self._lock:
            self._opened = None
            self._warmed.clear()
            self._contexts.clear()
            executor, self._executor = self._executor, None
        if executor is not None and executor[0] == os.getpid():
            executor[1].shutdown(wait=False)

    async def _in_thread(self, function, *arguments):
        """The function's result, from a thread of the store's own: those of the event
        loop may all be busy with something else."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads(), functools.partial(function, *arguments)
        )

    def _threads(self):
        executor = self._executor
        if executor is not None and executor[0] == os.getpid():
            return executor[1]
        with self._lock:
            executor = self._executor
            if executor is None or executor[0] != os.getpid():
                threads = concurrent.futures.ThreadPoolExecutor(
                    _ASYNC_THREADS, thread_name_prefix="floe-online"
                )
                self._executor = executor = (os.getpid(), threads)
            return executor[1]

    def _tables(self, config):
        """The tables of the settings, opened once per process."""
        settings = config.online_store
        opened = self._opened
        if opened and opened[0] == os.getpid() and opened[1] is settings:
            return opened[2]
        with self._lock:
            opened = self._opened
            if opened and opened[0] == os.getpid() and opened[1] is settings:
                return opened[2]
            if opened and opened[0] != os.getpid():
                self._inherited.append((opened, self._contexts))
            tables = _open_tables(config, settings)
            # What was made ready asks the tables it was made for.
            self._contexts = RequestContexts()
            self._warmed.clear()
            self._opened = (os.getpid(), settings, tables)
            return tables

    def _warm(self, tables, view):
        """Loads the table's metadata before the first read of it, which the deadline of
        a read is not meant to cover."""
        key = (os.getpid(), view["project"], view["view"], view["version"])
        if key not in self._warmed:
            tables.warm(view)
            self._warmed.add(key)

    @staticmethod
    def _drops(config, tables, views):
        drops = []
        for view in views:
            drops.append(_view_name(config, view))
            if _versioning(config):
                drops += tables.other_versions(drops[-1])
        return drops


def view_json(config, view, feature_names=None):
    """A view as the C interface names it, with the features given, else with all."""
    types = _feature_types(view)
    names = list(types) if feature_names is None else list(dict.fromkeys(feature_names))
    for name in names:
        if name not in types:
            raise FloeInputError(
                f"the feature view '{view.name}' has no feature '{name}'; its features are "
                f"{', '.join(types)}",
                "NO_SUCH_COLUMN",
            )
    return {
        **_view_name(config, view),
        "features": [{"name": name, "type": types[name]} for name in names],
    }


def whole_view_json(config, view):
    """The view as its table is to be: with all it has, and the old names of features."""
    whole = view_json(config, view)
    old_names = {
        field.name: field.tags[RENAMED_FROM_TAG]
        for field in view.features
        if RENAMED_FROM_TAG in (field.tags or {})
    }
    for feature in whole["features"]:
        if feature["name"] in old_names:
            feature["renamed_from"] = old_names[feature["name"]]
    join_keys = [field.name for field in getattr(view, "entity_columns", [])]
    return {**whole, "complete": True, "join_keys": join_keys}


def _view_name(config, view):
    return {
        "project": config.project,
        "view": view.name,
        "version": _version(view) if _versioning(config) else 0,
    }


def _versioning(config):
    return getattr(config.registry, "enable_online_feature_view_versioning", False)


def _ttl_micros(config, view):
    """After how many microseconds a row of the view is too old to serve; 0: never."""
    ttl = getattr(view, "ttl", None)
    return ttl // _MICROSECOND if config.online_store.enforce_ttl and ttl else 0


def _metrics():
    """Feast's metrics module where it is counting online reads. It cannot be where
    nobody has imported it."""
    metrics = sys.modules.get("feast.metrics")
    return metrics if metrics is not None and metrics._config.online_features else None


def _track_statuses(metrics, grouped_refs, response, full_names, first=0):
    """Counts present and missing values by view, as Feast does."""
    vectors = dict(
        zip(response.metadata.feature_names.val[first:], response.results[first:])
    )
    for table, features in grouped_refs:
        name = table.projection.name_to_use()
        present = missing = 0
        for feature in features:
            vector = vectors.get(f"{name}__{feature}" if full_names else feature)
            if vector is None:
                continue
            absent = sum(status == FieldStatus.NOT_FOUND for status in vector.statuses)
            missing += absent
            present += len(vector.statuses) - absent
        metrics.track_feature_statuses(table.name, present, missing)


def _version(view):
    tag = getattr(getattr(view, "projection", None), "version_tag", None)
    return tag if tag is not None else getattr(view, "current_version_number", None) or 0


def _feature_types(view):
    """{feature: name of its value type} of all that Feast writes for a view: an on-demand
    view is stored with its inputs."""
    fields = list(view.features)
    if getattr(view, "source_request_sources", None) is not None:
        fields += view.schema
    return {field.name: field.dtype.to_value_type().name for field in fields}


def _open_tables(config, settings):
    if not isinstance(settings, IcebergOnlineStoreConfig):
        raise FloeConfigError(
            f"the online store is {getattr(settings, 'type', settings)}, not Floe's",
            "INVALID_CONFIG",
        )
    shared = CatalogSettings.model_fields
    own = {
        name: getattr(settings, name)
        for name in type(settings).model_fields
        if name not in shared and name != "type"
    }
    return OnlineTables(
        open_store_catalog(config, settings),
        entity_key_serialization_version=config.entity_key_serialization_version,
        **own,
    )
