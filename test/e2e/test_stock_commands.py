"""Stock Feast over a `feast init` repository whose stores are Floe's: every command, both
servers, and `type: remote` clients of them, in three processes at once."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from feast import FeatureStore, RepoConfig
from feast.cli.cli import cli
from feast.data_source import PushMode

READY_SECONDS = 120
FEATURES = [
    "driver_hourly_stats:conv_rate",
    "driver_hourly_stats:avg_daily_trips",
    "driver_hourly_stats:driver_metadata",
    "driver_hourly_stats:driver_config",
    "driver_hourly_stats:driver_profile",
]
KEYS = [{"driver_id": 1001}, {"driver_id": 1005}, {"driver_id": 9}]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def feast_command(repo, *arguments):
    """Runs a command of the feast CLI in this process: starting one takes seconds."""
    result = CliRunner().invoke(cli, ["-c", str(repo), *arguments])
    assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception!r}"
    return result.output


def wait_for(is_ready, process, log):
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        assert time.monotonic() < deadline, log.read_text()
        # A server that ends is seen at once; one that starts is asked again soon.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            raise AssertionError(log.read_text())


def accepts(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def is_healthy(port):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health").status == 200
    return False


@contextlib.contextmanager
def server(repo, command, port, log):
    """A server of the feast CLI, ended by its process group when the block ends."""
    feast_binary = pathlib.Path(sys.executable).with_name("feast")
    with open(log, "w") as output:
        process = subprocess.Popen(
            [feast_binary, "-c", repo, command, "-h", "127.0.0.1", "-p", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # gunicorn's workers are in the group too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """A repository of the `local` template, as `feast init` makes it, edited to Floe as
    docs/quickstart.md says."""
    root = tmp_path_factory.mktemp("e2e") / "drivers"
    result = CliRunner().invoke(
        cli, ["init", "drivers", "-t", "local", "--repo-path", str(root)]
    )
    assert result.exit_code == 0, result.output
    repo = root / "feature_repo"
    path = repo / "feature_store.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["offline_store"] = {"type": "floe.IcebergOfflineStore"}
    settings["online_store"] = {
        "type": "floe.IcebergOnlineStore",
        "read_timeout_ms": 60_000,
    }
    settings["batch_engine"] = {"type": "floe.IcebergEngine"}
    path.write_text(yaml.safe_dump(settings))
    return repo


@pytest.fixture(scope="module")
def history(repo):
    return pd.read_parquet(repo / "data" / "driver_stats.parquet")


def newest(history, driver):
    return history[history.driver_id == driver].sort_values("event_timestamp").iloc[-1]


def check_online(store, history):
    answer = store.get_online_features(features=FEATURES, entity_rows=KEYS).to_dict()
    assert answer["driver_id"] == [1001, 1005, 9]
    # Feast's remote client knows values by their JSON alone: JSON text stays text.
    answer["driver_config"] = [
        json.loads(value) if isinstance(value, str) else value
        for value in answer["driver_config"]
    ]
    for name in (feature.split(":")[1] for feature in FEATURES):
        wanted = [newest(history, driver)[name] for driver in (1001, 1005)]
        if name == "driver_config":
            wanted = [json.loads(text) for text in wanted]
        assert answer[name] == [*wanted, None], name


def entity_frame():
    at = pd.Timestamp.now(tz="UTC")
    return pd.DataFrame({"driver_id": [1001, 1005, 9], "event_timestamp": [at] * 3})


def check_historical(store, history):
    frame = store.get_historical_features(
        entity_df=entity_frame(), features=FEATURES[:2]
    ).to_df()
    # A remote store may answer in another order.
    frame = frame.set_index("driver_id")
    for driver in (1001, 1005):
        row = newest(history, driver)
        assert frame.loc[driver, "conv_rate"] == row["conv_rate"]
        assert frame.loc[driver, "avg_daily_trips"] == row["avg_daily_trips"]
    assert pd.isna(frame.loc[9, "conv_rate"])


def test_commands_then_servers_then_teardown(repo, history, tmp_path):
    planned = feast_command(repo, "plan")
    assert "driver_hourly_stats" in planned and "Created iceberg table" in planned
    feast_command(repo, "apply")
    assert "No changes to infrastructure" in feast_command(repo, "plan")
    now = datetime.now(timezone.utc)
    start, end = (now - timedelta(days=20)).isoformat(), now.isoformat()
    feast_command(repo, "materialize", start, end, "-v", "driver_hourly_stats")
    feast_command(repo, "materialize-incremental", end)
    local = FeatureStore(repo_path=str(repo))
    check_online(local, history)
    check_historical(local, history)

    online_port, offline_port = free_port(), free_port()
    online_log, offline_log = tmp_path / "serve.log", tmp_path / "serve_offline.log"
    with (
        server(repo, "serve", online_port, online_log) as online,
        server(repo, "serve_offline", offline_port, offline_log) as offline,
    ):
        wait_for(lambda: is_healthy(online_port), online, online_log)
        wait_for(lambda: accepts(offline_port), offline, offline_log)
        remote = FeatureStore(
            config=RepoConfig(
                project=local.project,
                provider="local",
                registry=str(repo / "data" / "registry.db"),
                online_store={"type": "remote", "path": f"http://127.0.0.1:{online_port}"},
                offline_store={
                    "type": "remote",
                    "host": "127.0.0.1",
                    "port": offline_port,
                },
                entity_key_serialization_version=3,
            )
        )
        check_online(remote, history)
        check_historical(remote, history)
        check_writers_at_once(local, remote, history)

    feast_command(repo, "teardown")
    assert table_folders(repo) == []


def fresh_rows(drivers, trips):
    at = pd.Timestamp.now(tz="UTC").floor("s")
    return pd.DataFrame(
        {
            "driver_id": drivers,
            "event_timestamp": at,
            "created": at.tz_localize(None),
            "conv_rate": 0.5,
            "acc_rate": 0.25,
            "avg_daily_trips": trips,
            "driver_metadata": [{"vehicle_type": "truck", "rating": "5.0"}] * len(drivers),
            "driver_config": ['{"max_distance_km": 500}'] * len(drivers),
            "driver_profile": [{"name": "new", "age": "30"}] * len(drivers),
        }
    ).astype({"conv_rate": "float32", "acc_rate": "float32"})


def check_writers_at_once(local, remote, history):
    """Two processes push to one view while both are read; no row is lost."""
    rounds, errors = 4, []

    def push(store, first):
        try:
            for number in range(rounds):
                rows = fresh_rows([first + number, first + 100], number)
                store.push("driver_stats_push_source", rows, to=PushMode.ONLINE)
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=push, args=(local, 2000)),
        threading.Thread(target=push, args=(remote, 3000)),
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        check_online(remote, history)
        for thread in threads:
            thread.join(0.05)
    assert errors == []
    drivers = [first + n for first in (2000, 3000) for n in range(rounds)]
    for store in (local, remote):
        answer = store.get_online_features(
            features=["driver_hourly_stats_fresh:avg_daily_trips"],
            entity_rows=[{"driver_id": driver} for driver in drivers],
        ).to_dict()
        assert answer["avg_daily_trips"] == [*range(rounds)] * 2
    local.push("driver_stats_push_source", fresh_rows([4000], 7), to=PushMode.OFFLINE)
    frame = entity_frame().assign(driver_id=[4000, 1001, 9])
    found = remote.get_historical_features(
        entity_df=frame, features=["driver_hourly_stats_fresh:avg_daily_trips"]
    ).to_df()
    assert 7 in found["avg_daily_trips"].tolist()


def table_folders(repo):
    warehouse = repo / "data" / "warehouse"
    return [path for path in warehouse.rglob("*_online") if any(path.rglob("*.parquet"))]
