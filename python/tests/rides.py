"""A small ride-hailing repository: rows, and the Feast objects over them."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa

from feast import Entity, FeatureService, FeatureView, Field, PushSource, ValueType
from feast.types import Array, Float32, Int64, String, UnixTimestamp
from floe import IcebergSource

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
HOURS = 24
DRIVERS = [1001, 1002, 1003]
TABLE = "feast.driver_stats"


def rows():
    """An hourly row per driver, with a correction of driver 1001's last hour."""
    random = np.random.default_rng(7)
    count = len(DRIVERS) * HOURS
    times = [START + timedelta(hours=h) for h in range(HOURS)] * len(DRIVERS)
    frame = pd.DataFrame(
        {
            "driver_id": np.repeat(np.array(DRIVERS, dtype="int64"), HOURS),
            "event_timestamp": pd.to_datetime(times, utc=True),
            "created": pd.to_datetime(times, utc=True) + pd.Timedelta(minutes=5),
            "conv_rate": random.random(count).astype("float32"),
            "trips": random.integers(0, 1000, count),
            "city": random.choice(["Ghent", "Lyon", "Zürich"], count),
            "zones": [[int(n), int(n) + 1] for n in random.integers(0, 9, count)],
            "last_seen": pd.to_datetime(times, utc=True) - pd.Timedelta(seconds=30),
        }
    )
    correction = frame.iloc[[HOURS - 1]].copy()
    correction["created"] += pd.Timedelta(hours=1)
    correction["trips"] = 4242
    return pd.concat([correction, frame], ignore_index=True)


def arrow_rows(frame=None):
    table = pa.Table.from_pandas(rows() if frame is None else frame, preserve_index=False)
    # Iceberg keeps microseconds; pandas made nanoseconds.
    fields = [
        field.with_type(pa.timestamp("us", tz="UTC"))
        if pa.types.is_timestamp(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def write_table(catalog, table=TABLE):
    data = arrow_rows()
    catalog.create_table(table, data.schema, partition_by=["day(event_timestamp)"])
    middle = data.num_rows // 2
    catalog.append(table, data.slice(0, middle))
    catalog.append(table, data.slice(middle))


def driver():
    return Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)


def source(**arguments):
    return IcebergSource(
        **{
            "name": "driver_stats_source",
            "table_identifier": TABLE,
            "timestamp_field": "event_timestamp",
            "created_timestamp_column": "created",
            **arguments,
        }
    )


def objects():
    """(all objects to apply, the view, two feature services)."""
    entity = driver()
    batch = source()
    push = PushSource(name="driver_stats_push", batch_source=batch)
    view = FeatureView(
        name="driver_stats",
        entities=[entity],
        ttl=timedelta(days=1),
        schema=[
            Field(name="driver_id", dtype=Int64),
            Field(name="conv_rate", dtype=Float32),
            Field(name="trips", dtype=Int64),
            Field(name="city", dtype=String),
            Field(name="zones", dtype=Array(Int64)),
            Field(name="last_seen", dtype=UnixTimestamp),
        ],
        source=push,
    )
    small = FeatureService(name="small", features=[view[["trips"]]])
    whole = FeatureService(name="whole", features=[view])
    return [entity, batch, push, view, small, whole], view, (small, whole)


def expected(at, driver_id, ttl=timedelta(days=1)):
    """The plain recomputation: the newest row at or before `at` within the ttl."""
    frame = rows()
    mine = frame[(frame.driver_id == driver_id) & (frame.event_timestamp <= at)]
    mine = mine[mine.event_timestamp >= at - ttl]
    if mine.empty:
        return None
    return mine.sort_values(["event_timestamp", "created"]).iloc[-1]
