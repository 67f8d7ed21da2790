"""What goes wrong at a user's site: the message names the thing and the remedy, and
nothing is left half-written."""

import os
import pathlib
import subprocess
import sys
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

import rides
from feast import FeatureView, Field
from feast.types import Float32, Int64
from floe import Catalog, FloeError, IcebergSource
from floe.errors import FloeNotFoundError

END = rides.START + timedelta(hours=rides.HOURS - 1)


def view_of(source, fields=("trips",)):
    return FeatureView(
        name="stats",
        entities=[rides.driver()],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64)]
        + [Field(name=name, dtype=Int64) for name in fields],
        source=source,
    )


def frame():
    return pd.DataFrame({"driver_id": [1001], "event_timestamp": [END]})


def check_message(error, *parts):
    for part in parts:
        assert part in str(error), f"{part!r} is not in: {error}"


def validate(store, source):
    """What `feast apply` asks of every source first."""
    store._get_provider().validate_data_source(store.config, source)


def test_a_missing_table_is_named_at_apply(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    validate(store, rides.source())
    with pytest.raises(FloeNotFoundError) as raised:
        validate(store, rides.source(table_identifier="feast.driver_stat"))
    assert raised.value.code == "NO_SUCH_TABLE"
    check_message(raised.value, "feast.driver_stat", "driver_stats")


def test_a_table_that_went_missing_is_named_at_retrieval(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply([rides.driver(), view_of(rides.source())])
    catalog_of(store).drop_table(rides.TABLE)
    with pytest.raises(FloeNotFoundError) as raised:
        store.get_historical_features(entity_df=frame(), features=["stats:trips"]).to_df()
    check_message(raised.value, rides.TABLE)


def test_a_wrong_feature_column_is_named_with_the_nearest(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply([rides.driver(), view_of(rides.source(), ["tripz"])])
    with pytest.raises(FloeError) as raised:
        store.get_historical_features(entity_df=frame(), features=["stats:tripz"]).to_df()
    assert raised.value.code == "NO_SUCH_COLUMN"
    check_message(raised.value, "tripz", "'trips'", "stats")


@pytest.mark.parametrize(
    "arguments, parts",
    [
        ({"timestamp_field": "event_time"}, ["event_time", "'event_timestamp'"]),
        ({"timestamp_field": "city"}, ["city", "must be a timestamp"]),
        ({"created_timestamp_column": "creatd"}, ["creatd", "'created'"]),
        ({"snapshot_id": 12345}, ["12345"]),
        ({"ref": "no-such-tag"}, ["no-such-tag"]),
    ],
)
def test_a_source_that_does_not_fit_its_table_is_refused_at_apply(
    make_store, catalog_of, arguments, parts
):
    store = make_store()
    rides.write_table(catalog_of(store))
    with pytest.raises(FloeError) as raised:
        validate(store, rides.source(**arguments))
    check_message(raised.value, *parts)


def test_a_missing_entity_column_is_named(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply([rides.driver(), view_of(rides.source())])
    with pytest.raises(FloeError) as raised:
        store.get_historical_features(
            entity_df=frame().rename(columns={"driver_id": "driver"}),
            features=["stats:trips"],
        ).to_df()
    check_message(raised.value, "driver_id")


def test_reading_a_view_that_was_never_applied_names_the_remedy(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    view = view_of(rides.source())
    online = store._get_provider().online_store
    key = rides_key(1001)
    with pytest.raises(FloeNotFoundError) as raised:
        online.online_read(store.config, view, [key], ["trips"])
    check_message(raised.value, "rides_stats_online", "feast apply")


def rides_key(driver_id):
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    return EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=driver_id)])


def in_fresh_process(code):
    """Runs code where nothing is cached; its last line of output."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


def catalog_in(tmp_path):
    return Catalog(uri=f"sqlite:///{tmp_path}/c.db", warehouse=str(tmp_path / "wh"))


READ = """
import floe
catalog = floe.Catalog(uri="sqlite:///{0}/c.db", warehouse="{0}/wh")
try:
    rows = catalog.scan("feast.t").read_all()
    print("no error, rows:", rows.num_rows)
except floe.FloeError as error:
    print(error.code, str(error).replace(chr(10), " "))
"""


def some_rows():
    return pa.table(
        {"k": list(range(1000)), "ts": pa.array(range(1000), pa.timestamp("us", "UTC"))}
    )


@pytest.mark.parametrize("damage", ["truncated", "not JSON", "another JSON"])
def test_corrupt_metadata_names_the_file(tmp_path, damage):
    catalog = catalog_in(tmp_path)
    catalog.create_table("feast.t", some_rows().schema)
    catalog.append("feast.t", some_rows())
    path = catalog.describe("feast.t")["metadata_location"].removeprefix("file://")
    content = pathlib.Path(path).read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "not JSON": b"\x00\xff" * 50,
        "another JSON": b'{"format-version": 2}',
    }[damage]
    pathlib.Path(path).write_bytes(damaged)
    answer = in_fresh_process(READ.format(tmp_path))
    assert answer.startswith("CORRUPT_DATA")
    assert os.path.basename(path) in answer


def data_files(tmp_path):
    return sorted((tmp_path / "wh").rglob("*.parquet"))


@pytest.mark.parametrize("keep", [0, 3, 0.5, -1])
def test_a_truncated_parquet_file_is_named(tmp_path, keep):
    catalog = catalog_in(tmp_path)
    catalog.create_table("feast.t", some_rows().schema)
    catalog.append("feast.t", some_rows())
    (path,) = data_files(tmp_path)
    content = path.read_bytes()
    length = int(len(content) * keep) if isinstance(keep, float) else keep
    path.write_bytes(content[:length])
    answer = in_fresh_process(READ.format(tmp_path))
    assert answer.startswith("CORRUPT_DATA")
    assert path.name in answer


def test_a_missing_data_file_is_named_and_no_rows_are_made_up(tmp_path):
    catalog = catalog_in(tmp_path)
    catalog.create_table("feast.t", some_rows().schema)
    catalog.append("feast.t", some_rows())
    (path,) = data_files(tmp_path)
    path.unlink()
    answer = in_fresh_process(READ.format(tmp_path))
    assert answer.startswith("NO_SUCH_FILE")
    assert path.name in answer


def test_an_unwritable_warehouse_is_named_and_leaves_no_table(tmp_path):
    # A file where a folder must be: refused for every user, root too.
    (tmp_path / "file").write_text("")
    catalog = Catalog(uri=f"sqlite:///{tmp_path}/c.db", warehouse=str(tmp_path / "file/wh"))
    with pytest.raises(FloeError) as raised:
        catalog.create_table("feast.t", some_rows().schema)
    check_message(raised.value, f"{tmp_path}/file/wh")
    assert not catalog.table_exists("feast.t")


def test_an_unusable_catalog_database_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FloeError) as raised:
        Catalog(uri=f"sqlite:///{tmp_path}/file/c.db", warehouse=str(tmp_path / "wh"))
    check_message(raised.value, f"{tmp_path}/file/c.db")


def test_rows_that_do_not_fit_leave_the_table_as_it_was(tmp_path):
    catalog = catalog_in(tmp_path)
    catalog.create_table("feast.t", some_rows().schema)
    catalog.append("feast.t", some_rows())
    before = data_files(tmp_path)
    wrong = some_rows().rename_columns(["key", "ts"])
    with pytest.raises(FloeError) as raised:
        catalog.append("feast.t", wrong)
    check_message(raised.value, "key", "k")

    def failing_batches():
        yield some_rows().to_batches()[0]
        raise RuntimeError("the producer broke off")

    reader = pa.RecordBatchReader.from_batches(some_rows().schema, failing_batches())
    with pytest.raises(FloeError, match="the producer broke off"):
        catalog.append("feast.t", reader)
    assert catalog.scan("feast.t").read_all().num_rows == 1000
    assert len(catalog.describe("feast.t")["snapshots"]) == 1
    assert data_files(tmp_path) == before


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    catalog = catalog_in(tmp_path)
    catalog.create_table("feast.t", some_rows().schema)
    code = f"""
import floe, pyarrow as pa
catalog = floe.Catalog(uri="sqlite:///{tmp_path}/c.db", warehouse="{tmp_path}/wh")
for i in range(5):
    times = pa.array([i] * 10, pa.timestamp("us", "UTC"))
    catalog.append("feast.t", pa.table({{"k": list(range(10)), "ts": times}}))
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode == 0, errors
    assert catalog.scan("feast.t").read_all().num_rows == 4 * 5 * 10
    assert len(catalog.describe("feast.t")["snapshots"]) == 20


def test_a_store_that_is_not_floes_is_told_so(make_store):
    store = make_store(offline_type="file")
    source = IcebergSource(table_identifier="feast.t", timestamp_field="ts")
    with pytest.raises(FloeError, match="floe.IcebergOfflineStore"):
        source.validate(store.config)


def test_feature_types_that_do_not_fit_are_named(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply([rides.driver(), view_of(rides.source())])
    changed = FeatureView(
        name="stats",
        entities=[rides.driver()],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64), Field(name="trips", dtype=Float32)],
        source=rides.source(),
    )
    with pytest.raises(FloeError) as raised:
        store.apply([rides.driver(), changed])
    check_message(raised.value, "trips", "INT64", "FLOAT")
