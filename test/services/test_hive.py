"""Hive Metastores 4.0.1 and 3.1.3 as catalogs; PyIceberg 0.12 can use 4 only as
`catalog_servers` helps it."""

import pytest
from hive_metastore.ttypes import ShowLocksRequest, UnlockRequest

import floe
from catalog_servers import pyiceberg_catalog
from fault_proxy import FaultProxy, LoseAnswer
from metastore_life import (
    SCHEMA,
    WRITERS,
    ids,
    live_with_both,
    live_with_floe,
    lose_an_answer,
    new_namespace,
    program,
    race,
    rows_of,
)

STORES = ["local_folder", "s3proxy"]


def with_options(arguments, options):
    return {**arguments, "storage_options": {**arguments["storage_options"], **options}}


def without_lock(arguments):
    return with_options(arguments, {"hive.lock-enabled": "false"})


@pytest.fixture(params=STORES)
def hive4_arguments(hive4, request):
    store = request.getfixturevalue(request.param)
    return hive4.arguments(store.new_bucket(), store)


@pytest.fixture(params=STORES)
def hive3_arguments(hive3, request):
    store = request.getfixturevalue(request.param)
    return hive3.arguments(store.new_bucket(), store)


def test_life_in_hive4(hive4_arguments):
    live_with_floe(hive4_arguments)


def test_life_in_hive4_without_locks(hive4_postgresql, local_folder):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    live_with_floe(without_lock(arguments))


def test_life_in_hive4_with_pyiceberg(hive4_postgresql, s3proxy):
    live_with_both(hive4_postgresql.arguments(s3proxy.new_bucket(), s3proxy))


def test_life_in_hive3(hive3_arguments):
    live_with_floe(hive3_arguments)


def test_life_in_hive3_with_pyiceberg(hive3_arguments):
    live_with_both(hive3_arguments)


# Requests for locks at once deadlock Hive 4.0.1 itself on Derby: one waits in Derby for a row
# of another, which waits for the lock Hive holds around every use of Derby.
def test_no_commit_is_lost_in_hive4(hive4_postgresql, local_folder):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    race([arguments] * WRITERS)


def test_no_commit_is_lost_in_hive4_beside_pyiceberg(hive4_postgresql, local_folder):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    patient = {"lock-check-retries": "100", "lock-check-max-wait-time": "0.5"}
    race([arguments] * WRITERS, pyiceberg_catalog(arguments, **patient))


def test_no_commit_is_lost_whether_writers_lock_or_not(hive4_postgresql, local_folder):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    race([arguments, without_lock(arguments)] * (WRITERS // 2))


def test_derby_takes_no_commit_without_lock(hive4, local_folder):
    arguments = hive4.arguments(local_folder.new_bucket(), local_folder)
    namespace = new_namespace(arguments)
    catalog = floe.Catalog(**without_lock(arguments))
    catalog.create_table(f"{namespace}.t", SCHEMA)
    with pytest.raises(floe.FloeError, match="hive.lock-enabled"):
        catalog.append(f"{namespace}.t", rows_of([1], "a"))


def test_no_commit_is_lost_in_hive3(hive3, local_folder):
    arguments = hive3.arguments(local_folder.new_bucket(), local_folder)
    # PyIceberg looks at a lock four times and gives up, unless it is told otherwise.
    patient = {"lock-check-retries": "100", "lock-check-max-wait-time": "0.5"}
    race([arguments] * WRITERS, pyiceberg_catalog(arguments, **patient))


def test_hive3_takes_no_commit_without_lock(hive3, local_folder):
    arguments = hive3.arguments(local_folder.new_bucket(), local_folder)
    catalog = floe.Catalog(**without_lock(arguments))
    table = f"{new_namespace(arguments)}.t"
    catalog.create_table(table, SCHEMA)
    with pytest.raises(floe.FloeError, match="lock-enabled"):
        catalog.append(table, rows_of([1], "a"))


@pytest.mark.parametrize("is_locking", [True, False])
def test_a_lost_answer_of_hive4(hive4_postgresql, local_folder, is_locking):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    with FaultProxy(hive4_postgresql.port, is_http=False) as proxy:
        arguments = {**arguments, "uri": f"thrift://127.0.0.1:{proxy.port}"}
        if not is_locking:
            arguments = without_lock(arguments)
        lose_an_answer(
            arguments, proxy, LoseAnswer(), lambda asked: b"alter_table" in asked.question
        )


def locks_of(client, namespace):
    asked = ShowLocksRequest(dbname=namespace, tablename="locked")
    return client.show_locks(asked).locks or []


def test_a_lock_that_stays_is_named_and_nothing_is_left_waiting(
    hive4_postgresql, local_folder
):
    arguments = hive4_postgresql.arguments(local_folder.new_bucket(), local_folder)
    namespace = new_namespace(arguments)
    table = f"{namespace}.locked"
    catalog = floe.Catalog(**with_options(arguments, {"iceberg.hive.lock-timeout-ms": "2000"}))
    catalog.create_table(table, SCHEMA)
    theirs = pyiceberg_catalog(arguments)
    with theirs._client as client:
        held = client.lock(theirs._create_lock_request(namespace, "locked"))
        with pytest.raises(floe.FloeError, match="lock") as raised:
            catalog.append(table, rows_of([1], "a"))
        assert table in str(raised.value)
        assert [lock.lockid for lock in locks_of(client, namespace)] == [held.lockid]
        assert ids(catalog, table) == []
        client.unlock(UnlockRequest(lockid=held.lockid))
        catalog.append(table, rows_of([2], "a"))
        assert locks_of(client, namespace) == []
    assert ids(catalog, table) == [2]


def test_a_metastore_that_is_down_is_named(hive4, local_folder):
    arguments = hive4.arguments(local_folder.new_bucket(), local_folder)
    with FaultProxy(hive4.port, is_http=False) as proxy:
        uri = f"thrift://127.0.0.1:{proxy.port}"
        catalog = floe.Catalog(**{**arguments, "uri": uri})
        assert "default" in catalog.list_namespaces()
        proxy.take_down()
        with pytest.raises(floe.FloeError, match=f"127.0.0.1:{proxy.port}"):
            catalog.list_namespaces()
        both = floe.Catalog(**{**arguments, "uri": f"{uri},{hive4.uri}"})
        assert "default" in both.list_namespaces()
        proxy.restore()
        assert "default" in catalog.list_namespaces()


def test_names_that_are_missing_are_named(hive4, local_folder):
    arguments = hive4.arguments(local_folder.new_bucket(), local_folder)
    refused = program(arguments, "drop-namespace", "no_such_database")
    assert "NO_SUCH_NAMESPACE" in refused.stderr
