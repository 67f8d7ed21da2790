"""IcebergOnlineStore: Feast's online store in Iceberg tables."""

import asyncio
import os
import threading
from datetime import datetime
from typing import Any, Callable, Dict, List, Literal, Optional, Sequence, Tuple

from pydantic import PositiveInt, StrictStr

from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.supported_async_methods import SupportedAsyncMethods
from feast.protos.feast.types.EntityKey_pb2 import EntityKey as EntityKeyProto
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.repo_config import RepoConfig
from floe.config import CatalogSettings, open_store_catalog
from floe.errors import FloeConfigError, FloeInputError, FloeNotFoundError
from floe.online_tables import OnlineTables
from floe.proto_rows import pack_keys, pack_rows, unpack_rows

# Views that Feast makes up for the vectors it computes ahead; `feast apply` never sees
# them, so their tables are made when they are first written.
_PRECOMPUTED_PREFIX = "__precomputed__"


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
    """A read that takes longer fails with FloeTimeoutError."""


class IcebergOnlineStore(OnlineStore):
    """Serves the newest row of each entity key from Iceberg tables. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._opened = None  # (process id, settings, tables)
        self._warmed = set()

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
        except FloeNotFoundError:
            if not table.name.startswith(_PRECOMPUTED_PREFIX):
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
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

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
        return await asyncio.to_thread(
            self.online_read, config, table, entity_keys, requested_features
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
        """Makes the tables of views that have none, adds columns of new features, and
        drops the tables of deleted views."""
        tables = self._tables(config)
        tables.update(
            create=[view_json(config, view) for view in tables_to_keep],
            drop=self._drops(config, tables, tables_to_delete),
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
        await asyncio.to_thread(self._tables, config)

    async def close(self) -> None:
        with self._lock:
            self._opened = None
            self._warmed.clear()

    def _tables(self, config):
        """The tables of the settings, opened once per process."""
        settings = config.online_store
        opened = self._opened
        if opened and opened[0] == os.getpid() and opened[1] is settings:
            return opened[2]
        with self._lock:
            tables = _open_tables(config, settings)
            self._opened = (os.getpid(), settings, tables)
            self._warmed.clear()
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


def _view_name(config, view):
    return {
        "project": config.project,
        "view": view.name,
        "version": _version(view) if _versioning(config) else 0,
    }


def _versioning(config):
    return getattr(config.registry, "enable_online_feature_view_versioning", False)


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
    return OnlineTables(
        open_store_catalog(config, settings),
        namespace=settings.namespace,
        partition_strategy=settings.partition_strategy,
        partition_count=settings.partition_count,
        read_timeout_ms=settings.read_timeout_ms,
        entity_key_serialization_version=config.entity_key_serialization_version,
    )
