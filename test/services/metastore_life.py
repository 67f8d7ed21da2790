"""The life of tables in a catalog that keeps pointers, by Floe and by PyIceberg in turn.

Each function takes floe.Catalog's arguments; they are what the tests of Hive and Glue share.
"""

import json
import subprocess
import uuid

import pyarrow as pa

import floe
from catalog_servers import pyiceberg_catalog

SCHEMA = pa.schema([pa.field("id", pa.int64()), pa.field("name", pa.string())])
WRITERS, COMMITS = 4, 5
WRITER_TIMEOUT_S = 300


def rows_of(ids, word):
    return pa.table({"id": list(ids), "name": [f"{word}{i}" for i in ids]}, schema=SCHEMA)


def program(arguments, *words):
    """Runs floe_catalog_program; returns the finished process."""
    command = ["floe_catalog_program", json.dumps(arguments), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def succeed(arguments, *words):
    done = program(arguments, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_namespace(arguments):
    name = f"db_{uuid.uuid4().hex[:8]}"
    floe.Catalog(**arguments).create_namespace(name)
    return name


def ids(catalog, table, **pin):
    return sorted(catalog.scan(table, **pin).read_all()["id"].to_pylist())


def live_with_floe(arguments):
    """Create, append, time travel, row delta, evolve, rename, drop: Floe alone."""
    catalog = floe.Catalog(**arguments)
    namespace = new_namespace(arguments)
    assert namespace in catalog.list_namespaces()
    table, renamed = f"{namespace}.life", f"{namespace}.afterlife"
    catalog.create_table(table, SCHEMA)
    first = catalog.append(table, rows_of(range(5), "a"))["snapshot_id"]
    catalog.append(table, rows_of(range(5, 8), "b"))
    assert ids(catalog, table) == list(range(8))
    assert ids(catalog, table, snapshot_id=first) == list(range(5))
    report = catalog.delete(table, "id < 2", mode="merge-on-read")
    assert (report["deleted_rows"], report["delete_files"]) == (2, 1)
    assert ids(catalog, table) == list(range(2, 8))
    succeed(arguments, "evolve", table)
    assert catalog.schema(table).names == ["id", "label", "note"]
    assert catalog.list_tables(namespace) == [table]
    succeed(arguments, "rename", table, renamed)
    assert catalog.list_tables(namespace) == [renamed]
    assert not catalog.table_exists(table)
    assert ids(catalog, renamed) == list(range(2, 8))
    refused = program(arguments, "drop-namespace", namespace)
    assert refused.returncode == 1 and "drop them first" in refused.stderr
    catalog.drop_table(renamed, purge=True)
    assert catalog.list_tables(namespace) == []
    succeed(arguments, "drop-namespace", namespace)
    assert namespace not in catalog.list_namespaces()


def live_with_both(arguments):
    """Each reads, appends to, evolves and renames what the other made."""
    ours, theirs = floe.Catalog(**arguments), pyiceberg_catalog(arguments)
    namespace = new_namespace(arguments)
    table = f"{namespace}.shared"
    ours.create_table(table, SCHEMA)
    ours.append(table, rows_of(range(3), "floe"))
    seen = theirs.load_table(table)
    assert sorted(seen.scan().to_arrow()["id"].to_pylist()) == [0, 1, 2]
    seen.append(rows_of(range(3, 6), "py"))
    assert ids(ours, table) == list(range(6))
    ours.delete(table, "id = 0", mode="merge-on-read")
    seen = seen.refresh()
    assert sorted(seen.scan().to_arrow()["id"].to_pylist()) == list(range(1, 6))
    with seen.update_schema() as update:
        update.add_column("extra", seen.schema().find_type("name"))
    assert ours.schema(table).names == ["id", "name", "extra"]
    succeed(arguments, "evolve", table)
    assert theirs.load_table(table).schema().column_names == ["id", "label", "extra", "note"]
    theirs.rename_table(table, f"{namespace}.other")
    assert ours.list_tables(namespace) == [f"{namespace}.other"]
    succeed(arguments, "rename", f"{namespace}.other", table)
    assert theirs.list_tables(namespace) == [(namespace, "shared")]
    # A table that PyIceberg made, and one that Floe dropped.
    made = theirs.create_table(f"{namespace}.made", schema=SCHEMA)
    made.append(rows_of([7], "py"))
    ours.append(f"{namespace}.made", rows_of([8], "floe"))
    assert ids(ours, f"{namespace}.made") == [7, 8]
    ours.drop_table(f"{namespace}.made")
    assert not theirs.table_exists(f"{namespace}.made")
    theirs.drop_table(table)
    assert not ours.table_exists(table)


def finish(writer):
    """What a process wrote; one that does not end is killed and fails the test."""
    try:
        return writer.communicate(timeout=WRITER_TIMEOUT_S)
    finally:
        writer.kill()


def race(configurations, theirs=None):
    """Processes of Floe, one for each configuration, and PyIceberg commit at once; no row
    is lost."""
    catalog = floe.Catalog(**configurations[0])
    namespace = new_namespace(configurations[0])
    table = f"{namespace}.raced"
    retries = {"commit.retry.num-retries": "50", "commit.retry.max-wait-ms": "500"}
    catalog.create_table(table, SCHEMA, properties=retries)
    writers = [
        subprocess.Popen(
            ["floe_catalog_program", json.dumps(arguments), "append", table,
             str(COMMITS), str(writer)],
            stderr=subprocess.PIPE, text=True,
        )
        for writer, arguments in enumerate(configurations)
    ]
    expected = {1000 * w + i for w in range(len(configurations)) for i in range(COMMITS)}
    if theirs is not None:
        for i in range(COMMITS):
            theirs.load_table(table).append(rows_of([-1 - i], "py"))
            expected.add(-1 - i)
    for writer in writers:
        _, errors = finish(writer)
        assert writer.returncode == 0, errors
    assert ids(catalog, table) == sorted(expected)
    snapshots = catalog.describe(table)["snapshots"]
    assert len(snapshots) == len(expected)


def lose_an_answer(arguments, proxy, fault, is_commit):
    """The answer to a commit gets lost: it is neither lost nor made twice."""
    namespace = new_namespace(arguments)
    table = f"{namespace}.lossy"
    catalog = floe.Catalog(**arguments)
    catalog.create_table(table, SCHEMA)
    proxy.inject(fault, when=is_commit)
    catalog.append(table, rows_of([1], "a"))
    assert any(exchange.fault for exchange in proxy.log())
    assert ids(catalog, table) == [1]
    assert len(catalog.describe(table)["snapshots"]) == 1
