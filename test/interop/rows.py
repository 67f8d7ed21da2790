"""Tables of every type and rows to compare exactly."""

import datetime as dt
import decimal
import random
import struct
import uuid

import pyarrow as pa

UTC = dt.timezone.utc

POINT = pa.struct([("x", pa.int32()), ("label", pa.string())])

PRIMITIVES = {
    "a_bool": pa.bool_(),
    "a_int": pa.int32(),
    "a_long": pa.int64(),
    "a_float": pa.float32(),
    "a_double": pa.float64(),
    "a_dec9": pa.decimal128(9, 2),
    "a_dec18": pa.decimal128(18, 3),
    "a_dec38": pa.decimal128(38, 10),
    "a_date": pa.date32(),
    "a_time": pa.time64("us"),
    "a_ts": pa.timestamp("us"),
    "a_tstz": pa.timestamp("us", tz="UTC"),
    "a_string": pa.string(),
    "a_fixed": pa.binary(5),
    "a_binary": pa.binary(),
}

NESTED = {
    "a_struct": POINT,
    "a_list": pa.list_(pa.int64()),
    "a_points": pa.list_(POINT),
    "a_map": pa.map_(pa.string(), pa.list_(pa.float64())),
    "a_deep": pa.struct([("inner", pa.struct([("values", pa.list_(pa.string()))]))]),
}

SCHEMA = pa.schema(
    [pa.field("id", pa.int64(), nullable=False)]
    + [pa.field(name, type_) for name, type_ in {**PRIMITIVES, **NESTED}.items()]
)

EDGES = {
    "a_int": [-(2**31), 2**31 - 1, 0, -1],
    "a_long": [-(2**63), 2**63 - 1, 0, -1],
    "a_float": [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1.5],
    "a_double": [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 0.1],
    "a_dec9": [decimal.Decimal("-9999999.99"), decimal.Decimal("0.01")],
    "a_dec38": [decimal.Decimal(10) ** 27, -(decimal.Decimal(10) ** 27)],
    "a_date": [dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2400, 2, 29)],
    "a_time": [dt.time(0), dt.time(23, 59, 59, 999999)],
    "a_ts": [dt.datetime(1969, 12, 31, 23, 59, 59, 999999), dt.datetime(1900, 1, 1)],
    "a_string": ["", "a/b=c&d %25", "null", "é😀￿", "x" * 40],
    "a_binary": [b"", b"\x00\xff", b"y" * 40],
    "a_fixed": [b"\x00" * 5, b"\xff" * 5],
}


def random_value(name, rng):
    """A value of the column `name`, or None one time in eight."""
    if rng.random() < 0.125:
        return None
    if name in EDGES and rng.random() < 0.4:
        return rng.choice(EDGES[name])
    times = dt.datetime(2026, 1, 1) + dt.timedelta(
        days=rng.randrange(5), microseconds=rng.randrange(86_400_000_000)
    )
    makers = {
        "a_bool": lambda: rng.random() < 0.5,
        "a_int": lambda: rng.randrange(-100, 100),
        "a_long": lambda: rng.randrange(-(2**40), 2**40),
        "a_float": lambda: struct.unpack("f", struct.pack("f", rng.gauss(0, 9)))[0],
        "a_double": lambda: rng.gauss(0, 9),
        "a_dec9": lambda: decimal.Decimal(rng.randrange(-(10**6), 10**6)).scaleb(-2),
        "a_dec18": lambda: decimal.Decimal(rng.randrange(-(10**17), 10**17)).scaleb(-3),
        "a_dec38": lambda: decimal.Decimal(rng.randrange(-(10**27), 10**27)).scaleb(-10),
        "a_date": lambda: times.date(),
        "a_time": lambda: times.time(),
        "a_ts": lambda: times,
        "a_tstz": lambda: times.replace(tzinfo=UTC),
        "a_string": lambda: rng.choice("abcdefgh") * rng.randrange(4),
        "a_fixed": lambda: rng.randbytes(5),
        "a_binary": lambda: rng.randbytes(rng.randrange(20)),
        "a_struct": lambda: random_point(rng),
        "a_list": lambda: [maybe(rng, rng.randrange(9)) for _ in range(rng.randrange(4))],
        "a_points": lambda: [
            maybe(rng, random_point(rng)) for _ in range(rng.randrange(3))
        ],
        "a_map": lambda: [
            (key, maybe(rng, [rng.gauss(0, 1)])) for key in "kl"[: rng.randrange(3)]
        ],
        "a_deep": lambda: {"inner": maybe(rng, {"values": maybe(rng, ["p", None])})},
    }
    return makers[name]()


def maybe(rng, value):
    return None if rng.random() < 0.2 else value


def random_point(rng):
    return {"x": maybe(rng, rng.randrange(9)), "label": maybe(rng, "point")}


def random_rows(seed, count, first_id=0, schema=SCHEMA):
    """A table of `count` rows with ids from `first_id` up."""
    rng = random.Random(seed)
    columns = {"id": list(range(first_id, first_id + count))}
    for name in schema.names:
        if name != "id":
            columns[name] = [random_value(name, rng) for _ in range(count)]
    return pa.table(columns, schema=schema)


def exact(value):
    """`value` with floats as their bits (every NaN one) and containers made comparable."""
    if isinstance(value, float):
        return "nan" if value != value else struct.pack(">d", value)
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    return value


def by_id(rows):
    """Rows of a pyarrow Table or a list of dicts, by id, in a form to compare."""
    if not isinstance(rows, list):
        rows = rows.to_pylist(maps_as_pydicts=None)
    result = {}
    for row in rows:
        assert row["id"] not in result, f"id {row['id']} twice"
        result[row["id"]] = {name: exact(value) for name, value in row.items()}
    return result


def assert_same_rows(actual, expected, empty_for_null=()):
    """Both hold the same rows, whatever their order; in the columns `empty_for_null` an
    empty list may stand for NULL."""
    actual, expected = by_id(actual), by_id(expected)
    assert sorted(actual) == sorted(expected)
    for key, row in expected.items():
        for name, value in row.items():
            found = actual[key][name]
            if name in empty_for_null and value is None and found == []:
                continue
            assert found == value, (key, name, found, value)
        assert set(actual[key]) == set(row)


def assert_same_but_for_pyiceberg(actual, expected):
    """As assert_same_rows, for rows that PyIceberg read or wrote: 0.12 turns a NULL list
    of structs into an empty one on both ways (its Arrow projection drops the list's
    validity)."""
    assert_same_rows(actual, expected, empty_for_null=("a_points", "fresh"))
