"""The C++ tests of FileIO against each real store: src/io/real_store_test.cc, which takes
the store from its environment. `./dev build` makes the binary."""

import json
import os
import pathlib
import subprocess

import pytest

BINARY = pathlib.Path(__file__).parents[2] / "build/release/src/io/floe_io_test"


@pytest.mark.parametrize("name", ["s3proxy", "versitygw", "minio", "moto", "azurite", "fake_gcs"])
def test_file_io(name, request):
    store = request.getfixturevalue(name)
    run_real_store_tests(store, store.new_bucket(), store.storage_options)


@pytest.mark.parametrize("name", ["versitygw", "minio"])
def test_file_io_by_virtual_hosts(name, request):
    store = request.getfixturevalue(name)
    options = store.storage_options | {
        "s3.endpoint": store.virtual_host_endpoint,
        "s3.force-virtual-addressing": "true",
    }
    run_real_store_tests(store, store.new_bucket(), options)


def run_real_store_tests(store, bucket, options):
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not built; run ./dev build")
    environment = os.environ | {
        "FLOE_TEST_STORE_LOCATION": bucket,
        "FLOE_TEST_STORE_PROPERTIES": json.dumps(options),
    }
    run = subprocess.run(
        [BINARY, "--gtest_filter=RealStoreTest.*", "--gtest_brief=1"],
        env=environment, capture_output=True, text=True, timeout=300,
    )
    output = run.stdout + run.stderr
    for secret in store.secrets:
        assert secret not in output
    assert run.returncode == 0, output
