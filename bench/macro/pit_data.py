"""Data of the `pit` benchmark: a feature table that PyIceberg writes, and spines.

Features: N rows over M entities, F float64 columns f0.. (or, with mixed types, 12 float64,
5 int64 and 3 strings of 12), event_ts uniform over 30 days, created up to an hour later,
day partitions, four appends: so 120 files, each with a quarter of a day's rows. One row
in sixteen repeats another row's key and event_ts with a later created time: a tie.
"""

import argparse
import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAYS = 30
APPENDS = 4
DAY_US = 86_400_000_000
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
NAMESPACE, TABLE = "bench", "features"


def feature_types(mixed, count):
    if not mixed:
        return ["double"] * count
    return (["double"] * 12 + ["long"] * 5 + ["string"] * 3)[:count]


def generate_append(rng, rows, entities, types):
    key = rng.integers(0, entities, rows, dtype=np.int64)
    ts = START_US + rng.integers(0, DAYS * DAY_US, rows, dtype=np.int64)
    created = ts + rng.integers(0, 3_600_000_000, rows, dtype=np.int64)
    tie = np.arange(0, rows - 1, 16)
    key[tie + 1], ts[tie + 1] = key[tie], ts[tie]
    created[tie + 1] = created[tie] + 1 + rng.integers(0, 1000, tie.size)
    columns = {
        "entity_id": pa.array(key),
        "event_ts": pa.array(ts, pa.timestamp("us", "UTC")),
        "created": pa.array(created, pa.timestamp("us", "UTC")),
    }
    for index, kind in enumerate(types):
        if kind == "double":
            column = pa.array(rng.standard_normal(rows))
        elif kind == "long":
            column = pa.array(rng.integers(0, 10_000, rows, dtype=np.int64))
        else:
            codes = rng.integers(0, 100_000, rows)
            words = pa.array([f"value-{i:06d}" for i in range(100_000)])
            column = words.take(pa.array(codes))
        columns[f"f{index}"] = column
    return pa.table(columns)


def write_features(folder, rows, entities, types):
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import DayTransform

    catalog = SqlCatalog(
        "bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse"
    )
    catalog.create_namespace(NAMESPACE)
    rng = np.random.default_rng(20260101)
    first = generate_append(rng, rows // APPENDS, entities, types)
    table = catalog.create_table(f"{NAMESPACE}.{TABLE}", schema=first.schema)
    with table.update_spec() as update:
        update.add_field("event_ts", DayTransform(), "event_day")
    table.append(first)
    for _ in range(APPENDS - 1):
        table.append(generate_append(rng, rows // APPENDS, entities, types))


def write_spines(folder, entities, spine_rows, sparse_rows):
    rng = np.random.default_rng(7)

    def spine(rows, start_us, span_us):
        return pa.table(
            {
                "entity_id": pa.array(rng.integers(0, entities, rows, dtype=np.int64)),
                "event_timestamp": pa.array(
                    start_us + rng.integers(0, span_us, rows, dtype=np.int64),
                    pa.timestamp("us", "UTC"),
                ),
            }
        )

    pq.write_table(spine(spine_rows, START_US, DAYS * DAY_US), f"{folder}/dense.parquet")
    pq.write_table(spine(sparse_rows, START_US + 20 * DAY_US, DAY_US), f"{folder}/sparse.parquet")


def prepare(root, rows, entities, spine_rows, sparse_rows, features=20, mixed=False):
    """Makes the data once; returns its folder."""
    name = f"pit-{rows}-{entities}-{spine_rows}-{features}{'-mixed' if mixed else ''}"
    folder = os.path.join(os.path.abspath(root), name)
    done = os.path.join(folder, "done.json")
    if not os.path.exists(done):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        types = feature_types(mixed, features)
        write_features(folder, rows, entities, types)
        write_spines(folder, entities, spine_rows, sparse_rows)
        with open(done, "w", encoding="ascii") as file:
            json.dump({"rows": rows, "features": features}, file)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--spine-rows", type=int, default=1_000_000)
    parser.add_argument("--mixed", action="store_true")
    arguments = parser.parse_args()
    print(
        prepare(
            arguments.root, arguments.rows, arguments.entities, arguments.spine_rows, 10_000,
            mixed=arguments.mixed,
        )
    )
