"""get_online_features through Floe against stock Feast's SQLite store: the same messages
for the same requests, whichever way they are answered."""

import asyncio
import concurrent.futures
import datetime
import random
import warnings

import pandas as pd
import pytest

from feast import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    RequestSource,
    ValueType,
)
from feast.on_demand_feature_view import on_demand_feature_view
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Int64List, RepeatedValue, StringList, Value
from feast.types import Array, Float32, Float64, Int32, Int64, String, UnixTimestamp
from floe.online_response import FloeOnlineResponse

T0 = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.timezone.utc)
DRIVERS, CUSTOMERS = range(12), [f"c{i}" for i in range(6)]


def _source(name):
    return FileSource(
        name=name, path="data/unused.parquet", timestamp_field="event_timestamp"
    )


def _objects():
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    customer = Entity(
        name="customer", join_keys=["customer_id"], value_type=ValueType.STRING
    )
    stats = FeatureView(
        name="driver_stats",
        entities=[driver],
        ttl=datetime.timedelta(days=1),
        schema=[
            Field(name="conv", dtype=Float32),
            Field(name="trips", dtype=Int64),
            Field(name="name", dtype=String),
            Field(name="tags", dtype=Array(String)),
            Field(name="hours", dtype=Array(Int64)),
            Field(name="joined", dtype=UnixTimestamp),
        ],
        source=_source("s1"),
    )
    profile = FeatureView(
        name="customer_profile",
        entities=[customer],
        schema=[Field(name="age", dtype=Int32), Field(name="score", dtype=Float64)],
        source=_source("s2"),
    )
    pair = FeatureView(
        name="pair",
        entities=[customer, driver],
        schema=[Field(name="rides", dtype=Int64)],
        source=_source("s3"),
    )
    globe = FeatureView(
        name="globe",
        entities=[],
        schema=[Field(name="rate", dtype=Float64)],
        source=_source("s4"),
    )
    extra = RequestSource(name="extra", schema=[Field(name="bump", dtype=Float64)])

    @on_demand_feature_view(
        sources=[stats, extra], schema=[Field(name="boosted", dtype=Float64)], mode="pandas"
    )
    def boosted(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {"boosted": inputs["trips"].fillna(0).astype("float64") + inputs["bump"]}
        )

    @on_demand_feature_view(
        sources=[profile], schema=[Field(name="double_age", dtype=Int64)], mode="python"
    )
    def aged(inputs):
        return {"double_age": [None if a is None else 2 * a for a in inputs["age"]]}

    services = [
        FeatureService(name="plain", features=[stats[["trips", "name"]], profile]),
        FeatureService(
            name="ends",
            features=[
                stats.with_name("origin").with_join_key_map({"driver_id": "origin_id"}),
                stats[["trips"]].with_name("goal").with_join_key_map(
                    {"driver_id": "goal_id"}
                ),
                profile,
            ],
        ),
        FeatureService(name="on_demand", features=[boosted, profile[["score"]]]),
    ]
    return [driver, customer, stats, profile, pair, globe, boosted, aged, *services]


def _rows(rng):
    """{view: rows of online_write_batch}; a third of the keys are missing and some values
    unset."""

    def some(value):
        return Value() if rng.random() < 0.15 else value

    def time():
        # Whole seconds: the SQLite store keeps no more.
        return T0 + datetime.timedelta(seconds=rng.randrange(10**6))

    def kept(keys):
        return [key for key in keys if rng.random() < 0.7]

    def driver_key(i):
        return {"driver_id": Value(int64_val=i)}

    def customer_key(c):
        return {"customer_id": Value(string_val=c)}

    stats = [
        (
            driver_key(i),
            {
                "conv": some(Value(float_val=rng.random())),
                "trips": some(Value(int64_val=rng.randrange(10**12))),
                "name": some(Value(string_val=f"n{i}é")),
                "tags": some(Value(string_list_val=StringList(val=["a", f"{i}"]))),
                "hours": some(Value(int64_list_val=Int64List(val=[i, -i]))),
                "joined": some(Value(unix_timestamp_val=1_700_000_000 + i)),
            },
            time(),
        )
        for i in kept(DRIVERS)
    ]
    profile = [
        (
            customer_key(c),
            {
                "age": some(Value(int32_val=rng.randrange(99))),
                "score": some(Value(double_val=rng.random())),
            },
            time(),
        )
        for c in kept(CUSTOMERS)
    ]
    pair = [
        (
            driver_key(i) | customer_key(c),
            {"rides": Value(int64_val=rng.randrange(99))},
            time(),
        )
        for i in kept(DRIVERS)
        for c in kept(CUSTOMERS)
    ]
    globe = [({"__dummy_id": Value(string_val="")}, {"rate": Value(double_val=0.5)}, time())]
    views = {"driver_stats": stats, "customer_profile": profile, "pair": pair, "globe": globe}
    return {
        name: [
            (EntityKey(join_keys=key.keys(), entity_values=key.values()), values, at, None)
            for key, values, at in rows
        ]
        for name, rows in views.items()
    }


def _write(store, rows):
    provider = store._get_provider()
    for name, batch in rows.items():
        view = store.registry.get_feature_view(name, store.project)
        provider.online_write_batch(store.config, view, batch, None)


@pytest.fixture
def pair_of_stores(make_store, tmp_path):
    """(Floe's, SQLite's) with the same definitions and rows, and the generator used."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = _rows(rng)
    stores = []
    for kind, online in (
        ("floe.IcebergOnlineStore", None),
        ("sqlite", {"path": str(tmp_path / "online.db")}),
    ):
        stores.append(_store(make_store, kind, online))
    for store in stores:
        store.apply(_objects())
        _write(store, rows)
    return (*stores, rng)


def _store(make_store, kind, online=None, folder=None):
    return make_store(
        online_type=kind,
        online=online,
        folder=folder or kind.rsplit(".")[-1],
    )


_REFS = {
    "driver_stats": ["conv", "trips", "name", "tags", "hours", "joined"],
    "customer_profile": ["age", "score"],
    "pair": ["rides"],
    "globe": ["rate"],
}


def _request(rng):
    """Arguments of get_online_features for a request that Feast can answer."""
    count = rng.choice([1, 1, 2, 3, 17])
    columns = {
        "driver_id": [rng.choice(DRIVERS) for _ in range(count)],
        "customer_id": [rng.choice(CUSTOMERS) for _ in range(count)],
        "origin_id": [rng.choice(DRIVERS) for _ in range(count)],
        "goal_id": [rng.choice(DRIVERS) for _ in range(count)],
        "bump": [rng.random() for _ in range(count)],
    }
    shape = rng.choice(["refs", "refs", "refs", "plain", "ends", "on_demand", "aged"])
    full_names = rng.random() < 0.5
    if shape == "refs":
        views = rng.sample(sorted(_REFS), rng.randint(1, len(_REFS)))
        features = [
            f"{view}:{name}"
            for view in views
            for name in rng.sample(_REFS[view], rng.randint(1, len(_REFS[view])))
        ]
        rng.shuffle(features)
        names = {"driver_id", "customer_id"}
        if set(views) <= {"driver_stats", "globe"}:
            names = {"driver_id"}
        elif set(views) <= {"customer_profile", "globe"}:
            names = {"customer_id"}
    elif shape == "aged":
        features, names = ["aged:double_age", "driver_stats:trips"], {"driver_id", "customer_id"}
    else:
        features = shape
        full_names = full_names or shape == "ends"  # Its views have the same features.
        names = {
            "plain": {"driver_id", "customer_id"},
            "ends": {"origin_id", "goal_id", "customer_id"},
            "on_demand": {"driver_id", "customer_id", "bump"},
        }[shape]
    names = rng.sample(sorted(names), len(names))
    columns = {name: columns[name] for name in names}
    form = rng.choice(["rows", "columns", "protos"])
    entities = columns
    if form == "rows":
        entities = [dict(zip(columns, row)) for row in zip(*columns.values())]
    elif form == "protos" and shape == "plain":
        entities = {
            name: RepeatedValue(
                val=[
                    Value(string_val=v) if isinstance(v, str) else Value(int64_val=v)
                    for v in values
                ]
            )
            for name, values in columns.items()
        }
    return {
        "features": features,
        "entity_rows": entities,
        "full_feature_names": full_names,
        "include_feature_view_version_metadata": rng.random() < 0.3,
    }


def _ask(store, request):
    features = request["features"]
    if isinstance(features, str):
        features = store.get_feature_service(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return store.get_online_features(**request | {"features": features})


def _by_name(response):
    proto = response.proto
    names = list(proto.metadata.feature_names.val)
    assert len(names) == len(proto.results)
    columns = {}
    for name, vector in zip(names, proto.results, strict=True):
        columns.setdefault(name, []).append(str(vector))
    views = sorted((v.name, v.version) for v in proto.metadata.feature_view_metadata)
    return columns, views


def _assert_same(ours, theirs, request):
    (columns, views), (their_columns, their_views) = _by_name(ours), _by_name(theirs)
    assert columns.keys() == their_columns.keys(), request
    assert views == their_views, request
    for name, vectors in columns.items():
        assert vectors == their_columns[name], (name, request)


def test_responses_are_those_of_the_sqlite_store(pair_of_stores):
    floe, sqlite, rng = pair_of_stores
    native = 0
    for _ in range(150):
        request = _request(rng)
        ours, theirs = _ask(floe, request), _ask(sqlite, request)
        native += isinstance(ours, FloeOnlineResponse)
        _assert_same(ours, theirs, request)
        assert str(ours.to_dict()) == str(theirs.to_dict()), request
    assert native == 150


def test_feasts_own_path_over_the_native_read_answers_the_same(pair_of_stores, monkeypatch):
    from floe import online_store

    floe, sqlite, rng = pair_of_stores

    def refuse(*_):
        raise online_store.Unusual

    monkeypatch.setattr(online_store.IcebergOnlineStore, "_answer", refuse)
    for _ in range(40):
        request = _request(rng)
        _assert_same(_ask(floe, request), _ask(sqlite, request), request)


_ODD = {
    "a partial key": {
        "features": ["pair:rides"],
        "entity_rows": [{"driver_id": 1}],
    },
    "an unknown feature": {
        "features": ["driver_stats:nope"],
        "entity_rows": [{"driver_id": 1}],
    },
    "an unknown view": {"features": ["nope:trips"], "entity_rows": [{"driver_id": 1}]},
    "no features": {"features": [], "entity_rows": [{"driver_id": 1}]},
    "no entity of the view": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"customer_id": "c1"}],
    },
    "an unknown column": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver_id": 1, "nope": 2}],
    },
    "rows of other columns": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver_id": 1}, {"customer_id": "c1"}],
    },
    "columns of other lengths": {
        "features": ["driver_stats:trips", "customer_profile:age"],
        "entity_rows": {"driver_id": [1, 2], "customer_id": ["c1"]},
    },
    "no key": {"features": ["driver_stats:trips"], "entity_rows": [{"driver_id": None}]},
    "a key of another type": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver_id": "one"}],
    },
    "a key too large": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver_id": 2**70}],
    },
    "the entity's name": {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver": 1}],
    },
    "a name twice": {
        "features": ["driver_stats:trips", "driver_stats:trips"],
        "entity_rows": [{"driver_id": 1}],
    },
    "no request data": {
        "features": ["boosted:boosted"],
        "entity_rows": [{"driver_id": 1}],
    },
    "a version of unversioned views": {
        "features": ["driver_stats@v1:trips"],
        "entity_rows": [{"driver_id": 1}],
    },
    "no rows": {"features": ["driver_stats:trips"], "entity_rows": {"driver_id": []}},
}


@pytest.mark.parametrize("name", _ODD)
def test_odd_requests_end_as_with_the_sqlite_store(pair_of_stores, name):
    floe, sqlite, _ = pair_of_stores

    def outcome(store):
        try:
            return _by_name(_ask(store, {"full_feature_names": False} | _ODD[name]))
        except Exception as error:  # noqa: BLE001  Whatever it is, it must be the same.
            return type(error), str(error)

    assert outcome(floe) == outcome(sqlite)


def test_a_write_is_seen_by_the_next_request(pair_of_stores):
    floe, _, _ = pair_of_stores
    request = {"features": ["driver_stats:trips"], "entity_rows": [{"driver_id": 3}]}
    for i in range(3):
        row = (
            EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=3)]),
            {"trips": Value(int64_val=i)},
            T0 + datetime.timedelta(days=30 + i),
            None,
        )
        _write(floe, {"driver_stats": [row]})
        assert _ask(floe, request).to_dict()["trips"] == [i]


def test_ttl_is_told_only_where_asked_for(make_store):
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = {
        "driver_stats": [
            (
                EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=i)]),
                {"trips": Value(int64_val=i)},
                now - datetime.timedelta(hours=age),
                None,
            )
            for i, age in ((1, 1), (2, 30))
        ]
    }
    request = {
        "features": ["driver_stats:trips"],
        "entity_rows": [{"driver_id": 1}, {"driver_id": 2}, {"driver_id": 3}],
    }
    for enforce, old in ((False, "PRESENT"), (True, "OUTSIDE_MAX_AGE")):
        store = _store(
            make_store,
            "floe.IcebergOnlineStore",
            {"enforce_ttl": enforce},
            folder=f"ttl {enforce}",
        )
        store.apply(_objects())
        _write(store, rows)
        response = _ask(store, request)
        trips = response.proto.results[list(response.proto.metadata.feature_names.val).index("trips")]
        assert [FieldStatus.Name(s) for s in trips.statuses] == ["PRESENT", old, "NOT_FOUND"]
        assert [v.int64_val for v in trips.values] == [1, 2, 0]


def test_async_requests_are_answered_alike_and_leave_the_loop_free(pair_of_stores):
    floe, _, rng = pair_of_stores
    requests = [_request(rng) for _ in range(20)]
    expected = [_by_name(_ask(floe, request)) for request in requests]

    async def ask_all():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())

        async def ask(request):
            features = request["features"]
            if isinstance(features, str):
                features = floe.get_feature_service(features)
            return await floe.get_online_features_async(**request | {"features": features})

        await floe.initialize()
        answers = await asyncio.gather(*map(ask, requests))
        ticking.cancel()
        await floe.close()
        return answers, ticks

    answers, ticks = asyncio.run(ask_all())
    assert [_by_name(answer) for answer in answers] == expected
    assert ticks > 20


def test_threads_asking_at_once_get_what_one_gets(pair_of_stores):
    floe, _, rng = pair_of_stores
    requests = [_request(rng) for _ in range(60)]
    expected = [_by_name(_ask(floe, request)) for request in requests]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda r: _by_name(_ask(floe, r)), requests * 4))
    assert answers == expected * 4
