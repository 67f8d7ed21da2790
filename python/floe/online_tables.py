"""The online tables of a namespace, over the C interface. Views are dicts as floe.h has
them under `view`; rows and keys are packed as floe.proto_rows packs them."""

import json
import re

from floe._library import check, ffi, json_text, lib, take_text
from floe.errors import FloeNotFoundError


class OnlineTables:
    """Thread-safe."""

    def __init__(self, catalog, **settings):
        """settings: the keys of floe_online_open's config_json."""
        out = ffi.new("floe_online**")
        check(lib().floe_online_open(catalog.handle, json_text(settings), out))
        self._handle = ffi.gc(out[0], lib().floe_online_close)
        self._catalog = catalog
        self._namespace = settings["namespace"]

    def update(self, create=(), drop=()):
        request = {"create": list(create), "drop": list(drop)}
        check(lib().floe_online_update(self._handle, json_text(request)))

    def teardown(self, drop):
        check(lib().floe_online_teardown(self._handle, json_text({"drop": list(drop)})))

    def warm(self, view):
        check(lib().floe_online_warm(self._handle, json_text({"view": view})))

    def write(self, view, rows):
        check(
            lib().floe_online_write_protos(
                self._handle,
                json_text({"view": view}),
                ffi.from_buffer(rows),
                len(rows),
                ffi.NULL,
            )
        )

    def materialize(self, catalog, request, progress=ffi.NULL):
        """floe_materialize, from tables of `catalog`: {"rows", "files", "commits",
        "snapshot_id"}."""
        out = ffi.new("char**")
        check(
            lib().floe_materialize(
                catalog.handle, self._handle, json_text(request), progress, out
            )
        )
        return json.loads(take_text(out))

    def read(self, view, features, keys):
        """The packed answer, as bytes."""
        request = {"view": view, "features": features}
        out = ffi.new("floe_bytes*")
        check(
            lib().floe_online_read_protos(
                self._handle, json_text(request), ffi.from_buffer(keys), len(keys), out
            )
        )
        try:
            return bytes(ffi.buffer(out.data, out.size))
        finally:
            lib().floe_bytes_free(out)

    def other_versions(self, view):
        """The view at every version that has a table, but for the one `view` names."""
        try:
            tables = self._catalog.list_tables(self._namespace)
        except FloeNotFoundError:
            return []
        stem = re.escape(f"{self._namespace}.{view['project']}_{view['view']}")
        pattern = re.compile(rf"{stem}(?:_v(\d+))?_online")
        found = (pattern.fullmatch(table) for table in tables)
        versions = {int(match[1] or 0) for match in found if match}
        return [
            {**view, "version": version} for version in sorted(versions - {view["version"]})
        ]
