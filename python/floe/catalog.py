"""Catalogs and their tables, over the C interface."""

import json
import os
import threading

from floe._library import (
    StreamIn,
    check,
    export_schema,
    ffi,
    import_schema,
    import_stream,
    json_text,
    lib,
    take_text,
    text,
)
from floe.table_update import (
    SchemaUpdate,
    SnapshotManager,
    SpecUpdate,
    commit_change,
)


class Catalog:
    """An open catalog. Thread-safe; the same settings share one connection.

    >>> catalog = Catalog(catalog_type="sql", uri="sqlite:////tmp/floe.db",
    ...                   warehouse="/tmp/warehouse")
    >>> catalog.create_table("feast.driver_stats", schema, partition_by=["day(ts)"])
    >>> catalog.append("feast.driver_stats", rows)
    >>> catalog.scan("feast.driver_stats", filter="driver_id = 7").read_all()
    """

    def __init__(
        self,
        catalog_type="sql",
        catalog_name="floe",
        uri=None,
        warehouse=None,
        storage_options=None,
    ):
        """The keys are those of feature_store.yaml (floe.config). Raises FloeConfigError
        naming a wrong key, FloeError where the catalog cannot be reached."""
        out = ffi.new("floe_catalog**")
        # As floe_catalog_open takes them; secrets may be among them.
        self.settings = {
            "catalog_type": catalog_type,
            "catalog_name": catalog_name,
            "uri": uri,
            "warehouse": warehouse,
            "storage_options": dict(storage_options or {}),
        }
        check(lib().floe_catalog_open(json_text(self.settings), out))
        self.handle = ffi.gc(out[0], lib().floe_catalog_close)

    def list_namespaces(self):
        out = ffi.new("char**")
        check(lib().floe_list_namespaces(self.handle, out))
        return json.loads(take_text(out))

    def list_tables(self, namespace):
        """["namespace.table", ...], sorted."""
        out = ffi.new("char**")
        check(lib().floe_list_tables(self.handle, text(namespace), out))
        return json.loads(take_text(out))

    def create_namespace(self, namespace):
        check(lib().floe_create_namespace(self.handle, text(namespace)))

    def table_exists(self, table):
        out = ffi.new("int*")
        check(lib().floe_table_exists(self.handle, text(table), out))
        return bool(out[0])

    def describe(self, table):
        """A dict of the table's schema, spec, snapshots, properties (floe.h)."""
        out = ffi.new("char**")
        check(lib().floe_describe_table(self.handle, text(table), out))
        return json.loads(take_text(out))

    def schema(self, table, **pin):
        """The pyarrow Schema of the table's rows; pin as in scan."""
        out = ffi.new("struct ArrowSchema*")
        check(lib().floe_table_schema(self.handle, text(table), json_text(pin), out))
        return import_schema(out)

    def create_table(
        self,
        table,
        schema,
        partition_by=(),
        properties=None,
        format_version=2,
        location=None,
        if_not_exists=False,
    ):
        """Creates a table with the columns of a pyarrow Schema, and its namespace.

        partition_by: texts such as "day(ts)", "bucket(16, driver_id)", "region".
        """
        options = {
            "partition_by": list(partition_by),
            "properties": properties or {},
            "format_version": format_version,
            "location": location,
            "if_not_exists": if_not_exists,
        }
        check(
            lib().floe_create_table(
                self.handle, text(table), export_schema(schema), json_text(options)
            )
        )

    def drop_table(self, table, purge=False):
        check(lib().floe_drop_table(self.handle, text(table), int(purge)))

    def register_table(self, table, metadata_location):
        """Gives a table whose metadata.json exists a name in this catalog."""
        out = ffi.new("char**")
        check(
            lib().floe_register_table(
                self.handle, text(table), text(metadata_location), out
            )
        )
        return json.loads(take_text(out))

    def migrate(
        self,
        table,
        paths,
        append=False,
        dry_run=False,
        nanoseconds="refuse",
        partition_types=None,
        properties=None,
    ):
        """Makes a table of Parquet files or folders where they lie (floe_migrate in
        floe.h); append=True adds them to one that exists.

        Returns {"files", "rows", "bytes", "format_version", "schema"} and, unless
        dry_run, "metadata_location" and "snapshot_id".
        """
        request = {
            "paths": [os.fspath(path) for path in paths],
            "append": append,
            "dry_run": dry_run,
            "nanoseconds": nanoseconds,
            "partition_types": partition_types or {},
            "properties": properties or {},
            "storage_options": self.settings["storage_options"],
        }
        out = ffi.new("char**")
        check(lib().floe_migrate(self.handle, text(table), json_text(request), out))
        return json.loads(take_text(out))

    def append(self, table, rows, snapshot_properties=None, add_columns=False):
        """Appends a pyarrow Table, RecordBatch or RecordBatchReader in one snapshot. With
        add_columns, columns the table lacks are added first and narrower ones widened.

        Returns {"snapshot_id", "rows", "files", "metadata_location"}.
        """
        return self._write(
            table,
            rows,
            {
                "snapshot_properties": snapshot_properties or {},
                "add_columns": add_columns,
            },
        )

    def overwrite(self, table, rows, snapshot_properties=None):
        """Replaces the table's rows, and its columns by theirs, in one commit that keeps
        the history. Rows and answer as of append."""
        return self._write(
            table,
            rows,
            {"snapshot_properties": snapshot_properties or {}, "overwrite": True},
        )

    def _write(self, table, rows, options):
        out = ffi.new("char**")
        with StreamIn(rows) as stream:
            check(
                lib().floe_append(
                    self.handle, text(table), stream, json_text(options), out
                )
            )
        return json.loads(take_text(out))

    def delete(self, table, filter, mode=None, snapshot_properties=None):
        """Deletes the rows for which the filter is true, in one snapshot.

        mode: "copy-on-write" or "merge-on-read"; None: the table's write.delete.mode.
        Returns {"deleted_rows", "removed_files", "rewritten_files", "delete_files",
        "metadata_location"} (floe_delete_rows in floe.h).
        """
        options = {"mode": mode, "snapshot_properties": snapshot_properties or {}}
        out = ffi.new("char**")
        check(
            lib().floe_delete_rows(
                self.handle, text(table), text(filter), json_text(options), out
            )
        )
        return json.loads(take_text(out))

    def maintain(self, table, action, **options):
        """Upkeep: action is "compact", "deletes", "manifests", "expire" or "orphans".

        Returns a report; the options are those of floe_maintain in floe.h, among them
        dry_run.
        """
        out = ffi.new("char**")
        check(
            lib().floe_maintain(
                self.handle, text(table), text(action), json_text(options), out
            )
        )
        return json.loads(take_text(out))

    def update_schema(self, table):
        """A block that changes columns in one commit (floe.table_update.SchemaUpdate):

        >>> with catalog.update_schema("feast.driver_stats") as update:
        ...     update.add_column("city", pa.string()).widen_column("trips", pa.int64())
        """
        return SchemaUpdate(self.handle, table)

    def update_spec(self, table):
        """A block that changes the partitioning of new rows in one commit."""
        return SpecUpdate(self.handle, table)

    def manage_snapshots(self, table):
        """A block that changes branches, tags and the current snapshot in one commit."""
        return SnapshotManager(self.handle, table)

    def cherry_pick(self, table, snapshot_id):
        """Adds to main what a snapshot outside its history changed."""
        return commit_change(self.handle, table, {"cherry_pick": snapshot_id})

    def update_properties(self, table, updates=None, remove=()):
        """Sets and removes table properties in one commit."""
        change = {"properties": updates or {}, "remove_properties": list(remove)}
        return commit_change(self.handle, table, change)

    def replace_sort_order(self, table, columns):
        """Sorts new files by texts such as "k", "ts desc nulls first"; none: not at all."""
        return commit_change(self.handle, table, {"sort_order": list(columns)})

    def upgrade_format(self, table, version):
        """To a higher Iceberg format version, for good."""
        return commit_change(self.handle, table, {"format_version": version})

    def scan(
        self,
        table,
        columns=None,
        filter=None,
        snapshot_id=None,
        ref=None,
        as_of_ms=None,
        limit=None,
        metadata_table=None,
    ):
        """A reader of record batches, in no fixed order (floe_scan in floe.h).

        Tables about the table are read as "namespace.table.files", or by metadata_table:
        files, entries, manifests, partitions, snapshots, history, refs, all_files, ...
        """
        return self._scan(
            table,
            columns=columns,
            filter=filter,
            snapshot_id=snapshot_id,
            ref=ref,
            as_of_ms=as_of_ms,
            limit=limit,
            metadata_table=metadata_table,
        )

    def changes(
        self,
        table,
        after_snapshot_id=None,
        columns=None,
        filter=None,
        appends_only=False,
        **pin,
    ):
        """A reader of the rows that snapshots inserted and deleted, oldest first.

        Those after after_snapshot_id (None: all) up to the one pinned as in scan. The
        columns _change_type, _change_ordinal and _commit_snapshot_id are added, unless
        appends_only: then the rows that appends added, as they are.
        """
        return self._scan(
            table,
            columns=columns,
            filter=filter,
            after_snapshot_id=after_snapshot_id,
            changes="appends" if appends_only else "all",
            **pin,
        )

    def _scan(self, table, **options):
        out = ffi.new("struct ArrowArrayStream*")
        check(lib().floe_scan(self.handle, text(table), json_text(options), out))
        return import_stream(out)

    def plan_files(self, table, filter=None, snapshot_id=None, ref=None, as_of_ms=None):
        """(reader, report): the data files scan would read (floe_plan_files in floe.h)."""
        options = {
            "filter": filter,
            "snapshot_id": snapshot_id,
            "ref": ref,
            "as_of_ms": as_of_ms,
        }
        out = ffi.new("struct ArrowArrayStream*")
        report = ffi.new("char**")
        check(
            lib().floe_plan_files(
                self.handle, text(table), json_text(options), out, report
            )
        )
        return import_stream(out), json.loads(take_text(report))

    def historical_features(self, request, entity=None, timeout_ms=None):
        """(reader, receipt) of floe_historical_features; FloeTimeoutError where the last
        row is not read after timeout_ms."""
        request = _with_timeout(request, timeout_ms)
        out = ffi.new("struct ArrowArrayStream*")
        receipt = ffi.new("char**")
        with StreamIn(entity) as stream:
            check(
                lib().floe_historical_features(
                    self.handle, json_text(request), stream, out, receipt
                )
            )
        return import_stream(out), json.loads(take_text(receipt))

    def explain_historical_features(self, request, entity=None):
        """What historical_features would read, as a dict."""
        out = ffi.new("char**")
        with StreamIn(entity) as stream:
            check(
                lib().floe_explain_historical_features(
                    self.handle, json_text(request), stream, out
                )
            )
        return json.loads(take_text(out))

    def feature_statistics(self, request):
        """Statistics of a source's columns, as a dict (floe_feature_statistics)."""
        out = ffi.new("char**")
        check(lib().floe_feature_statistics(self.handle, json_text(request), out))
        return json.loads(take_text(out))

    def pull_latest(self, request, timeout_ms=None):
        """(reader, receipt) of floe_pull_latest."""
        return self._pull(lib().floe_pull_latest, _with_timeout(request, timeout_ms))

    def pull_all(self, request, timeout_ms=None):
        """(reader, receipt) of floe_pull_all."""
        return self._pull(lib().floe_pull_all, _with_timeout(request, timeout_ms))

    def _pull(self, function, request):
        out = ffi.new("struct ArrowArrayStream*")
        receipt = ffi.new("char**")
        check(function(self.handle, json_text(request), out, receipt))
        return import_stream(out), json.loads(take_text(receipt))


def _with_timeout(request, timeout_ms):
    if timeout_ms is None:
        return request
    options = {**request.get("options", {}), "timeout_ms": timeout_ms}
    return {**request, "options": options}


# Settings change where credentials do: a process that lives long may see no end of them.
MAX_OPEN_CATALOGS = 64

_open_catalogs = {}
_open_lock = threading.Lock()


def open_catalog(settings):
    """The process's Catalog of these settings (Catalog's arguments), of which those asked
    for last stay open.

    A process that was forked opens its own: connections do not survive a fork.
    """
    key = (os.getpid(), json.dumps(settings, sort_keys=True))
    with _open_lock:
        catalog = _open_catalogs.pop(key, None)
        if catalog is None:
            catalog = Catalog(**settings)
        _open_catalogs[key] = catalog
        if len(_open_catalogs) > MAX_OPEN_CATALOGS:
            del _open_catalogs[next(iter(_open_catalogs))]
        return catalog
