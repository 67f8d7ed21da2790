"""The plugin under stock Feast, from apply to push, in a repository of its own."""

import asyncio
import os
import subprocess
import sys
import textwrap
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

import rides
from feast import FeatureService, FeatureView, Field, RequestSource
from feast.data_source import PushMode
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64
from floe import Catalog, FloeError

END = rides.START + timedelta(hours=rides.HOURS - 1)


@pytest.fixture
def store(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    applied, _, _ = rides.objects()
    store.apply(applied)
    return store


def entity_frame():
    return pd.DataFrame(
        {
            "driver_id": [1003, 1001, 1001, 9, 1002, 1001],
            "event_timestamp": [
                END,
                END,
                rides.START + timedelta(hours=3, minutes=59),
                END,
                rides.START - timedelta(seconds=1),
                END + timedelta(days=1, seconds=1),
            ],
            "label": [1, 2, 3, 4, 5, 6],
        }
    )


def check_historical(result, frame, names):
    assert list(result.columns) == [*frame.columns, *names]
    assert list(result["label"]) == list(frame["label"])
    for index, row in frame.iterrows():
        wanted = rides.expected(row.event_timestamp, row.driver_id)
        for name in names:
            feature = name.split("__")[-1]
            value = result[name][index]
            if wanted is None:
                assert value is None or pd.isna(value)
            elif feature == "zones":
                assert list(value) == list(wanted[feature])
            else:
                assert value == wanted[feature]


FEATURES = ["conv_rate", "trips", "city", "zones", "last_seen"]


def test_historical_features(store):
    frame = entity_frame()
    refs = [f"driver_stats:{name}" for name in FEATURES]
    result = store.get_historical_features(entity_df=frame, features=refs).to_df()
    check_historical(result, frame, FEATURES)
    result = store.get_historical_features(
        entity_df=frame, features=refs, full_feature_names=True
    ).to_df()
    check_historical(result, frame, [f"driver_stats__{name}" for name in FEATURES])


def test_historical_features_by_service_and_in_batches(store):
    frame = entity_frame()
    job = store.get_historical_features(
        entity_df=frame, features=store.get_feature_service("small")
    )
    batches = list(job.to_arrow_batches())
    result = pa.Table.from_batches(batches).to_pandas()
    check_historical(result, frame, ["trips"])
    assert job.metadata.keys == ["driver_id", "label"]
    assert job.metadata.max_event_timestamp == frame.event_timestamp.max()
    (view,) = job.receipt["views"]
    assert view["snapshot_id"]
    cost = job.receipt["cost"]
    assert cost["requests"]["catalog"] > 0 and cost["retries"] == 0


def test_entity_frames_of_every_kind_give_the_same(store, tmp_path):
    frame = entity_frame()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    path = tmp_path / "entities.parquet"
    pa.parquet.write_table(table, path)
    wanted = None
    for entity_df in (frame, table, table.to_batches()[0], table.to_reader(), path, str(path)):
        result = store.get_historical_features(
            entity_df=entity_df, features=["driver_stats:trips", "driver_stats:city"]
        ).to_df()
        rows = result.astype(object).where(result.notna(), None).values.tolist()
        wanted = wanted or rows
        assert rows == wanted


def test_an_entity_frame_may_be_sql(store):
    result = store.get_historical_features(
        entity_df="""
            SELECT driver_id, max(event_timestamp) AS event_timestamp
            FROM feast.driver_stats WHERE driver_id < 1003 GROUP BY 1 ORDER BY 1
        """,
        features=["driver_stats:trips"],
    ).to_df()
    assert list(result.driver_id) == [1001, 1002]
    assert list(result.trips) == [
        4242,
        rides.expected(pd.Timestamp(END), 1002)["trips"],
    ]


def test_sql_of_an_entity_frame_is_understood_like_sql(store, catalog_of, tmp_path):
    names = pa.table({"driver_id": [1001, 1003], "name": ["Ada", "Bo"]})
    for table in ("hr-2.the drivers", "eu.hr.drivers"):
        catalog_of(store).create_table(table, names.schema)
        catalog_of(store).append(table, names)
    pa.parquet.write_table(pa.table({"driver_id": [1003]}), tmp_path / "few.parquet")
    job = store.get_historical_features(
        entity_df=f"""
            WITH latest AS (
                SELECT driver_id, max(event_timestamp) AS event_timestamp
                FROM driver_stats GROUP BY driver_id)
            SELECT latest.*, name FROM latest JOIN "hr-2"."the drivers" USING (driver_id)
            SEMI JOIN eu.hr.drivers USING (driver_id)
            WHERE driver_id IN (SELECT driver_id FROM '{tmp_path}/few.parquet')
        """,
        features=["driver_stats:trips"],
    )
    assert job.to_df()[["driver_id", "name", "trips"]].values.tolist() == [
        [1003, "Bo", rides.expected(pd.Timestamp(END), 1003)["trips"]]
    ]
    for query, part in (
        ("SELECT * FROM feast.no_such", "feast.no_such"),
        ("SELEC driver_id", "syntax error"),
        ("DELETE FROM driver_stats", "SELECT"),
    ):
        with pytest.raises(FloeError, match=part):
            store.get_historical_features(entity_df=query, features=["driver_stats:trips"])


def test_an_entity_frame_with_missing_integer_keys(store):
    frame = pd.DataFrame({"driver_id": [1001, None], "event_timestamp": [END, END]})
    assert frame.driver_id.dtype == "float64"
    result = store.get_historical_features(
        entity_df=frame, features=["driver_stats:trips"]
    ).to_df()
    assert result.trips[0] == 4242 and pd.isna(result.trips[1])


def test_without_entities_there_is_a_row_per_key_and_time(store):
    result = store.get_historical_features(
        features=["driver_stats:trips"],
        start_date=rides.START,
        end_date=rides.START + timedelta(hours=2),
    ).to_df()
    assert len(result) == 3 * len(rides.DRIVERS)
    for row in result.itertuples():
        wanted = rides.expected(row.event_timestamp, row.driver_id)
        assert row.trips == wanted["trips"]


def test_on_demand_views_are_computed(store):
    request = RequestSource(name="extra", schema=[Field(name="bonus", dtype=Int64)])
    view = store.get_feature_view("driver_stats")

    @on_demand_feature_view(
        sources=[request, view], schema=[Field(name="paid_trips", dtype=Float64)]
    )
    def paid(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"paid_trips": inputs["trips"] * 1.0 + inputs["bonus"]})

    store.apply([paid])
    frame = entity_frame().assign(bonus=5)
    result = store.get_historical_features(
        entity_df=frame, features=["driver_stats:trips", "paid:paid_trips"]
    ).to_df()
    assert result.paid_trips[1] == 4242 + 5


def test_mapped_columns_join_keys_and_times(make_store, catalog_of):
    store = make_store()
    rows = rides.arrow_rows()
    renamed = {"driver_id": "drv", "event_timestamp": "ts", "trips": "t", "created": "c"}
    rows = rows.rename_columns([renamed.get(name, name) for name in rows.column_names])
    catalog_of(store).create_table("other.stats", rows.schema)
    catalog_of(store).append("other.stats", rows)
    source = rides.source(
        table_identifier="other.stats",
        field_mapping={column: name for name, column in renamed.items()},
    )
    view = FeatureView(
        name="stats",
        entities=[rides.driver()],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Int64)],
        source=source,
    )
    store.apply([rides.driver(), view])
    frame = entity_frame()
    result = store.get_historical_features(entity_df=frame, features=["stats:trips"])
    check_historical(result.to_df(), frame, ["trips"])
    # Two roles of one key, each under its own column of the frame.
    both = FeatureService(
        name="both",
        features=[
            view.with_name("first").with_join_key_map({"driver_id": "a"}),
            view.with_name("second").with_join_key_map({"driver_id": "b"}),
        ],
    )
    store.apply([both])
    pairs = pd.DataFrame({"a": [1001], "b": [1002], "event_timestamp": [END]})
    result = store.get_historical_features(
        entity_df=pairs, features=both, full_feature_names=True
    ).to_df()
    assert list(result.columns) == [*pairs.columns, "first__trips", "second__trips"]
    assert result["first__trips"][0] == 4242
    assert result["second__trips"][0] == rides.expected(pd.Timestamp(END), 1002)["trips"]


def test_feasts_own_iceberg_source_is_read_from_its_own_catalog(
    make_store, catalog_of, tmp_path
):
    store = make_store()
    other = Catalog(
        catalog_name="theirs",
        uri=f"sqlite:///{tmp_path}/theirs.db",
        warehouse=str(tmp_path / "theirs"),
    )
    rides.write_table(other, "lake.stats")
    metadata = other.describe("lake.stats")["metadata_location"]
    # A table of the same name in the store's own catalog is another one.
    catalog_of(store).create_table("lake.stats", rides.arrow_rows().schema)
    # Only the settings of the source's own catalog say where its files are now.
    (tmp_path / "theirs").rename(tmp_path / "moved")
    source = FeastIcebergSource(
        name="theirs",
        catalog_type="sql",
        catalog_name="theirs",
        endpoint=f"sqlite:///{tmp_path}/theirs.db",
        warehouse=str(tmp_path / "theirs"),
        namespace="lake",
        table="stats",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
        catalog_properties={"floe.path-prefixes": f"{tmp_path}/theirs={tmp_path}/moved"},
    )
    view = FeatureView(
        name="stats",
        entities=[rides.driver()],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Int64)],
        source=source,
    )
    store._get_provider().validate_data_source(store.config, source)
    store.apply([rides.driver(), view])
    frame = entity_frame()
    result = store.get_historical_features(entity_df=frame, features=["stats:trips"])
    check_historical(result.to_df(), frame, ["trips"])
    assert metadata.removeprefix("file://") in result.to_sql()
    store.materialize(rides.START - timedelta(days=1), END)
    assert online(store, ["stats:trips"], [1001])["trips"] == [4242]


def online(store, features, keys):
    return store.get_online_features(
        features=features, entity_rows=[{"driver_id": key} for key in keys]
    ).to_dict()


def check_online(answer, names):
    for index, key in enumerate(answer["driver_id"]):
        wanted = rides.expected(pd.Timestamp(END), key)
        for name in names:
            value = answer[name][index]
            if wanted is None:
                assert value is None
            elif name == "zones":
                assert list(value) == list(wanted[name])
            elif name == "last_seen":
                assert value == wanted[name].to_pydatetime()
            else:
                assert value == wanted[name]


def test_materialize_and_read_online(store):
    store.materialize(rides.START - timedelta(days=1), END)
    keys = [1002, 9, 1001, 1002, 1003]
    names = [f"driver_stats:{name}" for name in FEATURES]
    answer = online(store, names, keys)
    assert answer["driver_id"] == keys
    check_online(answer, FEATURES)
    check_online(online(store, store.get_feature_service("whole"), keys), FEATURES)
    assert set(online(store, store.get_feature_service("small"), keys)) == {
        "driver_id",
        "trips",
    }


def test_materialize_incremental_then_async_read(store):
    view = store.get_feature_view("driver_stats")
    view.ttl = timedelta(days=36_500)  # Incremental starts that long before today.
    store.apply([view])
    store.materialize_incremental(END)
    answer = asyncio.run(
        store.get_online_features_async(
            features=["driver_stats:trips"], entity_rows=[{"driver_id": 1001}]
        )
    ).to_dict()
    assert answer["trips"] == [4242]


def test_push_is_readable_online_and_offline(store):
    store.materialize(rides.START - timedelta(days=1), END)
    later = END + timedelta(hours=1)
    pushed = rides.rows().iloc[[1]].copy()
    pushed["driver_id"] = 1002
    pushed["event_timestamp"] = pd.Timestamp(later)
    pushed["created"] = pd.Timestamp(later)
    pushed["trips"] = 77
    store.push("driver_stats_push", pushed, to=PushMode.ONLINE_AND_OFFLINE)
    assert online(store, ["driver_stats:trips"], [1002, 1001])["trips"] == [77, 4242]
    frame = pd.DataFrame({"driver_id": [1002], "event_timestamp": [later]})
    result = store.get_historical_features(
        entity_df=frame, features=["driver_stats:trips"]
    ).to_df()
    assert list(result.trips) == [77]


def test_an_older_row_written_later_does_not_win(store):
    store.materialize(rides.START - timedelta(days=1), END)
    store.materialize(rides.START - timedelta(days=1), rides.START)
    assert online(store, ["driver_stats:trips"], [1001])["trips"] == [4242]


def test_columns_of_a_view_without_schema_are_inferred(store):
    view = FeatureView(
        name="inferred", entities=[rides.driver()], ttl=timedelta(days=1), source=rides.source()
    )
    store.apply([view])
    types = {
        field.name: field.dtype.to_value_type().name
        for field in store.get_feature_view("inferred").features
    }
    assert types == {
        "conv_rate": "FLOAT",
        "trips": "INT64",
        "city": "STRING",
        "zones": "INT64_LIST",
        "last_seen": "UNIX_TIMESTAMP",
    }


def test_a_pinned_source_reads_its_snapshot_and_refuses_writes(store, catalog_of):
    catalog = catalog_of(store)
    first = catalog.describe(rides.TABLE)["snapshots"][0]["snapshot_id"]
    view = FeatureView(
        name="pinned",
        entities=[rides.driver()],
        ttl=timedelta(days=30),
        source=rides.source(name="pinned_source", snapshot_id=first),
    )
    store.apply([view])
    frame = pd.DataFrame(
        {"driver_id": [1001, 1003], "event_timestamp": [END, END]}
    )
    job = store.get_historical_features(entity_df=frame, features=["pinned:trips"])
    result = job.to_df()
    assert result.trips[0] == 4242 and pd.isna(result.trips[1])
    assert job.receipt["views"][0]["snapshot_id"] == first
    with pytest.raises(FloeError, match="pinned"):
        store.write_to_offline_store("pinned", rides.rows())


def test_rows_to_write_must_have_the_columns_of_the_table(store):
    provider = store._get_provider()
    view = store.get_feature_view("driver_stats")
    table = rides.arrow_rows()
    with pytest.raises(ValueError, match="the order differs"):
        provider.ingest_df_to_offline_store(view, table.select(table.column_names[::-1]))
    with pytest.raises(ValueError, match="'trip'.*did you mean 'trips'"):
        names = ["trip" if name == "trips" else name for name in table.column_names]
        provider.ingest_df_to_offline_store(view, table.rename_columns(names))


def test_a_saved_dataset_is_read_back(store):
    frame = entity_frame()
    job = store.get_historical_features(entity_df=frame, features=["driver_stats:trips"])
    store.create_saved_dataset(
        from_=job,
        name="training",
        storage=SavedDatasetFileStorage(path="data/training.parquet"),
    )
    rows = store.get_saved_dataset("training").to_df()
    assert sorted(rows["trips"].dropna()) == sorted(job.to_df()["trips"].dropna())


def test_a_deleted_view_loses_its_online_table(store, catalog_of):
    catalog = catalog_of(store)
    tables = catalog.list_tables("feast_online")
    assert tables == ["feast_online.rides_driver_stats_online"]
    view = store.get_feature_view("driver_stats")
    services = [store.get_feature_service(name) for name in ("small", "whole")]
    store.apply([], objects_to_delete=[view, *services], partial=False)
    assert catalog.list_tables("feast_online") == []


def test_teardown_drops_the_online_tables_and_nothing_else(store, catalog_of):
    catalog = catalog_of(store)
    store.teardown()
    assert catalog.list_tables("feast_online") == []
    assert catalog.table_exists(rides.TABLE)


def test_versioned_views_are_read_by_version(make_store, catalog_of):
    store = make_store(registry={"enable_online_feature_view_versioning": True})
    rides.write_table(catalog_of(store))

    def apply(names):
        view = FeatureView(
            name="stats",
            entities=[rides.driver()],
            ttl=timedelta(days=1),
            schema=[Field(name=name, dtype=Int64) for name in names],
            source=rides.source(),
        )
        store.apply([rides.driver(), view])
        store.materialize(rides.START - timedelta(days=1), END)

    apply(["driver_id", "trips"])
    tables = catalog_of(store).list_tables("feast_online")
    assert len(tables) == 1
    assert online(store, ["stats:trips"], [1001])["trips"] == [4242]


def test_the_feast_command_knows_the_alias(tmp_path):
    (tmp_path / "feature_store.yaml").write_text(
        textwrap.dedent(
            """
            project: cli
            provider: local
            registry: data/registry.db
            offline_store: {type: iceberg}
            online_store: {type: iceberg}
            entity_key_serialization_version: 3
            """
        )
    )
    (tmp_path / "features.py").write_text(
        "import rides\nobjects, view, services = rides.objects()\n"
        "driver, source, push = objects[:3]\nsmall, whole = services\n"
    )
    (tmp_path / "data").mkdir()
    tests = os.path.dirname(os.path.abspath(rides.__file__))
    environment = _python_path(tests)
    run = [sys.executable, "-c", "import floe._alias; from feast.cli.cli import cli; cli()"]
    if _alias_is_installed():
        run = [os.path.join(os.path.dirname(sys.executable), "feast")]
    write = "import rides, floe; rides.write_table(floe.open_repo_catalog('.'))"
    for command in ([sys.executable, "-c", write], [*run, "apply"]):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "driver_stats" in done.stdout
    code = (
        "from feast import FeatureStore; s = FeatureStore('.'); "
        "print(type(s._get_provider().offline_store).__name__, "
        "type(s._get_provider().online_store).__name__)"
    )
    prefix = "" if _alias_is_installed() else "import floe._alias; "
    done = subprocess.run(
        [sys.executable, "-c", prefix + code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "IcebergOfflineStore IcebergOnlineStore" in done.stdout, done.stderr


def _alias_is_installed():
    """Whether the package is installed, floe.pth with it, rather than on PYTHONPATH."""
    import floe

    return "site-packages" in floe.__file__


def test_importing_floe_before_or_after_feast_makes_the_alias(tmp_path):
    for first, second in (("feast", "floe._alias"), ("floe._alias", "feast")):
        code = (
            f"import {first}, {second}, feast.repo_config as c; "
            "assert c.ONLINE_STORE_CLASS_FOR_TYPE['iceberg'] == 'floe.IcebergOnlineStore'; "
            "assert c.__loader__ is c.__spec__.loader; "
            "assert 'Loader' in type(c.__loader__).__name__ and "
            "type(c.__loader__).__module__ != 'floe._alias'"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


def test_the_alias_is_cheap_and_harmless_without_feast():
    code = (
        "import sys; before = set(sys.modules); import floe._alias; "
        "extra = set(sys.modules) - before; "
        "assert extra <= {'floe', 'floe._alias'}, extra; "
        "import json, http.client"
    )
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=_python_path())


def _python_path(*folders):
    """An environment where folders, and the floe under test, are importable."""
    import floe

    parent = os.path.dirname(os.path.dirname(os.path.abspath(floe.__file__)))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*folders, parent])}
