"""Processes that append, delete, compact, rewrite manifests and expire on one table of a
SQLite catalog, half of them killed in the middle of it."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

import floe
from table_writer import DELETED, KILLED, ROWS, first_id

WRITERS = 2 * KILLED
PROGRAM = pathlib.Path(__file__).parent / "table_writer.py"
PROCESS_TIMEOUT_S = 300
FIRST_SEED = int(os.environ.get("FLOE_SIM_FIRST_SEED", "1"))
ROUNDS = int(os.environ.get("FLOE_SIM_PROCESS_ROUNDS", "1"))


def apply(ids, who, operation, turn):
    first = first_id(who, turn)
    if operation == "append":
        return ids | set(range(first, first + ROWS))
    return ids - set(range(first, first + DELETED))


def outcomes(who, log):
    """The sets of its own ids that a writer may have left: what was acknowledged, and, for a
    change it was killed in, that with the change too."""
    ids, begun = set(), None
    for line in log.read_text().splitlines():
        event, operation, turn = line.split()
        if event == "begin":
            begun = operation, int(turn)
        else:
            ids, begun = apply(ids, who, operation, int(turn)), None
    return [ids] if begun is None else [ids, apply(ids, who, *begun)]


def start(who, seed, uri, warehouse, log):
    command = [sys.executable, PROGRAM, str(who), str(seed), uri, warehouse, log]
    return subprocess.Popen(command)


def check(catalog, logs):
    ids = catalog.scan("db.t").read_all()["id"].to_pylist()
    assert len(ids) == len(set(ids))
    for who, log in enumerate(logs):
        own = {i for i in ids if first_id(who, 0) <= i < first_id(who + 1, 0)}
        assert own in outcomes(who, log), f"writer {who}: {sorted(own)}"
    assert max(ids) < first_id(WRITERS, 0)
    return sorted(ids)


@pytest.mark.parametrize("format_version", [2, 3])
@pytest.mark.parametrize("round", range(ROUNDS))
def test_no_acknowledged_change_is_lost_and_no_other_is_made(
    tmp_path, round, format_version
):
    uri = f"sqlite:///{tmp_path}/catalog.db"
    warehouse = f"file://{tmp_path}/warehouse"
    catalog = floe.Catalog(uri=uri, warehouse=warehouse)
    catalog.create_table(
        "db.t",
        pa.schema([("id", pa.int64())]),
        format_version=format_version,
        properties={"commit.retry.num-retries": "200", "commit.retry.min-wait-ms": "5"},
    )
    logs = [tmp_path / f"writer-{who}.log" for who in range(WRITERS)]
    first_seed = FIRST_SEED + WRITERS * round
    writers = [
        start(who, first_seed + who, uri, warehouse, log) for who, log in enumerate(logs)
    ]
    try:
        ended = [writer.wait(PROCESS_TIMEOUT_S) for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
    assert ended == [-signal.SIGALRM] * KILLED + [0] * (WRITERS - KILLED)
    left = check(catalog, logs)
    # What the killed ones left behind, and only that, can be removed.
    now_ms = int(time.time() * 1000) + 1000
    catalog.maintain("db.t", "orphans", older_than_ms=now_ms, allow_recent=True)
    assert check(catalog, logs) == left
