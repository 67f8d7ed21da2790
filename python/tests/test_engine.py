"""floe.IcebergEngine: the same online answers as Feast's local engine, natively."""

import random
import threading
from datetime import datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rides
from feast import (
    BatchFeatureView,
    Entity,
    FeatureView,
    Field,
    FileSource,
    PushSource,
    StreamFeatureView,
    ValueType,
)
from feast.infra.common.materialization_job import MaterializationTask
from feast.infra.compute_engines.local.compute import LocalComputeEngine
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp
from floe import Catalog, IcebergEngine, IcebergSource, engine_progress
from floe.errors import FloeConfigError, FloeInputError

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
END = START + timedelta(days=10)
US = pa.timestamp("us", tz="UTC")

DRIVER = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
REGION = Entity(name="region", join_keys=["region"], value_type=ValueType.STRING)

NATIVE = {"type": "floe.IcebergEngine", "threads": 2}


def history(seed=3, count=400):
    """Rows of many types with ties, late corrections and NULLs, in no order."""
    choose = random.Random(seed)
    rows = []
    for _ in range(count):
        hour = choose.randrange(0, 9 * 24)
        event = START + timedelta(hours=hour)
        rows.append(
            {
                "driver_id": choose.randrange(40),
                "region": choose.choice(["north", "süd", ""]),
                "ts": event,
                "created": event + timedelta(minutes=choose.randrange(10**6)),
                # Feast's engine takes integers with NULLs through floats.
                "trips": choose.choice([None, choose.randrange(-(2**52), 2**52)]),
                "rank": choose.choice([None, choose.randrange(-(2**31), 2**31)]),
                "rating": choose.choice([None, choose.random()]),
                "score": choose.choice([None, choose.random()]),
                "name": choose.choice([None, "", "Zoë", "x" * 40]),
                "vip": choose.choice([None, True, False]),
                "zones": choose.choice([None, [], [1, 2], [3]]),
                "seen": choose.choice([None, event - timedelta(seconds=30)]),
            }
        )
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [
                ("driver_id", pa.int64()),
                ("region", pa.string()),
                ("ts", US),
                ("created", US),
                ("trips", pa.int64()),
                ("rank", pa.int32()),
                ("rating", pa.float32()),
                ("score", pa.float64()),
                ("name", pa.string()),
                ("vip", pa.bool_()),
                ("zones", pa.list_(pa.int64())),
                ("seen", US),
            ]
        ),
    )


FIELDS = [
    Field(name="trips", dtype=Int64),
    Field(name="rank", dtype=Int32),
    Field(name="rating", dtype=Float32),
    Field(name="score", dtype=Float64),
    Field(name="name", dtype=String),
    Field(name="vip", dtype=Bool),
    Field(name="zones", dtype=Array(Int64)),
    Field(name="seen", dtype=UnixTimestamp),
]
NAMES = [field.name for field in FIELDS]


def source(name="history", **arguments):
    return IcebergSource(
        **{
            "name": name,
            "table_identifier": "feast.history",
            "timestamp_field": "ts",
            "created_timestamp_column": "created",
            **arguments,
        }
    )


def view_of(name, source, entities=(DRIVER,), schema=FIELDS, kind=FeatureView, **more):
    return kind(
        name=name, entities=list(entities), ttl=timedelta(0), schema=schema, source=source,
        **more,
    )


@pytest.fixture
def stores(make_store, catalog_of, tmp_path):
    """(a store with Floe's engine, one with Feast's) over one catalog; each has a
    registry and online tables of its own."""
    lake = {
        "catalog_type": "sql",
        "uri": f"sqlite:///{tmp_path}/lake.db",
        "warehouse": str(tmp_path / "lake"),
    }

    def make(name, engine):
        online = {**lake, "namespace": f"online_{name}"}
        return make_store(folder=name, offline=lake, online=online, batch_engine=engine)

    pair = make("native", NATIVE), make("stock", "local")
    catalog = catalog_of(pair[0])
    rows = history()
    catalog.create_table("feast.history", rows.schema, partition_by=["day(ts)"])
    catalog.append("feast.history", rows.slice(0, 150))
    catalog.append("feast.history", rows.slice(150))
    return pair


def engine_of(store):
    return store._get_provider().batch_engine


def answers(store, view, keys, names=NAMES):
    response = store.get_online_features(
        features=[f"{view.name}:{name}" for name in names], entity_rows=keys
    )
    # The protobuf itself: types and widths count, not only Python's idea of the values.
    return [
        (list(result.values), list(result.statuses), list(result.event_timestamps))
        for result in response.proto.results
    ]


def check_same(stores, objects, view, keys, names=NAMES):
    """Materializes with both engines and compares the answers."""
    for store in stores:
        store.apply([*objects, view])
        store.materialize(START, END, feature_views=[view.name])
    native, stock = (answers(store, view, keys, names) for store in stores)
    assert native == stock
    return native


DRIVER_ROWS = [{"driver_id": number} for number in [5, *range(42), 5]]


def test_every_column_type_is_answered_as_after_the_stock_engine(stores):
    assert isinstance(engine_of(stores[0]), IcebergEngine)
    assert type(engine_of(stores[1])) is LocalComputeEngine
    view = view_of("stats", source())
    assert engine_of(stores[0]).why_not_native(view) is None
    found = check_same(stores, [DRIVER], view, DRIVER_ROWS)
    kinds = {value.WhichOneof("val") for result in found for value in result[0]}
    assert {"int32_val", "float_val", "int64_list_val", "unix_timestamp_val"} < kinds


def test_composite_keys(stores):
    view = view_of("by_region", source(), entities=(DRIVER, REGION))
    keys = [
        {"driver_id": number, "region": region}
        for number in range(40)
        for region in ["north", "süd", "", "elsewhere"]
    ]
    check_same(stores, [DRIVER, REGION], view, keys)


def test_columns_under_other_names(stores, catalog_of):
    rows = history()
    columns = {"driver_id": "drv", "ts": "when", "created": "made", "trips": "t"}
    rows = rows.rename_columns([columns.get(name, name) for name in rows.column_names])
    catalog_of(stores[0]).create_table("feast.mapped", rows.schema)
    catalog_of(stores[0]).append("feast.mapped", rows)
    mapped = source(
        table_identifier="mapped", field_mapping={c: name for name, c in columns.items()}
    )
    check_same(stores, [DRIVER], view_of("mapped", mapped), DRIVER_ROWS)


def test_parquet_files_and_feasts_own_iceberg_source(stores, tmp_path):
    pq.write_table(history(), tmp_path / "history.parquet")
    files = FileSource(
        name="files",
        path=str(tmp_path / "history.parquet"),
        timestamp_field="ts",
        created_timestamp_column="created",
    )
    from_files = check_same(stores, [DRIVER], view_of("files", files), DRIVER_ROWS)
    theirs = Catalog(
        catalog_name="theirs",
        uri=f"sqlite:///{tmp_path}/theirs.db",
        warehouse=str(tmp_path / "theirs"),
    )
    theirs.create_table("lake.history", history().schema)
    theirs.append("lake.history", history())
    foreign = FeastIcebergSource(
        name="theirs",
        catalog_type="sql",
        catalog_name="theirs",
        endpoint=f"sqlite:///{tmp_path}/theirs.db",
        warehouse=str(tmp_path / "theirs"),
        namespace="lake",
        table="history",
        timestamp_field="ts",
        created_timestamp_column="created",
    )
    from_theirs = check_same(stores, [DRIVER], view_of("foreign", foreign), DRIVER_ROWS)
    assert from_files == from_theirs


def test_a_view_without_entities_has_its_newest_row(stores):
    view = view_of("totals", source(), entities=())
    native = stores[0]
    native.apply([view])
    native.materialize(START, END)
    rows = history().to_pandas().sort_values(["ts", "created"])
    answer = native.get_online_features(
        features=["totals:name", "totals:seen"], entity_rows=[{"driver_id": 1}]
    ).to_dict()
    assert answer["name"] == [rows.iloc[-1]["name"]]


def test_batch_and_stream_views(stores):
    batch = view_of("batch", source(), kind=BatchFeatureView, online=True)
    pushed = PushSource(name="pushed", batch_source=source("stream"))
    stream = view_of("stream", pushed, kind=StreamFeatureView)
    found = check_same(stores, [DRIVER], batch, DRIVER_ROWS)
    for view in (batch, stream):
        assert engine_of(stores[0]).why_not_native(view) is None
    assert check_same(stores, [DRIVER], stream, DRIVER_ROWS) == found


def test_a_view_that_transforms_rows_takes_feasts_path(stores):
    def double(frame: pd.DataFrame) -> pd.DataFrame:
        frame["score"] = frame["score"] * 2
        return frame

    view = view_of(
        "doubled",
        source(),
        schema=[Field(name="score", dtype=Float64)],
        kind=BatchFeatureView,
        mode="pandas",
        udf=double,
        udf_string="double",
        online=True,
    )
    assert "transforms" in engine_of(stores[0]).why_not_native(view)
    check_same(stores, [DRIVER], view, DRIVER_ROWS, ["score"])


def test_on_demand_views_are_written(stores):
    view = view_of("stats", source())

    @on_demand_feature_view(
        sources=[view],
        entities=[DRIVER],
        schema=[Field(name="rounded", dtype=Int64)],
        mode="pandas",
        write_to_online_store=True,
    )
    def rounded(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"rounded": (inputs["score"].fillna(0) * 100).astype("int64")})

    for store in stores:
        store.apply([DRIVER, view, rounded])
        store.materialize(START, END)
    keys = [{"driver_id": number} for number in range(40)]
    native, stock = (
        store.get_online_features(features=["rounded:rounded"], entity_rows=keys).to_dict()
        for store in stores
    )
    assert native == stock
    assert any(native["rounded"])


def test_materialize_incremental_continues_where_it_ended(stores):
    views = [view_of("one", source()), view_of("two", source())]
    middle = START + timedelta(days=4)
    for store in stores:
        store.apply([DRIVER, *views])
        store.materialize(START, middle)
        before = answers(store, views[0], DRIVER_ROWS)
        store.materialize_incremental(END)
        assert answers(store, views[0], DRIVER_ROWS) != before
    for view in views:
        assert answers(stores[0], view, DRIVER_ROWS) == answers(stores[1], view, DRIVER_ROWS)
        intervals = [store.get_feature_view(view.name) for store in stores]
        assert [len(i.materialization_intervals) for i in intervals] == [2, 2]


def test_other_online_stores_are_filled_by_feasts_path(make_store, catalog_of, tmp_path):
    store = make_store(
        online_type="sqlite",
        online={"path": str(tmp_path / "online.db")},
        batch_engine=NATIVE,
    )
    rows = history()
    catalog_of(store).create_table("feast.history", rows.schema)
    catalog_of(store).append("feast.history", rows)
    views = [view_of("stats", source()), view_of("totals", source(), entities=())]
    assert "online store" in engine_of(store).why_not_native(views[0])
    store.apply([DRIVER, *views])
    store.materialize(START, END)
    newest = rows.to_pandas().sort_values(["ts", "created"])
    answer = store.get_online_features(
        features=["stats:name"], entity_rows=[{"driver_id": 7}]
    ).to_dict()
    assert answer["name"] == [newest[newest.driver_id == 7].iloc[-1]["name"]]
    # Here the stock engine keeps whichever row it wrote last.
    answer = store.get_online_features(features=["totals:name"], entity_rows=[{"driver_id": 1}])
    assert answer.to_dict()["name"] == [newest.iloc[-1]["name"]]


def test_a_failing_view_keeps_no_other_from_being_done(stores):
    good, bad = view_of("good", source()), view_of("bad", source())
    store = stores[0]
    store.apply([DRIVER, good, bad])
    bad.batch_source.table_identifier = "feast.gone"
    tasks = [
        MaterializationTask("rides", view, START, END) for view in (bad, good)
    ]
    failed, done = engine_of(store).materialize(store.registry, tasks)
    assert "gone" in str(failed.error()) and failed.status().name == "ERROR"
    assert done.error() is None and done.status().name == "SUCCEEDED"


def test_a_null_key_is_an_error_that_names_it(stores, catalog_of):
    rows = history(count=3)
    keys = pa.array([1, None, 2], pa.int64())
    rows = rows.set_column(0, "driver_id", keys)
    catalog_of(stores[0]).create_table("feast.nulls", rows.schema)
    catalog_of(stores[0]).append("feast.nulls", rows)
    view = view_of("nulls", source(table_identifier="feast.nulls"))
    stores[0].apply([DRIVER, view])
    with pytest.raises(FloeInputError, match="no join key 'driver_id'"):
        stores[0].materialize(START, END)


def test_vectors_of_another_length_are_refused(stores):
    vectors = [
        Field(name="zones", dtype=Array(Int64), vector_index=True, vector_length=2)
    ]
    view = view_of("vectors", source(), schema=vectors)
    stores[0].apply([DRIVER, view])
    with pytest.raises(FloeInputError, match="'zones'.*one length"):
        stores[0].materialize(START, END)


def test_progress_is_shown_on_a_terminal_alone(stores, monkeypatch, capsys):
    store = stores[0]
    view = view_of("stats", source())
    store.apply([DRIVER, view])

    class FakeBar:
        def __init__(self, total):
            self.total, self.n, self.closed = total, 0, False

        def update(self, by):
            self.n += by

        def close(self):
            self.closed = True

    bars = []

    def builder(total):
        bars.append(FakeBar(total))
        return bars[-1]

    task = MaterializationTask("rides", view, START, END, tqdm_builder=builder)
    monkeypatch.setattr(engine_progress, "SHOW_AFTER_SECONDS", 0)
    engine_of(store).materialize(store.registry, task)
    assert bars == []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    (job,) = engine_of(store).materialize(store.registry, task)
    assert job.error() is None
    (bar,) = bars
    assert bar.n == bar.total == len(set(history()["driver_id"].to_pylist()))
    assert bar.closed


def test_ctrl_c_cancels_the_call():
    entered, cancelled = threading.Event(), threading.Event()

    class Interrupting(engine_progress.Bar):
        def show(self, done, total):
            entered.wait()
            raise KeyboardInterrupt

    def call(progress):
        cancel = progress.cancel

        def note():
            cancel()
            cancelled.set()

        progress.cancel = note
        entered.set()
        assert cancelled.wait(60)

    with pytest.raises(KeyboardInterrupt):
        engine_progress.run_watched(call, Interrupting())
    assert cancelled.is_set()


def test_a_mistake_in_the_settings_is_named(make_store):
    store = make_store(batch_engine={"type": "floe.IcebergEngine", "thread": 2})
    with pytest.raises(FloeConfigError, match="'thread'.*did you mean 'threads'"):
        engine_of(store)
    assert isinstance(engine_of(make_store(batch_engine="iceberg", folder="b")), IcebergEngine)
