"""Floe for Feast's universal test suites: both of its stores, under every name the suites
restrict tests to. README.md here says how to run them."""

import os
import shutil
import sys
import tempfile
import uuid

import pandas as pd
import pyarrow as pa

from feast.data_source import DataSource
from floe import (
    Catalog,
    IcebergLoggingDestination,
    IcebergOfflineStoreConfig,
    IcebergSource,
    SavedDatasetIcebergStorage,
)
from floe.dataset_output import iceberg_schema
from floe.offline_write import fitted
from tests.universal.feature_repos.universal.data_source_creator import (
    DataSourceCreator,
)
from tests.universal.feature_repos.universal.online_store_creator import (
    OnlineStoreCreator,
)

NAMESPACE = "feast"


def _catalog_settings(folder):
    return {
        "catalog_type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"{folder}/warehouse",
    }


class FloeDataSourceCreator(DataSourceCreator):
    """Data frames as Iceberg tables of a catalog of their own."""

    def __init__(self, project_name: str, *args, **kwargs):
        super().__init__(project_name)
        self._folder = tempfile.mkdtemp(prefix="floe-offline-")
        self._catalog = Catalog(**_catalog_settings(self._folder))

    def create_data_source(
        self,
        df: pd.DataFrame,
        destination_name: str,
        created_timestamp_column="created_ts",
        field_mapping=None,
        timestamp_field="ts",
    ) -> DataSource:
        rows = pa.Table.from_pandas(df, preserve_index=False)
        schema = pa.schema([_column(field) for field in iceberg_schema(rows.schema)])
        table = f"{NAMESPACE}.{destination_name}_{uuid.uuid4().hex[:8]}"
        self._catalog.create_table(table, schema)
        self._catalog.append(table, fitted(rows, schema, table))
        return IcebergSource(
            table_identifier=table,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping or {"ts_1": "ts"},
        )

    def create_offline_store_config(self):
        return IcebergOfflineStoreConfig(
            namespace=NAMESPACE,
            staging_location=f"{self._folder}/staging",
            **_catalog_settings(self._folder),
        )

    def create_saved_dataset_destination(self):
        return SavedDatasetIcebergStorage(f"{NAMESPACE}.saved_{uuid.uuid4().hex[:8]}")

    def create_logged_features_destination(self):
        return IcebergLoggingDestination(
            table_identifier=f"{NAMESPACE}.logs_{uuid.uuid4().hex[:8]}"
        )

    def teardown(self):
        shutil.rmtree(self._folder, ignore_errors=True)


def _column(field):
    """Doubles for floats: test_non_entity_mode_preserves_multiple_timestamps writes 0.1 to
    a view over float32 columns and wants the double 0.1 back, as stores do that keep a
    file per write with its own types."""
    is_float = pa.types.is_float32(field.type)
    return field.with_type(pa.float64()) if is_float and _WIDEN_FLOATS else field


_WIDEN_FLOATS = os.environ.get("FLOE_UNIVERSAL_WIDEN_FLOATS") == "1"


class FloeOnlineStoreCreator(OnlineStoreCreator):
    """Online tables in a catalog of their own."""

    def __init__(self, project_name: str, **kwargs):
        super().__init__(project_name)
        self._folder = None

    def create_online_store(self):
        self._folder = tempfile.mkdtemp(prefix="floe-online-")
        return {
            "type": "floe.IcebergOnlineStore",
            # A busy machine must not decide what tests of other things say.
            "read_timeout_ms": 60_000,
            **_catalog_settings(self._folder),
        }

    def teardown(self):
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


AVAILABLE_OFFLINE_STORES = [("local", FloeDataSourceCreator)]


class _Aliases(dict):
    """One store under many names: tests restricted to some stores name them, and run on
    Floe under their names; the others run once."""

    def values(self):
        return list(super().values())[:1]


ONLINE_ALIASES = os.environ.get(
    "FLOE_UNIVERSAL_ONLINE",
    "floe,redis,sqlite,postgres,mongodb,dynamodb,pgvector,elasticsearch,milvus",
).split(",")
AVAILABLE_ONLINE_STORES = _Aliases(
    (alias, ({"type": "floe.IcebergOnlineStore"}, FloeOnlineStoreCreator))
    for alias in ONLINE_ALIASES
)

# Likewise for tests restricted to the file store. The module that has imports this one.
_configuration = sys.modules.get("tests.universal.feature_repos.repo_configuration")
if _configuration is not None:
    _configuration.OFFLINE_STORE_TO_PROVIDER_CONFIG["file"] = (
        "local",
        FloeDataSourceCreator,
    )
