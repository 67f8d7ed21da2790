"""Random tables and entity frames: Floe against DuckDB's ASOF join and Feast's own stores.

Every test prints its seed; FLOE_TEST_SEED runs that one again.
"""

import os
import random
from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast import Entity, FeatureView, Field, FileSource
from feast.types import Float64, Int64, String
from floe import IcebergSource

START = pd.Timestamp("2026-11-01", tz="UTC")
SECONDS = 3 * 86_400


@pytest.fixture
def seed():
    value = int(os.environ.get("FLOE_TEST_SEED") or random.randrange(2**32))
    print(f"FLOE_TEST_SEED={value}")
    return value


def feature_rows(rng, count, with_nulls):
    """Rows with many ties of event time, each with a created time of its own, so that
    there is one right answer."""
    seconds = rng.integers(0, SECONDS, count) // 600 * 600
    value = rng.random(count)
    frame = pd.DataFrame(
        {
            "k": rng.integers(0, 40, count),
            "region": rng.choice(["eu", "us", "", "日本"], count),
            "event_timestamp": START + pd.to_timedelta(seconds, unit="s"),
            "created": START + pd.to_timedelta(rng.permutation(count) - count // 2, unit="s"),
            "v": value,
            "n": np.arange(count),
        }
    )
    if with_nulls:
        frame.loc[rng.random(count) < 0.2, "v"] = None
    return frame


def entity_rows(rng, count):
    seconds = rng.integers(-3600, SECONDS + 86_400, count)
    return pd.DataFrame(
        {
            "row": np.arange(count),
            "k": rng.integers(-2, 42, count),
            "region": rng.choice(["eu", "us", "", "日本", "xx"], count),
            "event_timestamp": START + pd.to_timedelta(seconds, unit="s"),
        }
    )


def as_microseconds(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_type(pa.timestamp("us", tz="UTC"))
        if pa.types.is_timestamp(field.type)
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def view_over(source, keys, ttl):
    types = {"k": Int64, "region": String}
    return FeatureView(
        name="stats",
        entities=[
            Entity(name=key, join_keys=[key], value_type=types[key].to_value_type())
            for key in keys
        ],
        ttl=ttl,
        schema=[Field(name=key, dtype=types[key]) for key in keys]
        + [Field(name="v", dtype=Float64), Field(name="n", dtype=Int64)],
        source=source,
    )


def apply(store, view, keys):
    types = {"k": Int64, "region": String}
    entities = [
        Entity(name=key, join_keys=[key], value_type=types[key].to_value_type())
        for key in keys
    ]
    store.apply([*entities, view])


def floe_answer(make_store, catalog_of, rows, entities, keys, ttl):
    store = make_store()
    catalog = catalog_of(store)
    table = as_microseconds(rows)
    catalog.create_table("feast.stats", table.schema, partition_by=["day(event_timestamp)"])
    for start in range(0, table.num_rows, 700):
        catalog.append("feast.stats", table.slice(start, 700))
    source = IcebergSource(
        name="stats",
        table_identifier="feast.stats",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    apply(store, view_over(source, keys, ttl), keys)
    return historical(store, entities)


def historical(store, entities):
    return store.get_historical_features(
        entity_df=entities, features=["stats:v", "stats:n"]
    ).to_df()


def plain(frame):
    frame = frame.sort_values("row")
    return [
        tuple(None if pd.isna(value) else value for value in row)
        for row in frame[["row", "v", "n"]].itertuples(index=False)
    ]


def duckdb_answer(rows, entities, keys, ttl):
    """DuckDB's ASOF join takes any of tied rows, so ties are settled before it."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("feature_rows", as_microseconds(rows))
    connection.register("entity_rows", as_microseconds(entities))
    on = " AND ".join(f"e.{key} = f.{key}" for key in keys)
    valid = "TRUE"
    if ttl:
        valid = (
            "f.event_timestamp >= e.event_timestamp - "
            f"to_microseconds({ttl // timedelta(microseconds=1)})"
        )
    answer = connection.execute(
        f"""
        WITH newest AS (
            SELECT * FROM feature_rows
            QUALIFY row_number() OVER (
                PARTITION BY {", ".join(keys)}, event_timestamp ORDER BY created DESC
            ) = 1)
        SELECT e.row, CASE WHEN {valid} THEN f.v END AS v, CASE WHEN {valid} THEN f.n END AS n
        FROM entity_rows e ASOF LEFT JOIN newest f
        ON {on} AND e.event_timestamp >= f.event_timestamp
        """
    ).df()
    connection.close()
    return answer


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(hours=6), timedelta(seconds=600)])
@pytest.mark.parametrize("keys", [["k"], ["k", "region"]], ids=["one key", "two keys"])
def test_against_duckdb_asof(make_store, catalog_of, seed, keys, ttl):
    rng = np.random.default_rng(seed)
    rows = feature_rows(rng, 2500, with_nulls=True)
    entities = entity_rows(rng, 1200)
    ours = floe_answer(make_store, catalog_of, rows, entities, keys, ttl)
    theirs = duckdb_answer(rows, entities, keys, ttl)
    assert list(ours["row"]) == list(entities["row"])
    assert plain(ours) == plain(theirs)


@pytest.mark.parametrize("offline_type", ["duckdb", "file"])
def test_against_the_stores_feast_has(make_store, catalog_of, tmp_path, seed, offline_type):
    rng = np.random.default_rng(seed)
    # Feast's file store drops entity rows it deems equal: these differ in key or time.
    rows = feature_rows(rng, 1500, with_nulls=False)
    if offline_type == "file":
        # It takes any of the rows that are created at different times for one event time.
        rows = rows.drop_duplicates(["k", "event_timestamp"], ignore_index=True)
    entities = entity_rows(rng, 500).drop_duplicates(["k", "event_timestamp"])
    path = tmp_path / "stats.parquet"
    pq.write_table(as_microseconds(rows), path)
    store = make_store(offline_type=offline_type, folder=f"stock_{offline_type}")
    source = FileSource(
        name="stats",
        path=str(path),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    keys, ttl = ["k"], timedelta(hours=6)
    apply(store, view_over(source, keys, ttl), keys)
    theirs = historical(store, entities)
    ours = floe_answer(make_store, catalog_of, rows, entities, keys, ttl)
    missing = set(entities["row"]) - set(theirs["row"])
    if offline_type == "file":
        # It loses entity rows whose key has rows, but none in time; the answer is NULL.
        assert ours[ours["row"].isin(missing)][["v", "n"]].isna().all(axis=None)
        ours = ours[~ours["row"].isin(missing)]
    assert len(theirs) > len(entities) / 2
    assert plain(ours) == plain(theirs)


def test_a_parquet_file_source_gives_what_the_table_gives(
    make_store, catalog_of, tmp_path, seed
):
    rng = np.random.default_rng(seed)
    rows = feature_rows(rng, 1000, with_nulls=True)
    entities = entity_rows(rng, 400)
    folder = tmp_path / "files"
    folder.mkdir()
    table = as_microseconds(rows)
    for index, start in enumerate(range(0, 1000, 300)):
        pq.write_table(table.slice(start, 300), folder / f"part-{index}.parquet")
    store = make_store(folder="files_repo")
    source = FileSource(
        name="stats",
        path=str(folder),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    keys, ttl = ["k", "region"], timedelta(hours=6)
    apply(store, view_over(source, keys, ttl), keys)
    ours = floe_answer(make_store, catalog_of, rows, entities, keys, ttl)
    assert plain(historical(store, entities)) == plain(ours)


def test_materialized_rows_are_duckdbs_latest(make_store, catalog_of, seed):
    rng = np.random.default_rng(seed)
    rows = feature_rows(rng, 2000, with_nulls=False)
    store = make_store()
    catalog = catalog_of(store)
    table = as_microseconds(rows)
    catalog.create_table("feast.stats", table.schema)
    for start in range(0, table.num_rows, 900):
        catalog.append("feast.stats", table.slice(start, 900))
    source = IcebergSource(
        table_identifier="feast.stats",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    keys = ["k", "region"]
    apply(store, view_over(source, keys, timedelta(0)), keys)
    store.materialize(
        START.to_pydatetime() - timedelta(days=1),
        START.to_pydatetime() + timedelta(days=9),
    )
    latest = duckdb.sql(
        "SELECT * FROM rows QUALIFY row_number() OVER "
        "(PARTITION BY k, region ORDER BY event_timestamp DESC, created DESC) = 1"
    ).to_df()
    asked = [{"k": int(r.k), "region": r.region} for r in latest.itertuples()]
    asked.append({"k": -5, "region": "eu"})
    answer = store.get_online_features(
        features=["stats:v", "stats:n"], entity_rows=asked
    ).to_dict()
    assert answer["n"] == [*latest.n, None]
    assert answer["v"] == [*latest.v, None]
