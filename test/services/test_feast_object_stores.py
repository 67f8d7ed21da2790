"""Stock Feast over files in an S3 service: entity frames, exports, saved datasets and logs
at s3:// paths, by the storage options of the offline store."""

from datetime import datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast import Entity, FeatureStore, FeatureView, Field, ValueType
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.repo_config import RegistryConfig, RepoConfig
from feast.types import Float64
from floe import IcebergSource
from floe.config import open_store_catalog
from floe.errors import FloeNotFoundError
from floe.object_paths import open_path

T0 = datetime(2026, 3, 1, tzinfo=timezone.utc)
US = pa.timestamp("us", tz="UTC")


@pytest.fixture
def place(versitygw):
    """(storage options, an s3:// folder of the test's own)."""
    return versitygw.storage_options, versitygw.new_bucket()


@pytest.fixture
def store(tmp_path, place):
    options, folder = place
    store = FeatureStore(
        config=RepoConfig(
            project="p",
            provider="local",
            registry=RegistryConfig(path=str(tmp_path / "registry.db")),
            offline_store={
                "type": "floe.IcebergOfflineStore",
                "catalog_type": "sql",
                "uri": f"sqlite:///{tmp_path}/catalog.db",
                "warehouse": str(tmp_path / "warehouse"),
                "storage_options": options,
                "staging_location": f"{folder}/staging",
            },
            online_store={"type": "sqlite", "path": str(tmp_path / "online.db")},
            entity_key_serialization_version=3,
            repo_path=tmp_path,
        )
    )
    schema = pa.schema([("k", pa.int64()), ("ts", US), ("v", pa.float64())])
    catalog = open_store_catalog(store.config, store.config.offline_store)
    catalog.create_table("feast.facts", schema)
    rows = [{"k": k, "ts": T0 + timedelta(hours=k), "v": float(k)} for k in range(5)]
    catalog.append("feast.facts", pa.Table.from_pylist(rows, schema))
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="facts",
        entities=[entity],
        schema=[Field(name="v", dtype=Float64)],
        source=IcebergSource(name="facts", table_identifier="feast.facts", timestamp_field="ts"),
    )
    store.apply([entity, view])
    return store


FRAME = pd.DataFrame({"k": [4, 0, 9], "event_timestamp": T0 + timedelta(days=1)})


def test_entity_frames_are_read_from_a_bucket(store, place):
    options, folder = place
    filesystem, path = open_path(f"{folder}/entities.parquet", options)
    pq.write_table(pa.Table.from_pandas(FRAME), path, filesystem=filesystem)
    answer = store.get_historical_features(f"{folder}/entities.parquet", ["facts:v"]).to_arrow()
    assert answer["v"].to_pylist() == [4.0, 0.0, None]
    with pytest.raises(FloeNotFoundError, match="entities2"):
        store.get_historical_features(f"{folder}/entities2.parquet", ["facts:v"])


def test_exports_land_in_a_bucket(store, place):
    options, _ = place
    job = store.get_historical_features(FRAME, ["facts:v"])
    paths = job.to_remote_storage()
    tables = []
    for name in paths:
        assert name.startswith("s3://")
        filesystem, path = open_path(name, options)
        tables.append(pq.read_table(path, filesystem=filesystem))
    assert pa.concat_tables(tables).equals(job.to_arrow())


@pytest.mark.parametrize("name", ["one.parquet", "folder"])
def test_saved_datasets_land_in_a_bucket(store, place, name):
    options, folder = place
    job = store.get_historical_features(FRAME, ["facts:v"])
    storage = SavedDatasetFileStorage(f"{folder}/{name}")
    job.persist(storage)
    filesystem, path = open_path(f"{folder}/{name}", options)
    assert pq.read_table(path, filesystem=filesystem).num_rows == 3
    with pytest.raises(Exception, match="already exists"):
        job.persist(storage)
    job.persist(storage, allow_overwrite=True)
    assert pq.read_table(path, filesystem=filesystem).num_rows == 3
