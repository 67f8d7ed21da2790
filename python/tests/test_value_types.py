"""Every Feast value type, online and offline, exact in value and width both ways.

The tables below are held against the installed Feast's own list of types, so that a type
it gains cannot be forgotten here. docs/types.md says how each is stored.
"""

import datetime as dt
import decimal
import uuid
from datetime import timedelta, timezone

import pandas as pd
import pyarrow as pa
import pytest

import rides
from feast import Entity, FeatureView, Field, ValueType
from feast.protos.feast.types import Value_pb2 as values
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.types import (
    Array,
    Bytes,
    Bool,
    Decimal,
    Float32,
    Float64,
    ImageBytes,
    Int32,
    Int64,
    Json,
    Map,
    PdfBytes,
    ScalarMap,
    Set,
    String,
    Struct,
    TimeUuid,
    UnixTimestamp,
    Uuid,
    ZonedTimestamp,
)
from floe import IcebergSource
from floe.types import type_text, value_type_of

V = values.Value
T0 = dt.datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)
SECONDS = int(T0.timestamp())
US = pa.timestamp("us", tz="UTC")
U1 = uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7")
U2 = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
ZONED = "2026-11-22T10:00:00Z[Europe/Paris]"


def strings(*items):
    return values.StringList(val=items)


def _map(**items):
    return values.Map(val=items)


_SCALAR_KEYS = [
    values.MapKey(int32_key=-1),
    values.MapKey(int64_key=2**62),
    values.MapKey(float_key=0.5),
    values.MapKey(double_key=0.1),
    values.MapKey(bool_key=True),
    values.MapKey(bytes_key=b"\x00"),
    values.MapKey(unix_timestamp_key=SECONDS),
    values.MapKey(uuid_key=str(U1)),
    values.MapKey(time_uuid_key=str(U2)),
    values.MapKey(decimal_key="1.10"),
]
_SCALAR_MAP = values.ScalarMap(
    val=[values.ScalarMapEntry(key=key, value=V(int32_val=1)) for key in _SCALAR_KEYS]
)
_NESTED = values.RepeatedValue(
    val=[V(int64_list_val=values.Int64List(val=[1])), V(), V(list_val=values.RepeatedValue())]
)
_MAP = _map(a=V(int32_val=1), b=V(float_val=0.1), c=V(map_val=_map(d=V())))

# Values of each type as Feast's protobuf holds them, the awkward ones among them.
ONLINE = {
    "BYTES": [V(bytes_val=b"\x00\xff"), V(bytes_val=b"")],
    "STRING": [V(string_val="héllo\x00"), V(string_val="")],
    "INT32": [V(int32_val=-(2**31)), V(int32_val=0)],
    "INT64": [V(int64_val=2**63 - 1), V(int64_val=-(2**63))],
    "DOUBLE": [V(double_val=0.1), V(double_val=float("-inf")), V(double_val=-0.0)],
    "FLOAT": [V(float_val=0.1), V(float_val=3.4e38)],
    "BOOL": [V(bool_val=False), V(bool_val=True)],
    "UNIX_TIMESTAMP": [V(unix_timestamp_val=SECONDS), V(unix_timestamp_val=-1)],
    "BYTES_LIST": [V(bytes_list_val=values.BytesList(val=[b"", b"\x00"]))],
    "STRING_LIST": [V(string_list_val=strings("a", "")), V(string_list_val=strings())],
    "INT32_LIST": [V(int32_list_val=values.Int32List(val=[1, -(2**31)]))],
    "INT64_LIST": [V(int64_list_val=values.Int64List(val=[2**62]))],
    "DOUBLE_LIST": [V(double_list_val=values.DoubleList(val=[0.1, 0.2]))],
    "FLOAT_LIST": [V(float_list_val=values.FloatList(val=[0.1] * 128))],
    "BOOL_LIST": [V(bool_list_val=values.BoolList(val=[True, False]))],
    "UNIX_TIMESTAMP_LIST": [V(unix_timestamp_list_val=values.Int64List(val=[SECONDS]))],
    "MAP": [V(map_val=_MAP), V(map_val=_map())],
    "MAP_LIST": [V(map_list_val=values.MapList(val=[_MAP, _map()]))],
    "BYTES_SET": [V(bytes_set_val=values.BytesSet(val=[b"a", b""]))],
    "STRING_SET": [V(string_set_val=values.StringSet(val=["a", "b"]))],
    "INT32_SET": [V(int32_set_val=values.Int32Set(val=[3, 1]))],
    "INT64_SET": [V(int64_set_val=values.Int64Set(val=[3, 1]))],
    "DOUBLE_SET": [V(double_set_val=values.DoubleSet(val=[0.5]))],
    "FLOAT_SET": [V(float_set_val=values.FloatSet(val=[0.1]))],
    "BOOL_SET": [V(bool_set_val=values.BoolSet(val=[True]))],
    "UNIX_TIMESTAMP_SET": [V(unix_timestamp_set_val=values.Int64Set(val=[SECONDS, 0]))],
    "PDF_BYTES": [V(bytes_val=b"%PDF")],
    "IMAGE_BYTES": [V(bytes_val=b"\x89PNG")],
    "JSON": [V(json_val='{"a": [1, 2]}'), V(json_val="null")],
    "JSON_LIST": [V(json_list_val=strings("{}", "[1]"))],
    "STRUCT": [V(struct_val=_MAP)],
    "STRUCT_LIST": [V(struct_list_val=values.MapList(val=[_MAP]))],
    "UUID": [V(uuid_val=str(U1))],
    "TIME_UUID": [V(time_uuid_val=str(U2))],
    "UUID_LIST": [V(uuid_list_val=strings(str(U1), str(U2)))],
    "TIME_UUID_LIST": [V(time_uuid_list_val=strings(str(U2)))],
    "UUID_SET": [V(uuid_set_val=values.StringSet(val=[str(U1)]))],
    "TIME_UUID_SET": [V(time_uuid_set_val=values.StringSet(val=[str(U2)]))],
    "VALUE_LIST": [V(list_val=_NESTED)],
    "VALUE_SET": [V(set_val=_NESTED)],
    "DECIMAL": [V(decimal_val="123456789012345678901234567890.10"), V(decimal_val="1E+3")],
    "DECIMAL_LIST": [V(decimal_list_val=strings("1.10", "-0"))],
    "DECIMAL_SET": [V(decimal_set_val=values.StringSet(val=["1.1", "1.10"]))],
    "SCALAR_MAP": [V(scalar_map_val=_SCALAR_MAP)],
    "ZONED_TIMESTAMP": [
        V(zoned_timestamp_val=values.ZonedTimestamp(unix_timestamp=SECONDS, zone=zone))
        for zone in ("Europe/Paris", "UTC-07:00", "+05:30", "")
    ],
}

def case(dtype, arrow, sample, inferred, online):
    """The Feast type of a field, the Arrow type of a source column, a value in it, the
    value type inferred of the column, and the protobuf the value becomes online."""
    return (dtype, arrow, sample, inferred, online)


_STRUCT = pa.struct([("a", pa.int32()), ("b", pa.string())])
_STRUCT_MESSAGE = _map(a=V(int32_val=1), b=V(string_val="x"))
_NUMBERS = V(int64_list_val=values.Int64List(val=[1, 2]))
_STRUCT_DTYPE = Struct({"a": Int32, "b": String})

OFFLINE = {
    "BYTES": case(Bytes, pa.binary(), b"\x00\xff", "BYTES", V(bytes_val=b"\x00\xff")),
    "STRING": case(String, pa.string(), "é", "STRING", V(string_val="é")),
    "INT32": case(Int32, pa.int32(), -(2**31), "INT32", V(int32_val=-(2**31))),
    "INT64": case(Int64, pa.int64(), 2**63 - 1, "INT64", V(int64_val=2**63 - 1)),
    "DOUBLE": case(Float64, pa.float64(), 0.1, "DOUBLE", V(double_val=0.1)),
    "FLOAT": case(Float32, pa.float32(), 0.5, "FLOAT", V(float_val=0.5)),
    "BOOL": case(Bool, pa.bool_(), False, "BOOL", V(bool_val=False)),
    "UNIX_TIMESTAMP": case(
        UnixTimestamp, US, T0, "UNIX_TIMESTAMP", V(unix_timestamp_val=SECONDS)
    ),
    "BYTES_LIST": case(
        Array(Bytes), pa.list_(pa.binary()), [b"", b"\x00"], "BYTES_LIST", ONLINE["BYTES_LIST"][0]
    ),
    "STRING_LIST": case(
        Array(String), pa.list_(pa.string()), ["a", ""], "STRING_LIST", ONLINE["STRING_LIST"][0]
    ),
    "INT32_LIST": case(
        Array(Int32),
        pa.list_(pa.int32()),
        [1, -(2**31)],
        "INT32_LIST",
        ONLINE["INT32_LIST"][0],
    ),
    "INT64_LIST": case(
        Array(Int64), pa.list_(pa.int64()), [2**62], "INT64_LIST", ONLINE["INT64_LIST"][0]
    ),
    "DOUBLE_LIST": case(
        Array(Float64),
        pa.list_(pa.float64()),
        [0.1, 0.2],
        "DOUBLE_LIST",
        ONLINE["DOUBLE_LIST"][0],
    ),
    "FLOAT_LIST": case(
        Array(Float32),
        pa.list_(pa.float32()),
        [0.5],
        "FLOAT_LIST",
        V(float_list_val=values.FloatList(val=[0.5])),
    ),
    "BOOL_LIST": case(
        Array(Bool), pa.list_(pa.bool_()), [True, False], "BOOL_LIST", ONLINE["BOOL_LIST"][0]
    ),
    "UNIX_TIMESTAMP_LIST": case(
        Array(UnixTimestamp),
        pa.list_(US),
        [T0],
        "UNIX_TIMESTAMP_LIST",
        ONLINE["UNIX_TIMESTAMP_LIST"][0],
    ),
    "MAP": case(
        Map,
        pa.map_(pa.string(), pa.int64()),
        [("k", 2**62)],
        "MAP",
        V(map_val=_map(k=V(int64_val=2**62))),
    ),
    "MAP_LIST": case(
        Array(Map),
        pa.list_(pa.map_(pa.string(), pa.string())),
        [[("k", "v")], []],
        "MAP_LIST",
        V(map_list_val=values.MapList(val=[_map(k=V(string_val="v")), _map()])),
    ),
    "BYTES_SET": case(
        Set(Bytes), pa.list_(pa.binary()), [b"a", b""], "BYTES_LIST", ONLINE["BYTES_SET"][0]
    ),
    "STRING_SET": case(
        Set(String), pa.list_(pa.string()), ["a", "b"], "STRING_LIST", ONLINE["STRING_SET"][0]
    ),
    "INT32_SET": case(
        Set(Int32), pa.list_(pa.int32()), [3, 1], "INT32_LIST", ONLINE["INT32_SET"][0]
    ),
    "INT64_SET": case(
        Set(Int64), pa.list_(pa.int64()), [3, 1], "INT64_LIST", ONLINE["INT64_SET"][0]
    ),
    "DOUBLE_SET": case(
        Set(Float64), pa.list_(pa.float64()), [0.5], "DOUBLE_LIST", ONLINE["DOUBLE_SET"][0]
    ),
    "FLOAT_SET": case(
        Set(Float32),
        pa.list_(pa.float32()),
        [0.5],
        "FLOAT_LIST",
        V(float_set_val=values.FloatSet(val=[0.5])),
    ),
    "BOOL_SET": case(
        Set(Bool), pa.list_(pa.bool_()), [True], "BOOL_LIST", ONLINE["BOOL_SET"][0]
    ),
    "UNIX_TIMESTAMP_SET": case(
        Set(UnixTimestamp),
        pa.list_(US),
        [T0],
        "UNIX_TIMESTAMP_LIST",
        V(unix_timestamp_set_val=values.Int64Set(val=[SECONDS])),
    ),
    "PDF_BYTES": case(PdfBytes, pa.binary(), b"%PDF", "BYTES", ONLINE["PDF_BYTES"][0]),
    "IMAGE_BYTES": case(ImageBytes, pa.binary(), b"\x89", "BYTES", V(bytes_val=b"\x89")),
    "JSON": case(Json, pa.string(), '{"a": 1}', "STRING", V(json_val='{"a": 1}')),
    "JSON_LIST": case(
        Array(Json),
        pa.list_(pa.string()),
        ["{}", "[1]"],
        "STRING_LIST",
        ONLINE["JSON_LIST"][0],
    ),
    "STRUCT": case(
        _STRUCT_DTYPE, _STRUCT, {"a": 1, "b": "x"}, "STRUCT", V(struct_val=_STRUCT_MESSAGE)
    ),
    "STRUCT_LIST": case(
        Array(_STRUCT_DTYPE),
        pa.list_(_STRUCT),
        [{"a": 1, "b": "x"}],
        "STRUCT_LIST",
        V(struct_list_val=values.MapList(val=[_STRUCT_MESSAGE])),
    ),
    "UUID": case(Uuid, pa.uuid(), U1, "UUID", V(uuid_val=str(U1))),
    "TIME_UUID": case(TimeUuid, pa.uuid(), U2, "UUID", V(time_uuid_val=str(U2))),
    "UUID_LIST": case(
        Array(Uuid), pa.list_(pa.uuid()), [U1, U2], "UUID_LIST", ONLINE["UUID_LIST"][0]
    ),
    "TIME_UUID_LIST": case(
        Array(TimeUuid), pa.list_(pa.uuid()), [U2], "UUID_LIST", ONLINE["TIME_UUID_LIST"][0]
    ),
    "UUID_SET": case(
        Set(Uuid), pa.list_(pa.uuid()), [U1], "UUID_LIST", ONLINE["UUID_SET"][0]
    ),
    "TIME_UUID_SET": case(
        Set(TimeUuid), pa.list_(pa.uuid()), [U2], "UUID_LIST", ONLINE["TIME_UUID_SET"][0]
    ),
    "VALUE_LIST": case(
        Array(Array(Int64)),
        pa.list_(pa.list_(pa.int64())),
        [[1, 2]],
        "VALUE_LIST",
        V(list_val=values.RepeatedValue(val=[_NUMBERS])),
    ),
    "VALUE_SET": case(
        Set(Array(Int64)),
        pa.list_(pa.list_(pa.int64())),
        [[1, 2]],
        "VALUE_LIST",
        V(set_val=values.RepeatedValue(val=[_NUMBERS])),
    ),
    "DECIMAL": case(
        Decimal,
        pa.decimal128(38, 2),
        decimal.Decimal("123456789012345678901234567890.10"),
        "DECIMAL",
        ONLINE["DECIMAL"][0],
    ),
    "DECIMAL_LIST": case(
        Array(Decimal),
        pa.list_(pa.decimal128(9, 2)),
        [decimal.Decimal("1.10"), decimal.Decimal("0.00")],
        "DECIMAL_LIST",
        V(decimal_list_val=strings("1.10", "0.00")),
    ),
    "DECIMAL_SET": case(
        Set(Decimal),
        pa.list_(pa.decimal128(9, 2)),
        [decimal.Decimal("1.10")],
        "DECIMAL_LIST",
        V(decimal_set_val=values.StringSet(val=["1.10"])),
    ),
    "SCALAR_MAP": case(
        ScalarMap,
        pa.map_(pa.int64(), pa.string()),
        [(7, "x")],
        "SCALAR_MAP",
        V(
            scalar_map_val=values.ScalarMap(
                val=[
                    values.ScalarMapEntry(
                        key=values.MapKey(int64_key=7), value=V(string_val="x")
                    )
                ]
            )
        ),
    ),
    "ZONED_TIMESTAMP": case(
        ZonedTimestamp, pa.string(), ZONED, "STRING", ONLINE["ZONED_TIMESTAMP"][0]
    ),
}

# No column can have them.
WITHOUT_COLUMN = {"UNKNOWN", "NULL"}


def test_the_tables_have_every_type_of_the_installed_feast():
    types = {value_type.name for value_type in ValueType} - WITHOUT_COLUMN
    assert set(ONLINE) == types
    assert set(OFFLINE) == types
    stored = {value.WhichOneof("val") for samples in ONLINE.values() for value in samples}
    oneof = {field.name for field in V.DESCRIPTOR.oneofs_by_name["val"].fields}
    assert stored == oneof - {"null_val"}
    keys = {key.WhichOneof("key") for key in _SCALAR_KEYS}
    assert keys == {f.name for f in values.MapKey.DESCRIPTOR.oneofs_by_name["key"].fields}


class _Typed:
    """Whatever has a value type; some types no Feast type stands for."""

    def __init__(self, value_type):
        self._value_type = value_type

    def to_value_type(self):
        return self._value_type


def test_every_type_comes_back_online_as_it_was_written(make_store):
    store = make_store()
    view = FeatureView(
        name="all_types",
        entities=[Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)],
        ttl=timedelta(0),
        schema=[Field(name=name.lower(), dtype=Int64) for name in ONLINE],
        source=rides.source(),
    )
    for field in view.features:
        field.dtype = _Typed(ValueType[field.name.upper()])
    online_store = store._get_provider().online_store
    online_store.update(store.config, [], [view], [], [], partial=True)
    count = max(len(samples) for samples in ONLINE.values()) + 1
    rows = []
    for i in range(count):
        key = EntityKey(join_keys=["k"], entity_values=[V(int64_val=i)])
        row = {
            name.lower(): samples[i] if i < len(samples) else V()
            for name, samples in ONLINE.items()
        }
        rows.append((key, row, T0, None))
    online_store.online_write_batch(store.config, view, rows, None)
    answer = online_store.online_read(store.config, view, [row[0] for row in rows])
    for (_, written, _, _), (_, read) in zip(rows, answer):
        for name, value in written.items():
            assert read[name] == value, name


def column(arrow_type, sample):
    """[sample, NULL] as a column; pyarrow makes no nested uuids of Python's."""
    if arrow_type == pa.list_(pa.uuid()):
        storage = pa.array([item.bytes for item in sample], pa.binary(16))
        elements = pa.ExtensionArray.from_storage(pa.uuid(), storage)
        # The second offset is NULL, and so is the second list.
        offsets = pa.array([0, None, len(sample)], pa.int32())
        return pa.ListArray.from_arrays(offsets, elements)
    if arrow_type == pa.uuid():
        storage = pa.array([sample.bytes, None], pa.binary(16))
        return pa.ExtensionArray.from_storage(arrow_type, storage)
    return pa.array([sample, None], arrow_type)


@pytest.fixture(scope="module")
def history():
    columns = {name.lower(): column(arrow, s) for name, (_, arrow, s, *_) in OFFLINE.items()}
    times = pa.array([T0, T0], US)
    return pa.table({"k": pa.array([1, 2], pa.int64()), "ts": times, **columns})


@pytest.fixture
def typed_store(make_store, catalog_of, history):
    store = make_store(batch_engine="floe.IcebergEngine")
    catalog_of(store).create_table("feast.typed", history.schema)
    catalog_of(store).append("feast.typed", history)
    return store


def typed_view(schema):
    return FeatureView(
        name="typed",
        entities=[Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)],
        ttl=timedelta(0),
        schema=schema,
        source=IcebergSource(table_identifier="feast.typed", timestamp_field="ts"),
    )


def test_types_of_columns_are_inferred(typed_store, history):
    source = IcebergSource(table_identifier="feast.typed", timestamp_field="ts")
    found = dict(source.get_table_column_names_and_types(typed_store.config))
    for name, (_, _, _, inferred, _) in OFFLINE.items():
        text = found[name.lower()]
        assert text == type_text(history.schema.field(name.lower()).type)
        assert value_type_of(text).name == inferred, name


def test_every_type_is_retrieved_and_served_as_it_is_in_the_table(typed_store):
    store = typed_store
    view = typed_view(
        [Field(name=name.lower(), dtype=dtype) for name, (dtype, *_) in OFFLINE.items()]
    )
    store.apply([Entity(name="k", join_keys=["k"], value_type=ValueType.INT64), view])
    names = [f"typed:{name.lower()}" for name in OFFLINE]
    keys = pd.DataFrame({"k": [1, 2], "event_timestamp": [T0, T0]})
    job = store.get_historical_features(entity_df=keys, features=names)
    rows = job.to_arrow()
    for name, (_, arrow, sample, _, _) in OFFLINE.items():
        retrieved = rows.column(name.lower())
        assert type_text(retrieved.type) == type_text(arrow), name
        assert retrieved.to_pylist() == [sample, None], name
    frame = job.to_df()
    assert frame["uuid"].tolist() == [U1, None]
    assert frame["decimal"].tolist() == [OFFLINE["DECIMAL"][2], None]

    store.materialize(T0 - timedelta(days=1), T0 + timedelta(days=1))
    answer = store.get_online_features(
        features=names, entity_rows=[{"k": 1}, {"k": 2}, {"k": 3}]
    )
    for name, result in zip(
        answer.proto.metadata.feature_names.val, answer.proto.results, strict=True
    ):
        if name == "k":
            continue
        expected = OFFLINE[name.upper()][4]
        assert list(result.values) == [expected, V(), V()], name


def test_a_schema_is_inferred_for_every_column_and_serves_it(typed_store):
    store = typed_store
    view = typed_view(None)
    store.apply([Entity(name="k", join_keys=["k"], value_type=ValueType.INT64), view])
    inferred = {f.name: f.dtype.to_value_type().name for f in store.get_feature_view("typed").features}
    assert inferred == {name.lower(): case[3] for name, case in OFFLINE.items()}
    store.materialize(T0 - timedelta(days=1), T0 + timedelta(days=1))
