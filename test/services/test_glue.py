"""AWS Glue as moto serves it, which checks signatures, and versions by moto_server.py; files in
moto's S3 or a folder."""

import json
import uuid

import pytest

import floe
from catalog_servers import pyiceberg_catalog
from fault_proxy import FaultProxy, LoseAnswer, Refuse
from metastore_life import (
    SCHEMA,
    WRITERS,
    live_with_both,
    live_with_floe,
    lose_an_answer,
    new_namespace,
    program,
    race,
    rows_of,
)

STORES = ["local_folder", "moto"]


def with_options(arguments, options):
    return {**arguments, "storage_options": {**arguments["storage_options"], **options}}


def is_call(action):
    """Whether an exchange asks Glue for it."""
    return lambda asked: asked.headers.get("x-amz-target") == f"AWSGlue.{action}"


@pytest.fixture(params=STORES)
def arguments(glue, request):
    store = request.getfixturevalue(request.param)
    return glue.arguments(store.new_bucket(), store)


@pytest.fixture
def local_arguments(glue, local_folder):
    return glue.arguments(local_folder.new_bucket(), local_folder)


def test_life(arguments):
    live_with_floe(arguments)


def test_life_with_pyiceberg(arguments):
    live_with_both(arguments)


def test_no_commit_is_lost(local_arguments):
    race([local_arguments] * WRITERS)


def test_no_commit_is_lost_beside_pyiceberg(local_arguments):
    race([local_arguments] * WRITERS, pyiceberg_catalog(local_arguments))


def test_a_lost_answer(local_arguments, moto):
    with FaultProxy(moto.port) as proxy:
        options = {"glue.endpoint": proxy.endpoint}
        proxied = with_options(local_arguments, options)
        lose_an_answer(proxied, proxy, LoseAnswer(), is_call("UpdateTable"))


def test_throttling_is_waited_out(local_arguments, moto):
    with FaultProxy(moto.port) as proxy:
        proxied = with_options(local_arguments, {"glue.endpoint": proxy.endpoint})
        catalog = floe.Catalog(**proxied)
        throttled = Refuse(400, b'{"__type":"ThrottlingException","Message":"slowly"}')
        proxy.inject(throttled, is_call("GetDatabases"), times=3)
        catalog.list_namespaces()
        assert sum(map(is_call("GetDatabases"), proxy.log())) == 4


@pytest.mark.parametrize(
    ("key", "value"),
    [("glue.secret-access-key", "wrong-secret-5b1d"), ("glue.access-key-id", "AKIAWRONG")],
)
def test_wrong_keys_are_refused_without_showing_them(local_arguments, moto, key, value):
    catalog = floe.Catalog(**with_options(local_arguments, {key: value}))
    with pytest.raises(floe.FloeError) as refused:
        catalog.list_namespaces()
    message = str(refused.value)
    assert moto.endpoint in message
    assert "access key" in message
    for secret in (value, moto.secret_access_key):
        assert secret not in message


def test_keys_come_from_a_profile(local_arguments, moto, tmp_path, monkeypatch):
    (tmp_path / "credentials").write_text(
        f"[lake]\naws_access_key_id = {moto.access_key_id}\n"
        f"aws_secret_access_key = {moto.secret_access_key}\n"
    )
    options = {
        key: value
        for key, value in local_arguments["storage_options"].items()
        if "access-key" not in key
    }
    profile = {**local_arguments, "storage_options": options}
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    chosen = with_options(profile, {"glue.profile-name": "lake"})
    floe.Catalog(**chosen).list_namespaces()
    with pytest.raises(floe.FloeError, match="no AWS credentials"):
        floe.Catalog(**profile).list_namespaces()
    with pytest.raises(floe.FloeError, match="'lak'.*lake"):
        wrong = with_options(profile, {"glue.profile-name": "lak"})
        floe.Catalog(**wrong).list_namespaces()


def test_a_role_is_assumed(local_arguments, moto, monkeypatch):
    iam = moto.client("iam")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    name = f"role-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_of(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy_of(everything))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto.endpoint)
    assumed = with_options(local_arguments, {"glue.role-arn": role["Arn"]})
    namespace = new_namespace(assumed)
    assert namespace in floe.Catalog(**local_arguments).list_namespaces()
    # moto gives keys for any role, but looks at who asks.
    wrong = with_options(assumed, {"glue.secret-access-key": "wrong-secret-5b1d"})
    with pytest.raises(floe.FloeError, match="role") as refused:
        floe.Catalog(**wrong).list_namespaces()
    assert "wrong-secret" not in str(refused.value)


def policy_of(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_tables_of_other_formats_are_left_alone(local_arguments, moto):
    namespace = new_namespace(local_arguments)
    moto.client("glue").create_table(
        DatabaseName=namespace,
        TableInput={"Name": "plain", "TableType": "EXTERNAL_TABLE", "Parameters": {}},
    )
    catalog = floe.Catalog(**local_arguments)
    assert catalog.list_tables(namespace) == []
    with pytest.raises(floe.FloeError, match="not an Iceberg table"):
        catalog.scan(f"{namespace}.plain")
    # Glue itself would delete them with their database.
    assert "drop them first" in program(local_arguments, "drop-namespace", namespace).stderr
    catalog.create_table(f"{namespace}.t", SCHEMA)
    catalog.append(f"{namespace}.t", rows_of([1], "a"))
    assert catalog.list_tables(namespace) == [f"{namespace}.t"]
