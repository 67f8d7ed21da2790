"""Metadata tables and scans of changes, beside PyIceberg's inspect and hand-made truth."""

import collections

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

import floe
from floe.errors import FloeError

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("g", pa.string()),
        ("d", pa.float64()),
        ("p", pa.struct([("x", pa.int32())])),
    ]
)


def rows(first, group="a"):
    ids = list(range(first, first + 4))
    return pa.table(
        {
            "id": ids,
            "g": [group] * 4,
            "d": [0.5 * number for number in ids],
            "p": [{"x": number} for number in ids],
        },
        schema=SCHEMA,
    )


@pytest.fixture
def catalog(tmp_path):
    result = floe.Catalog(
        catalog_type="sql", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"{tmp_path}/w"
    )
    properties = {"write.delete.mode": "merge-on-read"}
    result.create_table("db.t", SCHEMA, partition_by=["g"], properties=properties)
    result.append("db.t", rows(0, "a"))
    result.append("db.t", rows(10, "b"))
    result.delete("db.t", "id = 1 OR id = 11")
    with result.update_spec("db.t") as update:
        update.add_field("bucket(2, id)")
    result.append("db.t", rows(20, "a"))
    with result.manage_snapshots("db.t") as snapshots:
        snapshots.create_tag("v1")
    return result


@pytest.fixture
def inspect(tmp_path, catalog):
    other = SqlCatalog(
        "floe", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"{tmp_path}/w"
    )
    return other.load_table("db.t").inspect


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tzinfo"):
        return value.replace(tzinfo=None)
    return value


def as_rows(table, names):
    listed = [
        {name: plain(row[name]) for name in names}
        for row in table.select(names).to_pylist()
    ]
    return sorted(listed, key=repr)


COMPARED = {
    "snapshots": ["committed_at", "snapshot_id", "parent_id", "operation", "manifest_list"],
    "history": None,
    "refs": None,
    "metadata_log_entries": None,
    "manifests": None,
    "files": [
        "content",
        "file_path",
        "file_format",
        "spec_id",
        "record_count",
        "file_size_in_bytes",
        "split_offsets",
        "sort_order_id",
    ],
    "data_files": ["content", "file_path", "record_count"],
    "delete_files": ["content", "file_path", "record_count"],
    "entries": ["status", "snapshot_id", "sequence_number", "file_sequence_number"],
    "partitions": [
        "record_count",
        "file_count",
        "total_data_file_size_in_bytes",
        "position_delete_record_count",
        "position_delete_file_count",
        "equality_delete_record_count",
        "last_updated_snapshot_id",
    ],
    "all_files": ["content", "file_path", "record_count"],
    "all_data_files": ["content", "file_path", "record_count"],
    "all_manifests": ["content", "path", "added_snapshot_id", "reference_snapshot_id"],
}


@pytest.mark.parametrize("name", COMPARED)
def test_the_same_as_pyicebergs(catalog, inspect, name):
    ours = catalog.scan(f"db.t.{name}").read_all()
    theirs = getattr(inspect, name)()
    names = COMPARED[name] or theirs.column_names
    found, expected = as_rows(ours, names), as_rows(theirs, names)
    if name.startswith("all_"):
        # PyIceberg says a file once for every snapshot that has it.
        found, expected = ([*map(repr, rows)] for rows in (found, expected))
        found, expected = sorted(set(found)), sorted(set(expected))
    assert found == expected
    assert ours.num_rows > 0


def test_files_have_readable_metrics_and_partitions_of_every_spec(catalog, inspect):
    files = catalog.scan("db.t", metadata_table="data_files").read_all().to_pylist()
    theirs = {row["file_path"]: row for row in inspect.data_files().to_pylist()}
    for file in files:
        other = theirs[file["file_path"]]
        for column in ("id", "g", "d"):
            expected = other["readable_metrics"][column]
            found = file["readable_metrics"][column]
            for metric in ("value_count", "null_value_count", "lower_bound", "upper_bound"):
                assert found[metric] == expected[metric], (column, metric)
        assert dict(file["value_counts"]) == dict(other["value_counts"])
        assert file["partition"] == other["partition"]
    assert {tuple(file["partition"].values()) for file in files} >= {("a", None), ("b", None)}


def test_rows_are_chosen_as_in_any_scan(catalog):
    one = catalog.scan(
        "db.t.snapshots", columns=["operation"], filter="operation = 'delete'"
    ).read_all()
    assert one.to_pylist() == [{"operation": "delete"}]
    assert catalog.scan("db.t.files", limit=1).read_all().num_rows == 1
    first = catalog.scan("db.t.snapshots").read_all()["snapshot_id"][0].as_py()
    assert catalog.scan("db.t.files", snapshot_id=first).read_all().num_rows == 1
    with pytest.raises(FloeError, match="takes no snapshot"):
        catalog.scan("db.t.history", snapshot_id=first)
    with pytest.raises(FloeError, match="no metadata table 'fils'"):
        catalog.scan("db.t", metadata_table="fils")
    with pytest.raises(FloeError) as error:
        catalog.scan("db.missing.files")
    assert error.value.code == "NO_SUCH_TABLE"


def test_a_table_may_be_named_like_a_metadata_table(catalog):
    catalog.create_table("db.t.files", pa.schema([("x", pa.int64())]))
    assert catalog.scan("db.t.files").read_all().column_names == ["x"]


def net(changes):
    """id -> how many more inserts than deletes."""
    total = collections.Counter()
    for row in changes.to_pylist():
        total[row["id"]] += 1 if row["_change_type"] == "INSERT" else -1
    return {key: count for key, count in total.items() if count}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("mode", ["merge-on-read", "copy-on-write"])
def test_changes_between_snapshots(tmp_path, version, mode):
    catalog = floe.Catalog(
        catalog_type="sql", uri=f"sqlite:///{tmp_path}/d.db", warehouse=f"{tmp_path}/w"
    )
    catalog.create_table("db.t", SCHEMA, format_version=version)
    first = catalog.append("db.t", rows(0))["snapshot_id"]
    catalog.append("db.t", rows(10))
    catalog.delete("db.t", "id = 2 OR id = 11", mode=mode)
    catalog.delete("db.t", "id = 3", mode=mode)
    deleted = catalog.describe("db.t")["current_snapshot_id"]
    catalog.maintain("db.t", "compact", rewrite_all=True)
    last = catalog.append("db.t", rows(20))["snapshot_id"]

    changes = catalog.changes("db.t").read_all()
    live = catalog.scan("db.t").read_all()["id"].to_pylist()
    assert net(changes) == {key: 1 for key in live}
    since = catalog.changes("db.t", after_snapshot_id=first, snapshot_id=deleted).read_all()
    assert net(since) == {10: 1, 12: 1, 13: 1, 2: -1, 3: -1}
    if mode == "merge-on-read":
        found = [
            (row["id"], row["_change_type"], row["_change_ordinal"])
            for row in sorted(since.to_pylist(), key=lambda row: row["id"])
        ]
        assert found == [
            (2, "DELETE", 1),
            (3, "DELETE", 2),
            (10, "INSERT", 0),
            (11, "INSERT", 0),
            (11, "DELETE", 1),
            (12, "INSERT", 0),
            (13, "INSERT", 0),
        ]
    only = catalog.changes("db.t", after_snapshot_id=deleted).read_all()
    assert set(only["_commit_snapshot_id"].to_pylist()) == {last}
    appends = catalog.changes("db.t", after_snapshot_id=first, appends_only=True).read_all()
    assert sorted(appends["id"].to_pylist()) == [*range(10, 14), *range(20, 24)]
    assert appends.column_names == SCHEMA.names
    few = catalog.changes("db.t", filter="id >= 12 AND id < 14", columns=["id"]).read_all()
    assert net(few) == {12: 1, 13: 1}
    with pytest.raises(FloeError) as error:
        catalog.changes("db.t", after_snapshot_id=12345)
    assert error.value.code == "NO_SUCH_SNAPSHOT"
