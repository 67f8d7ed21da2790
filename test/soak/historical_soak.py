"""Calls get_historical_features again and again in one process: its memory must stay flat.

`historical_soak.py [--calls 10000] [--limit-mib 16] [--leak BYTES]`; the exit status is 1
where memory grew by more. --leak keeps so many bytes a call, to see that it would be seen.
"""

import argparse
import gc
import os
import pathlib
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa

from feast import Entity, FeatureStore, FeatureView, Field, ValueType
from feast.repo_config import RegistryConfig, RepoConfig
from feast.types import Float64, Int64, String
from floe import IcebergSource
from floe.config import open_store_catalog

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
KEYS, HOURS, ENTITIES = 200, 48, 100
# Caches and allocators have found their size by then.
WARM_UP_CALLS = 100
REPORTS = 10


def resident_mib():
    gc.collect()
    pa.default_memory_pool().release_unused()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def make_store(folder):
    store = FeatureStore(
        config=RepoConfig(
            project="soak",
            provider="local",
            registry=RegistryConfig(path=f"{folder}/registry.db", cache_ttl_seconds=600),
            offline_store={"type": "floe.IcebergOfflineStore"},
            online_store={"type": "floe.IcebergOnlineStore"},
            entity_key_serialization_version=3,
            repo_path=pathlib.Path(folder),
        )
    )
    count = KEYS * HOURS
    rng = np.random.default_rng(1)
    rows = pa.table(
        {
            "k": np.repeat(np.arange(KEYS), HOURS),
            "at": pa.array(
                [START + timedelta(hours=h) for h in range(HOURS)] * KEYS,
                pa.timestamp("us", tz="UTC"),
            ),
            "v": rng.random(count),
            "name": rng.choice(["a", "bc", "def"], count).tolist(),
        }
    )
    catalog = open_store_catalog(store.config, store.config.offline_store)
    catalog.create_table("feast.facts", rows.schema)
    catalog.append("feast.facts", rows.slice(0, count // 2))
    catalog.append("feast.facts", rows.slice(count // 2))
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="facts",
        entities=[entity],
        ttl=timedelta(hours=6),
        schema=[
            Field(name="k", dtype=Int64),
            Field(name="v", dtype=Float64),
            Field(name="name", dtype=String),
        ],
        source=IcebergSource(table_identifier="feast.facts", timestamp_field="at"),
    )
    store.apply([entity, view])
    return store


def call(store, rng):
    """One retrieval, as rows or as a stream, with an error now and then."""
    hours = rng.integers(0, HOURS + 24, ENTITIES)
    frame = pd.DataFrame(
        {
            "k": rng.integers(0, KEYS + 9, ENTITIES),
            "event_timestamp": [START + timedelta(hours=int(h)) for h in hours],
        }
    )
    job = store.get_historical_features(
        entity_df=frame, features=["facts:v", "facts:name"]
    )
    kind = rng.integers(0, 10)
    if kind == 0:
        job.explain()
    elif kind == 1:
        next(job.to_arrow_batches())  # And no further.
    elif kind == 2:
        try:
            store.get_historical_features(
                entity_df=frame.rename(columns={"k": "kk"}), features=["facts:v"]
            ).to_arrow()
        except ValueError:
            return
        raise AssertionError("an entity frame without its key was accepted")
    else:
        assert job.to_df()["v"].notna().any()


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--limit-mib", type=float, default=16)
    parser.add_argument("--leak", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(7)
    leaked = []
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(folder)
        for _ in range(WARM_UP_CALLS):
            call(store, rng)
        before, began = resident_mib(), time.monotonic()
        for done in range(1, options.calls + 1):
            call(store, rng)
            leaked.append(bytearray(options.leak))
            if done % max(options.calls // REPORTS, 1) == 0:
                seconds = time.monotonic() - began
                print(f"{done} calls, {seconds:.0f} s, {resident_mib() - before:+.1f} MiB")
    grown = resident_mib() - before
    print(f"memory: {before:.0f} MiB, {grown:+.1f} MiB after {options.calls} calls")
    return 1 if grown > options.limit_mib else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
