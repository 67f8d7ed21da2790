"""What a user does with a table, on every pair of catalog and store, with PyIceberg as the
other user of the same tables."""

import json
import subprocess
import sys
import textwrap
import time
import uuid

import pyarrow as pa
import pytest

import floe
from pairs import PAIRS, make_pair

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("region", pa.string()),
        ("amount", pa.float64()),
        ("seen", pa.timestamp("us", "UTC")),
    ]
)
WRITERS, TURNS, ROWS_A_TURN = 3, 4, 5
WRITER_TIMEOUT_S = 300


@pytest.fixture(params=list(PAIRS))
def pair(request):
    """The pair with a namespace nobody else has."""
    namespace = f"ns_{uuid.uuid4().hex[:8]}"
    # The private network of hive3 holds what only it needs.
    return make_pair(request.param, request.getfixturevalue, namespace)


def rows(first, count):
    ids = list(range(first, first + count))
    return pa.table(
        {
            "id": ids,
            "region": [f"region {i % 3}" for i in ids],
            "amount": [i / 8 for i in ids],
            "seen": [1_700_000_000_000_000 + i for i in ids],
        },
        schema=SCHEMA,
    )


def in_order(table):
    return table.sort_by("id").to_pylist()


def by_floe(pair, name="t", **options):
    return in_order(pair.floe().scan(pair.table(name), **options).read_all())


def by_pyiceberg(pair, name="t", **options):
    table = pair.pyiceberg().load_table(pair.table(name))
    return in_order(table.scan(**options).to_arrow())


def both(pair, name="t"):
    """The rows, which have to be the same for both."""
    ours, theirs = by_floe(pair, name), by_pyiceberg(pair, name)
    assert ours == theirs
    return ours


def create(pair, count=10, **options):
    catalog = pair.floe()
    catalog.create_table(pair.table("t"), SCHEMA, partition_by=["region"], **options)
    if count:
        catalog.append(pair.table("t"), rows(0, count))
    return catalog


def test_create_and_append(pair, tmp_path):
    catalog = create(pair)
    assert pair.table("t") in catalog.list_tables(pair.namespace)
    assert (pair.namespace, "t") in pair.pyiceberg().list_tables(pair.namespace)
    assert both(pair) == in_order(rows(0, 10))
    # The other user appends, then we again, on handles from before.
    theirs = pair.pyiceberg().load_table(pair.table("t"))
    theirs.append(rows(10, 5))
    catalog.append(pair.table("t"), rows(15, 5))
    assert both(pair) == in_order(rows(0, 20))
    lines = pair.command(
        tmp_path, "scan", pair.table("t"), "--filter", "id >= 18", "--format", "jsonl"
    )
    assert sorted(json.loads(line)["id"] for line in lines.splitlines()) == [18, 19]


def test_a_table_of_the_other_user(pair):
    theirs = pair.pyiceberg()
    theirs.create_namespace(pair.namespace)
    theirs.create_table(pair.table("t"), schema=SCHEMA).append(rows(0, 10))
    assert both(pair) == in_order(rows(0, 10))
    pair.floe().append(pair.table("t"), rows(10, 3))
    assert both(pair) == in_order(rows(0, 13))


def test_reads_by_filter_and_columns(pair):
    create(pair, count=30)
    found = by_floe(pair, columns=["id", "amount"], filter="region = 'region 1' AND id > 20")
    assert found == [{"id": i, "amount": i / 8} for i in range(21, 30) if i % 3 == 1]


def evolve_by_floe(pair):
    with pair.floe().update_schema(pair.table("t")) as update:
        update.add_column("note", pa.string())
        update.rename_column("amount", "price")


def evolve_by_pyiceberg(pair):
    from pyiceberg.types import StringType

    with pair.pyiceberg().load_table(pair.table("t")).update_schema() as update:
        update.add_column("note", StringType())
        update.rename_column("amount", "price")


@pytest.mark.parametrize("evolve", [evolve_by_floe, evolve_by_pyiceberg])
def test_evolve(pair, evolve):
    if pair.name == "nessie-s3" and evolve is evolve_by_pyiceberg:
        pytest.xfail("Nessie answers 400 to PyIceberg's changes of a schema")
    create(pair)
    evolve(pair)
    expected = [
        {"id": row["id"], "region": row["region"], "price": row["amount"],
         "seen": row["seen"], "note": None}
        for row in in_order(rows(0, 10))
    ]
    assert both(pair) == expected
    catalog = pair.floe()
    schema = catalog.schema(pair.table("t"))
    assert schema.names == ["id", "region", "price", "seen", "note"]
    more = rows(10, 1).rename_columns(["id", "region", "price", "seen"])
    more = more.append_column("note", pa.array(["new"]))
    with catalog.update_spec(pair.table("t")) as update:
        update.add_field("bucket(4, id)")
    catalog.replace_sort_order(pair.table("t"), ["price desc"])
    catalog.append(pair.table("t"), more)
    assert both(pair) == expected + in_order(more)


def test_row_delta(pair):
    catalog = create(pair, count=20)
    report = catalog.delete(pair.table("t"), "id < 5 OR id = 13", mode="merge-on-read")
    assert report["deleted_rows"] == 6
    assert report["delete_files"] > 0 and report["rewritten_files"] == 0
    left = [row for row in in_order(rows(0, 20)) if not (row["id"] < 5 or row["id"] == 13)]
    assert both(pair) == left
    # The other user deletes by rewriting, on top of our delete files.
    pair.pyiceberg().load_table(pair.table("t")).delete("id >= 18")
    assert both(pair) == left[:-2]
    catalog.delete(pair.table("t"), "id = 17", mode="copy-on-write")
    assert both(pair) == left[:-3]


def test_time_travel(pair):
    if pair.name == "nessie-s3":
        pytest.xfail("Nessie shows a table's current snapshot alone")
    catalog = create(pair)
    first = catalog.append(pair.table("t"), rows(10, 5))["snapshot_id"]
    catalog.delete(pair.table("t"), "id < 12", mode="merge-on-read")
    second = catalog.append(pair.table("t"), rows(15, 5))["snapshot_id"]
    assert by_floe(pair, snapshot_id=first) == in_order(rows(0, 15))
    assert by_pyiceberg(pair, snapshot_id=first) == in_order(rows(0, 15))
    assert by_floe(pair, snapshot_id=second) == in_order(rows(12, 8))
    table = pair.pyiceberg().load_table(pair.table("t"))
    table.manage_snapshots().create_tag(first, "before").commit()
    assert by_floe(pair, ref="before") == in_order(rows(0, 15))


@pytest.mark.parametrize("format_version", [2, 3])
def test_references_and_upkeep(pair, format_version):
    if pair.name == "nessie-s3":
        pytest.xfail("Nessie keeps branches, tags and history of its own")
    table = pair.table("t")
    catalog = create(pair, format_version=format_version)
    first = catalog.append(table, rows(10, 5))["snapshot_id"]
    with catalog.manage_snapshots(table) as references:
        references.create_tag("before", first)
        references.create_branch("audit", first)
    catalog.delete(table, "id < 3", mode="merge-on-read")
    catalog.append(table, rows(15, 5))
    catalog.update_properties(table, {"owner": "me"})
    left, before = in_order(rows(3, 17)), in_order(rows(0, 15))
    now_ms = int(time.time() * 1000) + 1000
    steps = [
        ("compact", {"min_files": 2}),
        ("deletes", {}),
        ("manifests", {}),
        ("expire", {"older_than_ms": now_ms, "retain_last": 1}),
        ("orphans", {"older_than_ms": now_ms, "allow_recent": True}),
    ]
    for action, options in steps:
        catalog.maintain(table, action, **options)
        assert both(pair) == left, action
        assert by_floe(pair, ref="before") == by_floe(pair, ref="audit") == before, action
        assert by_pyiceberg(pair, snapshot_id=first) == before, action
    with catalog.manage_snapshots(table) as references:
        references.remove("before")
        references.remove("audit")
    catalog.maintain(table, "expire", older_than_ms=now_ms, retain_last=1)
    described = catalog.describe(table)
    assert len(described["snapshots"]) == 1 and described["properties"]["owner"] == "me"
    if format_version == 2:
        catalog.upgrade_format(table, 3)
    catalog.delete(table, "id = 19", mode="merge-on-read")
    assert both(pair) == left[:-1]


def test_drop(pair):
    catalog = create(pair)
    location = catalog.describe(pair.table("t"))["location"]
    assert pair.store.objects(location)
    if pair.name == "nessie-s3":
        # Files of a Nessie table may belong to other branches: it sets gc.enabled=false.
        with pytest.raises(floe.FloeError, match="gc.enabled=false"):
            catalog.drop_table(pair.table("t"), purge=True)
        catalog.drop_table(pair.table("t"))
        assert not catalog.table_exists(pair.table("t"))
        return
    catalog.drop_table(pair.table("t"), purge=True)
    assert not catalog.table_exists(pair.table("t"))
    assert not pair.pyiceberg().table_exists(pair.table("t"))
    assert pair.store.objects(location) == {}
    with pytest.raises(floe.FloeError, match=pair.table("t")):
        catalog.scan(pair.table("t")).read_all()
    # The name is free again, and the new table is not the old one.
    create(pair, count=1)
    assert both(pair) == in_order(rows(0, 1))


WRITER = textwrap.dedent(
    """
    import json, sys
    import floe
    from test_matrix import ROWS_A_TURN, TURNS, rows

    asked = json.load(sys.stdin)
    catalog = floe.Catalog(**asked["arguments"])
    for turn in range(TURNS):
        first = 1000 * asked["who"] + ROWS_A_TURN * turn
        catalog.append(asked["table"], rows(first, ROWS_A_TURN))
        catalog.delete(asked["table"], f"id = {first}", mode="merge-on-read")
    """
)


def test_concurrent_commits(pair):
    create(
        pair,
        count=0,
        properties={"commit.retry.num-retries": "100", "commit.retry.min-wait-ms": "10"},
    )
    writers = []
    for who in range(WRITERS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=__file__.rpartition("/")[0],
        )
        asked = {"who": who, "table": pair.table("t"), "arguments": pair.arguments}
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        process.stdin = None
        writers.append(process)
    try:
        errors = [process.communicate(timeout=WRITER_TIMEOUT_S)[1] for process in writers]
    finally:
        for process in writers:
            process.kill()
    assert [process.returncode for process in writers] == [0] * WRITERS, errors
    expected = [
        1000 * who + ROWS_A_TURN * turn + row
        for who in range(WRITERS)
        for turn in range(TURNS)
        for row in range(1, ROWS_A_TURN)
    ]
    assert [row["id"] for row in both(pair)] == expected
    if pair.name != "nessie-s3":  # which shows the current snapshot alone
        history = pair.floe().describe(pair.table("t"))["snapshots"]
        assert len(history) == 2 * WRITERS * TURNS
