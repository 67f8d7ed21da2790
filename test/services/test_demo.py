"""The whole demo by stock Feast, its configuration alone saying where the tables are."""

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from outputs import secrets_in
from pairs import make_pair

DEMO = pathlib.Path(__file__).resolve().parents[2] / "examples" / "local" / "demo.py"


@pytest.mark.parametrize("name", ["rest-s3", "postgresql-gcs", "sqlite-local"])
def test_demo(request, name, tmp_path):
    # Secrets come from the environment, as Feast's users keep them out of files.
    pair = make_pair(name, request.getfixturevalue, "feast")
    settings = {key: value for key, value in pair.arguments.items() if value}
    environment = {}
    options = settings["storage_options"] = dict(pair.arguments["storage_options"])
    for option, value in options.items():
        if any(secret in value for secret in pair.secrets):
            variable = f"DEMO_{len(environment)}"
            environment[variable] = value
            options[option] = f"${{{variable}}}"
    config = {
        "project": "local",
        "provider": "local",
        "registry": "data/registry.db",
        "entity_key_serialization_version": 3,
        "offline_store": {"type": "floe.IcebergOfflineStore", **settings},
        # A busy machine must not decide.
        "online_store": {
            "type": "floe.IcebergOnlineStore", "read_timeout_ms": 60_000, **settings
        },
        "batch_engine": {"type": "floe.IcebergEngine"},
    }
    file = tmp_path / "feature_store.yaml"
    file.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [sys.executable, DEMO, "--folder", tmp_path / "repo", "--config", file],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert "Every value checked." in done.stdout
    assert not secrets_in(done.stdout + done.stderr, pair.secrets)
    # It is in the other catalog and store, not in the repository, and others can read it.
    assert not (tmp_path / "repo" / "data" / "warehouse").exists()
    theirs = pair.pyiceberg()
    assert theirs.load_table("feast.driver_stats").scan().to_arrow().num_rows == 720
    online = theirs.load_table("feast_online.local_driver_hourly_stats_online")
    assert online.scan().to_arrow().num_rows == 5
