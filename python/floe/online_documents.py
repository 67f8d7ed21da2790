"""Document retrieval: Feast's arguments to floe_online_search, and its answer back."""

import array
import json
import struct

from feast import utils
from feast.infra.key_encoding_utils import deserialize_entity_key
from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from feast.value_type import ValueType
from floe.errors import FloeInputError
from floe.proto_rows import from_micros

_VECTORS = frozenset(
    (
        ValueType.FLOAT_LIST,
        ValueType.DOUBLE_LIST,
        ValueType.INT32_LIST,
        ValueType.INT64_LIST,
    )
)

_unpack_count = struct.Struct("<I").unpack_from
_unpack_row = struct.Struct("<qdd").unpack_from


class Document:
    """One document found."""

    __slots__ = ("entity_key", "event_time", "distance", "text_rank", "values")


def search(
    tables,
    view,
    table,
    features,
    top_k,
    *,
    embedding=None,
    vector_feature=None,
    metric=None,
    text=None,
    filters=None,
    timeout_ms,
    key_version,
):
    """The documents found, nearest first. view: as floe.h has it, with all features;
    table: the feature view; filters: a Feast filter or None."""
    request = {
        "view": view,
        "features": features,
        "top_k": top_k,
        "timeout_ms": timeout_ms,
    }
    vector = None
    if embedding is not None:
        vector = array.array("f", embedding)
        request["vector_feature"] = vector_feature or vector_feature_of(table)
        request["metric"] = metric or "L2"
    if text is not None:
        request["text"] = text
        request["text_features"] = text_features_of(table)
    if filters is not None:
        request["filter"] = json.dumps(filters.model_dump())
    return _unpack(tables.search(request, vector), features, key_version)


def vector_feature_of(table):
    """The name of the view's vector: the field with vector_index, else its only list of
    numbers."""
    marked = utils._get_feature_view_vector_field_metadata(table)
    if marked is not None:
        return marked.name
    lists = [
        field.name
        for field in table.features
        if field.dtype.to_value_type() in _VECTORS
    ]
    if len(lists) != 1:
        raise FloeInputError(
            f"the feature view '{table.name}' has {len(lists)} features that could be the "
            "vector to search by; mark one with vector_index=True",
            "INVALID_ARGUMENT",
        )
    return lists[0]


def text_features_of(table):
    names = [
        field.name
        for field in table.features
        if field.dtype.to_value_type() == ValueType.STRING
    ]
    if not names:
        raise FloeInputError(
            f"the feature view '{table.name}' has no string feature to search for words",
            "INVALID_ARGUMENT",
        )
    return names


def _unpack(answer, features, key_version):
    (count,) = _unpack_count(answer, 0)
    position = 4
    documents = []

    def take():
        nonlocal position
        (size,) = _unpack_count(answer, position)
        start = position + 4
        position = start + size
        return answer[start:position]

    for _ in range(count):
        document = Document()
        key = take()
        # Version 2 does not hold what it takes; Feast gives no key there either.
        document.entity_key = (
            deserialize_entity_key(key, key_version) if key_version >= 3 else None
        )
        micros, document.distance, document.text_rank = _unpack_row(answer, position)
        document.event_time = from_micros(micros)
        position += _unpack_row_size
        document.values = {name: ValueProto.FromString(take()) for name in features}
        documents.append(document)
    return documents


_unpack_row_size = struct.calcsize("<qdd")


def keep_order_of_documents():
    """Makes Feast answer documents in the order the store gave them.

    FeatureStore.retrieve_online_documents_v2 sorts the entities of the documents but not
    the documents, and so pairs features with the wrong entities unless they happen to be
    in the order of their keys. Documents have distinct keys: there is nothing to group,
    and the order they come in is the answer's. Other uses are left as they are.
    """
    sort_and_group = utils._get_unique_entities_from_values
    if getattr(sort_and_group, "keeps_order", False):
        return

    def in_order(table_entity_values):
        rows = list(zip(*table_entity_values.values()))
        distinct = {tuple(value.SerializeToString() for value in row) for row in rows}
        if not rows or len(distinct) < len(rows):
            return sort_and_group(table_entity_values)
        keys = tuple(table_entity_values)
        unique = tuple(dict(zip(keys, row)) for row in rows)
        return unique, tuple([index] for index in range(len(rows))), len(rows)

    in_order.keeps_order = True
    utils._get_unique_entities_from_values = in_order
