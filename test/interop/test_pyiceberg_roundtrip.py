"""Tables written by Floe, read by PyIceberg and DuckDB, and the reverse."""

import threading

import pyarrow as pa
import pytest

from rows import (
    SCHEMA,
    assert_same_but_for_pyiceberg,
    assert_same_rows,
    random_rows,
)

PARTITIONS = {
    "none": [],
    "day": ["day(a_tstz)"],
    "month": ["month(a_ts)"],
    "year": ["year(a_date)"],
    "hour": ["hour(a_tstz)"],
    "bucket": ["bucket(4, id)"],
    "bucket_text": ["bucket(3, a_string)"],
    "truncate": ["truncate(10, a_int)"],
    "truncate_text": ["truncate(2, a_string)"],
    "identity": ["a_string"],
    "identity_date": ["a_date"],
    "identity_decimal": ["a_dec9"],
    "two": ["day(a_tstz)", "bucket(2, a_long)"],
}

FILTERS = {
    "id >= 30": "id >= 30",
    "a_int < 0 AND id < 90": "a_int < 0 AND id < 90",
    "a_string = 'b'": "a_string = 'b'",
    "a_string IN ('', 'a', 'null')": "a_string IN ('', 'a', 'null')",
    "a_tstz >= '2026-01-03T00:00:00'": "a_tstz >= '2026-01-03T00:00:00+00:00'",
    "a_date <= '2026-01-02'": "a_date <= '2026-01-02'",
    "a_double IS NULL": "a_double IS NULL",
    "a_bool = true OR a_long > 0": "a_bool = true OR a_long > 0",
    "a_dec9 > 0": "a_dec9 > 0",
    "a_dec9 < -100": "a_dec9 < -100",
    "a_dec18 < 0": "a_dec18 < 0",
    "a_dec38 < 0": "a_dec38 < 0",
    "a_int < -50": "a_int < -50",
    "a_float < -1": "a_float < -1",
    "a_time < '06:00:00'": "a_time < '06:00:00'",
    "a_ts < '1970-01-01T00:00:00'": "a_ts < '1970-01-01T00:00:00'",
}


def loaded(shared, table="db.t"):
    return shared.pyiceberg().load_table(table)


def floe_rows(shared, table="db.t", **options):
    return shared.floe.scan(table, **options).read_all()


@pytest.mark.parametrize("partition_by", PARTITIONS.values(), ids=PARTITIONS.keys())
def test_others_read_what_floe_writes(shared, duckdb_scan, partition_by):
    shared.floe.create_table("db.t", SCHEMA, partition_by=partition_by)
    rows = [random_rows(seed, 60, first_id=60 * seed) for seed in range(2)]
    for part in rows:
        shared.floe.append("db.t", part)
    expected = pa.concat_tables(rows)
    assert_same_rows(floe_rows(shared), expected)
    table = loaded(shared)
    assert_same_but_for_pyiceberg(table.scan().to_arrow(), expected)
    assert_same_rows(duckdb_scan(table.metadata_location), expected)


@pytest.mark.parametrize("partition_by", PARTITIONS.values(), ids=PARTITIONS.keys())
def test_floe_reads_what_pyiceberg_writes(shared, partition_by):
    # The table is made by Floe for its partition texts, then written by PyIceberg alone.
    shared.floe.create_table("db.t", SCHEMA, partition_by=partition_by)
    rows = [random_rows(seed + 10, 60, first_id=60 * seed) for seed in range(2)]
    for part in rows:
        loaded(shared).append(part)
    assert_same_but_for_pyiceberg(floe_rows(shared), pa.concat_tables(rows))


def test_floe_reads_a_table_that_pyiceberg_made(shared):
    catalog = shared.pyiceberg()
    rows = random_rows(3, 50)
    for version in ("1", "2"):
        name = f"db.v{version}"
        table = catalog.create_table(name, SCHEMA, properties={"format-version": version})
        table.append(rows)
        assert_same_but_for_pyiceberg(floe_rows(shared, name), rows)
        more = random_rows(4, 50, first_id=50)
        shared.floe.append(name, more)
        both = pa.concat_tables([rows, more])
        assert_same_but_for_pyiceberg(catalog.load_table(name).scan().to_arrow(), both)
        assert_same_but_for_pyiceberg(floe_rows(shared, name), both)


def test_both_write_one_table_and_see_one_history(shared, duckdb_scan):
    shared.floe.create_table("db.t", SCHEMA, partition_by=["day(a_tstz)"])
    versions = []
    rows = []
    for turn in range(4):
        part = random_rows(20 + turn, 25, first_id=25 * turn)
        if turn % 2:
            loaded(shared).append(part)
        else:
            shared.floe.append("db.t", part)
        rows.append(part)
        versions.append(loaded(shared).current_snapshot().snapshot_id)
    table = loaded(shared)
    assert [s.snapshot_id for s in table.metadata.snapshots] == versions
    assert [s.sequence_number for s in table.metadata.snapshots] == [1, 2, 3, 4]
    assert table.current_snapshot().summary["total-records"] == "100"
    for count, snapshot_id in enumerate(versions, start=1):
        expected = pa.concat_tables(rows[:count])
        assert_same_but_for_pyiceberg(
            floe_rows(shared, snapshot_id=snapshot_id), expected
        )
        assert_same_but_for_pyiceberg(table.scan(snapshot_id=snapshot_id).to_arrow(), expected)
        assert_same_but_for_pyiceberg(
            duckdb_scan(table.metadata_location, snapshot_id=snapshot_id), expected
        )


@pytest.mark.parametrize("writer", ["floe", "pyiceberg"])
def test_filters_keep_the_same_rows_everywhere(shared, duckdb_scan, writer):
    shared.floe.create_table(
        "db.t", SCHEMA, partition_by=["day(a_tstz)", "truncate(1, a_string)"]
    )
    for seed in range(3):
        part = random_rows(30 + seed, 40, first_id=40 * seed)
        if writer == "floe":
            shared.floe.append("db.t", part)
        else:
            loaded(shared).append(part)
    table = loaded(shared)
    kept = 0
    for ours, theirs in FILTERS.items():
        mine = floe_rows(shared, filter=ours)
        assert_same_rows(mine, duckdb_scan(table.metadata_location, where=ours))
        assert_same_but_for_pyiceberg(table.scan(row_filter=theirs).to_arrow(), mine)
        kept += mine.num_rows
    assert kept > 0


def test_changes_that_pyiceberg_makes(shared):
    rows = random_rows(5, 80).select(["id", "a_int", "a_float", "a_string", "a_struct"])
    table = shared.pyiceberg().create_table("db.t", rows.schema)
    table.append(rows)
    first = table.current_snapshot().snapshot_id
    table.delete("id < 20")
    kept = rows.slice(20)
    assert_same_rows(floe_rows(shared), kept)
    assert_same_rows(floe_rows(shared, snapshot_id=first), rows)

    from pyiceberg.types import DoubleType, LongType, StringType

    with table.update_schema() as update:
        update.update_column("a_int", LongType())
        update.update_column("a_float", DoubleType())
        update.rename_column("a_string", "text")
        update.add_column("extra", StringType())
        update.add_column(("a_struct", "more"), LongType())
        update.rename_column("a_struct.label", "title")
    expected = table.scan().to_arrow()
    actual = floe_rows(shared)
    assert actual.schema.field("a_int").type == pa.int64()
    assert actual.schema.names == expected.schema.names
    assert_same_rows(actual, expected)
    # Bounds written as 32-bit integers and floats still prune rightly.
    for filter in ("a_int < 0", "a_int > 50", "a_float < 0"):
        assert_same_rows(
            floe_rows(shared, filter=filter), table.scan(row_filter=filter).to_arrow()
        )
    # Rows of before keep the columns of before when that snapshot is read.
    assert_same_rows(floe_rows(shared, snapshot_id=first), rows)
    with table.update_schema() as update:
        update.delete_column("extra")
        update.move_first("text")
    assert_same_rows(floe_rows(shared), table.scan().to_arrow())
    shared.floe.append("db.t", pa.table({"id": [1000], "text": ["new"]}))
    table.refresh()
    assert_same_rows(floe_rows(shared), table.scan().to_arrow())


def test_branches_and_tags(shared):
    rows = random_rows(6, 30).select(["id", "a_string"])
    table = shared.pyiceberg().create_table("db.t", rows.schema)
    table.append(rows.slice(0, 10))
    tagged = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(tagged, "v1").commit()
    table.append(rows.slice(10))
    assert_same_rows(floe_rows(shared, ref="v1"), rows.slice(0, 10))
    assert_same_rows(floe_rows(shared, ref="main"), rows)
    # A commit by Floe keeps the refs others made.
    shared.floe.append("db.t", pa.table({"id": [99], "a_string": ["z"]}))
    assert set(loaded(shared).refs()) == {"main", "v1"}


def test_column_metrics_are_what_the_rows_say(shared):
    names = ["id", "a_int", "a_long", "a_date", "a_ts", "a_double", "a_string"]
    rows = random_rows(7, 200).select(names)
    shared.floe.create_table("db.t", rows.schema)
    shared.floe.append("db.t", rows)
    files = loaded(shared).inspect.files().to_pylist()
    assert sum(file["record_count"] for file in files) == 200
    metrics = files[0]["readable_metrics"]
    for name in names:
        values = [v for v in rows[name].to_pylist() if v is not None and v == v]
        assert metrics[name]["value_count"] == 200
        assert metrics[name]["null_value_count"] == rows[name].null_count
        if name == "a_string":
            assert metrics[name]["lower_bound"] == min(values)[:16]
            assert metrics[name]["upper_bound"] >= max(values)
        else:
            assert metrics[name]["lower_bound"] == min(values), name
            assert metrics[name]["upper_bound"] == max(values), name
    nans = sum(1 for v in rows["a_double"].to_pylist() if v is not None and v != v)
    assert metrics["a_double"]["nan_value_count"] == nans


def test_racing_writers_lose_no_row(shared):
    from pyiceberg.exceptions import CommitFailedException

    schema = pa.schema([("id", pa.int64()), ("who", pa.string())])
    shared.floe.create_table(
        "db.t", schema, properties={"commit.retry.num-retries": "100"}
    )
    appends = 5
    failures = []

    def rows(who, turn):
        return pa.table({"id": [100 * who + turn], "who": [str(who)]}, schema=schema)

    def with_floe():
        catalog = shared.open_floe()
        for turn in range(appends):
            catalog.append("db.t", rows(1, turn))

    def with_pyiceberg():
        table = loaded(shared)
        for turn in range(appends):
            while True:
                try:
                    table.append(rows(2, turn))
                    break
                except CommitFailedException:
                    table.refresh()

    def run(body):
        try:
            body()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(f,)) for f in (with_floe, with_pyiceberg)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    expected = {100 * who + turn for who in (1, 2) for turn in range(appends)}
    assert set(floe_rows(shared)["id"].to_pylist()) == expected
    assert set(loaded(shared).scan().to_arrow()["id"].to_pylist()) == expected


def test_namespaces_and_names_are_shared(shared):
    catalog = shared.pyiceberg()
    catalog.create_namespace("other")
    catalog.create_namespace("a.b")
    assert set(shared.floe.list_namespaces()) >= {"db", "other"}
    shared.floe.create_namespace("mine")
    assert ("mine",) in catalog.list_namespaces()
    catalog.create_table("other.t", pa.schema([("id", pa.int64())]))
    assert shared.floe.list_tables("other") == ["other.t"]
    catalog.rename_table("other.t", "other.u")
    assert shared.floe.table_exists("other.u")
    shared.floe.drop_table("other.u", purge=True)
    assert not catalog.table_exists("other.u")
