"""Each server, used by a client that is not ours, so that what others test stands on it."""

import pyarrow as pa
import pytest

from catalog_servers import pyiceberg_catalog

ROWS = pa.table({"id": pa.array(range(10), pa.int64())})
STORES = ["s3proxy", "moto", "versitygw", "azurite", "fake_gcs"]
S3_STORES = ["s3proxy", "moto", "versitygw"]


@pytest.mark.parametrize("name", STORES)
def test_store_keeps_what_arrow_writes(request, name):
    store = request.getfixturevalue(name)
    bucket = store.new_bucket()
    path = f"{bucket.partition('://')[2]}/folder/object"
    with store.filesystem().open_output_stream(path) as stream:
        stream.write(b"0123456789")
    with store.filesystem().open_input_file(path) as file:
        assert file.read_at(3, 4) == b"456"
    assert store.objects(bucket) == {"folder/object": 10}


@pytest.mark.parametrize("name", S3_STORES)
def test_s3_store_refuses_a_wrong_secret(request, name):
    from pyarrow import fs

    store = request.getfixturevalue(name)
    bucket = store.new_bucket().partition("://")[2]
    intruder = fs.S3FileSystem(
        access_key=store.access_key_id,
        secret_key="wrong",
        endpoint_override=store.endpoint,
        region=store.region,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
    )
    with pytest.raises(OSError, match=r"ACCESS_DENIED|403|SignatureDoesNotMatch"):
        intruder.open_input_stream(f"{bucket}/object").read()


def round_trip(catalog):
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", schema=ROWS.schema)
    table.append(ROWS)
    assert catalog.load_table("db.t").scan().to_arrow().equals(ROWS)
    catalog.drop_table("db.t")
    catalog.drop_namespace("db")


def test_rest_catalog(rest_catalog):
    round_trip(pyiceberg_catalog(rest_catalog.arguments()))


def test_nessie(nessie):
    round_trip(pyiceberg_catalog(nessie.arguments()))


def test_glue(glue, moto):
    round_trip(pyiceberg_catalog(glue.arguments(moto.new_bucket())))


@pytest.mark.parametrize("name", ["postgresql", "mariadb", "sqlite"])
def test_sql_catalog(request, name, s3proxy):
    server = request.getfixturevalue(name)
    round_trip(pyiceberg_catalog(server.arguments(s3proxy.new_bucket(), s3proxy)))


def test_hive3(hive3, s3proxy):
    round_trip(pyiceberg_catalog(hive3.arguments(s3proxy.new_bucket(), s3proxy)))


def test_hive4(hive4, s3proxy):
    round_trip(pyiceberg_catalog(hive4.arguments(s3proxy.new_bucket(), s3proxy)))


def test_a_server_that_was_killed_comes_back(s3proxy):
    bucket = s3proxy.new_bucket()
    s3proxy.kill()
    assert s3proxy.pid() is None
    s3proxy.start()
    assert s3proxy.objects(bucket) == {}
    assert s3proxy.pid() is not None
