"""IcebergOnlineStore as Feast calls it: every value type, order, ties, time-outs."""

import random
from datetime import datetime, timedelta, timezone

import pytest

import rides
from feast import Entity, FeatureView, Field, ValueType
from feast.protos.feast.types import Value_pb2 as values
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.types import Array, Int64, from_value_type
from floe import FloeError
from floe.errors import FloeTimeoutError
from floe.proto_rows import pack_keys, pack_rows, unpack_rows

T0 = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=timezone.utc)

V = values.Value
_INNER = V(int64_list_val=values.Int64List(val=[1, 2]))
_MAP = values.Map(val={"a": V(int64_val=1), "b": V(string_val="x")})
_TIME = 1_763_800_000

# One or more values of every type a feature can have, with the awkward ones.
SAMPLES = {
    "BYTES": [V(bytes_val=b"\x00\xff"), V(bytes_val=b"")],
    "STRING": [V(string_val="héllo"), V(string_val="")],
    "INT32": [V(int32_val=-(2**31)), V(int32_val=0)],
    "INT64": [V(int64_val=2**63 - 1), V(int64_val=-(2**63))],
    "DOUBLE": [V(double_val=0.1), V(double_val=float("inf"))],
    "FLOAT": [V(float_val=0.1)],
    "BOOL": [V(bool_val=False), V(bool_val=True)],
    "UNIX_TIMESTAMP": [V(unix_timestamp_val=_TIME), V(unix_timestamp_val=-1)],
    "BYTES_LIST": [V(bytes_list_val=values.BytesList(val=[b"", b"\x00"]))],
    "STRING_LIST": [
        V(string_list_val=values.StringList(val=["a", ""])),
        V(string_list_val=values.StringList()),
    ],
    "INT32_LIST": [V(int32_list_val=values.Int32List(val=[1, -1]))],
    "INT64_LIST": [V(int64_list_val=values.Int64List(val=[2**62]))],
    "DOUBLE_LIST": [V(double_list_val=values.DoubleList(val=[0.1, 0.2]))],
    "FLOAT_LIST": [V(float_list_val=values.FloatList(val=[0.1] * 128))],
    "BOOL_LIST": [V(bool_list_val=values.BoolList(val=[True, False]))],
    "UNIX_TIMESTAMP_LIST": [V(unix_timestamp_list_val=values.Int64List(val=[_TIME]))],
    "MAP": [V(map_val=_MAP)],
    "MAP_LIST": [V(map_list_val=values.MapList(val=[_MAP, values.Map()]))],
    "STRING_SET": [V(string_set_val=values.StringSet(val=["a", "b"]))],
    "INT64_SET": [V(int64_set_val=values.Int64Set(val=[3, 1]))],
    "JSON": [V(json_val='{"a": [1, 2]}')],
    "JSON_LIST": [V(json_list_val=values.StringList(val=["{}", "[1]"]))],
    "STRUCT": [V(struct_val=_MAP)],
    "UUID": [V(uuid_val="f79c3e09-677c-4bbd-a479-3f349cb785e7")],
    "VALUE_LIST": [V(list_val=values.RepeatedValue(val=[_INNER, _INNER]))],
    "DECIMAL": [V(decimal_val="123456789012345678901234567890.10")],
    "ZONED_TIMESTAMP": [
        V(
            zoned_timestamp_val=values.ZonedTimestamp(
                unix_timestamp=_TIME, zone="Europe/Paris"
            )
        )
    ],
}


class _Typed:
    """A field of a value type for which Feast has no schema type to declare."""

    def __init__(self, value_type):
        self._value_type = value_type

    def to_value_type(self):
        return self._value_type


def view_of(types, name="all_types"):
    """A view with a feature per value type, called f_<TYPE>."""
    fields = []
    for type_name in types:
        try:
            dtype = from_value_type(ValueType[type_name])
        except (ValueError, KeyError):
            dtype = Array(Int64)
        fields.append(Field(name=f"f_{type_name}", dtype=dtype))
    view = FeatureView(
        name=name,
        entities=[Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)],
        ttl=timedelta(0),
        schema=fields,
        source=rides.source(),
    )
    for field, type_name in zip(view.features, types):
        field.dtype = _Typed(ValueType[type_name])
    return view


def key(number):
    return EntityKey(join_keys=["k"], entity_values=[V(int64_val=number)])


@pytest.fixture
def store(make_store):
    return make_store()


def online(store, view):
    online_store = store._get_provider().online_store
    online_store.update(store.config, [], [view], [], [], partial=True)
    return online_store


@pytest.mark.parametrize("type_name", sorted(SAMPLES))
def test_values_of_every_type_come_back_as_they_were(store, type_name):
    view = view_of([type_name])
    online_store = online(store, view)
    rows = [
        (key(i), {f"f_{type_name}": value}, T0, None)
        for i, value in enumerate([*SAMPLES[type_name], V()])
    ]
    online_store.online_write_batch(store.config, view, rows, None)
    answer = online_store.online_read(store.config, view, [row[0] for row in rows])
    assert answer == [(T0, row[1]) for row in rows]


def test_answers_have_the_order_and_length_of_the_request(store):
    view = view_of(["INT64", "STRING"])
    online_store = online(store, view)
    rows = [
        (key(i), {"f_INT64": V(int64_val=i), "f_STRING": V(string_val=str(i))}, T0, T0)
        for i in range(50)
    ]
    counted = []
    online_store.online_write_batch(store.config, view, rows, counted.append)
    assert sum(counted) == 50
    numbers = [7, 99, 7, 0, 49, 99, 7]
    answer = online_store.online_read(
        store.config, view, [key(number) for number in numbers], ["f_STRING"]
    )
    assert answer == [
        (None, None)
        if number == 99
        else (T0, {"f_STRING": V(string_val=str(number))})
        for number in numbers
    ]
    assert online_store.online_read(store.config, view, []) == []


def test_the_newest_row_wins_whatever_the_order_it_came_in(store):
    view = view_of(["INT64"])
    online_store = online(store, view)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    times = [
        (T0 + timedelta(hours=h), T0 + timedelta(hours=c) if c else None)
        for h in range(3)
        for c in range(4)
    ]
    newest = max(times, key=lambda time: (time[0], time[1] or datetime.min.replace(tzinfo=timezone.utc)))
    random.Random(seed).shuffle(times)
    for start in range(0, len(times), 5):
        rows = [
            (key(1), {"f_INT64": V(int64_val=times.index(time))}, *time)
            for time in times[start : start + 5]
        ]
        online_store.online_write_batch(store.config, view, rows, None)
    ((event_time, answer),) = online_store.online_read(store.config, view, [key(1)])
    assert event_time == newest[0]
    assert answer["f_INT64"].int64_val == times.index(newest)


def test_naive_times_are_utc(store):
    view = view_of(["INT64"])
    online_store = online(store, view)
    naive = T0.replace(tzinfo=None)
    rows = [(key(1), {"f_INT64": V(int64_val=1)}, naive, naive)]
    online_store.online_write_batch(store.config, view, rows, None)
    assert online_store.online_read(store.config, view, [key(1)])[0][0] == T0


def test_a_value_of_another_type_is_refused_and_nothing_is_written(store):
    view = view_of(["INT64"])
    online_store = online(store, view)
    rows = [
        (key(1), {"f_INT64": V(int64_val=1)}, T0, None),
        (key(2), {"f_INT64": V(string_val="x")}, T0, None),
    ]
    with pytest.raises(FloeError, match="f_INT64"):
        online_store.online_write_batch(store.config, view, rows, None)
    assert online_store.online_read(store.config, view, [key(1)]) == [(None, None)]


def test_unknown_features_are_named(store):
    view = view_of(["INT64"])
    online_store = online(store, view)
    rows = [(key(1), {"f_INT46": V(int64_val=1)}, T0, None)]
    with pytest.raises(FloeError, match="f_INT46.*f_INT64"):
        online_store.online_write_batch(store.config, view, rows, None)
    with pytest.raises(FloeError, match="f_INT46.*f_INT64"):
        online_store.online_read(store.config, view, [key(1)], ["f_INT46"])


def test_a_read_past_its_deadline_is_a_timeout_not_a_null(make_store):
    store = make_store(online={"read_timeout_ms": 1})
    view = view_of(["INT64"])
    online_store = online(store, view)
    count = 3000
    for start in range(3):
        rows = [
            (key(start * count + i), {"f_INT64": V(int64_val=i)}, T0, None)
            for i in range(count)
        ]
        online_store.online_write_batch(store.config, view, rows, None)
    with pytest.raises(FloeTimeoutError, match="read_timeout_ms") as raised:
        online_store.online_read(store.config, view, [key(i) for i in range(3 * count)])
    assert raised.value.code == "DEADLINE_EXCEEDED"
    assert isinstance(raised.value, TimeoutError)


def test_a_new_feature_gets_a_column_and_old_rows_are_null_in_it(store):
    narrow, wide = view_of(["INT64"]), view_of(["INT64", "STRING"])
    online_store = online(store, narrow)
    online_store.online_write_batch(
        store.config, narrow, [(key(1), {"f_INT64": V(int64_val=1)}, T0, None)], None
    )
    online(store, wide)
    assert online_store.online_read(store.config, wide, [key(1)]) == [
        (T0, {"f_INT64": V(int64_val=1), "f_STRING": V()})
    ]


def test_precomputed_vectors_make_their_table(store):
    online_store = store._get_provider().online_store
    online_store.write_precomputed_vector(store.config, "svc", "rides", key(1), b"\x01\x00")
    assert online_store.read_precomputed_vectors(
        store.config, "svc", "rides", [key(2), key(1)]
    ) == [None, b"\x01\x00"]


def test_packed_rows_are_what_floe_h_says():
    row = (key(5), {"a": V(int64_val=1), "b": V()}, T0, None)
    packed = pack_rows([row], ["b", "a"], "v")
    name = key(5).SerializeToString()
    micros = int(T0.timestamp()) * 10**6 + 123456
    value = V(int64_val=1).SerializeToString()
    parts = [
        len(name).to_bytes(4, "little"),
        name,
        micros.to_bytes(8, "little", signed=True),
        (-(2**63)).to_bytes(8, "little", signed=True),
        (2).to_bytes(4, "little"),
        (1).to_bytes(4, "little"),
        len(value).to_bytes(4, "little"),
        value,
        (0).to_bytes(4, "little"),
        (0).to_bytes(4, "little"),
    ]
    assert packed == b"".join(parts)
    assert pack_keys([key(5)]) == (1).to_bytes(4, "little") + b"".join(parts[:2])
    answer = b"".join(
        [
            (-(2**63)).to_bytes(8, "little", signed=True),
            (0).to_bytes(4, "little"),
            parts[2],
            len(value).to_bytes(4, "little"),
            value,
        ]
    )
    assert unpack_rows(answer, 2, ["a"]) == [(None, None), (T0, {"a": V(int64_val=1)})]
