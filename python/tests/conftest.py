"""Feature repositories to test in."""

import pathlib

import pytest

from feast import FeatureStore
from feast.repo_config import RepoConfig, RegistryConfig
from floe.config import open_store_catalog


@pytest.fixture
def make_store(tmp_path):
    """make_store(): a stock FeatureStore in a fresh repository, both stores Floe's with
    the embedded catalog; keyword arguments replace parts of the configuration."""

    def make(
        offline_type="floe.IcebergOfflineStore",
        online_type="floe.IcebergOnlineStore",
        offline=None,
        online=None,
        folder="repo",
        project="rides",
        registry=None,
        **config,
    ):
        repo = tmp_path / folder
        repo.mkdir(exist_ok=True)
        return FeatureStore(
            config=RepoConfig(
                project=project,
                provider="local",
                registry=RegistryConfig(
                    path=str(repo / "registry.db"), cache_ttl_seconds=0, **(registry or {})
                ),
                offline_store={"type": offline_type, **(offline or {})},
                online_store={
                    "type": online_type,
                    # A busy machine must not decide what tests of other things say.
                    **({"read_timeout_ms": 60_000} if "floe" in online_type else {}),
                    **(online or {}),
                },
                entity_key_serialization_version=3,
                repo_path=pathlib.Path(repo),
                **config,
            )
        )

    return make


@pytest.fixture
def catalog_of():
    """catalog_of(store): the catalog of the store's offline settings."""

    def open_catalog(store):
        return open_store_catalog(store.config, store.config.offline_store)

    return open_catalog
