"""Writes entity_keys.txt and values.txt: bytes that stock Feast produces.

entity_keys.txt: name|version|EntityKey message, hex|serialized entity key, hex
entity_hash.txt: serialized key, hex|partition count|bucket
values.txt: name|value type|Value message, hex
"""

import datetime
import decimal
import hashlib
import pathlib
import uuid
import warnings

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value, ZonedTimestamp
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent
UTC = datetime.timezone.utc
T0 = datetime.datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
OLD = datetime.datetime(1931, 5, 6, 7, 8, 9, tzinfo=UTC)
U1 = uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7")

ENTITY_KEYS = {
    "int64_and_string": {"region": Value(string_val="eu"), "driver_id": Value(int64_val=1)},
    "int32_negative": {"i": Value(int32_val=-1)},
    "timestamp": {"t": Value(unix_timestamp_val=5)},
    "bytes": {"b": Value(bytes_val=b"\x00\xff")},
    "no_entity": {"__dummy_id": Value(string_val="")},
    "none": {},
    "unicode": {"é": Value(string_val="Zürich"), "z": Value(int64_val=-(2**63)), "Z": Value(int64_val=2**63 - 1)},
    "long_string": {"s": Value(string_val="x" * 300)},
}

VALUES = {
    "BYTES": [b"", b"\x00\xff"],
    "STRING": ["", "text", "Zürich"],
    "INT32": [0, 1, -1, 2**31 - 1, -(2**31)],
    "INT64": [0, 1, -1, 2**63 - 1, -(2**63)],
    "DOUBLE": [0.5, -0.0, 1e308, float("inf")],
    "FLOAT": [0.5, 0.1, -3.25],
    "BOOL": [True, False],
    "UNIX_TIMESTAMP": [T0, OLD],
    "BYTES_LIST": [[b"a", b""], [b"\x00"]],
    "STRING_LIST": [["a", "", "ü"]],
    "INT32_LIST": [[1, -1, 0]],
    "INT64_LIST": [[1, -1, 2**62]],
    "DOUBLE_LIST": [[0.1, -2.5]],
    "FLOAT_LIST": [[0.5, 0.1]],
    "BOOL_LIST": [[True, False, True]],
    "UNIX_TIMESTAMP_LIST": [[T0, OLD]],
    "BYTES_SET": [{b"only"}],
    "STRING_SET": [{"only"}],
    "INT32_SET": [{7}],
    "INT64_SET": [{-7}],
    "DOUBLE_SET": [{0.25}],
    "FLOAT_SET": [{0.25}],
    "BOOL_SET": [{True}],
    "UNIX_TIMESTAMP_SET": [{T0}],
    "PDF_BYTES": [b"%PDF"],
    "IMAGE_BYTES": [b"\x89PNG"],
    "JSON": [{"a": [1, 2]}, '{"raw":  "text"}'],
    "JSON_LIST": [[{"a": 1}, {"b": None}]],
    "MAP": [{"k": "v"}, {"n": 1, "f": 1.5, "l": [1, 2], "m": {"deep": "er"}, "none": None}],
    "MAP_LIST": [[{"k": "v"}, {"x": 1}]],
    "STRUCT": [{"name": "n", "age": 5}],
    "STRUCT_LIST": [[{"name": "n"}, {"name": "m"}]],
    "UUID": [U1],
    "TIME_UUID": [U1],
    "UUID_LIST": [[U1]],
    "TIME_UUID_LIST": [[U1]],
    "UUID_SET": [{U1}],
    "TIME_UUID_SET": [{U1}],
    "VALUE_LIST": [[[1, 2], [3]], [["a"], []]],
    "VALUE_SET": [[["a", "b"]]],
    "DECIMAL": [decimal.Decimal("1.50"), decimal.Decimal("-1E+20")],
    "DECIMAL_LIST": [[decimal.Decimal("0.1"), decimal.Decimal("2")]],
    "DECIMAL_SET": [{decimal.Decimal("0.10")}],
    "SCALAR_MAP": [{1: "one", 2: "two"}, {True: 1.5}],
}


def entity_keys():
    for name, parts in ENTITY_KEYS.items():
        key = EntityKey(join_keys=list(parts), entity_values=list(parts.values()))
        for version in (2, 3):
            out = serialize_entity_key(key, version)
            message = key.SerializeToString(deterministic=True)
            yield f"{name}|{version}|{message.hex()}|{out.hex()}"


def entity_hashes():
    for name, parts in ENTITY_KEYS.items():
        key = serialize_entity_key(
            EntityKey(join_keys=list(parts), entity_values=list(parts.values())), 3
        )
        for count in (1, 32, 256, 65536):
            yield f"{key.hex()}|{count}|{int(hashlib.md5(key).hexdigest(), 16) % count}"


def values():
    for name, cases in VALUES.items():
        # One at a time: Feast samples a column's first value.
        for i, case in enumerate(cases):
            (value,) = python_values_to_proto_values([case], ValueType[name])
            yield f"{name}_{i}|{name}|{value.SerializeToString(deterministic=True).hex()}"
    for name in VALUES:
        if name.endswith(("_LIST", "_SET")) and name not in ("JSON_LIST",):
            field = name.lower().replace("value_", "") + "_val"
            value = Value()
            getattr(value, field).SetInParent()
            yield f"{name}_empty|{name}|{value.SerializeToString().hex()}"
    for i, (seconds, zone) in enumerate(
        [(1795341601, "America/Los_Angeles"), (0, ""), (-1, "-07:00"), (5, "UTC")]
    ):
        value = Value(zoned_timestamp_val=ZonedTimestamp(unix_timestamp=seconds, zone=zone))
        yield f"ZONED_TIMESTAMP_{i}|ZONED_TIMESTAMP|{value.SerializeToString().hex()}"


for file, lines in (
    ("entity_keys.txt", entity_keys()),
    ("entity_hash.txt", entity_hashes()),
    ("values.txt", values()),
):
    (FOLDER / file).write_text("".join(line + "\n" for line in lines))
