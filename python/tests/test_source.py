"""IcebergSource: round trips through the registry's protobuf, and types."""

import weakref
from datetime import datetime, timezone

import pyarrow as pa
import pytest

from feast.credentials import ConnectionRef
from feast.data_source import DataSource
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.infra.data_sources.contrib.iceberg_catalog.unity_catalog_source import (
    UnityCatalogSource,
)
from feast.value_type import ValueType
from floe import IcebergSource
from floe.catalog import MAX_OPEN_CATALOGS, open_catalog
from floe.errors import FloeConfigError, FloeInputError, FloeNotSupportedError
from floe.source_access import locate
from floe.types import type_text, value_type_of


@pytest.mark.parametrize(
    "pin",
    [
        {},
        {"snapshot_id": 2**62 + 1},
        {"as_of": datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=timezone.utc)},
        {"ref": "training-2026"},
    ],
)
def test_a_source_survives_the_registry(pin):
    source = IcebergSource(
        name="driver_stats",
        table_identifier="feast.driver_stats",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
        field_mapping={"conv": "conv_rate"},
        description="hourly",
        tags={"team": "ride"},
        owner="ride@example.org",
        **pin,
    )
    proto = source.to_proto()
    assert proto.data_source_class_type == "floe.source.IcebergSource"
    back = DataSource.from_proto(proto)
    assert back == source and type(back) is IcebergSource
    assert back.pin() == source.pin()
    other = IcebergSource(
        name="driver_stats",
        table_identifier="feast.driver_stats2",
        timestamp_field="event_timestamp",
    )
    assert back != other


def test_as_of_is_exact_to_the_millisecond_and_naive_times_are_utc():
    pin = IcebergSource(
        table_identifier="t",
        timestamp_field="ts",
        as_of=datetime(2026, 11, 22, 0, 0, 0, 999),
    ).pin()
    midnight = int(datetime(2026, 11, 22, tzinfo=timezone.utc).timestamp()) * 1000
    assert pin == {"as_of_ms": midnight}


@pytest.mark.parametrize(
    "arguments, part",
    [
        ({"table_identifier": ""}, "table_identifier"),
        ({"table_identifier": "t"}, "timestamp_field"),
        (
            {"table_identifier": "t", "timestamp_field": "x", "snapshot_id": 1, "ref": "a"},
            "keep one",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(arguments, part):
    with pytest.raises(FloeInputError, match=part):
        IcebergSource(**arguments)


UNITY = {"warehouse": "main", "namespace": "ml", "table": "drivers", "timestamp_field": "ts"}


@pytest.mark.parametrize(
    "source, settings",
    [
        (
            FeastIcebergSource(
                **UNITY, catalog_type="rest", endpoint="http://h/c", token_env_var="T",
                catalog_properties={"s3.region": "eu", "py-io-impl": "x", "type": "rest"},
            ),
            {
                "catalog_type": "rest", "catalog_name": "feast_iceberg", "uri": "http://h/c",
                "warehouse": "main", "storage_options": {"s3.region": "eu", "token": "secret"},
            },
        ),
        (
            FeastIcebergSource(**UNITY, catalog_type="rest", endpoint="http://h/c", credential_vending=False),
            {
                "catalog_type": "rest", "catalog_name": "feast_iceberg", "uri": "http://h/c",
                "warehouse": "main",
                "storage_options": {"header.X-Iceberg-Access-Delegation": ""},
            },
        ),
        (
            FeastIcebergSource(**UNITY, catalog_type="hive", catalog_properties={"uri": "thrift://h:1"}),
            {
                "catalog_type": "hive", "catalog_name": "feast_iceberg", "uri": "thrift://h:1",
                "warehouse": "main", "storage_options": {},
            },
        ),
        (
            FeastIcebergSource(**UNITY, catalog_type="glue", catalog_properties={"glue.region": "eu"}),
            {
                "catalog_type": "glue", "catalog_name": "feast_iceberg", "uri": None,
                "warehouse": "main", "storage_options": {"glue.region": "eu"},
            },
        ),
        (
            UnityCatalogSource(**UNITY, endpoint="http://h/api/2.1/unity-catalog/iceberg"),
            {
                "catalog_type": "rest", "catalog_name": "feast_iceberg",
                "uri": "http://h/api/2.1/unity-catalog/iceberg", "warehouse": "main",
                "storage_options": {},
            },
        ),
    ],
    ids=["rest", "rest without vending", "hive", "glue", "unity"],
)
def test_feasts_own_iceberg_sources_name_floes_catalogs(source, settings, monkeypatch):
    monkeypatch.setenv("T", "secret")
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    opened = []
    monkeypatch.setattr("floe.source_access.open_catalog", lambda s: opened.append(s))
    location = locate(None, DataSource.from_proto(source.to_proto()))
    assert opened == [settings] and location.table == "ml.drivers"


def test_unity_takes_its_token_where_there_is_one(monkeypatch):
    opened = []
    monkeypatch.setattr("floe.source_access.open_catalog", lambda s: opened.append(s))
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi")
    locate(None, UnityCatalogSource(**UNITY, endpoint="http://h"))
    assert opened[0]["storage_options"] == {"token": "dapi"}
    chosen = UnityCatalogSource(**UNITY, endpoint="http://h", token_env_var="NOT_SET_ANYWHERE")
    with pytest.raises(FloeConfigError, match="NOT_SET_ANYWHERE"):
        locate(None, chosen)
    odd = FeastIcebergSource(**UNITY, catalog_type="dynamodb")
    with pytest.raises(FloeNotSupportedError, match="dynamodb"):
        locate(None, odd)


def test_a_connection_ref_gives_secrets_and_settings(monkeypatch):
    opened = []
    monkeypatch.setattr("floe.source_access.open_catalog", lambda s: opened.append(s))
    monkeypatch.setenv("s3.secret-access-key", "of the environment")
    reference = ConnectionRef(
        provider="env", name="s3.", params={"s3.region": "eu", "uri": "thrift://h:2"}
    )
    source = FeastIcebergSource(
        **UNITY, catalog_type="hive", endpoint="thrift://h:1", connection_ref=reference,
        catalog_properties={"s3.region": "us"},
    )
    locate(None, DataSource.from_proto(source.to_proto()))
    assert opened[0]["uri"] == "thrift://h:2"
    assert opened[0]["storage_options"] == {
        "s3.region": "eu", "s3.secret-access-key": "of the environment"
    }


def test_a_connection_ref_may_give_variables_of_the_environment(monkeypatch):
    opened = []
    monkeypatch.setattr("floe.source_access.open_catalog", lambda s: opened.append(s))
    for name, value in {
        "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu",
        "AWS_DEFAULT_REGION": "us", "AWS_PAGER": "less",
    }.items():
        monkeypatch.setenv(name, value)
    source = FeastIcebergSource(
        **UNITY, catalog_type="glue",
        connection_ref=ConnectionRef(provider="env", name="AWS"),
        catalog_properties={"client.region": "ap"},
    )
    locate(None, source)
    assert opened[0]["storage_options"] == {
        "client.access-key-id": "id", "client.secret-access-key": "secret",
        "client.region": "eu",
    }


def test_catalogs_of_changing_credentials_do_not_pile_up(tmp_path):
    def opened(token):
        return open_catalog(
            {
                "catalog_type": "sql", "catalog_name": "c", "warehouse": str(tmp_path),
                "uri": f"sqlite:///{tmp_path}/c.db",
                "storage_options": {"s3.session-token": token},
            }
        )

    used, forgotten = opened("used"), weakref.ref(opened("forgotten"))
    for i in range(MAX_OPEN_CATALOGS):
        opened(str(i))
        assert opened("used") is used
    assert forgotten() is None


# What Feast infers is checked beside it wherever Feast's own mapper does not fail.
@pytest.mark.parametrize(
    "arrow_type, value_type",
    [
        (pa.bool_(), ValueType.BOOL),
        (pa.int32(), ValueType.INT32),
        (pa.int64(), ValueType.INT64),
        (pa.float32(), ValueType.FLOAT),
        (pa.float64(), ValueType.DOUBLE),
        (pa.string(), ValueType.STRING),
        (pa.large_string(), ValueType.STRING),
        (pa.dictionary(pa.int32(), pa.string()), ValueType.STRING),
        (pa.binary(), ValueType.BYTES),
        (pa.large_binary(), ValueType.BYTES),
        (pa.binary(16), ValueType.BYTES),
        (pa.uuid(), ValueType.UUID),
        (pa.date32(), ValueType.UNIX_TIMESTAMP),
        (pa.timestamp("us"), ValueType.UNIX_TIMESTAMP),
        (pa.timestamp("ns", tz="UTC"), ValueType.UNIX_TIMESTAMP),
        (pa.decimal128(9, 2), ValueType.DECIMAL),
        (pa.list_(pa.field("element", pa.string())), ValueType.STRING_LIST),
        (pa.large_list(pa.float32()), ValueType.FLOAT_LIST),
        (pa.list_(pa.int64(), 3), ValueType.INT64_LIST),
        (pa.list_(pa.timestamp("us")), ValueType.UNIX_TIMESTAMP_LIST),
        (pa.list_(pa.list_(pa.int32())), ValueType.VALUE_LIST),
        (pa.map_(pa.string(), pa.int64()), ValueType.MAP),
        (pa.map_(pa.int64(), pa.string()), ValueType.SCALAR_MAP),
        (pa.list_(pa.map_(pa.string(), pa.string())), ValueType.MAP_LIST),
        (pa.struct({"a": pa.int32(), "b": pa.string()}), ValueType.STRUCT),
        (pa.list_(pa.struct({"a": pa.int32()})), ValueType.STRUCT_LIST),
    ],
)
def test_a_column_type_has_its_exact_value_type(arrow_type, value_type):
    assert value_type_of(type_text(arrow_type)) == value_type


def test_a_type_feast_lacks_is_named():
    with pytest.raises(FloeNotSupportedError, match="time64"):
        value_type_of(type_text(pa.time64("us")))
