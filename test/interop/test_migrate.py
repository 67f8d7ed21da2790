"""Parquet files taken over where they lie, read by Floe, PyIceberg and DuckDB."""

import datetime
import json
import pathlib
import subprocess

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOE = ROOT / "build/release/floe"


def sorted_rows(table):
    return sorted(table.to_pylist(), key=lambda row: row["id"])


@pytest.fixture
def folder(tmp_path):
    """Three days of rows in day=... folders, with nested columns and nulls."""
    days = [datetime.date(2026, 1, day) for day in (1, 2, 3)]
    rows = pa.table({
        "id": pa.array(range(300), pa.int64()),
        "name": pa.array([None if i % 7 == 0 else f"n{i}" for i in range(300)]),
        "score": pa.array([i / 3 for i in range(300)], pa.float64()),
        "ts": pa.array([1_700_000_000_000_000 + i for i in range(300)], pa.timestamp("us", "UTC")),
        "tags": pa.array([[f"t{i}", None] for i in range(300)], pa.list_(pa.string())),
        "place": pa.array([{"x": i, "y": None} for i in range(300)],
                          pa.struct([("x", pa.int32()), ("y", pa.string())])),
        "day": pa.array([days[i % 3] for i in range(300)], pa.date32()),
    })
    path = tmp_path / "trips"
    pa.dataset.write_dataset(
        rows, path, format="parquet", partitioning=["day"], partitioning_flavor="hive",
        max_rows_per_file=50, max_rows_per_group=50,
    )
    (path / "_SUCCESS").touch()
    return path, rows


def test_files_as_they_lie_are_the_same_rows_everywhere(shared, folder, duckdb_scan):
    path, rows = folder
    before = {file: file.read_bytes() for file in path.rglob("*.parquet")}
    preview = shared.floe.migrate("db.trips", [path], dry_run=True)
    assert (preview["files"], preview["rows"]) == (len(before), 300)
    assert not shared.floe.table_exists("db.trips")

    done = shared.floe.migrate("db.trips", [path])
    expected = sorted_rows(rows)
    assert sorted_rows(shared.floe.scan("db.trips").read_all()) == expected
    theirs = shared.pyiceberg().load_table("db.trips")
    assert sorted_rows(theirs.scan().to_arrow()) == expected
    duck = duckdb_scan(done["metadata_location"])
    assert sorted_rows(duck.select(rows.column_names)) == expected

    one_day = theirs.scan(row_filter="day = '2026-01-02'")
    assert len(one_day.to_arrow()) == 100
    assert len(list(one_day.plan_files())) == len(list((path / "day=2026-01-02").glob("*")))
    few = theirs.scan(row_filter="id < 10")
    assert len(list(few.plan_files())) < len(before)
    assert {file: file.read_bytes() for file in path.rglob("*.parquet")} == before


def test_rows_can_be_added_and_deleted_afterwards(shared, folder):
    path, rows = folder
    shared.floe.migrate("db.trips", [path], properties={"gc.enabled": "false"})
    shared.floe.append("db.trips", rows.slice(0, 2))
    shared.floe.delete("db.trips", "id >= 10")
    theirs = shared.pyiceberg().load_table("db.trips").scan().to_arrow()
    assert sorted(theirs["id"].to_pylist()) == sorted([*range(10), 0, 1])
    assert sorted_rows(theirs) == sorted_rows(shared.floe.scan("db.trips").read_all())


def test_a_table_of_pyicebergs_is_registered_by_its_metadata(shared, tmp_path):
    schema = pa.schema([("id", pa.int64())])
    table = shared.pyiceberg().create_table("db.other", schema)
    table.append(pa.table({"id": [1, 2]}))
    metadata = table.metadata_location
    shared.pyiceberg().drop_table("db.other")
    command = [FLOE, "--json", "--catalog-name", "shared", "--catalog-uri",
               f"sqlite:///{tmp_path}/catalog.db", "register", "db.again", metadata]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metadata_location"] == metadata
    assert sorted(shared.floe.scan("db.again").read_all()["id"].to_pylist()) == [1, 2]


def test_what_does_not_fit_is_refused_by_name(shared, folder, tmp_path):
    path, _ = folder
    odd = path / "day=2026-01-01" / "odd.parquet"
    pa.parquet.write_table(pa.table({"id": ["text"]}), odd)
    command = [FLOE, "--catalog-name", "shared", "--catalog-uri",
               f"sqlite:///{tmp_path}/catalog.db", "--warehouse", f"{tmp_path}/warehouse",
               "migrate", str(path), "db.trips"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert str(odd) in done.stderr and "'id'" in done.stderr
    odd.unlink()
    done = subprocess.run([*command, "--stats"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "300 rows are now in db.trips" in done.stdout
    assert "requests" in done.stderr and "Cloudflare R2" in done.stderr
