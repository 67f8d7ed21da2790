"""The SQL catalog on PostgreSQL and MariaDB: beside PyIceberg, among processes, through
broken connections and wrong logins."""

import os
import pathlib
import subprocess
import sys
import urllib.parse

import pyarrow as pa
import pytest
from cutting_proxy import CuttingProxy

import floe

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT / "build/release/src/iceberg/catalog/sql/floe_iceberg_catalog_sql_test"
WRITERS = 4
APPENDS = 5
NAMESPACE = "sql_catalogs"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    return request.getfixturevalue(request.param)


def rows(*ids):
    return pa.table({"id": pa.array(ids, pa.int64())})


def open_floe(uri, warehouse, **options):
    return floe.Catalog(
        catalog_type="sql", catalog_name="shared", uri=uri, warehouse=str(warehouse),
        storage_options=options,
    )


def with_port(uri, port):
    parts = urllib.parse.urlsplit(uri)
    return uri.replace(f":{parts.port}/", f":{port}/")


def ids(catalog, table):
    return sorted(catalog.scan(table).read_all()["id"].to_pylist())


@pytest.fixture
def table(server, tmp_path, request):
    """An empty table of one column, its name, in a warehouse of its own."""
    catalog = open_floe(server.uri, tmp_path)
    if NAMESPACE not in catalog.list_namespaces():
        catalog.create_namespace(NAMESPACE)
    name = f"{NAMESPACE}.t_{os.urandom(4).hex()}"
    catalog.create_table(name, rows().schema)
    yield name
    catalog.drop_table(name)


def test_conformance(postgresql, mariadb):
    """The suite that memory and SQLite pass, over both servers (C++)."""
    environment = {**os.environ, "FLOE_TEST_SQL_URIS": f"{postgresql.uri} {mariadb.uri}"}
    done = subprocess.run(
        [CONFORMANCE, "--gtest_filter=*CatalogConformance*"],
        env=environment, check=False, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "postgresqlpsycopg2" in done.stdout and "mysqlpymysql" in done.stdout


def test_pyiceberg_reads_and_writes_the_same_tables(server, tmp_path, table):
    from pyiceberg.catalog.sql import SqlCatalog

    ours = open_floe(server.uri, tmp_path)
    theirs = SqlCatalog("shared", uri=server.uri, warehouse=f"file://{tmp_path}")
    ours.append(table, rows(1, 2))
    theirs.load_table(table).append(rows(3))
    ours.append(table, rows(4))
    assert ids(ours, table) == [1, 2, 3, 4]
    assert sorted(theirs.load_table(table).scan().to_arrow()["id"].to_pylist()) == [1, 2, 3, 4]

    theirs.create_table(f"{NAMESPACE}.theirs", rows().schema).append(rows(7))
    assert f"{NAMESPACE}.theirs" in ours.list_tables(NAMESPACE)
    assert ids(ours, f"{NAMESPACE}.theirs") == [7]
    ours.drop_table(f"{NAMESPACE}.theirs")
    assert not theirs.table_exists(f"{NAMESPACE}.theirs")


APPENDER = """
import sys
import pyarrow as pa
import floe
uri, warehouse, table, first, count = sys.argv[1:6]
catalog = floe.Catalog(catalog_type="sql", catalog_name="shared", uri=uri, warehouse=warehouse)
for i in range(int(first), int(first) + int(count)):
    catalog.append(table, pa.table({"id": pa.array([i], pa.int64())}))
"""


def test_appends_of_several_processes_are_all_kept(server, tmp_path, table):
    from pyiceberg.catalog.sql import SqlCatalog

    theirs = SqlCatalog("shared", uri=server.uri, warehouse=f"file://{tmp_path}")
    with theirs.load_table(table).transaction() as change:
        # More conflicts than the four retries that are the default.
        change.set_properties({"commit.retry.num-retries": "100",
                               "commit.retry.min-wait-ms": "10"})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, server.uri, str(tmp_path), table,
             str(writer * APPENDS), str(APPENDS)],
            stderr=subprocess.PIPE, text=True,
        )
        for writer in range(WRITERS)
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert ids(open_floe(server.uri, tmp_path), table) == list(range(WRITERS * APPENDS))


@pytest.mark.parametrize("deliver", [True, False], ids=["landed", "not-landed"])
def test_a_commit_whose_answer_is_lost_is_made_once(server, tmp_path, table, deliver):
    proxy = CuttingProxy(server.port)
    catalog = open_floe(with_port(server.uri, proxy.port), tmp_path)
    catalog.append(table, rows(1))
    proxy.cut_next(deliver)
    catalog.append(table, rows(2))
    assert proxy.cuts == 0
    assert ids(open_floe(server.uri, tmp_path), table) == [1, 2]
    proxy.close()


def test_connections_that_were_cut_are_opened_anew(server, tmp_path, table):
    catalog = open_floe(server.uri + "?connect_timeout=9", tmp_path)
    catalog.append(table, rows(1))
    cut_connections(server)
    catalog.append(table, rows(2))
    cut_connections(server)
    assert ids(catalog, table) == [1, 2]


def cut_connections(server):
    """Ends every other connection of the server's user, as a restart would."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(server.uri)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"))
        else:
            others = connection.execute(sqlalchemy.text(
                "SELECT id FROM information_schema.processlist "
                "WHERE id <> connection_id() AND user = substring_index(user(), '@', 1)"))
            for (other,) in others.fetchall():
                connection.execute(sqlalchemy.text(f"KILL {other}"))
    engine.dispose()


def test_what_is_wrong_is_named_without_the_password(server, tmp_path):
    password = urllib.parse.urlsplit(server.uri).password
    wrong = "wrong-secret-93b1"
    cases = {
        "login": server.uri.replace(password, wrong),
        "database": server.uri.rsplit("/", 1)[0] + "/nowhere",
        "port": with_port(server.uri, 9),
        "host": server.uri.replace("127.0.0.1", "no-such-host.invalid"),
    }
    for what, uri in cases.items():
        with pytest.raises(floe.FloeError) as caught:
            open_floe(uri, tmp_path)
        message = str(caught.value)
        assert password not in message and wrong not in message, what
        assert caught.value.code == {
            "login": "NOT_AUTHORIZED",
            # MySQL tells a user without rights no more about a database.
            "database": "NOT_AUTHORIZED" if "mysql" in uri else "INVALID_CONFIG",
            "port": "SERVICE_UNAVAILABLE",
            "host": "SERVICE_UNAVAILABLE",
        }[what], (what, message)


def test_the_command_finds_every_step_in_order(server, tmp_path):
    password = urllib.parse.urlsplit(server.uri).password
    command = [
        ROOT / "build/release/floe", "--json", "--stats", "--catalog-uri",
        server.uri.replace(password, "${DATABASE_PASSWORD}"), "--warehouse",
        str(tmp_path / "warehouse"), "catalogs",
    ]
    done = subprocess.run(
        command, env={**os.environ, "DATABASE_PASSWORD": password}, check=False,
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("reach", "authenticate", "list", "create", "commit", "read", "drop"):
        assert f'"step": "{step}"' in done.stdout
    assert "failed" not in done.stdout
    assert '"catalog":' in done.stderr
    assert password not in done.stdout + done.stderr
    assert list((tmp_path / "warehouse").rglob("*")) == []
    left = [n for n in open_floe(server.uri, tmp_path).list_namespaces() if "floe_check" in n]
    assert left == []
