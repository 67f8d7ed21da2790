"""The online tables of a namespace, over the C interface. Views are dicts as floe.h has
them under `view`; rows and keys are packed as floe.proto_rows packs them."""

import json
import re

from floe._library import check, ffi, json_text, lib, take_bytes, take_text
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

    def plan(self, create=(), drop=()):
        """What update would do, as floe_online_plan answers."""
        request = {"create": list(create), "drop": list(drop)}
        out = ffi.new("char**")
        check(lib().floe_online_plan(self._handle, json_text(request), out))
        return json.loads(take_text(out))

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
        return take_bytes(out)

    def prepare(self, request):
        """A request for features, of floe_online_prepare's request_json."""
        out = ffi.new("floe_online_request**")
        check(lib().floe_online_prepare(self._handle, json_text(request), out))
        return NativeRequest(ffi.gc(out[0], lib().floe_online_request_free))

    def search(self, request, embedding):
        """The packed documents of floe_online_search; embedding: an array of floats, or
        None."""
        out = ffi.new("floe_bytes*")
        vector = ffi.NULL if embedding is None else ffi.from_buffer("float[]", embedding)
        size = 0 if embedding is None else len(embedding)
        check(
            lib().floe_online_search(self._handle, json_text(request), vector, size, out)
        )
        return take_bytes(out)

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


class NativeRequest:
    """A request made ready: floe_online_features. Thread-safe."""

    def __init__(self, handle):
        self._handle = handle

    def features(self, entities):
        """The response's bytes for packed entities."""
        out = ffi.new("floe_bytes*")
        error = lib().floe_online_features(
            self._handle, ffi.from_buffer(entities), len(entities), out
        )
        if error != ffi.NULL:
            check(error)
        return take_bytes(out)


def features_columns(message):
    """The packed columns of floe_features_columns."""
    out = ffi.new("floe_bytes*")
    check(lib().floe_features_columns(ffi.from_buffer(message), len(message), out))
    return take_bytes(out)
