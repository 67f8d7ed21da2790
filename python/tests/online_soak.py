"""Reads online features over and over in one process and says what its memory does.

`python python/tests/online_soak.py COUNT` (a million by default) prints resident memory
every tenth; it fails where the last three quarters of the reads took memory of their own.
"""

import datetime
import pathlib
import random
import sys
import tempfile

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, Int64, String

ENTITIES = 2000
ALLOWED_GROWTH_KB = 16 * 1024
NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc)


def resident_kb():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no RssAnon")


def open_store(folder):
    """A store with one view of ENTITIES rows; half of the keys asked for have none."""
    store = FeatureStore(
        config=RepoConfig(
            project="soak",
            provider="local",
            registry=f"{folder}/registry.db",
            online_store={
                "type": "floe.IcebergOnlineStore",
                "catalog_type": "sql",
                "uri": f"sqlite:///{folder}/catalog.db",
                "warehouse": f"{folder}/warehouse",
                "read_timeout_ms": 60_000,
                # Small, so that rows are also let go.
                "row_cache_mb": 1,
            },
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    entity = Entity(name="e", join_keys=["e"], value_type=ValueType.INT64)
    view = FeatureView(
        name="v",
        entities=[entity],
        schema=[
            Field(name="a", dtype=Float64),
            Field(name="b", dtype=Int64),
            Field(name="c", dtype=String),
        ],
        source=FileSource(path=f"{folder}/unused.parquet", timestamp_field="ts"),
    )
    store.apply([entity, view])
    write(store, range(ENTITIES), NOW)
    return store


def write(store, entities, time):
    rows = [
        (
            EntityKey(join_keys=["e"], entity_values=[Value(int64_val=i)]),
            {
                "a": Value(double_val=i / 3),
                "b": Value(int64_val=i),
                "c": Value(string_val=f"text {i}"),
            },
            time,
            None,
        )
        for i in entities
    ]
    view = store.get_feature_view("v")
    store._get_provider().online_write_batch(store.config, view, rows, None)


def soak(store, count, say):
    """Kilobytes by which memory grew after the first quarter of `count` reads."""
    rng = random.Random(0)
    settled = None
    writes = 0
    for i in range(count):
        keys = [rng.randrange(2 * ENTITIES) for _ in range(rng.choice([1, 1, 1, 10]))]
        answer = store.get_online_features(
            features=["v:a", "v:b", "v:c"], entity_rows=[{"e": key} for key in keys]
        ).to_dict()
        assert answer["b"] == [key if key < ENTITIES else None for key in keys]
        if i % max(1, count // 10) == 0:
            writes += 1
            write(store, keys[:1] if keys[0] < ENTITIES else [0], NOW + datetime.timedelta(seconds=writes))
            say(f"{i} reads: {resident_kb() // 1024} MB")
        if i == count // 4:
            settled = resident_kb()
    grown = resident_kb() - settled
    say(f"{count} reads: {resident_kb() // 1024} MB, {grown} kB more than after a quarter")
    return grown


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        grown = soak(open_store(folder), count, lambda line: print(line, flush=True))
    return 1 if grown > ALLOWED_GROWTH_KB else 0


if __name__ == "__main__":
    sys.exit(main())
