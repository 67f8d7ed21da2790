"""Apache Iceberg storage for the Feast feature store.

In feature_store.yaml::

    offline_store: {type: floe.IcebergOfflineStore}
    online_store: {type: floe.IcebergOnlineStore}
    batch_engine: {type: floe.IcebergEngine}

Importing this package imports neither Feast nor the native library: each name below
loads what it needs when it is first used.
"""

__version__ = "0.1.0"

_HOMES = {
    "Catalog": "floe.catalog",
    "FloeError": "floe.errors",
    "IcebergEngine": "floe.engine",
    "IcebergEngineConfig": "floe.engine",
    "IcebergLoggingDestination": "floe.storage",
    "IcebergOfflineStore": "floe.offline_store",
    "IcebergOfflineStoreConfig": "floe.offline_store",
    "IcebergOnlineStore": "floe.online_store",
    "IcebergOnlineStoreConfig": "floe.online_store",
    "IcebergRetrievalJob": "floe.retrieval_job",
    "IcebergSource": "floe.source",
    "SavedDatasetCsvStorage": "floe.storage",
    "SavedDatasetIcebergStorage": "floe.storage",
    "SavedDatasetSqlStorage": "floe.storage",
    "open_repo_catalog": "floe.config",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name):
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'floe' has no attribute '{name}'")
    import importlib  # Here, so that floe.pth costs no program anything.

    return getattr(importlib.import_module(home), name)


def __dir__():
    return __all__
