"""The online store where things go wrong or happen at once: storage that blocks, forks,
several processes, many reads."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

import online_soak
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from floe.errors import FloeTimeoutError

_WRITER = """
import sys, online_soak
store = online_soak.FeatureStore(repo_path=sys.argv[1])
first = int(sys.argv[2])
for i in range(first, first + 5):
    online_soak.write(store, [i], online_soak.NOW)
"""


@pytest.fixture
def soak_store(tmp_path):
    return online_soak.open_store(tmp_path)


def _ask(store, key=1):
    return store.get_online_features(features=["v:b"], entity_rows=[{"e": key}]).to_dict()


def _reopen(store, **settings):
    """Changes settings of the online store, which then opens its tables again."""
    online = store._get_provider().online_store
    for name, value in settings.items():
        setattr(store.config.online_store, name, value)
    online._opened = None


def test_a_catalog_that_blocks_is_cut_at_the_deadline(soak_store, tmp_path):
    _reopen(soak_store, read_timeout_ms=300)
    # The first request loads the table, for which it has more time.
    while True:
        try:
            assert _ask(soak_store)["b"] == [1]
            break
        except FloeTimeoutError:
            continue
    blocker = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(FloeTimeoutError, match="read_timeout_ms = 300"):
            _ask(soak_store, 2)
        view = soak_store.get_feature_view("v")
        key = EntityKey(join_keys=["e"], entity_values=[Value(int64_val=2)])
        with pytest.raises(FloeTimeoutError, match="read_timeout_ms = 300"):
            soak_store._get_provider().online_read(soak_store.config, view, [key])
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    _reopen(soak_store, read_timeout_ms=60_000)
    assert _ask(soak_store, 2)["b"] == [2]


def test_a_forked_process_reads_with_connections_of_its_own(soak_store):
    assert _ask(soak_store)["b"] == [1]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(_ask(soak_store, 7)["b"]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        assert json.loads(answer.read()) == [7]
    assert os.waitpid(child, 0)[1] == 0
    assert _ask(soak_store, 8)["b"] == [8]


def test_processes_writing_at_once_lose_nothing(soak_store, tmp_path):
    settings = soak_store.config.online_store
    (tmp_path / "feature_store.yaml").write_text(
        json.dumps(
            {
                "project": "soak",
                "provider": "local",
                "registry": str(tmp_path / "registry.db"),
                "online_store": {
                    "type": "floe.IcebergOnlineStore",
                    "catalog_type": "sql",
                    "uri": settings.uri.get_secret_value(),
                    "warehouse": settings.warehouse,
                },
                "offline_store": {"type": "file"},
                "entity_key_serialization_version": 3,
            }
        )
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(first)], env=environment
        )
        for first in (10_000, 20_000)
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    keys = [first + i for first in (10_000, 20_000) for i in range(5)]
    answer = soak_store.get_online_features(
        features=["v:b"], entity_rows=[{"e": key} for key in keys]
    ).to_dict()
    assert answer["b"] == keys


def test_memory_stays_flat_over_many_reads(soak_store):
    grown = online_soak.soak(soak_store, 4000, print)
    assert grown < online_soak.ALLOWED_GROWTH_KB
