"""Odd but legal questions to the offline store, through stock Feast, each against a naive
recomputation in plain Python: frames, names, times, keys, evolution of the table below."""

import datetime as dt
import decimal
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Bytes, Float64, Int32, Int64, String, UnixTimestamp
from floe import IcebergSource

UTC = timezone.utc
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
US = pa.timestamp("us", tz="UTC")


class World:
    """A table of (key columns, ts, created, v) rows and the view over it."""

    def __init__(self, store, catalog, keys=(("k", pa.int64()),), table="feast.facts"):
        self.store, self.catalog, self.table = store, catalog, table
        self.keys = keys
        self.rows = []
        self.schema = pa.schema(
            [*keys, ("ts", US), ("created", US), ("v", pa.float64()), ("s", pa.string())]
        )

    def create(self, **options):
        self.catalog.create_table(self.table, self.schema, **options)
        return self

    def add(self, *rows):
        """Rows of (*keys, ts, created, v, s), one snapshot."""
        self.rows += rows
        names = self.schema.names
        table = pa.Table.from_pylist([dict(zip(names, row)) for row in rows], self.schema)
        self.catalog.append(self.table, table)
        return self

    def view(self, name="facts", ttl=None, features=("v", "s"), **arguments):
        types = {pa.int64(): Int64, pa.int32(): Int32, pa.string(): String, pa.binary(): Bytes}
        types[US] = UnixTimestamp
        self.entities = [
            Entity(name=key, join_keys=[key], value_type=types[kind].to_value_type())
            for key, kind in self.keys
        ]
        kinds = {"v": Float64, "s": String}
        view = FeatureView(
            name=name,
            entities=self.entities,
            ttl=ttl,
            schema=[Field(name=key, dtype=types[kind]) for key, kind in self.keys]
            + [Field(name=f, dtype=kinds[f]) for f in features],
            source=IcebergSource(
                name=f"{name}_source",
                table_identifier=self.table,
                timestamp_field="ts",
                created_timestamp_column="created",
            ),
            **arguments,
        )
        self.store.apply([*self.entities, view])
        return view

    def answer(self, keys, time, ttl=None):
        """(v, s) of one entity row, by looking at every row."""
        if time is None or any(key is None for key in keys):
            return None, None
        count = len(self.keys)
        best = None
        for place, row in enumerate(self.rows):
            age = time - row[count]
            if list(row[:count]) != list(keys) or age < timedelta(0):
                continue
            if ttl and age > ttl:
                continue
            created = row[count + 1] or datetime.min.replace(tzinfo=UTC)
            rank = (row[count], created, place)
            if best is None or rank > best[0]:
                best = rank, row
        return (None, None) if best is None else tuple(best[1][count + 2 :])


@pytest.fixture
def world(make_store, catalog_of):
    def make(**arguments):
        store = make_store()
        return World(store, catalog_of(store), **arguments)

    return make


def hours(*offsets):
    return [T0 + offset * HOUR for offset in offsets]


def simple(world):
    """Two keys, three hours each, in an order of arrival that is not that of time."""
    w = world().create()
    w.add((1, T0 + HOUR, T0, 1.1, "b"), (1, T0, T0, 1.0, "a"))
    w.add((2, T0, T0, 2.0, "x"), (1, T0 + 2 * HOUR, T0, 1.2, None))
    return w


def plain(column):
    return [None if value is None or value is pd.NA or value != value else value for value in column]


def ask(w, frame, features=("facts:v", "facts:s"), **arguments):
    return w.store.get_historical_features(
        entity_df=frame, features=list(features), **arguments
    )


def check(w, frame, keys, times, ttl=None, **arguments):
    table = ask(w, frame, **arguments).to_arrow()
    got = list(zip(plain(table["v"].to_pylist()), table["s"].to_pylist()))
    assert got == [w.answer(key, time, ttl) for key, time in zip(keys, times)]
    return table


KEYS = [1, 1, 2, 3, 1]
OFFSETS = [0, 1.5, 5, 0, -1]

FRAMES = {
    "plain": lambda f: f,
    "index of its own": lambda f: f.set_index(pd.Index([9, 9, 7, 7, 1], name="event")),
    "index of times": lambda f: f.set_index(pd.DatetimeIndex(f["event_timestamp"], name="i")),
    "reversed": lambda f: f.iloc[::-1],
    "categories": lambda f: f.assign(label=pd.Categorical(["a", "b", "a", None, "c"])),
    "objects": lambda f: f.assign(o=[None, "x", None, "y", ""]),
    "decimals": lambda f: f.assign(d=[decimal.Decimal("1.10"), None] + [decimal.Decimal(2)] * 3),
    "lists": lambda f: f.assign(l=[[1], [], None, [2, 3], [4]]),
    "nullable keys": lambda f: f.assign(k=f["k"].astype("Int64")),
    "arrow keys": lambda f: f.assign(k=f["k"].astype("int64[pyarrow]")),
    "small keys": lambda f: f.assign(k=f["k"].astype("int16")),
    "unsigned keys": lambda f: f.assign(k=f["k"].astype("uint64")),
    "float keys": lambda f: f.assign(k=f["k"].astype("float64")),
    "object keys": lambda f: f.assign(k=pd.Series(list(f["k"]), dtype=object, index=f.index)),
    "no rows": lambda f: f.iloc[:0],
    "second times": lambda f: f.assign(
        event_timestamp=f["event_timestamp"].astype("datetime64[s, UTC]")
    ),
    "arrow times": lambda f: f.assign(
        event_timestamp=f["event_timestamp"].astype("timestamp[us, tz=UTC][pyarrow]")
    ),
    "Kolkata": lambda f: f.assign(
        event_timestamp=f["event_timestamp"].dt.tz_convert("Asia/Kolkata")
    ),
    "naive": lambda f: f.assign(event_timestamp=f["event_timestamp"].dt.tz_localize(None)),
    "objects of times": lambda f: f.assign(
        event_timestamp=pd.Series(
            [t.to_pydatetime() for t in f["event_timestamp"]], dtype=object, index=f.index
        )
    ),
    "mixed zones": lambda f: f.assign(
        event_timestamp=pd.Series(
            [
                t.tz_convert(z).to_pydatetime()
                for t, z in zip(
                    f["event_timestamp"], ["UTC", "Asia/Tokyo", "UTC", "America/Lima", "UTC"]
                )
            ],
            dtype=object,
            index=f.index,
        )
    ),
    "texts": lambda f: f.assign(event_timestamp=[t.isoformat() for t in f["event_timestamp"]]),
    "texts without zone": lambda f: f.assign(
        event_timestamp=f["event_timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S")
    ),
    "another time column": lambda f: f.rename(columns={"event_timestamp": "asked_at"}),
    "two times": lambda f: f.assign(other=pd.Timestamp("2020-01-01", tz="UTC")),
    "time first": lambda f: f[["event_timestamp", "k"]],
    "many columns": lambda f: f.assign(**{f"c{i}": i for i in range(50)}),
    "keyword columns": lambda f: f.assign(select=1, order=2, group=3, **{"from": 4, "a b": 5}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_form_of_frame(world, kind):
    w = simple(world)
    w.view()
    base = pd.DataFrame(
        {"k": np.array(KEYS, dtype="int64"), "event_timestamp": pd.to_datetime(hours(*OFFSETS), utc=True)}
    )
    frame = FRAMES[kind](base)
    before = frame.copy()
    time_column = "asked_at" if kind == "another time column" else "event_timestamp"
    rows = base.iloc[::-1] if kind == "reversed" else base.iloc[: len(frame)]
    table = check(w, frame, [[k] for k in rows["k"]], [t.to_pydatetime() for t in rows["event_timestamp"]])
    assert table.column_names == [*frame.columns, "v", "s"]
    pd.testing.assert_frame_equal(frame, before)
    as_pandas = ask(w, frame).to_df()
    assert list(as_pandas.index) == list(range(len(frame)))
    assert time_column in as_pandas.columns


def test_keys_that_are_missing_match_nothing_and_stay(world):
    w = simple(world)
    w.view()
    frame = pd.DataFrame({"k": [1, None, 2, np.nan], "event_timestamp": hours(3, 3, 3, 3)})
    table = check(w, frame, [[1], [None], [2], [None]], hours(3, 3, 3, 3))
    assert table["k"].to_pylist() == [1, None, 2, None]


@pytest.mark.parametrize(
    "ttl",
    [None, timedelta(0), timedelta(microseconds=1), HOUR, timedelta(hours=1, microseconds=1), timedelta.max],
    ids=str,
)
def test_edges_of_ttl(world, ttl):
    w = simple(world)
    w.view(ttl=ttl)
    step = timedelta(microseconds=1)
    times = [
        base + delta
        for base in hours(0, 1, 2)
        for delta in (-step, 0 * step, step, HOUR - step, HOUR, HOUR + step)
    ]
    frame = pd.DataFrame({"k": 1, "event_timestamp": times})
    check(w, frame, [[1]] * len(times), times, ttl)


def test_ttl_edge_of_a_nanosecond(world):
    w = simple(world)
    w.view(ttl=HOUR)
    # Key 2 has one row, at T0: an hour and a nanosecond later it is too old.
    at = pd.Timestamp(T0 + HOUR)
    frame = pd.DataFrame({"k": 2, "event_timestamp": [at, at + pd.Timedelta(1, "ns")]})
    assert plain(ask(w, frame).to_df()["v"]) == [2.0, None]


def test_ties_by_created_then_by_the_later_write(world):
    w = world().create()
    w.add((1, T0, T0 + HOUR, 1.0, "late"), (1, T0, T0, 2.0, "early"), (1, T0, None, 3.0, "none"))
    w.add((2, T0, T0, 1.0, "first"))
    w.add((2, T0, T0, 2.0, "second"))
    w.add((3, T0, None, 1.0, "first"))
    w.add((3, T0, None, None, None))
    w.view()
    frame = pd.DataFrame({"k": [1, 2, 3], "event_timestamp": T0})
    check(w, frame, [[1], [2], [3]], [T0] * 3)


def test_a_null_that_is_newest_is_the_answer(world):
    w = world().create()
    w.add((1, T0, T0, 5.0, "old"), (1, T0 + HOUR, T0, None, None))
    w.view()
    frame = pd.DataFrame({"k": 1, "event_timestamp": hours(0, 1, 2)})
    check(w, frame, [[1]] * 3, hours(0, 1, 2))


def test_a_thousand_equal_entity_rows_in_random_order(world):
    w = simple(world)
    w.view()
    random = np.random.default_rng(3)
    keys = random.integers(1, 4, 1000)
    offsets = random.integers(-2, 4, 1000)
    frame = pd.DataFrame({"k": keys, "event_timestamp": hours(*offsets.tolist()), "n": range(1000)})
    table = check(w, frame, [[k] for k in keys], hours(*offsets.tolist()))
    assert table["n"].to_pylist() == list(range(1000))


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.int32(), US], ids=str)
def test_keys_of_every_type(world, kind):
    values = {
        pa.string(): ["", "a", "A", "é", "日本", "a\x00b", "NULL"],
        pa.binary(): [b"", b"\x00", b"\x00\x00", b"\xff"],
        pa.int32(): [-(2**31), -1, 0, 2**31 - 1],
        US: [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), T0],
    }[kind]
    w = world(keys=(("k", kind),)).create()
    w.add(*[(value, T0, T0, float(i), str(i)) for i, value in enumerate(values)])
    w.view()
    table = pa.table({"k": pa.array(values * 2, kind), "event_timestamp": pa.array([T0] * len(values) * 2, US)})
    check(w, table, [[v] for v in values * 2], [T0] * len(values) * 2)


def test_composite_keys_whose_parts_could_run_together(world):
    w = world(keys=(("a", pa.string()), ("b", pa.string()), ("n", pa.int64()))).create()
    rows = [("ab", "c", 1), ("a", "bc", 1), ("abc", "", 1), ("", "abc", 1), ("a", "bc", -1)]
    w.add(*[(*key, T0, T0, float(i), str(i)) for i, key in enumerate(rows)])
    w.view()
    frame = pd.DataFrame(rows, columns=["a", "b", "n"]).assign(event_timestamp=T0)
    # In an order of columns that is not the view's.
    check(w, frame[["n", "event_timestamp", "b", "a"]], rows, [T0] * 5)


NAMES = ["select", "from", "order", "a-b", "a.b", "a b", "ünï", 'quo"te', "per%cent", "UPPER", "_x"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_keywords_or_hold_odd_letters(make_store, catalog_of, name):
    store = make_store()
    catalog = catalog_of(store)
    schema = pa.schema([("k", pa.int64()), ("ts", US), (name, pa.int64())])
    catalog.create_table("feast.odd", schema)
    catalog.append("feast.odd", pa.Table.from_pylist([{"k": 1, "ts": T0, name: 7}], schema))
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="v-" + "".join(c for c in name if c.isalnum() or c == "-"),
        entities=[entity],
        schema=[Field(name="k", dtype=Int64), Field(name=name, dtype=Int64)],
        source=IcebergSource(name="odd", table_identifier="feast.odd", timestamp_field="ts"),
    )
    store.apply([entity, view])
    frame = pd.DataFrame({"k": [1, 2], "event_timestamp": T0})
    job = store.get_historical_features(frame, [f"{view.name}:{name}"])
    assert plain(job.to_df()[name]) == [7, None]
    full = store.get_historical_features(frame, [f"{view.name}:{name}"], full_feature_names=True)
    assert full.to_arrow()[f"{view.name}__{name}"].to_pylist() == [7, None]


@pytest.mark.parametrize("key", ["order", "index", "timestamp", "key-1", "k.1", "Value"])
def test_join_keys_with_odd_names(world, key):
    w = world(keys=((key, pa.int64()),)).create()
    w.add((1, T0, T0, 1.0, "a"))
    w.view()
    frame = pd.DataFrame({key: [1, 2], "event_timestamp": T0})
    check(w, frame, [[1], [2]], [T0] * 2)


def test_one_view_under_two_names_with_keys_mapped(world):
    w = simple(world)
    view = w.view()
    origin = view.with_name("origin").with_join_key_map({"k": "origin_id"})
    goal = view.with_name("goal").with_join_key_map({"k": "goal_id"})
    service = FeatureService(name="both", features=[origin[["v"]], goal[["v", "s"]]])
    w.store.apply([service])
    frame = pd.DataFrame(
        {"goal_id": [2, 1, 9], "origin_id": [1, 1, 2], "event_timestamp": hours(0, 1, 5)}
    )
    table = w.store.get_historical_features(frame, service, full_feature_names=True).to_arrow()
    assert table.column_names == [
        "goal_id", "origin_id", "event_timestamp", "origin__v", "goal__v", "goal__s",
    ]
    times = hours(0, 1, 5)
    assert plain(table["origin__v"].to_pylist()) == [
        w.answer([k], t)[0] for k, t in zip([1, 1, 2], times)
    ]
    assert list(zip(table["goal__v"].to_pylist(), table["goal__s"].to_pylist())) == [
        w.answer([k], t) for k, t in zip([2, 1, 9], times)
    ]


def test_everything_mapped_to_other_names(make_store, catalog_of):
    store = make_store()
    schema = pa.schema([("ID", pa.int64()), ("When", US), ("Made", US), ("col 1", pa.int64())])
    catalog_of(store).create_table("feast.mapped", schema)
    rows = [
        {"ID": 1, "When": T0, "Made": T0, "col 1": 1},
        {"ID": 1, "When": T0, "Made": T0 + HOUR, "col 1": 2},
    ]
    catalog_of(store).append("feast.mapped", pa.Table.from_pylist(rows, schema))
    entity = Entity(name="thing", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="mapped",
        entities=[entity],
        schema=[Field(name="k", dtype=Int64), Field(name="f", dtype=Int64)],
        source=IcebergSource(
            name="mapped",
            table_identifier="feast.mapped",
            timestamp_field="ts",
            created_timestamp_column="made",
            field_mapping={"ID": "k", "When": "ts", "Made": "made", "col 1": "f"},
        ),
    )
    store.apply([entity, view])
    frame = pd.DataFrame({"k": [1, 1], "event_timestamp": [T0, T0 - HOUR]})
    assert plain(store.get_historical_features(frame, ["mapped:f"]).to_df()["f"]) == [2, None]


def test_the_order_of_features_is_that_of_the_request(world):
    w = simple(world)
    w.view()
    frame = pd.DataFrame({"k": [1], "event_timestamp": [T0]})
    assert ask(w, frame, ["facts:s", "facts:v"]).to_arrow().column_names == [
        "k", "event_timestamp", "s", "v",
    ]


def test_the_same_feature_name_in_two_views(world):
    w = simple(world)
    w.view()
    w.view(name="facts2")
    frame = pd.DataFrame({"k": [1], "event_timestamp": [T0]})
    table = ask(w, frame, ["facts2:v", "facts:v"], full_feature_names=True).to_arrow()
    assert table.column_names[2:] == ["facts2__v", "facts__v"] or set(
        table.column_names[2:]
    ) == {"facts2__v", "facts__v"}
    assert table["facts2__v"].to_pylist() == table["facts__v"].to_pylist() == [1.0]


def test_time_and_key_columns_as_features(make_store, catalog_of):
    store = make_store()
    schema = pa.schema([("k", pa.int64()), ("ts", US), ("created", US)])
    catalog_of(store).create_table("feast.times", schema)
    catalog_of(store).append(
        "feast.times", pa.Table.from_pylist([{"k": 1, "ts": T0, "created": T0 + HOUR}], schema)
    )
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="times",
        entities=[entity],
        schema=[Field(name="k", dtype=Int64), Field(name="created", dtype=UnixTimestamp)],
        source=IcebergSource(
            name="times", table_identifier="feast.times", timestamp_field="ts",
            created_timestamp_column="created",
        ),
    )
    store.apply([entity, view])
    frame = pd.DataFrame({"k": [1], "event_timestamp": [T0 + 2 * HOUR]})
    assert store.get_historical_features(frame, ["times:created"]).to_arrow()["created"].to_pylist() == [T0 + HOUR]


def test_an_entity_less_view_answers_every_row(make_store, catalog_of):
    store = make_store()
    schema = pa.schema([("ts", US), ("v", pa.int64())])
    catalog_of(store).create_table("feast.whole", schema)
    rows = [{"ts": T0, "v": 1}, {"ts": T0 + HOUR, "v": 2}]
    catalog_of(store).append("feast.whole", pa.Table.from_pylist(rows, schema))
    view = FeatureView(
        name="whole",
        entities=[],
        ttl=HOUR,
        schema=[Field(name="v", dtype=Int64)],
        source=IcebergSource(name="whole", table_identifier="feast.whole", timestamp_field="ts"),
    )
    store.apply([view])
    frame = pd.DataFrame({"event_timestamp": hours(-1, 0, 0.5, 1, 2, 2.01)})
    assert plain(store.get_historical_features(frame, ["whole:v"]).to_df()["v"]) == [
        None, 1, 1, 2, 2, None,
    ]


PARTITIONS = [
    [], ["day(ts)"], ["hour(ts)"], ["month(ts)"], ["year(ts)"], ["bucket(4,k)"], ["truncate(2,k)"],
    ["k"], ["truncate(1,s)"], ["bucket(3,k)", "day(ts)"], ["s"],
]


@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_every_partitioning_gives_the_same_answer(world, partition):
    w = world().create(partition_by=partition)
    random = np.random.default_rng(11)
    for _ in range(3):
        w.add(
            *[
                (int(k), T0 + timedelta(minutes=int(m)), T0, float(m), None if m % 5 == 0 else f"s{m % 7}")
                for k, m in zip(random.integers(-5, 5, 40), random.permutation(5000)[:40])
            ]
        )
    w.view(ttl=timedelta(hours=20))
    keys = [int(k) for k in random.integers(-6, 6, 200)]
    times = [T0 + timedelta(minutes=int(m)) for m in random.integers(-100, 6000, 200)]
    frame = pd.DataFrame({"k": keys, "event_timestamp": times})
    check(w, frame, [[k] for k in keys], times, timedelta(hours=20))


def test_rows_before_1970_and_far_away(world):
    w = world().create()
    far = [
        datetime(1, 1, 2, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 4, 12, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ]
    w.add(*[(1, t, None, float(i), str(i)) for i, t in enumerate(far)])
    w.view()
    times = far + [t - timedelta(microseconds=1) for t in far]
    entities = pa.table({"k": [1] * 10, "event_timestamp": pa.array(times, US)})
    check(w, entities, [[1]] * 10, times)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_sources_of_every_unit_and_zone(make_store, tmp_path, unit, zone):
    from feast import FileSource

    kind = pa.timestamp(unit, tz=zone)
    times = pa.array([T0, T0 + HOUR], pa.timestamp("us", tz="UTC")).cast(pa.timestamp(unit, "UTC"))
    times = times.cast(pa.int64()).cast(kind)
    pq.write_table(pa.table({"k": [1, 1], "ts": times, "v": [1, 2]}), tmp_path / "f.parquet", coerce_timestamps=None)
    store = make_store()
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="f", entities=[entity], ttl=HOUR,
        schema=[Field(name="k", dtype=Int64), Field(name="v", dtype=Int64)],
        source=FileSource(path=str(tmp_path / "f.parquet"), timestamp_field="ts"),
    )
    store.apply([entity, view])
    frame = pd.DataFrame({"k": 1, "event_timestamp": hours(-1, 0, 0.5, 1, 2, 3)})
    assert plain(store.get_historical_features(frame, ["f:v"]).to_df()["v"]) == [
        None, 1, 1, 2, 2, None,
    ]


def test_the_range_without_entities(world):
    w = simple(world)
    w.add((1, T0, T0 + HOUR, 9.0, "corrected"))
    w.view()
    table = ask(w, None, start_date=T0, end_date=T0 + HOUR).to_arrow()
    got = sorted(zip(table["k"].to_pylist(), table["event_timestamp"].to_pylist(), table["v"].to_pylist()))
    assert got == [(1, T0, 9.0), (1, T0 + HOUR, 1.1), (2, T0, 2.0)]
    naive = ask(w, None, start_date=T0.replace(tzinfo=None), end_date=(T0 + HOUR).replace(tzinfo=None))
    assert naive.to_arrow().num_rows == 3
    assert ask(w, None, start_date=T0 + 9 * HOUR, end_date=T0 + 10 * HOUR).to_arrow().num_rows == 0


def test_on_demand_views_over_aliases_and_request_data(world):
    w = simple(world)
    view = w.view()
    from feast import RequestSource

    asked = RequestSource(name="asked", schema=[Field(name="factor", dtype=Float64)])

    @on_demand_feature_view(
        sources=[view, asked], schema=[Field(name="scaled", dtype=Float64)], mode="pandas"
    )
    def scaled(inputs):
        return pd.DataFrame({"scaled": inputs["v"] * inputs["factor"]})

    @on_demand_feature_view(
        sources=[view], schema=[Field(name="length", dtype=Int64)], mode="python"
    )
    def length(inputs):
        return {"length": [len(s or "") for s in inputs["s"]]}

    w.store.apply([asked, scaled, length])
    frame = pd.DataFrame({"k": [1, 2], "event_timestamp": T0, "factor": [2.0, 10.0]})
    job = ask(w, frame, ["facts:v", "scaled:scaled", "length:length"])
    answer = job.to_df()
    assert answer["scaled"].tolist() == [2.0, 20.0]
    assert answer["length"].tolist() == [1, 1]


def test_a_column_of_the_frame_with_a_features_name_is_refused(world):
    w = simple(world)
    w.view()
    frame = pd.DataFrame({"k": [1], "event_timestamp": [T0], "v": [0.5]})
    with pytest.raises(Exception, match="v"):
        ask(w, frame).to_df()
    table = ask(w, frame, full_feature_names=True).to_arrow()
    assert table["facts__v"].to_pylist() == [1.0] and table["v"].to_pylist() == [0.5]


def test_dates_as_entity_times(world):
    w = simple(world)
    w.view()
    frame = pd.DataFrame({"k": [1, 2], "event_timestamp": [dt.date(2026, 3, 2), dt.date(2026, 3, 1)]})
    midnight = [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)]
    check(w, frame, [[1], [2]], midnight)


def test_filter_by_created_timestamp(world):
    w = world().create()
    w.add((1, T0, T0, 1.0, "first"), (1, T0, T0 + 3 * HOUR, 2.0, "corrected"), (1, T0 + HOUR, None, 3.0, "x"))
    w.view()
    frame = pd.DataFrame({"k": 1, "event_timestamp": hours(0, 2, 4)})
    answer = ask(w, frame, filter_by_created_timestamp=True).to_df()
    assert answer["s"].tolist() == ["first", "first", "corrected"]
    assert ask(w, frame).to_df()["s"].tolist() == ["corrected", "x", "x"]
