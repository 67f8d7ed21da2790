"""Processes that append, delete, compact and expire on one table of a SQLite catalog."""

import subprocess
import sys
import textwrap

import pyarrow as pa

import floe

WRITER = textwrap.dedent(
    """
    import random, sys
    import pyarrow as pa
    import floe

    who, uri, warehouse = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    rng = random.Random(who)
    catalog = floe.Catalog(uri=uri, warehouse=warehouse)
    for turn in range(6):
        first = 1000 * who + 10 * turn
        catalog.append("db.t", pa.table({"id": list(range(first, first + 10))}))
        mode = rng.choice(["copy-on-write", "merge-on-read"])
        catalog.delete("db.t", f"id >= {first} AND id < {first + 3}", mode=mode)
        try:
            if who == 0:
                catalog.maintain("db.t", "compact", min_files=2)
            if who == 1:
                catalog.maintain("db.t", "manifests")
        except floe.FloeError as error:
            # Another writer was first: upkeep comes round again.
            if not getattr(error, "retryable", False):
                raise
    """
)


def test_no_row_is_lost_and_none_comes_back(tmp_path):
    uri = f"sqlite:///{tmp_path}/catalog.db"
    warehouse = f"file://{tmp_path}/warehouse"
    catalog = floe.Catalog(uri=uri, warehouse=warehouse)
    catalog.create_table(
        "db.t",
        pa.schema([("id", pa.int64())]),
        format_version=3,
        properties={"commit.retry.num-retries": "200", "commit.retry.min-wait-ms": "5"},
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(who), uri, warehouse])
        for who in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0] * len(writers)
    expected = {
        1000 * who + 10 * turn + i
        for who in range(3)
        for turn in range(6)
        for i in range(3, 10)
    }
    ids = catalog.scan("db.t").read_all()["id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert set(ids) == expected
