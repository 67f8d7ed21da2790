"""The REST catalog against Iceberg's reference server: logins, faults of every kind between
the two, commits whose answers are lost, and scans that the server plans."""

import os
import urllib.request

import pyarrow as pa
import pytest

import catalog_servers
import floe
from catalog_servers import pyiceberg_catalog
from fault_proxy import ActThenRefuse, FaultProxy, LoseAnswer, Refuse, ResetConnection

SCHEMA = pa.schema([("id", pa.int64()), ("region", pa.string())])


def rows(*ids):
    return pa.table({"id": ids, "region": [f"r{i % 3}" for i in ids]}, schema=SCHEMA)


def ids(catalog, table, **options):
    return sorted(catalog.scan(table, **options).read_all()["id"].to_pylist())


def open_floe(server, uri=None, **options):
    arguments = server.arguments()
    arguments["uri"] = uri or arguments["uri"]
    arguments["storage_options"] = {**arguments["storage_options"], **options}
    return floe.Catalog(**arguments)


@pytest.fixture
def table(rest_catalog):
    """The name of a table with the rows 0, 1 and 2, in a namespace of two levels."""
    catalog = open_floe(rest_catalog)
    outer = f"rest_{os.urandom(4).hex()}"
    catalog.create_namespace(outer)
    catalog.create_namespace(f"{outer}.in ner")
    name = f"{outer}.in ner.t"
    catalog.create_table(name, SCHEMA, partition_by=["region"])
    catalog.append(name, rows(0, 1, 2))
    return name


@pytest.fixture
def proxy(rest_catalog):
    with FaultProxy(rest_catalog.port) as proxy:
        yield proxy


@pytest.fixture
def through(rest_catalog, proxy):
    """A catalog behind the proxy; a wait between tries of no length worth speaking of."""
    return open_floe(rest_catalog, proxy.endpoint)


def is_commit(exchange):
    return exchange.method == "POST" and exchange.path.endswith("/tables/t")


def is_load(exchange):
    return exchange.method == "GET" and exchange.path.endswith("/tables/t")


def test_lists_in_pages_and_levels(rest_catalog, table):
    outer = table.partition(".")[0]
    catalog = open_floe(rest_catalog, **{"rest-page-size": "1"})
    for name in ("u", "v"):
        catalog.create_table(f"{outer}.in ner.{name}", SCHEMA)
    assert catalog.list_tables(f"{outer}.in ner") == [
        f"{outer}.in ner.{name}" for name in ("t", "u", "v")
    ]
    assert f"{outer}.in ner" in catalog.list_namespaces()
    theirs = pyiceberg_catalog(rest_catalog.arguments())
    assert (outer, "in ner", "t") in theirs.list_tables((outer, "in ner"))


def test_a_wrong_secret_is_named_and_not_shown(rest_catalog):
    with pytest.raises(floe.errors.FloePermissionError) as raised:
        open_floe(rest_catalog, credential="floe-tests:wrong-3c8a").list_namespaces()
    assert "invalid_client" in str(raised.value) and "credential" in str(raised.value)
    assert "wrong-3c8a" not in str(raised.value)


def test_a_token_that_expired_is_renewed(rest_catalog, table):
    catalog = open_floe(rest_catalog)
    assert ids(catalog, table) == [0, 1, 2]
    with urllib.request.urlopen(f"{rest_catalog.uri}/test/revoke"):
        pass
    assert ids(catalog, table) == [0, 1, 2]


def test_a_server_that_is_down(rest_catalog, proxy, through, table):
    proxy.take_down()
    with pytest.raises(floe.errors.FloeError) as raised:
        through.describe(table)
    assert raised.value.code == "SERVICE_UNAVAILABLE" and raised.value.retryable
    assert proxy.endpoint in str(raised.value)
    proxy.restore()
    assert ids(through, table) == [0, 1, 2]


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_is_sat_out(proxy, through, table, status):
    proxy.inject(Refuse(status), times=3)
    through.append(table, rows(3))
    assert ids(through, table) == [0, 1, 2, 3]


def test_throttling_without_end(proxy, through, table):
    proxy.inject(Refuse(429), times=float("inf"))
    with pytest.raises(floe.errors.FloeError) as raised:
        through.describe(table)
    assert raised.value.code == "THROTTLED"


def test_resets_before_and_in_an_answer(proxy, through, table):
    proxy.inject(ResetConnection(), when=is_load)
    proxy.inject(ResetConnection(after_bytes=100), when=is_load)
    assert ids(through, table) == [0, 1, 2]


@pytest.mark.parametrize("fault", [LoseAnswer(), ResetConnection(after_bytes=10)])
def test_a_commit_whose_answer_is_lost_happens_once(rest_catalog, proxy, through, table, fault):
    proxy.inject(fault, when=is_commit)
    through.append(table, rows(3))
    assert ids(through, table) == [0, 1, 2, 3]
    assert sum(is_commit(exchange) for exchange in proxy.log()) == 1
    assert len(pyiceberg_catalog(rest_catalog.arguments()).load_table(table).history()) == 2


def test_a_commit_nobody_can_ask_about(rest_catalog, proxy, through, table):
    commits = []

    def is_the_commit(exchange):
        if is_commit(exchange):
            commits.append(exchange)
        return is_commit(exchange)

    proxy.inject(LoseAnswer(), when=is_the_commit)
    proxy.inject(
        Refuse(500), when=lambda exchange: is_load(exchange) and commits, times=float("inf")
    )
    with pytest.raises(floe.errors.FloeError) as raised:
        through.append(table, rows(3))
    assert raised.value.code == "COMMIT_STATE_UNKNOWN"
    assert "look at the table's snapshots" in str(raised.value)
    # It did happen, and its files are still there.
    assert ids(open_floe(rest_catalog), table) == [0, 1, 2, 3]


def test_a_gateway_that_answers_for_a_commit_that_happened(proxy, through, table):
    """The server commits, the answer is 503, the repetition is refused with 409."""
    proxy.inject(ActThenRefuse(503), when=is_commit)
    through.append(table, rows(3))
    assert ids(through, table) == [0, 1, 2, 3]


@pytest.fixture(params=["sync", "async"])
def planning(request, s3proxy, tmp_path):
    """A server that asks clients to let it plan, at once or while they ask again."""
    if request.param == "sync":
        yield request.getfixturevalue("rest_catalog_planning")
        return
    server = catalog_servers.RestCatalog(tmp_path, s3proxy, planning="async")
    server.start()
    yield server
    server.stop()


def test_the_server_plans_scans(planning):
    server = planning
    namespace = f"plan_{os.urandom(4).hex()}"
    with FaultProxy(server.port) as proxy:
        catalog = open_floe(server, proxy.endpoint)
        catalog.create_namespace(namespace)
        name = f"{namespace}.t"
        catalog.create_table(name, SCHEMA, partition_by=["region"])
        for first in (0, 10, 20):
            catalog.append(name, rows(*range(first, first + 10)))
        catalog.delete(name, "id IN (4, 15)")
        for filter in (None, "id >= 7 AND region = 'r1'", "NOT (id < 12 OR region IS NULL)"):
            options = {"filter": filter} if filter else {}
            proxy.clear_log()
            ours = ids(catalog, name, **options)
            assert any(exchange.path.endswith("/plan") for exchange in proxy.log())
            expected = [i for i in range(30) if i not in (4, 15)]
            if filter and filter.startswith("id"):
                expected = [i for i in expected if i >= 7 and i % 3 == 1]
            elif filter:
                expected = [i for i in expected if i >= 12]
            assert ours == expected
