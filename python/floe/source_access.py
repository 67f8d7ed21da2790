"""Where the rows of a Feast data source are, for every kind of source Floe reads."""

import dataclasses
import os
import pathlib
import re
from typing import Any, Mapping, Optional

import pyarrow.dataset as ds

from feast.credentials import get_connection_config_override
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.infra.data_sources.contrib.iceberg_catalog.unity_catalog_source import (
    UnityCatalogSource,
)
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig
from floe.catalog import Catalog, open_catalog
from floe.config import CATALOG_TYPES, open_store_catalog, storage_options
from floe.errors import FloeConfigError, FloeNotSupportedError
from floe.object_paths import is_uri, open_path
from floe.source import IcebergSource
from floe.stored_rows import ParquetCopy, StoredRowsSource

# What UnityCatalogSource takes where none is named.
_UNITY_TOKEN = "DATABRICKS_TOKEN"


@dataclasses.dataclass(frozen=True)
class Location:
    """A table and the catalog it is in, or the path of Parquet files with the options that
    open it, which may be a copy that keep_alive holds."""

    catalog: Catalog
    table: Optional[str] = None
    parquet: Optional[str] = None
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    keep_alive: Any = None


class _SourceJson(dict):
    """A source's request; what it reads lasts as long as it does."""

    location: Location


def store_settings(config: RepoConfig):
    """The offline store's settings; they must be Floe's."""
    from floe.offline_store import IcebergOfflineStoreConfig

    settings = config.offline_store
    if not isinstance(settings, IcebergOfflineStoreConfig):
        raise FloeConfigError(
            f"the offline store is {getattr(settings, 'type', settings)}, which cannot read "
            "an IcebergSource; set offline_store.type to floe.IcebergOfflineStore",
            "INVALID_CONFIG",
        )
    return settings


def locate(config: RepoConfig, source: DataSource) -> Location:
    """Where a source's rows are. FloeNotSupportedError names a kind Floe does not read."""
    if isinstance(source, IcebergSource):
        settings = store_settings(config)
        return Location(
            open_store_catalog(config, settings),
            table=qualified(source.table_identifier, settings.namespace),
        )
    if isinstance(source, FeastIcebergSource):
        return Location(
            open_catalog(_feast_catalog(source)),
            table=f"{source.namespace}.{source.iceberg_table}",
        )
    catalog = open_store_catalog(config, store_settings(config))
    if isinstance(source, FileSource):
        return Location(
            catalog,
            parquet=_parquet_path(config, source),
            options=_parquet_options(config, source),
        )
    if isinstance(source, StoredRowsSource):
        copy = ParquetCopy(source, config.repo_path)
        return Location(catalog, parquet=copy.path, keep_alive=copy)
    raise FloeNotSupportedError(
        f"the data source '{source.name}' is a {type(source).__name__}; Floe reads "
        "IcebergSource, UnityCatalogSource and Parquet FileSource",
        "NOT_SUPPORTED",
    )


def source_json(config, source, home, timestamp_field, created_timestamp_column):
    """`source` as a request of the C interface names it, for a call on catalog `home`.

    The two columns are named as the source names them.
    """
    location = locate(config, source)
    request = _SourceJson(
        name=source.name,
        timestamp_field=timestamp_field,
        created_timestamp_column=created_timestamp_column or None,
    )
    request.location = location
    if location.parquet is not None:
        request["parquet"] = location.parquet
        if is_uri(location.parquet):
            request["storage_options"] = dict(location.options)
        return request
    request["table"] = location.table
    if location.catalog is not home:
        request["catalog"] = location.catalog.settings
    if isinstance(source, IcebergSource):
        request.update(source.pin())
    return request


def source_names(source):
    """A function from Feast's name of a column to the source's own."""
    reverse = {feast: column for column, feast in source.field_mapping.items()}
    return lambda name: reverse.get(name, name)


def qualified(table, namespace):
    """The table with the store's namespace, unless it names one."""
    return table if "." in table else f"{namespace}.{table}"


# Properties of PyIceberg's that choose among its own parts; Floe has no such choice.
_PYICEBERG_ALONE = ("type", "py-catalog-impl", "py-io-impl", "init_catalog_tables")

# How a REST catalog is asked for the credentials of a table's files, or not to give any.
_DELEGATION = "header.X-Iceberg-Access-Delegation"


def _feast_catalog(source):
    """Catalog settings of one of Feast's own Iceberg sources. What a connection_ref
    resolves to, and its params, count as properties of the catalog."""
    if source.catalog_type not in CATALOG_TYPES:
        raise FloeNotSupportedError(
            f"the data source '{source.name}' is in a catalog of the type "
            f"'{source.catalog_type}'; Floe has {', '.join(CATALOG_TYPES)}",
            "NOT_SUPPORTED",
        )
    resolved = get_connection_config_override(source) or {}
    properties = {**source.catalog_properties, **_as_properties(resolved)}
    options = {
        str(name): str(value)
        for name, value in properties.items()
        if name not in _PYICEBERG_ALONE
    }
    uri = options.pop("uri", None) or source.endpoint or None
    warehouse = options.pop("warehouse", None) or source.warehouse or None
    token = _token(source)
    if token:
        options.setdefault("token", token)
    if source.catalog_type == "rest" and not source.credential_vending:
        options.setdefault(_DELEGATION, "")
    return {
        "catalog_type": source.catalog_type,
        "catalog_name": source.catalog_name,
        "uri": uri,
        "warehouse": warehouse,
        "storage_options": options,
    }


# What secrets and the environment call properties; of two names the last one counts.
_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "client.access-key-id",
    "AWS_SECRET_ACCESS_KEY": "client.secret-access-key",
    "AWS_SESSION_TOKEN": "client.session-token",
    "AWS_DEFAULT_REGION": "client.region",
    "AWS_REGION": "client.region",
    "AWS_PROFILE": "client.profile-name",
    "AWS_ENDPOINT_URL_S3": "s3.endpoint",
    "AZURE_STORAGE_ACCOUNT_NAME": "adls.account-name",
    "AZURE_STORAGE_ACCOUNT_KEY": "adls.account-key",
    "AZURE_STORAGE_CONNECTION_STRING": "adls.connection-string",
}


def _as_properties(resolved):
    """What a connection_ref resolves to, as properties. The provider `env` gives every
    variable of a prefix, so those that are no property's are left out."""
    properties = {
        name: value for name, value in resolved.items() if not re.fullmatch("[A-Z0-9_]+", name)
    }
    for variable, name in _VARIABLES.items():
        if resolved.get(variable):
            properties[name] = resolved[variable]
    return properties


def _token(source):
    """The token of the source's environment variable; None for a source without one, and
    for a UnityCatalogSource whose variable nobody chose or set: open-source Unity Catalog
    asks for none."""
    name = source.token_env_var
    token = os.environ.get(name) if name else None
    is_default = isinstance(source, UnityCatalogSource) and name == _UNITY_TOKEN
    if token or not name or is_default:
        return token or None
    raise FloeConfigError(
        f"the data source '{source.name}' takes its token from the environment variable "
        f"{name}, which is not set",
        "INVALID_CONFIG",
    )


def _parquet_path(config, source):
    is_parquet = source.file_format is None or isinstance(
        source.file_format, ParquetFormat
    )
    if not is_parquet:
        raise FloeNotSupportedError(
            f"the data source '{source.name}' is a file of "
            f"{type(source.file_format).__name__}; Floe reads Parquet",
            "NOT_SUPPORTED",
        )
    path = str(FileSource.get_uri_for_file_path(config.repo_path, source.path))
    if is_uri(path) and not path.startswith("file://"):
        return path
    return str(pathlib.Path(path.removeprefix("file://")))


def _parquet_options(config, source):
    """Storage options to open a FileSource's path with."""
    options = storage_options(config.offline_store)
    if getattr(source, "s3_endpoint_override", None):
        options["s3.endpoint"] = source.s3_endpoint_override
    return options


def parquet_dataset(config, source):
    """The Parquet files of a source, as pyarrow reads them."""
    location = locate(config, source)
    filesystem, path = open_path(location.parquet, location.options)
    return ds.dataset(path, format="parquet", filesystem=filesystem)
