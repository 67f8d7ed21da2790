"""The proxy itself, by clients that are not ours: what it does is what it says."""

import http.client
import threading

import pytest

from fault_proxy import (
    Exchange,
    FaultProxy,
    LoseAnswer,
    Refuse,
    ResetConnection,
    sequential_round_trips,
)
from server import HOST

BODY = b"0123456789" * 1000


@pytest.fixture
def bucket(s3proxy):
    uri = s3proxy.new_bucket()
    name = uri.partition("://")[2]
    with s3proxy.filesystem().open_output_stream(f"{name}/object") as stream:
        stream.write(BODY)
    return name


@pytest.fixture
def proxy(s3proxy):
    with FaultProxy(s3proxy.port) as between:
        yield between


def client(proxy, s3proxy):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        region_name=s3proxy.region,
        aws_access_key_id=s3proxy.access_key_id,
        aws_secret_access_key=s3proxy.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def test_passes_and_counts(proxy, s3proxy, bucket):
    s3 = client(proxy, s3proxy)
    assert s3.get_object(Bucket=bucket, Key="object")["Body"].read() == BODY
    s3.put_object(Bucket=bucket, Key="other", Body=b"12345")
    get, put = proxy.log()
    assert (get.method, get.path, get.status) == ("GET", f"/{bucket}/object", 200)
    assert get.received_bytes == len(BODY)
    assert (put.method, put.status) == ("PUT", 200)
    assert b"12345" in put.question


def test_refuses_so_many_times(proxy, s3proxy, bucket):
    proxy.inject(Refuse(503), when=lambda each: each.method == "GET", times=1)
    s3 = client(proxy, s3proxy)
    with pytest.raises(Exception, match="503"):
        s3.get_object(Bucket=bucket, Key="object")
    assert s3.get_object(Bucket=bucket, Key="object")["Body"].read() == BODY
    assert [each.status for each in proxy.log()] == [503, 200]


def test_loses_an_answer_after_the_deed(proxy, s3proxy, bucket):
    proxy.inject(LoseAnswer(), when=lambda each: each.method == "PUT")
    with pytest.raises(Exception, match="onnection"):
        client(proxy, s3proxy).put_object(Bucket=bucket, Key="lost", Body=b"here")
    assert s3proxy.objects(f"s3://{bucket}")["lost"] == 4
    assert proxy.log()[0].fault == "LoseAnswer"


def test_resets_in_mid_answer(proxy, s3proxy, bucket):
    proxy.inject(ResetConnection(after_bytes=100))
    body = client(proxy, s3proxy).get_object(Bucket=bucket, Key="object")["Body"]
    with pytest.raises(Exception, match="onnection|reset|IncompleteRead"):
        body.read()
    assert proxy.log()[0].received_bytes == 100


def test_goes_down_and_comes_back(proxy, s3proxy, bucket):
    s3 = client(proxy, s3proxy)
    proxy.take_down()
    with pytest.raises(Exception, match="onnect"):
        s3.get_object(Bucket=bucket, Key="object")
    proxy.restore()
    assert s3.get_object(Bucket=bucket, Key="object")["Body"].read() == BODY


def test_latency_is_added_and_round_trips_counted(proxy):
    proxy.latency_s = 0.02

    def ask(times):
        connection = http.client.HTTPConnection(HOST, proxy.port)
        for _ in range(times):
            connection.request("GET", "/")
            connection.getresponse().read()

    ask(3)
    assert sequential_round_trips(proxy.log()) == 3
    assert all(each.ended_s - each.began_s >= 0.02 for each in proxy.log())
    proxy.clear_log()
    # Held back until all are there, they are surely side by side.
    proxy.latency_s = 0.5
    threads = [threading.Thread(target=ask, args=(1,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(proxy.log()) == 5
    assert sequential_round_trips(proxy.log()) == 1


def test_round_trips_of_known_spans():
    spans = [(0, 2), (1, 3), (2, 4), (4, 5), (4, 6)]
    exchanges = [Exchange("GET", "/", began_s=a, ended_s=b) for a, b in spans]
    assert sequential_round_trips(exchanges) == 3
    assert sequential_round_trips([]) == 0


def test_tcp_loses_an_answer_by_what_was_asked(postgresql):
    import psycopg2

    with FaultProxy(postgresql.port, is_http=False) as proxy:
        reach = {
            "host": HOST,
            "user": postgresql.user,
            "password": postgresql.password,
            "dbname": postgresql.database,
            "sslmode": "disable",
            "gssencmode": "disable",
        }
        through = psycopg2.connect(port=proxy.port, **reach)
        through.autocommit = True
        cursor = through.cursor()
        cursor.execute("create table lost (id int)")
        proxy.inject(LoseAnswer(), when=lambda each: b"insert" in each.question)
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("insert into lost values (1)")
        straight = psycopg2.connect(port=postgresql.port, **reach)
        look = straight.cursor()
        look.execute("select count(*) from lost")
        assert look.fetchone() == (1,)
        straight.close()
