"""get_online_features in one native call: what of a request stays the same is made ready
once, its entities are packed, and the response comes back as the bytes of its message.

Only requests in their plain form are answered here; whatever else Feast allows (partial
keys, names of entities instead of join keys, values that need conversion to fail, vectors
computed ahead) is left to Feast's own code, so that it does what it always does.
"""

import array
import collections
import struct
import threading

from feast import utils
from feast.feature_service import FeatureService
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import RepeatedValue as RepeatedValueProto
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

# How the values of a column are written (floe_online_features in floe.h).
_INT64S, _INT32S, _TEXTS, _VALUES, _KEYS, _SAME_TEXT = (bytes([i]) for i in range(6))

_NUMBERS = {ValueType.INT64: ("q", _INT64S), ValueType.INT32: ("i", _INT32S)}
_KEY_FIELDS = frozenset(
    ("int64_val", "int32_val", "string_val", "bytes_val", "unix_timestamp_val")
)
_pack_length = struct.Struct("<I").pack

# Kept at most: requests of different features, and of each, of different entity columns.
_MAX_CONTEXTS = 256
_MAX_SHAPES = 16


class Unusual(Exception):
    """A request, or a value in it, that Feast's own code has to look at."""


class RequestContexts:
    """What Feast resolves a request's features to, by request. Thread-safe.

    Feast keeps this too, but for one registry per process; here every store has its own.
    It is asked again whenever Feast would look itself.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._contexts = collections.OrderedDict()

    def find(self, registry, project, features, full_feature_names):
        """The RequestContext of a request."""
        if isinstance(features, FeatureService):
            name = ("service", features.name)
        else:
            name = tuple(features)
        key = (id(registry), project, full_feature_names, name)
        state = _registry_state(registry)
        known = self._contexts.get(key)
        if known is not None and state is not None and known.state == state:
            return known
        resolved = utils._get_cached_request_context(
            registry, project, features, full_feature_names
        )
        context = RequestContext(registry, _registry_state(registry), resolved)
        with self._lock:
            self._contexts[key] = context
            self._contexts.move_to_end(key)
            while len(self._contexts) > _MAX_CONTEXTS:
                self._contexts.popitem(last=False)
        return context

    def clear(self):
        with self._lock:
            self._contexts.clear()


def _registry_state(registry):
    """Changes when Feast would resolve anew; None where it always does."""
    created = getattr(registry, "cached_registry_proto_created", None)
    if created is None or not registry.is_cache_valid():
        return None
    proto = getattr(registry, "cached_registry_proto", None)
    return created, getattr(proto, "version_id", None)


class RequestContext:
    """The views, names and types of a request. Immutable but for what it has prepared."""

    def __init__(self, registry, state, resolved):
        self.registry = registry  # Kept: its id is part of the key.
        self.state = state
        (
            self.feature_refs,
            self.on_demand_views,
            self.join_key_of_entity,
            self.entity_types,
            self.join_keys,
            self.grouped_refs,
            self.result_names,
            self.request_data,
            self.is_entityless,
        ) = resolved
        self.feature_types = OnlineStore._build_feature_types(self.grouped_refs)
        self.prepared = {}

    def remember(self, key, prepared):
        if len(self.prepared) >= _MAX_SHAPES:
            self.prepared.clear()
        self.prepared[key] = prepared


class PreparedRequest:
    """A context with the names of its entity columns: packs entities, one call each."""

    def __init__(self, tables, context, names, view_of, ttl_of, with_versions, full_names):
        """view_of(view, features): as view_json. ttl_of(view): microseconds, 0 for none."""
        self.context = context
        self._columns = [
            (name, context.entity_types.get(name, ValueType.UNKNOWN), name in context.join_keys)
            for name in names
        ]
        for name, _, is_join_key in self._columns:
            if name not in context.request_data and not is_join_key:
                raise Unusual
        if not context.request_data <= set(names):
            raise Unusual
        # Feast's order: join keys, then request data; then the view's features.
        self._columns.sort(key=lambda column: column[0] in context.request_data)
        join_keys = {
            name: index
            for index, (name, _, is_join_key) in enumerate(self._columns)
            if is_join_key and name not in context.request_data
        }
        self.result_names = context.result_names | join_keys.keys()
        keep_all = bool(context.on_demand_views)
        columns = [
            {"name": name, "is_returned": keep_all or name in self.result_names}
            for name, _, _ in self._columns
        ]
        if context.is_entityless:
            join_keys[DUMMY_ENTITY_ID] = len(columns)
            columns.append({"name": DUMMY_ENTITY_ID, "is_returned": False})
        views = []
        for table, features in context.grouped_refs:
            name = table.projection.name_to_use()
            answered = [f"{name}__{f}" if full_names else f for f in features]
            view = {
                "view": view_of(table, features),
                "features": features,
                "names": [
                    a if keep_all or a in self.result_names else "" for a in answered
                ],
                "join_keys": _join_keys(table, context.join_key_of_entity, join_keys),
                "ttl_us": ttl_of(table),
            }
            if with_versions:
                view["metadata_name"] = (
                    table.projection.name_alias or table.projection.name
                )
                view["metadata_version"] = (
                    getattr(table, "current_version_number", 0) or 0
                )
            views.append(view)
        self.views = [view["view"] for view in views]
        # Of the response's columns, in its order.
        self.names = [column["name"] for column in columns if column["is_returned"]]
        self.names += [name for view in views for name in view["names"] if name]
        self._native = tables.prepare({"columns": columns, "views": views})

    def answer(self, columns):
        """The response's bytes for {column: values}; Unusual for values not packed."""
        count = None
        parts = [b""]
        for name, value_type, is_join_key in self._columns:
            values = columns[name]
            if count is None:
                count = len(values)
            elif len(values) != count:
                raise Unusual
            parts.extend(_packed(values, value_type, is_join_key))
        if not count:
            raise Unusual
        parts[0] = _pack_length(count)
        if self.context.is_entityless:
            text = DUMMY_ENTITY_VAL.encode()
            parts += (_SAME_TEXT, _pack_length(len(text)), text)
        return self._native.features(b"".join(parts))


def _join_keys(table, join_key_of_entity, columns):
    """Where each join key of the view is found; as utils._get_table_entity_values."""
    wanted = {join_key_of_entity[entity] for entity in table.entities}
    view_key_of = {v: k for k, v in table.projection.join_key_map.items()}
    found = {
        view_key_of.get(name, name): index
        for name, index in columns.items()
        if view_key_of.get(name, name) in wanted
    }
    if not found or found.keys() != wanted:
        raise Unusual
    return [{"name": name, "column": index} for name, index in found.items()]


def _packed(values, value_type, is_join_key):
    """The parts of a packed column."""
    if not isinstance(values, (list, tuple)):
        raise Unusual
    kinds = set(map(type, values))
    if kinds == {int} and value_type in _NUMBERS:
        code, form = _NUMBERS[value_type]
        try:
            return form, array.array(code, values).tobytes()
        except OverflowError:
            raise Unusual from None
    if kinds == {str} and value_type == ValueType.STRING:
        try:
            texts = [value.encode() for value in values]
        except UnicodeEncodeError:
            raise Unusual from None
        return [_TEXTS, *_with_lengths(texts)]
    messages = python_values_to_proto_values(list(values), value_type)
    if is_join_key and any(m.WhichOneof("val") not in _KEY_FIELDS for m in messages):
        raise Unusual
    return [_VALUES, *_with_lengths([m.SerializeToString() for m in messages])]


def _with_lengths(texts):
    for text in texts:
        yield _pack_length(len(text))
        yield text


def columns_of(entity_rows):
    """{column: values} of either form that Feast takes; Unusual for others."""
    if isinstance(entity_rows, list):
        if not entity_rows:
            raise Unusual
        if len(entity_rows) == 1:
            return {name: [value] for name, value in entity_rows[0].items()}
        names = entity_rows[0].keys()
        for row in entity_rows:
            if row.keys() != names:
                raise Unusual
        return {name: [row[name] for row in entity_rows] for name in names}
    columns = {}
    for name, values in entity_rows.items():
        if isinstance(values, RepeatedValueProto):
            values = list(values.val)
        columns[name] = values
    return columns


def pack_key_columns(keys_by_view, row_count):
    """The entities of a request of views given by whole keys: one column each."""
    parts = [_pack_length(row_count)]
    for keys in keys_by_view:
        parts.append(_KEYS)
        parts.extend(_with_lengths(keys))
    return b"".join(parts)
