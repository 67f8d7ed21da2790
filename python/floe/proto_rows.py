"""Rows of the online store between Feast's protobuf objects and the packed buffers of the
C interface (floe_online_write_protos and floe_online_read_protos in floe.h)."""

import struct
from datetime import datetime, timedelta, timezone

from feast.protos.feast.types.Value_pb2 import Value as ValueProto
from floe.errors import FloeInputError

NO_TIMESTAMP = -(2**63)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_NAIVE = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

_pack_length = struct.Struct("<I").pack
_pack_value = struct.Struct("<II").pack
_pack_times = struct.Struct("<qqI").pack
_unpack_length = struct.Struct("<I").unpack_from
_unpack_time = struct.Struct("<q").unpack_from


def pack_rows(data, feature_names, view_name):
    """The rows Feast hands to online_write_batch. Naive times are UTC."""
    index_of = {name: index for index, name in enumerate(feature_names)}
    parts = []
    add = parts.append
    for entity_key, values, event_time, created_time in data:
        key = entity_key.SerializeToString()
        add(_pack_length(len(key)))
        add(key)
        created = NO_TIMESTAMP if created_time is None else _to_micros(created_time)
        add(_pack_times(_to_micros(event_time), created, len(values)))
        for name, value in values.items():
            index = index_of.get(name)
            if index is None:
                raise FloeInputError(
                    f"the rows to write have a value of '{name}', which the feature view "
                    f"'{view_name}' lacks; its features are {', '.join(feature_names)}",
                    "NO_SUCH_COLUMN",
                )
            content = value.SerializeToString()
            add(_pack_value(index, len(content)))
            add(content)
    return b"".join(parts)


def pack_keys(entity_keys):
    parts = [_pack_length(len(entity_keys))]
    for entity_key in entity_keys:
        key = entity_key.SerializeToString()
        parts.append(_pack_length(len(key)))
        parts.append(key)
    return b"".join(parts)


def unpack_rows(answer, key_count, feature_names):
    """[(event time, {feature: ValueProto})], or (None, None) for a key without a row."""
    rows = []
    position = 0
    parse = ValueProto.FromString
    for _ in range(key_count):
        (micros,) = _unpack_time(answer, position)
        position += 8
        values = {}
        for name in feature_names:
            (size,) = _unpack_length(answer, position)
            position += 4
            values[name] = parse(answer[position : position + size])
            position += size
        if micros == NO_TIMESTAMP:
            rows.append((None, None))
        else:
            rows.append((from_micros(micros), values))
    return rows


def from_micros(micros):
    """The time of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def _to_micros(time):
    epoch = _EPOCH if time.tzinfo is not None else _EPOCH_NAIVE
    return (time - epoch) // _MICROSECOND
