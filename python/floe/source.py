"""IcebergSource: an Iceberg table as a Feast data source."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

import pyarrow as pa

from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig
from feast.value_type import ValueType
from floe.config import nearest
from floe.errors import FloeInputError
from floe.types import type_text, value_type_of

_CLASS_TYPE = "floe.source.IcebergSource"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class IcebergSource(DataSource):
    """An Iceberg table in the catalog of the offline store's settings.

    Args:
        name: The source's name, unique in the project; the table's by default.
        table_identifier: "table" (in the offline store's namespace) or "namespace.table".
        timestamp_field: The column with the event time.
        created_timestamp_column: The column that breaks ties between rows of one event
            time, newest wins.
        field_mapping: {column of the table: name in Feast}.
        snapshot_id, as_of, ref: At most one: reads that snapshot, the one current at that
            time (a naive time is UTC), or that branch or tag, instead of the current one.
    """

    def __init__(
        self,
        *,
        table_identifier: str,
        name: Optional[str] = None,
        timestamp_field: Optional[str] = None,
        created_timestamp_column: Optional[str] = None,
        field_mapping: Optional[Dict[str, str]] = None,
        description: Optional[str] = "",
        tags: Optional[Dict[str, str]] = None,
        owner: Optional[str] = "",
        snapshot_id: Optional[int] = None,
        as_of: Optional[datetime] = None,
        ref: Optional[str] = None,
    ):
        if not table_identifier:
            raise FloeInputError(
                "IcebergSource needs a table_identifier, e.g. 'feast.driver_stats'",
                "INVALID_ARGUMENT",
            )
        if sum(pin is not None for pin in (snapshot_id, as_of, ref)) > 1:
            raise FloeInputError(
                f"IcebergSource '{name or table_identifier}' has more than one of "
                "snapshot_id, as_of and ref; keep one",
                "INVALID_ARGUMENT",
            )
        if not timestamp_field:
            raise FloeInputError(
                f"IcebergSource '{name or table_identifier}' needs a timestamp_field: the "
                "column with the event time",
                "INVALID_ARGUMENT",
            )
        super().__init__(
            name=name or table_identifier,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            description=description,
            tags=tags,
            owner=owner,
        )
        self.table_identifier = table_identifier
        self.snapshot_id = snapshot_id
        self.as_of = _in_utc(as_of)
        self.ref = ref

    @property
    def table_ref(self):
        """The table as SQL of an entity frame names it."""
        return self.table_identifier

    def is_pinned(self):
        return self.pin() != {}

    def pin(self):
        """The version of the table to read, as the C interface takes it."""
        if self.snapshot_id is not None:
            return {"snapshot_id": self.snapshot_id}
        if self.as_of is not None:
            return {"as_of_ms": (self.as_of - _EPOCH) // timedelta(milliseconds=1)}
        if self.ref is not None:
            return {"ref": self.ref}
        return {}

    def source_type(self) -> DataSourceProto.SourceType.ValueType:
        return DataSourceProto.CUSTOM_SOURCE

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> Any:
        options = json.loads(data_source.custom_options.configuration)
        as_of = options.get("as_of")
        return IcebergSource(
            name=data_source.name,
            table_identifier=options["table_identifier"],
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column,
            field_mapping=dict(data_source.field_mapping),
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
            snapshot_id=options.get("snapshot_id"),
            as_of=datetime.fromisoformat(as_of) if as_of else None,
            ref=options.get("ref"),
        )

    def _to_proto_impl(self) -> DataSourceProto:
        options = {
            "table_identifier": self.table_identifier,
            "snapshot_id": self.snapshot_id,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "ref": self.ref,
        }
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=_CLASS_TYPE,
            custom_options=DataSourceProto.CustomSourceOptions(
                configuration=json.dumps(options).encode()
            ),
            description=self.description,
            tags=self.tags,
            owner=self.owner,
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            field_mapping=self.field_mapping,
        )

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        return value_type_of

    def arrow_schema(self, config: RepoConfig) -> pa.Schema:
        """The schema of the rows read."""
        from floe.source_access import locate

        location = locate(config, self)
        return location.catalog.schema(location.table, **self.pin())

    def get_table_column_names_and_types(
        self, config: RepoConfig
    ) -> Iterable[Tuple[str, str]]:
        return [
            (field.name, type_text(field.type)) for field in self.arrow_schema(config)
        ]

    def get_table_query_string(self) -> str:
        return ".".join(
            '"' + part.replace('"', '""') + '"'
            for part in self.table_identifier.split(".")
        )

    def validate(self, config: RepoConfig):
        """Checks that the table, the pinned version and the time columns exist."""
        check_time_columns(self, self.table_identifier, self.arrow_schema(config))

    def __eq__(self, other):
        return (
            isinstance(other, IcebergSource)
            and super().__eq__(other)
            and self.table_identifier == other.table_identifier
            and self.pin() == other.pin()
        )

    def __hash__(self):
        return super().__hash__()


def _in_utc(time):
    if time is None:
        return None
    if time.tzinfo is None:
        return time.replace(tzinfo=timezone.utc)
    return time.astimezone(timezone.utc)


def check_time_columns(source, table, schema):
    """Checks that a table of this schema has the time columns of an Iceberg source."""
    from floe.source_access import source_names

    to_source = source_names(source)
    for role in ("timestamp_field", "created_timestamp_column"):
        column = to_source(getattr(source, role))
        if column:
            where = f"{role} of {type(source).__name__} '{source.name}' (table {table})"
            _check_time_column(where, column, schema)


def _check_time_column(where, column, schema):
    if column not in schema.names:
        guess = nearest(column, schema.names)
        hint = (
            f"did you mean '{guess}'?"
            if guess
            else f"the columns are {', '.join(schema.names)}"
        )
        raise FloeInputError(
            f"{where} is '{column}', which the table lacks; {hint}", "NO_SUCH_COLUMN"
        )
    column_type = schema.field(column).type
    if not (pa.types.is_timestamp(column_type) or pa.types.is_date(column_type)):
        raise FloeInputError(
            f"{where} is '{column}' of type {column_type}; it must be a timestamp or a date",
            "INVALID_ARGUMENT",
        )
