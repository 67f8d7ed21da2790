"""Real catalogs and object stores, each started once for a test run when first asked for.

A server that does not start fails the test that asked, naming its log; nothing is skipped.
Ports are free ones, or those of $FLOE_SERVICES_PORTS (FIRST-LAST).

Tests that ask for `hive3` run only with --private-network, in a network namespace of their
own, and all others only without: `./dev test-services` does the first part, then the other.
"""

import fcntl
import socket
import struct

import pytest

import catalog_servers
import object_stores

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def pytest_addoption(parser):
    parser.addoption(
        "--private-network",
        action="store_true",
        help="run the tests of hive3, in a network namespace that has only loopback",
    )


def pytest_configure(config):
    if config.getoption("--private-network") and catalog_servers.only_loopback():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sh14x", b"lo", IFF_UP)
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def _asks_for_hive3(item):
    """By a fixture, or by a parameter that names one: `hive3`, the pair `hive3-s3`."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "hive3" in item.fixturenames or any(
        isinstance(value, str) and value.partition("-")[0] == "hive3" for value in parameters
    )


def pytest_collection_modifyitems(config, items):
    private = config.getoption("--private-network")
    chosen = [item for item in items if _asks_for_hive3(item) == private]
    others = [item for item in items if item not in chosen]
    items[:] = chosen
    config.hook.pytest_deselected(items=others)


def server_fixture(make, name):
    """A session fixture of a server; `make` gets its folder and the `request`."""

    @pytest.fixture(scope="session", name=name)
    def fixture(request, tmp_path_factory):
        server = make(tmp_path_factory.mktemp(name), request.getfixturevalue)
        server.start()
        yield server
        server.stop()

    return fixture


s3proxy = server_fixture(lambda folder, _: object_stores.S3Proxy(folder), "s3proxy")
moto = server_fixture(lambda folder, _: object_stores.Moto(folder), "moto")
versitygw = server_fixture(lambda folder, _: object_stores.Versitygw(folder), "versitygw")
minio = server_fixture(lambda folder, _: object_stores.Minio(folder), "minio")
azurite = server_fixture(lambda folder, _: object_stores.Azurite(folder), "azurite")
fake_gcs = server_fixture(lambda folder, _: object_stores.FakeGcs(folder), "fake_gcs")
rest_catalog = server_fixture(
    lambda folder, get: catalog_servers.RestCatalog(folder, get("s3proxy")), "rest_catalog"
)
rest_catalog_planning = server_fixture(
    lambda folder, get: catalog_servers.RestCatalog(
        folder, get("s3proxy"), planning="sync"
    ),
    "rest_catalog_planning",
)
nessie = server_fixture(
    lambda folder, get: catalog_servers.Nessie(folder, get("s3proxy")), "nessie"
)
hive4 = server_fixture(
    lambda folder, _: catalog_servers.HiveMetastore(folder, 4), "hive4"
)
hive3 = server_fixture(
    lambda folder, _: catalog_servers.HiveMetastore(folder, 3), "hive3"
)
hive4_postgresql = server_fixture(
    lambda folder, get: catalog_servers.HiveMetastore(
        folder, 4, database=get("metastore_database")
    ),
    "hive4_postgresql",
)
metastore_database = server_fixture(
    lambda folder, _: catalog_servers.PostgreSql(folder), "metastore_database"
)
postgresql = server_fixture(
    lambda folder, _: catalog_servers.PostgreSql(folder), "postgresql"
)
mariadb = server_fixture(lambda folder, _: catalog_servers.MariaDb(folder), "mariadb")


@pytest.fixture(scope="session")
def glue(moto):
    return catalog_servers.GlueCatalog(moto)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory):
    return catalog_servers.SqliteCatalog(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def local_folder(tmp_path_factory):
    return object_stores.LocalFolder(tmp_path_factory.mktemp("local"))
