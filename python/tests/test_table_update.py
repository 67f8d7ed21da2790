"""Columns, partitioning, refs and settings changed from Python, as PyIceberg sees them."""

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

import floe
from floe.errors import FloeError

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("n", pa.int32()),
        pa.field("s", pa.string()),
        pa.field("p", pa.struct([("x", pa.int32()), ("y", pa.string())])),
        pa.field("l", pa.list_(pa.struct([("z", pa.float32())]))),
    ]
)


def rows(first, count=4):
    ids = range(first, first + count)
    return pa.table(
        {
            "id": list(ids),
            "n": [number % 3 for number in ids],
            "s": [f"s{number}" for number in ids],
            "p": [{"x": number, "y": "y"} for number in ids],
            "l": [[{"z": 0.5}, None] for _ in ids],
        },
        schema=SCHEMA,
    )


@pytest.fixture
def catalog(tmp_path):
    result = floe.Catalog(
        catalog_type="sql", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"{tmp_path}/w"
    )
    result.create_table("db.t", SCHEMA)
    result.append("db.t", rows(0))
    return result


@pytest.fixture
def pyiceberg_table(tmp_path, catalog):
    def load():
        other = SqlCatalog(
            "floe", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"{tmp_path}/w"
        )
        return other.load_table("db.t")

    return load


def ids(catalog, **pin):
    return sorted(catalog.scan("db.t", **pin).read_all()["id"].to_pylist())


def test_columns_change_at_any_depth(catalog, pyiceberg_table):
    with catalog.update_schema("db.t") as update:
        update.add_column("city", pa.string(), doc="where")
        update.add_column("tags", pa.map_(pa.string(), pa.list_(pa.int32())))
        update.add_column("w", pa.float64(), parent="p")
        update.add_column("q", "decimal(9,2)", parent="l.element")
        update.rename_column("p.x", "xx").widen_column("n", pa.int64())
        update.widen_column("l.element.z", "double")
        update.drop_column("s").move_first("city").move_after("n", "id")
        update.set_doc("id", "key").set_identifier_columns(["id"])
    before = pyiceberg_table().schema()
    assert [field.name for field in before.fields] == [
        "city",
        "id",
        "n",
        "p",
        "l",
        "tags",
    ]
    assert str(before.find_type("l.element.z")) == "double"
    assert str(before.find_type("l.element.q")) == "decimal(9, 2)"
    assert before.find_field("city").doc == "where"
    assert before.identifier_field_names() == {"id"}
    row = catalog.scan("db.t", filter="id = 1").read_all().to_pylist()[0]
    assert row == {
        "city": None,
        "id": 1,
        "n": 1,
        "p": {"xx": 1, "y": "y", "w": None},
        "l": [{"z": 0.5, "q": None}, None],
        "tags": None,
    }
    theirs = pyiceberg_table().scan(row_filter="id = 1").to_arrow().to_pylist()[0]
    assert theirs["p"] == row["p"] and theirs["n"] == 1


def test_a_block_is_one_commit_and_an_exception_none(catalog):
    before = catalog.describe("db.t")["metadata_location"]
    with pytest.raises(ZeroDivisionError):
        with catalog.update_schema("db.t") as update:
            update.drop_column("s")
            1 / 0
    assert catalog.describe("db.t")["metadata_location"] == before
    with pytest.raises(FloeError, match="nme") as error:
        with catalog.update_schema("db.t") as update:
            update.drop_column("s").drop_column("nme")
    assert error.value.code == "NO_SUCH_COLUMN"
    assert catalog.describe("db.t")["metadata_location"] == before


def test_defaults_of_format_3(catalog):
    catalog.upgrade_format("db.t", 3)
    with catalog.update_schema("db.t") as update:
        update.add_column("level", pa.int32(), default=7, required=True)
    assert set(catalog.scan("db.t").read_all()["level"].to_pylist()) == {7}
    with catalog.update_schema("db.t") as update:
        update.set_write_default("level", 9)
    catalog.append("db.t", rows(10))
    levels = catalog.scan("db.t", filter="id >= 10").read_all()["level"].to_pylist()
    assert levels == [9] * 4
    assert set(catalog.scan("db.t", filter="id < 10").read_all()["level"].to_pylist()) == {7}


def test_partitioning_changes_for_new_rows(catalog, pyiceberg_table):
    with catalog.update_spec("db.t") as update:
        update.add_field("bucket(4, id)").add_field("truncate(1, s)", name="initial")
    catalog.append("db.t", rows(10))
    with catalog.update_spec("db.t") as update:
        update.remove_field("id_bucket_4").rename_field("initial", "first_letter")
    catalog.append("db.t", rows(20))
    table = pyiceberg_table()
    assert [field.name for field in table.spec().fields] == ["first_letter"]
    assert len(table.specs()) == 3
    everything = sorted([*range(4), *range(10, 14), *range(20, 24)])
    assert ids(catalog) == everything
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == everything
    found = table.scan(row_filter="id = 12").to_arrow()
    assert found["id"].to_pylist() == ids(catalog, filter="id = 12") == [12]


def test_branches_tags_and_rollback(catalog, pyiceberg_table):
    first = catalog.describe("db.t")["current_snapshot_id"]
    with catalog.manage_snapshots("db.t") as snapshots:
        snapshots.create_tag("v1").create_branch("side", first)
        snapshots.retain("v1", max_ref_age_ms=10**9)
    second = catalog.append("db.t", rows(10))["snapshot_id"]
    assert ids(catalog, ref="v1") == [0, 1, 2, 3]
    assert pyiceberg_table().refs()["v1"].max_ref_age_ms == 10**9
    with catalog.manage_snapshots("db.t") as snapshots:
        snapshots.fast_forward("side", "main").rename("v1", "old")
        snapshots.create_tag("v2", second)
    assert ids(catalog, ref="side") == [*range(4), *range(10, 14)]
    assert set(pyiceberg_table().refs()) == {"main", "side", "old", "v2"}
    with catalog.manage_snapshots("db.t") as snapshots:
        snapshots.rollback(snapshot_id=first).remove("v2").replace("old", second)
    assert ids(catalog) == [0, 1, 2, 3]
    assert ids(catalog, ref="old") == [*range(4), *range(10, 14)]
    picked = catalog.cherry_pick("db.t", second)
    assert picked["current_snapshot_id"] == second
    assert ids(catalog) == [*range(4), *range(10, 14)]
    assert pyiceberg_table().current_snapshot().snapshot_id == second


def test_settings(catalog, pyiceberg_table):
    catalog.update_properties("db.t", {"a": "1", "b": "2"})
    catalog.update_properties("db.t", {"c": "3"}, remove=["a"])
    properties = pyiceberg_table().properties
    assert {"b": "2", "c": "3"}.items() <= properties.items() and "a" not in properties
    order = ["s desc nulls first", "bucket(4, id)", "n asc nulls last"]
    catalog.replace_sort_order("db.t", order)
    fields = pyiceberg_table().sort_order().fields
    described = [(str(f.transform), f.direction.value, f.null_order.value) for f in fields]
    assert described == [
        ("identity", "desc", "nulls-first"),
        ("bucket[4]", "asc", "nulls-first"),
        ("identity", "asc", "nulls-last"),
    ]
    catalog.replace_sort_order("db.t", [])
    assert not pyiceberg_table().sort_order().fields


@pytest.mark.parametrize(
    "change, message",
    [
        ({}, "asks for nothing"),
        ({"schema": [], "refs": []}, "one kind of change"),
        ({"schema": [{"op": "dorp", "column": "n"}]}, "'op' of"),
        ({"schema": [{"op": "drop", "column": "n", "to": "m"}]}, "unknown key 'to'"),
        ({"schema": [{"op": "add", "column": "m", "type": "lnog"}]}, "no Iceberg type"),
        ({"schema": [{"op": "widen", "column": "s", "type": "int"}]}, "s"),
        ({"refs": [{"op": "rollback"}]}, "one of 'snapshot_id' and 'timestamp_ms'"),
        ({"refs": [{"op": "create_tag", "name": "main"}]}, "main"),
        ({"refs": [{"op": "set_current", "snapshot_id": 5}]}, "5"),
        ({"partition_spec": [{"op": "add", "field": "bucket(id)"}]}, "no partition field"),
        ({"format_version": 1}, "1"),
        ({"propertys": {}}, "did you mean 'properties'"),
    ],
)
def test_a_wrong_change_is_named(catalog, change, message):
    from floe.table_update import commit_change

    before = catalog.describe("db.t")["metadata_location"]
    with pytest.raises(FloeError, match=message):
        commit_change(catalog.handle, "db.t", change)
    assert catalog.describe("db.t")["metadata_location"] == before


def test_a_type_without_an_iceberg_type_is_refused(catalog):
    with pytest.raises(TypeError, match="duration"):
        catalog.update_schema("db.t").add_column("d", pa.duration("s"))
