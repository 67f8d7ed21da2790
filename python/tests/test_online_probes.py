"""Odd but legal ways to fill and ask the online store, through stock Feast: every step is
done to a store of Floe's and to stock Feast's SQLite store, and the answers must agree."""

import asyncio
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from feast import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    PushSource,
    ValueType,
)
from feast.data_source import PushMode
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

UTC = timezone.utc
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

FIELDS = {
    "i": Int64, "j": Int32, "d": Float64, "f": Float32, "s": String, "b": Bool, "y": Bytes,
    "t": UnixTimestamp, "li": Array(Int64), "ls": Array(String), "lf": Array(Float32),
}
SAMPLE = {
    "i": [2**63 - 1, -(2**63) + 1, 0, None],
    "j": [2**31 - 1, -(2**31), 0, None],
    "d": [0.1, -0.0, 1e308, None],
    "f": [0.1, -1.5, 3.4e38, None],
    "s": ["", "ü\x00x", "日本" * 50, None],
    "b": [True, False, True, None],
    "y": [b"", b"\x00\xff", b"abc", None],
    "t": [T0, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), T0 + HOUR, None],
    "li": [[1, -1], [], [2**62], None],
    "ls": [["a", ""], [], ["ü"], None],
    "lf": [[0.1], [], [1.5, 2.5], None],
}


# Feast's stand-in for a missing time; Floe gives the unset value, and to_dict() of both
# says None.
NO_TIME = Value(unix_timestamp_val=-(2**63))


class Pair:
    """The two stores; what is done to one is done to the other."""

    def __init__(self, floe, sqlite):
        self.floe, self.sqlite = floe, sqlite

    def both(self, act):
        return [act(store) for store in (self.floe, self.sqlite)]

    def ask(self, features, rows, **arguments):
        """Floe's answer, which is SQLite's."""
        floe, sqlite = self.both(
            lambda store: self._answer(store, features, rows, **arguments)
        )
        assert floe == sqlite
        return floe

    @staticmethod
    def _answer(store, features, rows, **arguments):
        if isinstance(features, FeatureService):
            features = store.get_feature_service(features.name)
        try:
            response = store.get_online_features(
                features=features, entity_rows=rows, **arguments
            ).proto
        except Exception as error:  # noqa: BLE001  Which one is what is compared.
            return type(error).__name__
        names = list(response.metadata.feature_names.val)
        return {
            name: [
                (b"" if value == NO_TIME else value.SerializeToString(), status, time.seconds)
                for value, status, time in zip(
                    vector.values, vector.statuses, vector.event_timestamps
                )
            ]
            for name, vector in zip(names, response.results)
        }


@pytest.fixture
def pair(make_store):
    sqlite = make_store(
        online_type="sqlite", online={"path": "online.db"}, folder="sqlite", project="p"
    )
    return Pair(make_store(project="p", folder="floe"), sqlite)


def entity(name="k", kind=ValueType.INT64):
    return Entity(name=name, join_keys=[name], value_type=kind)


def view(name="v", fields=("i", "s"), entities=None, **arguments):
    entities = [entity()] if entities is None else entities
    return FeatureView(
        name=name,
        entities=entities,
        schema=[Field(name=f, dtype=FIELDS[f]) for f in fields],
        source=PushSource(
            name=f"{name}_push",
            batch_source=FileSource(
                name=f"{name}_source", path="unused.parquet", timestamp_field="ts",
                created_timestamp_column="created",
            ),
        ),
        **arguments,
    )


def objects_of(*views):
    entities = {e: entity(e) for v in views for e in v.entities if e != "__dummy"}
    return [*entities.values(), *views]


def apply(pair, *objects):
    pair.both(lambda store: store.apply(list(objects)))


def write(pair, name="v", **columns):
    length = max(len(v) for v in columns.values())
    frame = pd.DataFrame({key: list(values) for key, values in columns.items()})
    frame["ts"] = pd.to_datetime(columns.get("ts", [T0] * length), utc=True)
    frame["created"] = pd.to_datetime(columns.get("created", [T0] * length), utc=True)
    pair.both(lambda store: store.write_to_online_store(name, frame.copy()))


@pytest.mark.parametrize("field", FIELDS)
def test_values_at_the_edge_of_their_type(pair, field):
    apply(pair, entity(), view(fields=[field]))
    values = SAMPLE[field]
    if field == "i":
        values = [v for v in values if v is not None]
    kind = {"j": "Int32", "b": object}.get(field)
    column = pd.Series(values[:3] if field in "ijb" else values, dtype=kind)
    write(pair, k=range(len(column)), **{field: column.tolist()})
    pair.ask([f"v:{field}"], [{"k": n} for n in range(5)])


KEYS = {
    "int64 extremes": (ValueType.INT64, [0, -1, 2**63 - 1, -(2**63)]),
    "int32": (ValueType.INT32, [0, -1, 2**31 - 1, -(2**31)]),
    "texts": (ValueType.STRING, ["", " ", "a", "A", "ü", "日本", "a" * 5000, "null"]),
    "bytes": (ValueType.BYTES, [b"", b"\x00", b"\xff\x00"]),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_at_the_edge_of_their_type(pair, kind):
    value_type, keys = KEYS[kind]
    e = entity(kind=value_type)
    apply(pair, e, view(entities=[e]))
    write(pair, k=keys, i=range(len(keys)), s=[str(n) for n in range(len(keys))])
    asked = [*keys, *keys[::-1]]
    answer = pair.ask(["v:i", "v:s"], {"k": asked})
    assert len(answer["i"]) == len(asked)
    pair.ask(["v:s"], [{"k": key} for key in asked])


def test_order_duplicates_and_misses(pair):
    apply(pair, entity(), view())
    write(pair, k=range(50), i=range(50), s=[str(n) for n in range(50)])
    random = np.random.default_rng(5)
    for _ in range(5):
        keys = random.integers(-10, 60, 80).tolist()
        pair.ask(["v:i", "v:s"], {"k": keys})
        pair.ask(["v:s"], [{"k": key} for key in keys])


def test_rows_that_arrive_out_of_order(pair):
    """SQLite keeps the row written last: here it is always the newest."""
    apply(pair, entity(), view())
    for hour, created in [(0, 0), (1, 0), (1, 1), (5, 0)]:
        write(pair, k=[1], i=[hour * 10 + created], s=["x"], ts=[T0 + hour * HOUR],
              created=[T0 + created * HOUR])
        pair.ask(["v:i"], [{"k": 1}])
    frame = pd.DataFrame({"k": [1], "i": [-1], "s": ["old"], "ts": [T0], "created": [T0]})
    pair.floe.write_to_online_store("v", frame)
    assert pair.floe.get_online_features(["v:i"], [{"k": 1}]).to_dict()["i"] == [50]


def test_several_rows_of_a_key_in_one_write(pair):
    apply(pair, entity(), view())
    write(pair, k=[1, 1, 2], i=[1, 2, 3], s=["a", "b", "c"], ts=[T0, T0 + HOUR, T0])
    assert pair.floe.get_online_features(["v:i"], [{"k": 1}]).to_dict()["i"] == [2]


def test_a_null_overwrites_a_value(pair):
    apply(pair, entity(), view(fields=["d", "s"]))
    write(pair, k=[1], d=[1.0], s=["a"])
    write(pair, k=[1], d=[2.0], s=[None], ts=[T0 + HOUR])
    pair.ask(["v:d", "v:s"], [{"k": 1}])


def test_views_whose_features_have_the_same_name(pair):
    apply(pair, entity(), view(), view(name="w"))
    write(pair, k=[1], i=[1], s=["v"])
    write(pair, name="w", k=[1, 2], i=[2, 3], s=["w", "w2"])
    pair.ask(["v:i", "w:i"], {"k": [1, 2, 3]}, full_feature_names=True)
    pair.ask(["v:i", "w:i"], {"k": [1, 2, 3]})
    pair.ask(["v:i", "w:s"], {"k": [2, 1, 2]})


def test_composite_keys_given_in_any_order(pair):
    a, b = entity("a", ValueType.STRING), entity("b", ValueType.INT64)
    apply(pair, a, b, view(entities=[a, b]))
    write(pair, a=["x", "x", "y"], b=[1, 2, 1], i=[1, 2, 3], s=["p", "q", "r"])
    pair.ask(["v:i"], {"b": [1, 2, 1, 9], "a": ["x", "x", "y", "x"]})
    pair.ask(["v:i", "v:s"], [{"a": "y", "b": 1}, {"a": "y", "b": 2}])


def test_views_of_other_keys_in_one_request(pair):
    a, b = entity("a", ValueType.STRING), entity("b", ValueType.INT64)
    apply(pair, a, b, view(entities=[a]), view(name="w", entities=[b]),
          view(name="z", entities=[]))
    write(pair, a=["x"], i=[1], s=["p"])
    write(pair, name="w", b=[7], i=[2], s=["q"])
    pair.ask(["v:s", "w:i"], {"a": ["x", "y"], "b": [7, 7]})
    pair.ask(["v:s"], {"a": ["x", "y"], "b": [7, 7]})


def test_projections_map_keys(pair):
    v = view()
    service = FeatureService(
        name="trip",
        features=[
            v.with_name("origin").with_join_key_map({"k": "from_id"}),
            v.with_name("goal").with_join_key_map({"k": "to_id"})[["s"]],
        ],
    )
    apply(pair, entity(), v, service)
    write(pair, k=[1, 2], i=[1, 2], s=["one", "two"])
    pair.ask(service, {"from_id": [1, 2, 3], "to_id": [2, 2, 1]}, full_feature_names=True)


@pytest.mark.parametrize(
    "request_", [
        (["v:nope"], {"k": [1]}), (["nope:i"], {"k": [1]}), (["v:i"], {"wrong": [1]}),
        (["v:i"], {"k": []}), (["v:i"], []), (["v:i"], {"k": [None]}), (["v:i"], {"k": ["x"]}),
        (["v:i"], {"k": [1], "extra": [2]}), (["v:i"], {"k": [1.0]}), (["v:i"], {"k": [True]}),
        (["v:i"], {"k": [2**63]}), (["v:i", "v:i"], {"k": [1]}), (["i"], {"k": [1]}),
        (["v:i"], [{"k": 1}, {}]), (["v:i"], {"k": (1, 2)}), (["v:i"], {"k": np.array([1])}),
        (["v:i"], {"k": [np.int64(1), np.int32(2)]}),
    ], ids=str,
)
def test_requests_that_are_not_quite_right(pair, request_):
    apply(pair, entity(), view())
    write(pair, k=[1, 2], i=[1, 2], s=["a", "b"])
    features, rows = request_
    pair.ask(features, rows)


@pytest.mark.parametrize("name", ["order", "select", "a-b", "ünï", "Value", "_x", "key", "data"])
def test_odd_names_of_features_views_and_keys(pair, name):
    key = entity(f"{name}_id", ValueType.INT64)
    v = FeatureView(
        name=f"{name}-view" if name != "ünï" else name,
        entities=[key],
        schema=[Field(name=name, dtype=Int64)],
        source=PushSource(
            name="push", batch_source=FileSource(name="src", path="x.parquet", timestamp_field="ts")
        ),
    )
    apply(pair, key, v)
    frame = pd.DataFrame({f"{name}_id": [1, 2], name: [10, 20], "ts": [T0, T0]})
    pair.both(lambda store: store.write_to_online_store(v.name, frame.copy()))
    pair.ask([f"{v.name}:{name}"], {f"{name}_id": [2, 3, 1]})


def test_pushes_are_seen_at_once(pair):
    apply(pair, entity(), view())
    frame = pd.DataFrame({"k": [1], "i": [5], "s": ["x"], "ts": [T0], "created": [T0]})
    pair.both(lambda store: store.push("v_push", frame.copy(), to=PushMode.ONLINE))
    pair.ask(["v:i", "v:s"], {"k": [1, 2]})


def test_a_feature_added_and_one_taken_away(pair):
    apply(pair, entity(), view(fields=["i", "s"]))
    write(pair, k=[1], i=[1], s=["old"])
    apply(pair, entity(), view(fields=["i", "s", "d"]))
    write(pair, k=[2], i=[2], s=["new"], d=[0.5])
    answer = pair.floe.get_online_features(["v:i", "v:d"], {"k": [1, 2]}).to_dict()
    assert answer["i"] == [1, 2] and answer["d"] == [None, 0.5]
    apply(pair, entity(), view(fields=["s"]))
    pair.ask(["v:s"], {"k": [1, 2, 3]})
    pair.ask(["v:i"], {"k": [1]})


def test_a_view_that_is_taken_away_and_comes_back_is_empty(pair):
    apply(pair, entity(), view())
    write(pair, k=[1], i=[1], s=["old"])
    gone = view()
    pair.both(lambda store: store.apply([], objects_to_delete=[gone], partial=False))
    pair.ask(["v:i"], {"k": [1]})
    apply(pair, entity(), view())
    pair.ask(["v:i"], {"k": [1]})


def test_teardown_then_apply(pair):
    apply(pair, entity(), view())
    write(pair, k=[1], i=[1], s=["old"])
    pair.both(lambda store: store.teardown())
    apply(pair, entity(), view())
    pair.ask(["v:i"], {"k": [1]})
    write(pair, k=[1], i=[2], s=["new"])
    pair.ask(["v:i"], {"k": [1]})


def test_event_times_of_every_kind(pair):
    apply(pair, entity(), view())
    times = [
        datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 0, 999999, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC),
    ]
    write(pair, k=range(4), i=range(4), s=list("abcd"), ts=times)
    pair.ask(["v:i"], {"k": [3, 2, 1, 0]})


def test_async_answers_are_the_same(pair):
    apply(pair, entity(), view())
    write(pair, k=range(5), i=range(5), s=list("abcde"))

    async def ask(n):
        response = await pair.floe.get_online_features_async(["v:i"], {"k": [n, n + 1]})
        return response.to_dict()["i"]

    async def ask_all():
        return await asyncio.gather(*(ask(n) for n in range(5)))

    assert asyncio.run(ask_all()) == [[n, n + 1 if n < 4 else None] for n in range(5)]


def test_ttl_changes_nothing_unless_asked_for(pair):
    apply(pair, entity(), view(ttl=timedelta(microseconds=1)))
    write(pair, k=[1], i=[1], s=["a"])
    pair.ask(["v:i"], {"k": [1]})


@pytest.mark.parametrize("engine", ["local", "floe.IcebergEngine"])
@pytest.mark.parametrize("minutes", [(0, 60), (1, 60), (0, 59), (60, 60), (-10, -1), (0, 120)])
def test_materialize_takes_both_ends_of_its_range(make_store, catalog_of, tmp_path, engine, minutes):
    from floe import IcebergSource
    import pyarrow as pa

    store = make_store(batch_engine={"type": engine})
    us = pa.timestamp("us", tz="UTC")
    schema = pa.schema([("k", pa.int64()), ("ts", us), ("i", pa.int64())])
    rows = [{"k": k, "ts": T0 + timedelta(minutes=m), "i": 100 * k + m} for k in (1, 2) for m in (0, 30, 60)]
    catalog_of(store).create_table("feast.m", schema)
    catalog_of(store).append("feast.m", pa.Table.from_pylist(rows, schema))
    v = FeatureView(
        name="m", entities=[entity()], schema=[Field(name="i", dtype=Int64)],
        source=IcebergSource(name="m", table_identifier="feast.m", timestamp_field="ts"),
    )
    store.apply([entity(), v])
    low, high = (T0 + timedelta(minutes=m) for m in minutes)
    store.materialize(low, high)
    inside = [m for m in (0, 30, 60) if minutes[0] <= m <= minutes[1]]
    wanted = [100 * k + inside[-1] if inside else None for k in (1, 2)]
    assert store.get_online_features(["m:i"], {"k": [1, 2]}).to_dict()["i"] == wanted
