"""Catalog.plan_files against PyIceberg's plan_files on the same table."""

import datetime

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

import floe
from floe.errors import FloeError

START = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
WEEK_OF_THREE = "ts >= '2026-11-03T00:00:00+00:00' and ts < '2026-11-06T00:00:00+00:00'"


@pytest.fixture
def catalogs(tmp_path):
    """Floe's and PyIceberg's catalog over one table: ten days, some rows deleted."""
    settings = {
        "uri": f"sqlite:///{tmp_path}/catalog.db",
        "warehouse": f"file://{tmp_path}/warehouse",
    }
    ours = floe.Catalog(**settings)
    schema = pa.schema([("id", pa.int64()), ("ts", pa.timestamp("us", tz="UTC"))])
    ours.create_table("db.t", schema, partition_by=["day(ts)"])
    for first in (0, 100):
        times = [START + datetime.timedelta(hours=2 * i) for i in range(100)]
        rows = pa.table({"id": range(first, first + 100), "ts": times}, schema=schema)
        ours.append("db.t", rows)
    ours.delete("db.t", "id in (30, 31, 130)", mode="merge-on-read")
    return ours, SqlCatalog("floe", **settings)


@pytest.mark.parametrize("row_filter", [None, WEEK_OF_THREE, "id >= 150", "id > 500"])
def test_the_files_are_those_that_pyiceberg_plans(catalogs, row_filter):
    ours, theirs = catalogs
    reader, report = ours.plan_files("db.t", filter=row_filter)
    planned = {
        row["file_path"]: (row["record_count"], row["file_size_bytes"], row["delete_files"])
        for row in reader.read_all().to_pylist()
    }
    table = theirs.load_table("db.t")
    scan = table.scan(row_filter=row_filter) if row_filter else table.scan()
    expected = {
        task.file.file_path: (
            task.file.record_count,
            task.file.file_size_in_bytes,
            [deletes.file_path for deletes in task.delete_files],
        )
        for task in scan.plan_files()
    }
    assert planned == expected
    assert report["files_kept"] == len(expected)
    assert report["rows_kept"] == sum(count for count, _, _ in expected.values())
    assert report["snapshot_id"] == table.current_snapshot().snapshot_id


def test_a_pin_plans_the_files_of_then(catalogs):
    ours, theirs = catalogs
    first = theirs.load_table("db.t").snapshots()[0].snapshot_id
    reader, report = ours.plan_files("db.t", snapshot_id=first)
    assert report["snapshot_id"] == first
    files = reader.read_all()
    assert sum(files["record_count"].to_pylist()) == 100
    assert all(deletes == [] for deletes in files["delete_files"].to_pylist())


def test_a_table_without_rows_has_no_files(catalogs):
    ours, _ = catalogs
    ours.create_table("db.empty", pa.schema([("id", pa.int64())]))
    reader, report = ours.plan_files("db.empty")
    assert reader.read_all().num_rows == 0
    assert report["snapshot_id"] is None


def test_a_column_that_is_not_there_is_named(catalogs):
    ours, _ = catalogs
    with pytest.raises(FloeError, match="nowhere"):
        ours.plan_files("db.t", filter="nowhere = 1")
