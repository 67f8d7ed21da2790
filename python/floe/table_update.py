"""Changes to a table's columns, partitioning, snapshots and settings: what
Catalog.update_schema and its like give. Each `with` block is one commit."""

import json

from floe._library import check, ffi, json_text, lib, take_text, text


def iceberg_type(type_):
    """Iceberg's JSON of a type: of a pyarrow DataType, or of what is such JSON already
    ("long", "decimal(9,2)", {"type": "struct", ...}). Field ids are placeholders."""
    if isinstance(type_, (str, dict)):
        return type_
    return _TypeWriter().of(type_)


class _TypeWriter:
    def __init__(self):
        self.last_id = 0

    def next_id(self):
        self.last_id += 1
        return self.last_id

    def of(self, type_):
        import pyarrow.types as kinds

        if kinds.is_struct(type_):
            fields = [type_.field(index) for index in range(type_.num_fields)]
            return {"type": "struct", "fields": [self.field(field) for field in fields]}
        if kinds.is_map(type_):
            return {
                "type": "map",
                "key-id": self.next_id(),
                "key": self.of(type_.key_type),
                "value-id": self.next_id(),
                "value": self.of(type_.item_type),
                "value-required": not type_.item_field.nullable,
            }
        if kinds.is_list(type_) or kinds.is_large_list(type_):
            return {
                "type": "list",
                "element-id": self.next_id(),
                "element": self.of(type_.value_type),
                "element-required": not type_.value_field.nullable,
            }
        return primitive_type(type_)

    def field(self, field):
        return {
            "id": self.next_id(),
            "name": field.name,
            "type": self.of(field.type),
            "required": not field.nullable,
        }


def primitive_type(type_):
    """Iceberg's name of a pyarrow type without parts; TypeError where it has none."""
    import pyarrow as pa
    import pyarrow.types as kinds

    names = {
        pa.bool_(): "boolean",
        pa.int8(): "int",
        pa.int16(): "int",
        pa.int32(): "int",
        pa.int64(): "long",
        pa.uint8(): "int",
        pa.uint16(): "int",
        pa.uint32(): "long",
        pa.float32(): "float",
        pa.float64(): "double",
        pa.date32(): "date",
        pa.time64("us"): "time",
        pa.null(): "unknown",
    }
    if type_ in names:
        return names[type_]
    if kinds.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if kinds.is_timestamp(type_):
        zone = "timestamptz" if type_.tz else "timestamp"
        return zone + ("_ns" if type_.unit == "ns" else "")
    if kinds.is_fixed_size_binary(type_):
        return f"fixed[{type_.byte_width}]"
    if kinds.is_string(type_) or kinds.is_large_string(type_):
        return "string"
    if kinds.is_binary(type_) or kinds.is_large_binary(type_):
        return "binary"
    raise TypeError(
        f"{type_} has no Iceberg type; give one by name, such as 'long' or 'string'"
    )


def commit_change(handle, table, change):
    """Makes one change (floe_table_update in floe.h) and returns its answer."""
    out = ffi.new("char**")
    check(lib().floe_table_update(handle, text(table), json_text(change), out))
    return json.loads(take_text(out))


class _Steps:
    """Collects steps and commits them where the block ends without an exception."""

    key = None

    def __init__(self, handle, table):
        self._handle = handle
        self._table = table
        self._steps = []
        #: After the commit: what floe_table_update says of the table.
        self.result = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.commit()

    def commit(self):
        """Commits the steps so far, in one commit; nothing where there are none."""
        if self._steps:
            self.result = commit_change(
                self._handle, self._table, {self.key: self._steps}
            )
            self._steps = []
        return self.result

    def _add(self, op, **arguments):
        self._steps.append({"op": op, **arguments})
        return self


class SchemaUpdate(_Steps):
    """Changes to columns, by full names such as "a.b", "points.element.x", "m.value"."""

    key = "schema"

    def add_column(
        self, name, type, doc=None, required=False, default=None, parent=None
    ):
        """type: a pyarrow DataType or Iceberg's ("long", ...). default: Iceberg's JSON of
        the value that rows of before have, and rows written without one (format 3). A
        required column needs a default."""
        arguments = {"type": iceberg_type(type), "required": required}
        if doc is not None:
            arguments["doc"] = doc
        if default is not None:
            arguments["default"] = default
        if parent is not None:
            arguments["parent"] = parent
        return self._add("add", column=name, **arguments)

    def drop_column(self, name):
        return self._add("drop", column=name)

    def rename_column(self, name, to):
        """to: the last part of the new name."""
        return self._add("rename", column=name, to=to)

    def widen_column(self, name, type):
        """int to long, float to double, a decimal to more digits, and what else the
        specification allows."""
        return self._add("widen", column=name, type=iceberg_type(type))

    def make_optional(self, name):
        return self._add("optional", column=name)

    def set_doc(self, name, doc):
        return self._add("doc", column=name, doc=doc)

    def set_write_default(self, name, value):
        return self._add("write_default", column=name, default=value)

    def move_first(self, name):
        return self._add("move", column=name)

    def move_before(self, name, other):
        return self._add("move", column=name, before=other)

    def move_after(self, name, other):
        return self._add("move", column=name, after=other)

    def set_identifier_columns(self, names):
        return self._add("identifier", columns=list(names))


class SpecUpdate(_Steps):
    """Changes to how rows written from now on are partitioned."""

    key = "partition_spec"

    def add_field(self, field, name=None):
        """field: as in create_table's partition_by, e.g. "bucket(16, driver_id)"."""
        return self._add("add", field=field, **({"name": name} if name else {}))

    def remove_field(self, name):
        """name: the partition field's, e.g. "driver_id_bucket"."""
        return self._add("remove", name=name)

    def rename_field(self, name, to):
        return self._add("rename", name=name, to=to)


class SnapshotManager(_Steps):
    """Changes to branches, tags and the current snapshot."""

    key = "refs"

    def create_branch(self, name, snapshot_id=None):
        """At the current snapshot, or at the one given."""
        return self._add("create_branch", name=name, snapshot_id=snapshot_id)

    def create_tag(self, name, snapshot_id=None):
        return self._add("create_tag", name=name, snapshot_id=snapshot_id)

    def replace(self, name, snapshot_id):
        """Puts a branch or tag at another snapshot."""
        return self._add("replace", name=name, snapshot_id=snapshot_id)

    def remove(self, name):
        return self._add("remove", name=name)

    def rename(self, name, to):
        return self._add("rename", name=name, to=to)

    def fast_forward(self, branch, to):
        """Puts a branch where another ref stands, which descends from it."""
        return self._add("fast_forward", name=branch, to=to)

    def retain(
        self,
        name,
        min_snapshots_to_keep=None,
        max_snapshot_age_ms=None,
        max_ref_age_ms=None,
    ):
        """How long expiry keeps a branch's snapshots, and a ref itself."""
        return self._add(
            "retain",
            name=name,
            min_snapshots_to_keep=min_snapshots_to_keep,
            max_snapshot_age_ms=max_snapshot_age_ms,
            max_ref_age_ms=max_ref_age_ms,
        )

    def set_current(self, snapshot_id):
        return self._add("set_current", snapshot_id=snapshot_id)

    def rollback(self, snapshot_id=None, timestamp_ms=None):
        """To an ancestor of the current snapshot; to the newest one before a time."""
        return self._add(
            "rollback", snapshot_id=snapshot_id, timestamp_ms=timestamp_ms
        )
