"""Settings in feature_store.yaml: what is accepted, and what a mistake is told."""

import pathlib

import pytest

from feast.repo_config import RepoConfig
from floe import IcebergOfflineStoreConfig, IcebergOnlineStoreConfig
from floe.errors import FloeConfigError

SECRET = "hunter2-do-not-print"


def repo_config(offline=None, online=None):
    """A RepoConfig as the feast CLI builds it from feature_store.yaml."""
    return RepoConfig(
        project="p",
        registry="registry.db",
        provider="local",
        offline_store={"type": "floe.IcebergOfflineStore", **(offline or {})},
        online_store={"type": "floe.IcebergOnlineStore", **(online or {})},
        entity_key_serialization_version=3,
    )


@pytest.mark.parametrize(
    "offline, parts",
    [
        ({"warehose": "w"}, ["'warehose'", "did you mean 'warehouse'"]),
        ({"qqq": 1}, ["'qqq'", "catalog_type", "storage_options", "namespace"]),
        ({"catalog_type": "sqll"}, ["'sqll'", "rest, sql, glue, hive", "'sql'?"]),
        ({"catalog_type": "sql"}, ["'uri' is missing", "sqlite:///"]),
        ({"warehouse": "w"}, ["'warehouse'", "'catalog_type' is missing"]),
        ({"namespace": 3}, ["'namespace'", "string"]),
        ({"storage_options": {"s3.region": None}}, ["s3.region"]),
    ],
)
def test_a_wrong_key_is_named_with_the_remedy(offline, parts):
    with pytest.raises(FloeConfigError) as raised:
        repo_config(offline=offline)
    for part in parts:
        assert part in str(raised.value)


@pytest.mark.parametrize(
    "online, parts",
    [
        ({"partition_cuont": 4}, ["'partition_cuont'", "did you mean 'partition_count'"]),
        ({"partition_count": 0}, ["'partition_count'", "greater than 0"]),
        ({"partition_strategy": "hash"}, ["'partition_strategy'", "entity_hash"]),
    ],
)
def test_a_wrong_key_of_the_online_store_is_named(online, parts):
    with pytest.raises(FloeConfigError) as raised:
        repo_config(online=online)
    for part in parts:
        assert part in str(raised.value)


def test_defaults_are_those_promised():
    offline, online = IcebergOfflineStoreConfig(), IcebergOnlineStoreConfig()
    assert offline.catalog_name == online.catalog_name == "floe"
    assert (offline.namespace, online.namespace) == ("feast", "feast_online")
    assert online.partition_strategy == "entity_hash"
    assert (online.partition_count, online.read_timeout_ms) == (32, 100)


def test_without_a_catalog_both_stores_use_the_embedded_one_of_the_repo(tmp_path):
    offline = IcebergOfflineStoreConfig().catalog_arguments(tmp_path)
    assert offline == IcebergOnlineStoreConfig().catalog_arguments(tmp_path)
    assert offline["catalog_type"] == "sql"
    assert offline["uri"] == f"sqlite:///{tmp_path}/data/floe_catalog.db"
    assert pathlib.Path(offline["warehouse"]) == tmp_path / "data" / "warehouse"


def test_relative_paths_are_below_the_repo_and_absolute_ones_stay(tmp_path):
    settings = IcebergOfflineStoreConfig(
        catalog_type="sql", uri="sqlite:///c.db", warehouse="wh"
    )
    arguments = settings.catalog_arguments(tmp_path)
    assert arguments["uri"] == f"sqlite:///{tmp_path}/c.db"
    assert arguments["warehouse"] == str(tmp_path / "wh")
    settings = IcebergOfflineStoreConfig(
        catalog_type="sql", uri="sqlite:////abs/c.db", warehouse="s3://bucket/wh"
    )
    arguments = settings.catalog_arguments(tmp_path)
    assert arguments["uri"] == "sqlite:////abs/c.db"
    assert arguments["warehouse"] == "s3://bucket/wh"


def test_the_warehouse_of_a_rest_catalog_is_a_name(tmp_path):
    settings = IcebergOfflineStoreConfig(
        catalog_type="rest", uri="http://127.0.0.1:1/c", warehouse="main"
    )
    assert settings.catalog_arguments(tmp_path)["warehouse"] == "main"


def test_secrets_are_in_no_repr_and_no_error():
    options = {
        "s3.secret-access-key": SECRET,
        "token": SECRET,
        "credential": SECRET,
        "s3.endpoint": "http://localhost",
        "s3.force-virtual-addressing": True,
    }
    settings = IcebergOfflineStoreConfig(
        catalog_type="sql",
        uri=f"postgresql://floe:{SECRET}@db/catalog",
        storage_options=options,
    )
    assert SECRET not in repr(settings) + str(settings)
    assert "http://localhost" in repr(settings)
    passed_on = settings.catalog_arguments(None)["storage_options"]
    assert passed_on["token"] == SECRET
    assert passed_on["s3.force-virtual-addressing"] == "true"
    with pytest.raises(FloeConfigError) as raised:
        repo_config(offline={"storage_options": options, "zzz": SECRET})
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None and raised.value.__suppress_context__
