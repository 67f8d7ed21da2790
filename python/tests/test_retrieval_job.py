"""What a RetrievalJob does beyond giving rows: explaining, SQL, saving, exporting."""

import json
import sqlite3
import types
from datetime import timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rides
from feast import FeatureView, Field, FileSource, RequestSource
from feast.dqm.errors import ValidationFailed
from feast.errors import (
    RequestDataNotFoundInEntityDfException,
    SavedDatasetLocationAlreadyExists,
)
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.saved_dataset import SavedDatasetStorage
from feast.types import Float64, Int64
from floe import (
    FloeError,
    IcebergSource,
    SavedDatasetCsvStorage,
    SavedDatasetIcebergStorage,
    SavedDatasetSqlStorage,
)

END = rides.START + timedelta(hours=rides.HOURS - 1)
REFS = [f"driver_stats:{name}" for name in ("conv_rate", "trips", "city", "zones")]


@pytest.fixture
def store(make_store, catalog_of):
    store = make_store(offline={"staging_location": "data/staging"})
    rides.write_table(catalog_of(store))
    store.apply(rides.objects()[0])
    return store


def frame():
    times = [END, END, rides.START + timedelta(hours=3), END, END + timedelta(days=9)]
    return pd.DataFrame(
        {"driver_id": [1003, 1001, 1001, 9, 1001], "event_timestamp": times, "n": range(5)}
    )


def retrieval(store, refs=REFS, entity_df=None, **arguments):
    entity_df = frame() if entity_df is None else entity_df
    return store.get_historical_features(entity_df=entity_df, features=refs, **arguments)


def rows_of(table):
    """Rows without regard to their order or to the zone times are written in."""
    if not isinstance(table, pd.DataFrame):
        table = table.to_pandas()
    table = table.assign(event_timestamp=pd.to_datetime(table.event_timestamp, utc=True))
    return sorted(json.dumps(row, default=str) for row in table.to_dict("records"))


def test_explain_says_which_files_and_row_groups_are_read(store, catalog_of):
    job = retrieval(store, ["driver_stats:trips"], frame().iloc[1:2])
    plan = job.explain()
    (view,) = plan["views"]
    table = catalog_of(store).describe(rides.TABLE)
    assert view["snapshot_id"] == table["current_snapshot_id"]
    assert plan["entity_rows"] == 1 and plan["all_entity_rows_seen"]
    added = sum(int(s["summary"]["added-data-files"]) for s in table["snapshots"])
    assert view["files_total"] == added
    assert 0 < view["files_kept"] <= view["files_opened"] <= view["files_total"]
    assert view["row_groups_kept"] == sum(f["row_groups_kept"] for f in view["files"])
    sizes = {"driver_id": 0, "event_timestamp": 0, "created": 0, "trips": 0}
    for file in view["files"]:
        if not file["row_groups_kept"]:
            continue
        metadata = pq.ParquetFile(file["path"].removeprefix("file://")).metadata
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(0).column(column)
            if chunk.path_in_schema in sizes:
                sizes[chunk.path_in_schema] += chunk.total_compressed_size
    assert view["feature_bytes"] == sizes.pop("trips")
    assert view["key_bytes"] == sum(sizes.values())
    assert json.loads(plan.to_json()) == plan
    assert plan["cost"]["requests"]["catalog"] > 0
    assert "catalog" in str(plan).splitlines()[-1]
    assert f"files {view['files_kept']} of {added} kept" in str(plan)
    nothing = retrieval(store, entity_df=frame().iloc[3:4]).explain()["views"][0]
    assert nothing["row_groups_kept"] == 0 and nothing["bytes_kept"] == 0


def test_sql_gives_the_same_rows_in_duckdb(store, tmp_path):
    pq.write_table(rides.arrow_rows(), tmp_path / "rides.parquet")
    view = FeatureView(
        name="from_file",
        entities=[rides.driver()],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Int64)],
        source=FileSource(
            path=str(tmp_path / "rides.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created",
        ),
    )
    store.apply([view])
    job = retrieval(store, ["from_file:trips"])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("entity_df", pa.Table.from_pandas(frame(), preserve_index=False))
    theirs = connection.execute(job.to_sql()).to_arrow_table()
    assert theirs.column_names == job.to_arrow().column_names
    assert theirs.to_pandas()["n"].tolist() == [0, 1, 2, 3, 4]
    assert rows_of(theirs) == rows_of(job.to_df())
    assert "iceberg_scan('" in retrieval(store).to_sql()
    sql = f"SELECT 1001 AS driver_id, TIMESTAMPTZ '{END}' AS event_timestamp;"
    by_sql = retrieval(store, ["from_file:trips"], sql)
    assert rows_of(connection.execute(by_sql.to_sql()).to_arrow_table()) == rows_of(
        by_sql.to_df()
    )


@pytest.mark.parametrize("kind", ["iceberg", "parquet", "folder", "csv", "sql"])
def test_saved_datasets_come_back(store, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINING_DATABASE", f"sqlite:///{tmp_path}/training.db")
    storage = {
        "iceberg": SavedDatasetIcebergStorage("training"),
        "parquet": SavedDatasetFileStorage(path="data/training.parquet"),
        "folder": SavedDatasetFileStorage(path="data/training"),
        "csv": SavedDatasetCsvStorage("data/training.csv"),
        "sql": SavedDatasetSqlStorage("training", url_env_var="TRAINING_DATABASE"),
    }[kind]
    refs = REFS if kind in ("iceberg", "parquet", "folder") else REFS[:3]
    job = retrieval(store, refs)
    store.create_saved_dataset(from_=job, name="training", storage=storage)
    saved = store.get_saved_dataset("training")
    assert saved.storage.to_proto() == storage.to_proto()
    got, wanted = saved.to_df(), job.to_df()
    columns = ["driver_id", "event_timestamp", *(ref.split(":")[1] for ref in refs)]
    got, wanted = got[columns], wanted[columns]
    for name in ("conv_rate", "trips"):
        got, wanted = (f.assign(**{name: f[name].astype(float)}) for f in (got, wanted))
    got["conv_rate"] = got["conv_rate"].round(6)
    wanted["conv_rate"] = wanted["conv_rate"].round(6)
    got, wanted = (f.assign(city=f["city"].fillna("")) for f in (got, wanted))
    assert rows_of(got) == rows_of(wanted)
    with pytest.raises(SavedDatasetLocationAlreadyExists):
        job.persist(storage)
    retrieval(store, refs, frame().head(2)).persist(storage, allow_overwrite=True)
    source = storage.to_data_source()
    again = store._get_provider().offline_store.pull_all_from_table_or_query(
        store.config, source, ["driver_id"], ["trips"], "event_timestamp"
    )
    assert sorted(again.to_df()["driver_id"]) == [1001, 1003]
    if kind == "sql":
        with sqlite3.connect(tmp_path / "training.db") as database:
            assert database.execute("SELECT count(*) FROM training").fetchone() == (2,)


def test_a_saved_dataset_in_iceberg_keeps_its_rows(store, catalog_of):
    job = retrieval(store, ["driver_stats:trips"])
    storage = SavedDatasetIcebergStorage("feast.kept")
    store.create_saved_dataset(from_=job, name="kept", storage=storage)
    catalog = catalog_of(store)
    catalog.append("feast.kept", catalog.scan("feast.kept").read_all())
    assert catalog.scan("feast.kept").read_all().num_rows == 10
    assert len(store.get_saved_dataset("kept").to_df()) == 5
    source = IcebergSource(table_identifier="feast.kept", timestamp_field="event_timestamp")
    assert SavedDatasetStorage.from_data_source(source).table_identifier == "feast.kept"


def test_overwriting_a_saved_dataset_is_one_commit(store, catalog_of):
    catalog = catalog_of(store)
    first = retrieval(store, ["driver_stats:trips"])
    storage = SavedDatasetIcebergStorage("feast.kept")
    first.persist(storage)
    before = catalog.describe("feast.kept")
    # Other columns: one is gone, one is new.
    second = retrieval(store, ["driver_stats:city"], frame().head(2))
    with pytest.raises(SavedDatasetLocationAlreadyExists):
        second.persist(storage)
    second.persist(storage, allow_overwrite=True)
    after = catalog.describe("feast.kept")
    assert after["uuid"] == before["uuid"]
    assert [s["operation"] for s in after["snapshots"]] == ["append", "overwrite"]
    assert after["snapshots"][-1]["snapshot_id"] == storage.snapshot_id
    rows = catalog.scan("feast.kept").read_all()
    assert rows.column_names == second.to_arrow().column_names and rows.num_rows == 2
    old = catalog.scan("feast.kept", snapshot_id=before["current_snapshot_id"]).read_all()
    assert old["trips"].to_pylist() == first.to_arrow()["trips"].to_pylist()
    # The same columns again, no rows at all, then rows again.
    retrieval(store, ["driver_stats:city"], frame().head(0)).persist(storage, allow_overwrite=True)
    assert catalog.scan("feast.kept").read_all().num_rows == 0
    second.persist(storage, allow_overwrite=True)
    assert catalog.scan("feast.kept").read_all().num_rows == 2
    metadata_files = [s["snapshot_id"] for s in catalog.describe("feast.kept")["snapshots"]]
    assert len(metadata_files) == 4


def test_an_overwrite_that_fails_leaves_the_old_rows(store, catalog_of):
    catalog = catalog_of(store)
    storage = SavedDatasetIcebergStorage("feast.kept")
    retrieval(store, ["driver_stats:trips"]).persist(storage)
    before = catalog.describe("feast.kept")["metadata_location"]
    schema = catalog.schema("feast.kept")

    def batches():
        yield pa.RecordBatch.from_pylist([], schema=schema)
        raise ValueError("the source went away")

    with pytest.raises(Exception, match="the source went away"):
        catalog.overwrite("feast.kept", pa.RecordBatchReader.from_batches(schema, batches()))
    assert catalog.describe("feast.kept")["metadata_location"] == before


def test_a_password_does_not_get_into_the_registry():
    with pytest.raises(FloeError, match="url_env_var") as error:
        SavedDatasetSqlStorage("t", url="postgresql://me:s3cret@host/db")
    assert "s3cret" not in str(error.value)
    assert SavedDatasetSqlStorage("t", url="postgresql://me@host/db").resolved_url()


def test_an_export_is_parquet_files(store, make_store):
    job = retrieval(store)
    assert job.supports_remote_storage_export()
    paths = job.to_remote_storage()
    assert all("data/staging/" in path for path in paths)
    tables = pa.concat_tables([pq.read_table(path) for path in paths])
    assert tables.equals(job.to_arrow())
    without = retrieval(store)
    without._config.offline_store.staging_location = None
    assert not without.supports_remote_storage_export()
    with pytest.raises(FloeError, match="staging_location"):
        without.to_remote_storage()


def test_tensors_and_validation(store, monkeypatch):
    fake = types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: False),
        tensor=lambda values, device: (values, device),
    )
    monkeypatch.setattr(
        "feast.infra.offline_stores.offline_store.get_torch", lambda: fake
    )
    job = retrieval(store, ["driver_stats:trips"], frame().head(3))
    tensors = job.to_tensor(default_value=-1)
    assert tensors["trips"] == (job.to_df()["trips"].tolist(), "cpu")
    seen = []

    class Profile:
        def validate(self, rows):
            seen.append(len(rows))
            return types.SimpleNamespace(is_success=len(rows) > 3)

    reference = types.SimpleNamespace(profile=Profile())
    with pytest.raises(ValidationFailed):
        job.to_df(validation_reference=reference)
    retrieval(store).to_arrow(validation_reference=reference)
    assert seen == [3, 5]


def test_a_timeout_is_an_error_and_not_fewer_rows(store):
    job = retrieval(store)
    assert job.to_df(timeout=3600).shape == job.to_df().shape
    for ask in (job.to_arrow, job.to_df, lambda timeout: job.to_arrow_batches(timeout).read_all()):
        with pytest.raises(TimeoutError, match="not done after 0 ms"):
            ask(timeout=0)
    # The time a consumer takes between batches counts too.
    reader = job.to_arrow_batches(timeout=3600)
    assert reader.read_all().num_rows == 5


def test_pulls_have_deadlines_too(store):
    source = store.get_data_source("driver_stats_source")
    arguments = (store.config, source, ["driver_id"], ["trips"], "event_timestamp", "created")
    ends = (rides.START, rides.START + timedelta(days=9))
    offline = store._get_provider().offline_store
    for pull in (offline.pull_latest_from_table_or_query, offline.pull_all_from_table_or_query):
        job = pull(*arguments, *ends)
        assert job.to_arrow(timeout=3600).num_rows > 0
        with pytest.raises(TimeoutError, match="not done after 0 ms"):
            job.to_arrow(timeout=0)


def test_request_data_is_asked_for_whatever_the_frame_is(store):
    request = RequestSource(name="extra", schema=[Field(name="bonus", dtype=Int64)])

    @on_demand_feature_view(
        sources=[request, store.get_feature_view("driver_stats")],
        schema=[Field(name="paid", dtype=Float64)],
        mode="python",
    )
    def pay(inputs):
        return {"paid": [t and float(t + b) for t, b in zip(inputs["trips"], inputs["bonus"])]}

    store.apply([pay])
    rows = pa.Table.from_pandas(frame(), preserve_index=False)
    with pytest.raises(RequestDataNotFoundInEntityDfException):
        retrieval(store, ["pay:paid"], rows)
    with_bonus = rows.append_column("bonus", pa.array([1] * 5))
    job = retrieval(store, ["driver_stats:trips", "pay:paid"], with_bonus)
    result = pa.Table.from_batches(job.to_arrow_batches()).to_pandas()
    assert result.paid[1] == 4243.0


def test_rows_stream_batch_by_batch(store):
    many = pd.concat([frame()] * 30_000, ignore_index=True)
    reader = retrieval(store, ["driver_stats:trips"], many).to_arrow_batches()
    sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == len(many) and max(sizes) < len(many)
