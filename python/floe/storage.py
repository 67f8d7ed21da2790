"""Where saved datasets and logged features go: Iceberg tables, CSV files, SQL databases.

Parquet files have Feast's own SavedDatasetFileStorage and FileLoggingDestination.
"""

import base64
import json
from typing import Any, Dict, Optional

from feast import saved_dataset
from feast.data_source import DataSource
from feast.feature_logging import LOG_TIMESTAMP_FIELD, LoggingDestination
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import (
    IcebergSource as FeastIcebergSource,
)
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.protos.feast.core.FeatureService_pb2 import (
    LoggingConfig as LoggingConfigProto,
)
from feast.protos.feast.core.SavedDataset_pb2 import (
    SavedDatasetStorage as SavedDatasetStorageProto,
)
from feast.saved_dataset import SavedDatasetStorage
from floe.errors import FloeConfigError, FloeInputError, FloeNotSupportedError
from floe.source import IcebergSource
from floe.stored_rows import StoredRowsSource, resolve_url

# What Feast reads saved datasets by, whatever the entity frame's own column was.
SAVED_DATASET_TIME = "event_timestamp"


class _CustomStorage(SavedDatasetStorage):
    """A storage kept as JSON in Feast's registry."""

    def _options(self) -> Dict[str, Any]:
        """What the registry keeps of it; every storage below says its own."""
        raise NotImplementedError

    def to_proto(self) -> SavedDatasetStorageProto:
        return self._custom_storage_proto(
            DataSourceProto.CustomSourceOptions(
                configuration=json.dumps(self._options()).encode()
            )
        )

    def __eq__(self, other):
        return type(self) is type(other) and self._options() == other._options()

    def __hash__(self):
        return hash(json.dumps(self._options(), sort_keys=True))


def _options_of(storage_proto):
    return json.loads(storage_proto.custom_storage.configuration)


class SavedDatasetIcebergStorage(_CustomStorage):
    """A saved dataset as an Iceberg table of its own.

    Once persisted it knows the snapshot it wrote, and is read back at that snapshot,
    whatever is written to the table later.

    Args:
        table_identifier: "table" (in the offline store's namespace) or "namespace.table".
        snapshot_id: The snapshot to read; persisting sets it.
        source: Instead of table_identifier: one of Feast's own Iceberg sources, whose
            catalog and table are then used.
    """

    _proto_attr_name = "custom_storage"

    def __init__(
        self,
        table_identifier: Optional[str] = None,
        snapshot_id: Optional[int] = None,
        source: Optional[FeastIcebergSource] = None,
    ):
        if (table_identifier is None) == (source is None):
            raise FloeInputError(
                "SavedDatasetIcebergStorage needs one of table_identifier, e.g. "
                "'feast.training_rides', and source, one of Feast's Iceberg sources",
                "INVALID_ARGUMENT",
            )
        self.table_identifier = table_identifier
        self.snapshot_id = snapshot_id
        self.source = source

    def _options(self):
        source = self.source
        return {
            "table_identifier": self.table_identifier,
            "snapshot_id": self.snapshot_id,
            "source": (
                base64.b64encode(source.to_proto().SerializeToString()).decode()
                if source
                else None
            ),
        }

    @staticmethod
    def from_proto(storage_proto: SavedDatasetStorageProto) -> SavedDatasetStorage:
        options = _options_of(storage_proto)
        source = None
        if options.get("source"):
            proto = DataSourceProto.FromString(base64.b64decode(options["source"]))
            source = DataSource.from_proto(proto)
        return SavedDatasetIcebergStorage(
            options.get("table_identifier"), options.get("snapshot_id"), source
        )

    def to_data_source(self) -> DataSource:
        if self.source is not None:
            return self.source
        return IcebergSource(
            name=f"saved_dataset_{self.table_identifier}",
            table_identifier=self.table_identifier,
            timestamp_field=SAVED_DATASET_TIME,
            snapshot_id=self.snapshot_id,
        )

    @staticmethod
    def from_data_source(data_source: DataSource) -> SavedDatasetStorage:
        if isinstance(data_source, FeastIcebergSource):
            return SavedDatasetIcebergStorage(source=data_source)
        if not isinstance(data_source, IcebergSource):
            raise FloeNotSupportedError(
                f"cannot save a dataset to a {type(data_source).__name__}; use an "
                "IcebergSource",
                "NOT_SUPPORTED",
            )
        return SavedDatasetIcebergStorage(
            data_source.table_identifier, data_source.snapshot_id
        )


class SavedDatasetCsvStorage(_CustomStorage):
    """A saved dataset as one CSV file: UTF-8, a header, NULL as an empty field, times in
    ISO 8601, nested values as JSON, bytes in hexadecimal. A relative path is below the
    feature repository."""

    _proto_attr_name = "custom_storage"

    def __init__(self, path: str):
        self.path = str(path)

    def _options(self):
        return {"path": self.path}

    @staticmethod
    def from_proto(storage_proto: SavedDatasetStorageProto) -> SavedDatasetStorage:
        return SavedDatasetCsvStorage(_options_of(storage_proto)["path"])

    def to_data_source(self) -> DataSource:
        return StoredRowsSource(
            name=f"saved_dataset_{self.path}",
            timestamp_field=SAVED_DATASET_TIME,
            csv_path=self.path,
        )

    @staticmethod
    def from_data_source(data_source: DataSource) -> SavedDatasetStorage:
        return SavedDatasetCsvStorage(_of_kind(data_source, "csv_path"))


class SavedDatasetSqlStorage(_CustomStorage):
    """A saved dataset as a table of a SQL database, through SQLAlchemy. Nested values are
    kept as JSON text.

    Args:
        table: The table, made when the dataset is persisted.
        url: SQLAlchemy's URL, e.g. "sqlite:////data/training.db"; it lands in Feast's
            registry, so it must hold no password.
        url_env_var: Instead of url: the environment variable that holds it.
    """

    _proto_attr_name = "custom_storage"

    def __init__(
        self, table: str, url: Optional[str] = None, url_env_var: Optional[str] = None
    ):
        if (url is None) == (url_env_var is None):
            raise FloeConfigError(
                "SavedDatasetSqlStorage needs one of url and url_env_var", "INVALID_CONFIG"
            )
        if url is not None and "@" in url and ":" in url.split("://")[-1].split("@")[0]:
            raise FloeConfigError(
                "the url of SavedDatasetSqlStorage holds a password, which Feast's "
                "registry would show; put the url in an environment variable and name it "
                "in url_env_var",
                "INVALID_CONFIG",
            )
        self.table = table
        self.url = url
        self.url_env_var = url_env_var

    def _options(self):
        return {"table": self.table, "url": self.url, "url_env_var": self.url_env_var}

    def resolved_url(self):
        """The database's URL. FloeConfigError where the variable is not set."""
        return resolve_url(self.url, self.url_env_var)

    @staticmethod
    def from_proto(storage_proto: SavedDatasetStorageProto) -> SavedDatasetStorage:
        options = _options_of(storage_proto)
        return SavedDatasetSqlStorage(
            options["table"], options.get("url"), options.get("url_env_var")
        )

    def to_data_source(self) -> DataSource:
        return StoredRowsSource(
            name=f"saved_dataset_{self.table}",
            timestamp_field=SAVED_DATASET_TIME,
            sql_table=self.table,
            sql_url=self.url,
            sql_url_env_var=self.url_env_var,
        )

    @staticmethod
    def from_data_source(data_source: DataSource) -> SavedDatasetStorage:
        return SavedDatasetSqlStorage(
            _of_kind(data_source, "sql_table"),
            data_source.sql_url,
            data_source.sql_url_env_var,
        )


def _of_kind(data_source, attribute):
    value = getattr(data_source, attribute, None)
    if not isinstance(data_source, StoredRowsSource) or value is None:
        raise FloeNotSupportedError(
            f"cannot save a dataset to a {type(data_source).__name__}; it has no "
            f"{attribute}",
            "NOT_SUPPORTED",
        )
    return value


class IcebergLoggingDestination(LoggingDestination):
    """Logged features in an Iceberg table, made with the first logs, a partition a day.

    Args:
        table_identifier: "table" (in the offline store's namespace) or "namespace.table".
    """

    _proto_kind = "floe_iceberg"

    def __init__(self, *, table_identifier: str):
        self.table_identifier = table_identifier

    @classmethod
    def from_proto(cls, config_proto: LoggingConfigProto) -> LoggingDestination:
        return cls(
            table_identifier=config_proto.custom_destination.config["table_identifier"]
        )

    def to_proto(self) -> LoggingConfigProto:
        return LoggingConfigProto(
            custom_destination=LoggingConfigProto.CustomDestination(
                kind=self._proto_kind,
                config={"table_identifier": self.table_identifier},
            )
        )

    def to_data_source(self) -> DataSource:
        return IcebergSource(
            name=f"logs_{self.table_identifier}",
            table_identifier=self.table_identifier,
            timestamp_field=LOG_TIMESTAMP_FIELD,
        )

    def __eq__(self, other):
        return (
            isinstance(other, IcebergLoggingDestination)
            and self.table_identifier == other.table_identifier
        )

    def __hash__(self):
        return hash(self.table_identifier)


def register_storages():
    """Lets Feast find the storage of a source by the source's class name, as it does for
    its own (`feast serve_offline` persists that way)."""
    storages = saved_dataset._DATA_SOURCE_TO_SAVED_DATASET_STORAGE
    for source, storage in (
        ("IcebergSource", SavedDatasetIcebergStorage),  # Floe's and Feast's.
        ("UnityCatalogSource", SavedDatasetIcebergStorage),
    ):
        storages.setdefault(source, f"{storage.__module__}.{storage.__qualname__}")
