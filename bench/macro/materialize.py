"""Materialization: rows a second from an offline table into an online store.

floe.IcebergEngine, Iceberg to Iceberg, beside stock Feast: its local engine from a Parquet
file into SQLite, and the same engine between Floe's stores. One key (int64) and ten
features (six double, three int64, one string), one row per key; the stock runs take fewer
rows, since their rate does not grow with the number. All in one process, taken in turns.
"""

import argparse
import json
import logging
import os
import pathlib
import shutil
import statistics
import time
from datetime import datetime, timedelta, timezone

import measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.repo_config import RegistryConfig, RepoConfig
from feast.types import Float64, Int64, String
from floe import IcebergSource
from floe.config import open_store_catalog

BAR = 50  # Times the rows a second of the stock engine into SQLite.
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
END = START + timedelta(days=10)
DRIVER = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
FIELDS = [
    *(Field(name=f"d{i}", dtype=Float64) for i in range(6)),
    *(Field(name=f"n{i}", dtype=Int64) for i in range(3)),
    Field(name="city", dtype=String),
]
FLOE_ONLINE = {"type": "floe.IcebergOnlineStore", "read_timeout_ms": 60_000}


def rows_of(count):
    random = np.random.default_rng(11)
    seconds = random.integers(0, 9 * 86_400, count)
    times = pa.array(
        seconds * 1_000_000 + int(START.timestamp()) * 1_000_000,
        pa.timestamp("us", tz="UTC"),
    )
    columns = {"driver_id": random.permutation(count), "event_timestamp": times}
    columns |= {f"d{i}": random.random(count) for i in range(6)}
    columns |= {f"n{i}": random.integers(0, 10**9, count) for i in range(3)}
    columns["city"] = pa.array(np.array(["Ghent", "Lyon", "Zürich"])[seconds % 3])
    return pa.table(columns)


def open_store(folder, **stores):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    return FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=RegistryConfig(path=str(folder / "registry.db")),
            entity_key_serialization_version=3,
            repo_path=folder,
            **stores,
        )
    )


def apply(store, source):
    view = FeatureView(
        name="drivers", entities=[DRIVER], ttl=timedelta(0), schema=FIELDS, source=source
    )
    store.apply([DRIVER, view])


def floe_store(folder, rows, engine):
    store = open_store(
        folder,
        offline_store={"type": "floe.IcebergOfflineStore"},
        online_store=FLOE_ONLINE,
        batch_engine=engine,
    )
    catalog = open_store_catalog(store.config, store.config.offline_store)
    catalog.create_table("feast.drivers", rows.schema)
    catalog.append("feast.drivers", rows)
    apply(
        store,
        IcebergSource(table_identifier="feast.drivers", timestamp_field="event_timestamp"),
    )
    return store


def stock_store(folder, rows):
    store = open_store(
        folder,
        offline_store={"type": "file"},
        online_store={"type": "sqlite", "path": str(pathlib.Path(folder) / "online.db")},
    )
    path = str(pathlib.Path(folder) / "drivers.parquet")
    pq.write_table(rows, path)
    apply(store, FileSource(path=path, timestamp_field="event_timestamp"))
    return store


def timed(store, rows):
    """One materialization, checked by reading some rows back."""
    before, began = os.times(), time.perf_counter()
    store.materialize(START, END)
    wall, after = time.perf_counter() - began, os.times()
    some = rows.slice(rows.num_rows // 2, 50)
    answer = store.get_online_features(
        features=["drivers:n0"],
        entity_rows=[{"driver_id": key} for key in some["driver_id"].to_pylist()],
    ).to_dict()
    assert answer["n0"] == some["n0"].to_pylist(), "the online store holds other rows"
    cpu = after.user + after.system - before.user - before.system
    return {"wall_s": wall, "cpu_s": cpu, "rows_per_s": rows.num_rows / wall}


def contenders(arguments):
    """{name: (rows, function of a folder to a store)}"""
    many, few = rows_of(arguments.rows), rows_of(arguments.stock_rows)
    engine = {"type": "floe.IcebergEngine"}
    return {
        "floe engine": (many, lambda folder: floe_store(folder, many, engine)),
        "stock engine, floe stores": (few, lambda folder: floe_store(folder, few, "local")),
        "stock engine, sqlite": (few, lambda folder: stock_store(folder, few)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stock-rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/materialize.json")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    root = pathlib.Path(arguments.data).absolute() / "materialize"
    shutil.rmtree(root, ignore_errors=True)
    runs = {}
    for number in range(arguments.rounds):
        for name, (rows, make) in contenders(arguments).items():
            # A folder of its own: the process keeps catalogs it has opened.
            folder = root / f"{number}-{name.replace(' ', '-')}"
            runs.setdefault(name, []).append(timed(make(folder), rows))
            shutil.rmtree(folder)
    report(runs, arguments)


def report(runs, arguments):
    medians = {
        name: {key: statistics.median(run[key] for run in taken) for key in taken[0]}
        for name, taken in runs.items()
    }
    peer = medians["stock engine, sqlite"]["rows_per_s"]
    measure.print_table(
        [
            {
                "contender": name,
                "wall s": f"{line['wall_s']:.2f}",
                "cpu s": f"{line['cpu_s']:.2f}",
                "rows/s": f"{line['rows_per_s']:,.0f}",
                f"of sqlite (bar {BAR})": f"{line['rows_per_s'] / peer:.1f}",
            }
            for name, line in medians.items()
        ],
        ["contender", "wall s", "cpu s", "rows/s", f"of sqlite (bar {BAR})"],
    )
    output = {"machine": measure.machine(), "arguments": vars(arguments), "runs": runs}
    os.makedirs(os.path.dirname(arguments.output), exist_ok=True)
    with open(arguments.output, "w", encoding="ascii") as file:
        json.dump(output, file, indent=1)


if __name__ == "__main__":
    main()
