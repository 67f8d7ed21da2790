"""Tables that Floe deletes from and keeps up, read by PyIceberg and DuckDB."""

import pyarrow as pa
import pytest

from rows import SCHEMA, assert_same_but_for_pyiceberg, assert_same_rows, random_rows

SHAPES = [
    pytest.param(version, mode, partition_by, id=f"v{version}-{mode}-{name}")
    for version, mode in [
        (1, "copy-on-write"),
        (2, "copy-on-write"),
        (2, "merge-on-read"),
        (3, "copy-on-write"),
        (3, "merge-on-read"),
    ]
    for name, partition_by in [("plain", []), ("day", ["day(a_tstz)"])]
]

ROWS = 90


@pytest.fixture
def compare(shared, duckdb_scan):
    """compare(expected): all three read exactly these rows."""

    def run(expected):
        expected = pa.Table.from_pylist(expected, schema=SCHEMA)
        assert_same_rows(shared.floe.scan("db.t").read_all(), expected)
        table = shared.pyiceberg().load_table("db.t")
        assert_same_but_for_pyiceberg(table.scan().to_arrow(), expected)
        assert_same_rows(duckdb_scan(table.metadata_location), expected)

    return run


@pytest.mark.parametrize("version, mode, partition_by", SHAPES)
def test_deletes_and_upkeep(shared, compare, version, mode, partition_by):
    shared.floe.create_table(
        "db.t", SCHEMA, partition_by=partition_by, format_version=version
    )
    rows = []
    for seed in range(3):
        part = random_rows(50 + seed, ROWS // 3, first_id=ROWS // 3 * seed)
        shared.floe.append("db.t", part)
        rows += part.to_pylist(maps_as_pydicts=None)

    def delete(filter, test):
        kept = [row for row in rows if not test(row)]
        result = shared.floe.delete("db.t", filter, mode=mode)
        assert result["deleted_rows"] == len(rows) - len(kept) > 0
        rows[:] = kept
        compare(rows)

    delete("id >= 10 AND id < 16", lambda row: 10 <= row["id"] < 16)
    # The same files again: a data file has one vector, which holds the older one.
    delete(
        "id = 17 OR a_int < -50",
        lambda row: row["id"] == 17 or (row["a_int"] is not None and row["a_int"] < -50),
    )
    delete("a_bool IS NULL", lambda row: row["a_bool"] is None)

    actions = [
        ("deletes", {"min_files": 1}),
        ("manifests", {}),
        ("compact", {"min_files": 2, "sort_by": ["id desc"]}),
        ("expire", {"older_than_ms": 2**52, "retain_last": 1}),
        ("orphans", {"older_than_ms": 2**52, "allow_recent": True}),
    ]
    for action, options in actions:
        planned = shared.floe.maintain("db.t", action, dry_run=True, **options)
        assert planned["dry_run"]
        report = shared.floe.maintain("db.t", action, **options)
        assert report["failures"] == []
        compare(rows)
    described = shared.floe.describe("db.t")
    assert len(described["snapshots"]) == 1


def test_metadata_says_what_was_deleted(shared):
    shared.floe.create_table(
        "db.t", pa.schema([("id", pa.int64())]), format_version=3
    )
    shared.floe.append("db.t", pa.table({"id": list(range(10))}))
    shared.floe.delete("db.t", "id < 4", mode="merge-on-read")
    table = shared.pyiceberg().load_table("db.t")
    summary = table.current_snapshot().summary
    assert summary.operation.value == "delete"
    assert summary["added-dvs"] == "1"
    assert summary["added-position-deletes"] == "4"
    assert summary["total-position-deletes"] == "4"
    shared.floe.delete("db.t", "id >= 0")
    summary = shared.pyiceberg().load_table("db.t").current_snapshot().summary
    assert summary["total-data-files"] == "0"
    assert summary["total-delete-files"] == "0"
