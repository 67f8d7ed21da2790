"""Rows deleted merge-on-read are gone from training sets and from what is served."""

import json
import pathlib
import tarfile
from datetime import datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from feast import Entity, FeatureStore, FeatureView, Field, ValueType
from feast.types import Float64
from floe import IcebergSource, open_repo_catalog

ROOT = pathlib.Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DRIVERS, HOURS = 100, 20
CONFIGURATION = """
project: deletes
provider: local
registry: registry.db
offline_store: {type: floe.IcebergOfflineStore}
online_store: {type: floe.IcebergOnlineStore}
batch_engine: {type: floe.IcebergEngine}
entity_key_serialization_version: 3
"""


def history():
    rows = range(DRIVERS * HOURS)
    return pa.table(
        {
            "driver_id": pa.array([row % DRIVERS for row in rows], pa.int64()),
            "event_timestamp": pa.array(
                [START + timedelta(hours=row // DRIVERS) for row in rows],
                pa.timestamp("us", "UTC"),
            ),
            "a": [float(row) for row in rows],
        }
    )


@pytest.mark.parametrize("format_version", ["2", "3"])
def test_deleted_rows_are_neither_trained_on_nor_served(
    tmp_path, monkeypatch, format_version
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feature_store.yaml").write_text(CONFIGURATION)
    catalog = open_repo_catalog(".")
    properties = {
        "format-version": format_version,
        "write.delete.mode": "merge-on-read",
    }
    catalog.create_table("feast.stats", history().schema, properties=properties)
    catalog.append("feast.stats", history())
    deleted = catalog.delete("feast.stats", "a >= 1950 or driver_id = 7 or a = 1810")
    assert (deleted["deleted_rows"], deleted["rewritten_files"]) == (71, 0)

    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    source = IcebergSource(
        table_identifier="feast.stats", timestamp_field="event_timestamp"
    )
    view = FeatureView(
        name="stats",
        entities=[driver],
        ttl=timedelta(0),
        schema=[Field(name="a", dtype=Float64)],
        source=source,
    )
    store = FeatureStore(".")
    store.apply([driver, view])
    # 10 lost a row beside its newest one left, 50 and 99 their newest, 7 all of them.
    drivers, expected = [7, 10, 50, 99, 3], [None, 1910.0, 1850.0, 1899.0, 1903.0]
    entities = pd.DataFrame({"driver_id": drivers})
    entities["event_timestamp"] = pd.Timestamp("2026-02-01", tz="UTC")
    job = store.get_historical_features(entities, ["stats:a"])
    assert job.to_arrow()["a"].to_pylist() == expected

    store.materialize(START - timedelta(days=1), START + timedelta(days=30))
    rows = [{"driver_id": number} for number in drivers]
    assert store.get_online_features(["stats:a"], rows).to_dict()["a"] == expected


@pytest.fixture
def deleted_table(tmp_path):
    """Metadata file and storage options of v3_features_deleted (test/fixtures): Parquet,
    ORC and Avro files with deletion vectors and equality deletes that Java wrote."""
    archive = ROOT / "test" / "fixtures" / "more-tables.tar.xz"
    prefix = "iceberg-fixtures/wh/db/v3_features_deleted/"
    with tarfile.open(archive) as tables:
        members = [item for item in tables if item.name.startswith(prefix)]
        tables.extractall(tmp_path, members=members)
    folder = tmp_path / prefix / "metadata"
    newest = max(
        folder.glob("v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0])
    )
    moved = {"floe.path-prefixes": f"/tmp/iceberg-fixtures={tmp_path}/iceberg-fixtures"}
    return str(newest), moved


def test_equality_deletes_and_vectors_of_other_writers(
    tmp_path, monkeypatch, deleted_table
):
    metadata_file, moved = deleted_table
    monkeypatch.chdir(tmp_path)
    uri, warehouse = f"sqlite:///{tmp_path}/catalog.db", f"{tmp_path}/warehouse"
    other = SqlCatalog("floe", uri=uri, warehouse=warehouse)
    other.create_namespace("feast")
    other.register_table("feast.deleted", metadata_file)
    where = f"catalog_type: sql, uri: '{uri}', warehouse: '{warehouse}'"
    where += f", storage_options: {json.dumps(moved)}"
    settings = CONFIGURATION.replace("Store}", f"Store, {where}}}")
    (tmp_path / "feature_store.yaml").write_text(settings)
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    source = IcebergSource(table_identifier="feast.deleted", timestamp_field="ts")
    view = FeatureView(
        name="stats",
        entities=[driver],
        ttl=timedelta(0),
        schema=[Field(name="rate", dtype=Float64)],
        source=source,
    )
    store = FeatureStore(".")
    store.apply([driver, view])
    drivers = [0, 1, 2, 3, 4, 5, 6, 77]
    expected = [0.03, 1.02, 2.01, None, 4.02, 55.5, 6.03, None]
    entities = pd.DataFrame({"driver": drivers})
    entities["event_timestamp"] = pd.Timestamp("2024-02-01", tz="UTC")
    job = store.get_historical_features(entities, ["stats:rate"])
    assert job.to_arrow()["rate"].to_pylist() == expected
    start = datetime(2023, 12, 31, tzinfo=timezone.utc)
    store.materialize(start, start + timedelta(days=3))
    rows = [{"driver": number} for number in drivers]
    assert store.get_online_features(["stats:rate"], rows).to_dict()["rate"] == expected
