"""Writing to sources and logging destinations, views of every kind, and inferred types."""

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rides
from feast import (
    BatchFeatureView,
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    KafkaSource,
    PushSource,
    StreamFeatureView,
    ValueType,
)
from feast.data_format import JsonFormat
from feast.feature_logging import (
    LOG_TIMESTAMP_FIELD,
    FeatureServiceLoggingSource,
    LoggingConfig,
)
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.labeling.conflict_policy import ConflictPolicy
from feast.labeling.label_view import LabelView
from feast.types import Array, Float32, Int32, Int64, Json, Map, String, Struct, UnixTimestamp
from floe import Catalog, FloeError, IcebergLoggingDestination, IcebergSource

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def driver():
    return Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)


def new_source(**arguments):
    return IcebergSource(
        **{
            "name": "new",
            "table_identifier": "new",
            "timestamp_field": "event_timestamp",
            "created_timestamp_column": "created",
            **arguments,
        }
    )


SCHEMA = [
    Field(name="driver_id", dtype=Int64),
    Field(name="rate", dtype=Float32),
    Field(name="trips", dtype=Int32),
    Field(name="zones", dtype=Array(String)),
    Field(name="settings", dtype=Json),
    Field(name="labels", dtype=Map),
    Field(name="profile", dtype=Struct({"name": String, "age": Int64})),
    Field(name="seen", dtype=UnixTimestamp),
]


def rows(trips=5):
    return pd.DataFrame(
        {
            "created": [NOW],
            "event_timestamp": [NOW],
            "driver_id": [1],
            "rate": [0.5],
            "trips": [trips],
            "zones": [["a", "b"]],
            "settings": [json.dumps({"x": 1})],
            "labels": [{"colour": "red", "size": "L"}],
            "profile": [{"name": "Ada", "age": 36}],
            "seen": [NOW - timedelta(days=1)],
        }
    )


def test_the_first_write_makes_the_table(make_store, catalog_of):
    store = make_store()
    view = FeatureView(name="new_view", entities=[driver()], schema=SCHEMA, source=new_source())
    store.apply([driver(), view])
    wrong = rows().rename(columns={"trips": "trip"})
    with pytest.raises(ValueError, match="missing_expected_columns: \\['trips'\\]"):
        store.write_to_offline_store("new_view", wrong)
    assert not catalog_of(store).table_exists("feast.new")
    store.write_to_offline_store("new_view", rows())
    store.write_to_offline_store("new_view", rows(6).assign(created=NOW + timedelta(hours=1)))
    schema = catalog_of(store).schema("feast.new")
    assert schema.field("rate").type == pa.float32()
    assert schema.field("trips").type == pa.int32()
    assert schema.field("event_timestamp").type == pa.timestamp("us", tz="UTC")
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW]})
    result = store.get_historical_features(
        entity_df=frame, features=[f"new_view:{f.name}" for f in SCHEMA[1:]]
    ).to_arrow()
    (row,) = result.to_pylist()
    assert row["trips"] == 6 and row["zones"] == ["a", "b"]
    assert dict(row["labels"]) == {"colour": "red", "size": "L"}
    assert row["profile"] == {"name": "Ada", "age": 36}
    assert row["seen"] == NOW - timedelta(days=1)


def test_a_source_without_table_and_view_says_what_is_missing(make_store):
    store = make_store()
    view = FeatureView(name="new_view", entities=[driver()], source=new_source())
    with pytest.raises(LookupError, match="feast.new"):
        store.apply([driver(), view])


def test_values_that_do_not_fit_are_refused_and_nothing_is_written(make_store, catalog_of):
    store = make_store()
    view = FeatureView(name="new_view", entities=[driver()], schema=SCHEMA, source=new_source())
    store.apply([driver(), view])
    store.write_to_offline_store("new_view", rows())
    for change, named in (
        ({"trips": [2**40]}, "trips"),
        ({"rate": ["many"]}, "rate"),
        ({"driver_id": [1.5]}, "driver_id"),
        ({"zones": ["ab"]}, "zones"),
    ):
        with pytest.raises(ValueError, match=f"column '{named}'"):
            store.write_to_offline_store("new_view", rows().assign(**change))
    assert catalog_of(store).scan("feast.new").read_all().num_rows == 1


def test_mapped_columns_are_written_under_the_tables_names(make_store, catalog_of):
    store = make_store()
    source = new_source(field_mapping={"ts": "event_timestamp", "t": "trips"})
    view = FeatureView(
        name="new_view",
        entities=[driver()],
        schema=[SCHEMA[0], SCHEMA[2]],
        source=PushSource(name="pushed", batch_source=source),
    )
    store.apply([driver(), view])
    data = pd.DataFrame({"driver_id": [1], "t": [7], "ts": [NOW], "created": [NOW]})
    store.write_to_offline_store("new_view", data)
    assert catalog_of(store).schema("feast.new").names == ["driver_id", "t", "ts", "created"]
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW]})
    job = store.get_historical_features(entity_df=frame, features=["new_view:trips"])
    assert job.to_df()["trips"].tolist() == [7]


def test_feasts_own_iceberg_source_is_written_and_its_types_are_exact(make_store, tmp_path):
    store = make_store()
    catalog = Catalog(
        catalog_name="theirs",
        uri=f"sqlite:///{tmp_path}/theirs.db",
        warehouse=str(tmp_path / "theirs"),
    )
    rides.write_table(catalog, "lake.stats")
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
    )
    view = FeatureView(name="stats", entities=[rides.driver()], source=source)
    store.apply([rides.driver(), view])
    kinds = {f.name: f.dtype.to_value_type().name for f in store.get_feature_view("stats").features}
    assert kinds["last_seen"] == "UNIX_TIMESTAMP" and kinds["zones"] == "INT64_LIST"
    before = catalog.scan("lake.stats").read_all().num_rows
    store.write_to_offline_store("stats", rides.rows().head(2))
    assert catalog.scan("lake.stats").read_all().num_rows == before + 2


def test_types_of_parquet_files_are_exact(make_store, tmp_path):
    store = make_store()
    table = pa.table(
        {
            "driver_id": pa.array([1], pa.int64()),
            "at": pa.array([NOW], pa.timestamp("ns", "UTC")),
            "texts": pa.array([["a"]], pa.large_list(pa.large_string())),
            "day": pa.array([date(2026, 11, 1)], pa.date32()),
            "price": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
            "name": pa.array(["x"], pa.large_string()),
            "half": pa.array([0.5], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    source = FileSource(path=str(tmp_path / "rows.parquet"), timestamp_field="at")
    view = FeatureView(name="files", entities=[driver()], source=source)
    store.apply([driver(), view])
    kinds = {f.name: f.dtype.to_value_type().name for f in store.get_feature_view("files").features}
    assert kinds == {
        "texts": "STRING_LIST",
        "day": "UNIX_TIMESTAMP",
        "price": "DECIMAL",
        "name": "STRING",
        "half": "FLOAT",
    }


def test_logs_land_in_an_iceberg_table(make_store, catalog_of, tmp_path):
    store = make_store()
    rides.write_table(catalog_of(store))
    applied, view, _ = rides.objects()
    service = FeatureService(
        name="logged",
        features=[view[["trips"]]],
        logging_config=LoggingConfig(
            destination=IcebergLoggingDestination(table_identifier="logs"), sample_rate=0.5
        ),
    )
    store.apply([*applied, service])
    stored = store.get_feature_service("logged")
    assert stored.logging_config.destination == IcebergLoggingDestination(table_identifier="logs")
    schema = FeatureServiceLoggingSource(stored, store.project).get_schema(store.registry)

    def log(number):
        values = {
            "driver_id": [1001],
            "driver_stats__trips": [number],
            "driver_stats__trips__timestamp": [NOW.replace(tzinfo=None)],
            "driver_stats__trips__status": [2],
            "__log_timestamp": [NOW + timedelta(seconds=number)],
            "__log_date": [NOW.date()],
            "__request_id": [f"request {number}"],
        }
        return pa.table({name: pa.array(values[name], schema.field(name).type) for name in schema.names})

    store.write_logged_features(log(1), stored)
    folder = tmp_path / "logs"
    folder.mkdir()
    pq.write_table(log(2), folder / "a.parquet")
    pq.write_table(log(3), folder / "b.parquet")
    store.write_logged_features(folder, stored)
    logs = store._get_provider().retrieve_feature_service_logs(
        stored, NOW, NOW + timedelta(seconds=2), store.config, store.registry
    )
    assert sorted(logs.to_df()["driver_stats__trips"]) == [1, 2]
    spec = catalog_of(store).describe("feast.logs")["partition_spec"]
    assert [field["transform"] for field in spec["fields"]] == ["day"]
    assert LOG_TIMESTAMP_FIELD in catalog_of(store).schema("feast.logs").names


def test_the_logs_table_follows_its_feature_service(make_store, catalog_of):
    """A service that gained a feature, one that lost it, and one of a wider type."""
    store = make_store()
    rides.write_table(catalog_of(store))
    applied, view, _ = rides.objects()
    destination = IcebergLoggingDestination(table_identifier="logs")

    def service(*features):
        return FeatureService(
            name="logged",
            features=[view[list(features)]],
            logging_config=LoggingConfig(destination=destination, sample_rate=1),
        )

    def log(*features, kind=None):
        store.apply([*applied, service(*features)])
        stored = store.get_feature_service("logged")
        schema = FeatureServiceLoggingSource(stored, store.project).get_schema(store.registry)
        if kind is not None:
            place = schema.get_field_index("driver_stats__trips")
            schema = schema.set(place, pa.field("driver_stats__trips", kind))
        values = {
            "driver_id": 1001, "driver_stats__trips": 1, "driver_stats__city": "Lyon",
            "__log_timestamp": NOW, "__log_date": NOW.date(), "__request_id": "r",
        }
        row = {name: values.get(name) for name in schema.names}
        store.write_logged_features(pa.Table.from_pylist([row], schema), stored)
        return catalog_of(store).schema("feast.logs")

    narrow = log("trips", kind=pa.int32())
    assert narrow.field("driver_stats__trips").type == pa.int32()
    wide = log("trips", "city")
    assert wide.field("driver_stats__trips").type == pa.int64()
    assert "driver_stats__city__status" in wide.names
    assert log("city").names == wide.names
    rows = catalog_of(store).scan("feast.logs").read_all()
    assert sorted(rows["driver_stats__trips"].to_pylist(), key=str) == [1, 1, None]
    assert sorted(rows["driver_stats__city"].to_pylist(), key=str) == ["Lyon", "Lyon", None]


@pytest.mark.parametrize("kind", ["stream", "batch", "label"])
def test_views_of_other_kinds_are_retrieved(make_store, catalog_of, kind):
    store = make_store()
    rides.write_table(catalog_of(store))
    common = {
        "name": "other",
        "entities": [rides.driver()],
        "schema": [Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Int64)],
    }
    if kind == "stream":
        stream = KafkaSource(
            name="stream",
            kafka_bootstrap_servers="none",
            topic="none",
            timestamp_field="event_timestamp",
            message_format=JsonFormat("driver_id long"),
            batch_source=rides.source(),
        )
        view = StreamFeatureView(source=stream, ttl=timedelta(days=1), mode="python", **common)
    elif kind == "batch":
        view = BatchFeatureView(source=rides.source(), ttl=timedelta(days=1), mode="python", **common)
    else:
        push = PushSource(name="pushed", batch_source=rides.source())
        view = LabelView(
            source=push,
            ttl=timedelta(days=1),
            labeler_field="trips",
            conflict_policy=ConflictPolicy.LAST_WRITE_WINS,
            **common,
        )
    store.apply([rides.driver(), view])
    end = rides.START + timedelta(hours=rides.HOURS - 1)
    frame = pd.DataFrame({"driver_id": [1001, 1002, 9], "event_timestamp": [end] * 3})
    result = store.get_historical_features(frame, ["other:trips"]).to_df()
    assert result.trips[0] == 4242
    assert result.trips[1] == rides.expected(pd.Timestamp(end), 1002)["trips"]
    assert pd.isna(result.trips[2])


def test_an_answer_written_to_a_file_is_a_source(make_store, catalog_of, tmp_path):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply(rides.objects()[0])
    end = rides.START + timedelta(hours=rides.HOURS - 1)
    frame = pd.DataFrame({"driver_id": [1001], "event_timestamp": [end]})
    answer = store.get_historical_features(
        entity_df=frame, features=["driver_stats:zones", "driver_stats:trips"]
    ).to_arrow()

    def trips(path):
        source = FileSource(name=path.stem, path=str(path), timestamp_field="event_timestamp")
        view = FeatureView(name=path.stem, entities=[rides.driver()], source=source)
        store.apply([rides.driver(), view])
        job = store.get_historical_features(entity_df=frame, features=[f"{path.stem}:trips"])
        return job.to_df()["trips"].tolist()

    pq.write_table(answer, tmp_path / "plain.parquet")
    assert trips(tmp_path / "plain.parquet") == [4242]
    # Ids of some columns only: the others would not be found.
    marked = pa.field("zones", pa.list_(pa.int64()), metadata={"PARQUET:field_id": "3"})
    place = answer.schema.get_field_index("zones")
    pq.write_table(answer.cast(answer.schema.set(place, marked)), tmp_path / "partly.parquet")
    with pytest.raises(NotImplementedError, match="field ids, but its column"):
        trips(tmp_path / "partly.parquet")
