"""Reads the point-in-time cases of test/pit (format: test/pit/README.md)."""

import csv
import dataclasses
import datetime as dt
import math
import pathlib
import re

import numpy as np
import pyarrow as pa

CASES = pathlib.Path(__file__).resolve().parents[2] / "test" / "pit" / "cases"

_TYPES = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "date": pa.date32(),
}
for _unit in ("s", "ms", "us", "ns"):
    _TYPES[f"ts_{_unit}"] = pa.timestamp(_unit)
    _TYPES[f"tstz_{_unit}"] = pa.timestamp(_unit, tz="UTC")

_TTL_UNITS = {"us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6}
_TTL_UNITS |= {"h": 3600 * 10**6, "d": 86400 * 10**6}


@dataclasses.dataclass
class View:
    name: str
    table: str
    timestamp: str
    created: str
    keys: list  # [(entity column, source column)]
    ttl: dt.timedelta
    features: list  # [(source column, output name)]


@dataclasses.dataclass
class Case:
    name: str
    tables: dict
    views: list
    pull: tuple  # (kind, View, settings), or None
    entities: object
    options: dict
    expect: object
    unordered: bool
    error: list  # [(key, value)], or None


def read(path):
    case = Case(path.stem, {}, [], None, None, {}, None, False, None)
    for head, lines in _sections(path.read_text()):
        kind, _, name = head.partition(" ")
        if kind == "table":
            case.tables[name] = _table(lines)
        elif kind == "entities":
            case.entities = _table(lines)
        elif kind == "expect":
            case.expect, case.unordered = _table(lines), name == "unordered"
        elif kind == "view":
            case.views.append(_view(name, _settings(lines)))
        elif kind in ("pull_latest", "pull_all"):
            settings = _settings(lines)
            case.pull = (kind, _view(name, settings), settings)
        elif kind == "options":
            case.options = _settings(lines)
        elif kind == "expect_error":
            case.error = [_setting(line) for line in lines]
        else:
            raise ValueError(f"{path}: unknown section [{head}]")
    return case


def _sections(text):
    head, lines = None, []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"\[(.*)\]", line)
        if match:
            if head is not None:
                yield head, lines
            head, lines = match[1], []
        else:
            lines.append(line)
    if head is not None:
        yield head, lines


def _setting(line):
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def _settings(lines):
    return dict(_setting(line) for line in lines)


def _view(name, settings):
    return View(
        name=name,
        table=settings.get("table", name),
        timestamp=settings.get("timestamp", "event_timestamp"),
        created=settings.get("created", ""),
        keys=[tuple((key + "=" + key).split("=")[:2]) for key in _list(settings, "keys")],
        ttl=_ttl(settings.get("ttl", "none")),
        features=[
            (part.split(" as ")[0], part.split(" as ")[-1])
            for part in _list(settings, "features")
        ],
    )


def _list(settings, key):
    value = settings.get(key, "")
    return [part.strip() for part in value.split(",")] if value else []


def _ttl(text):
    if text == "none":
        return dt.timedelta(0)
    count, unit = re.fullmatch(r"(\d+)\s*(us|ms|s|m|h|d)", text).groups()
    return dt.timedelta(microseconds=int(count) * _TTL_UNITS[unit])


def _table(lines):
    header = [field.strip().rpartition(":") for field in lines[0].split(",")]
    fields = [pa.field(name, _TYPES[kind]) for name, _, kind in header]
    rows = [_row(line, len(fields)) for line in lines[1:]]
    columns = [
        pa.array([_value(row[i], field.type) for row in rows], field.type)
        for i, field in enumerate(fields)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def _row(line, width):
    # The csv module drops the quotes, so an empty quoted string must be told from null
    # by the word null alone.
    row = next(csv.reader([line], skipinitialspace=True))
    if len(row) != width:
        raise ValueError(f"{line!r} has {len(row)} values for {width} columns")
    return row


def _value(text, arrow_type):
    if text == "null":
        return None
    if pa.types.is_integer(arrow_type):
        return int(text)
    if pa.types.is_floating(arrow_type):
        return float(text)
    if pa.types.is_boolean(arrow_type):
        return text == "true"
    if pa.types.is_binary(arrow_type):
        return bytes.fromhex(text)
    if pa.types.is_date(arrow_type):
        return dt.date.fromisoformat(text)
    if pa.types.is_timestamp(arrow_type):
        return int(np.datetime64(text, arrow_type.unit).astype("int64"))
    return text


def micros(text):
    """A setting's time as an aware datetime."""
    value = dt.datetime.fromisoformat(text)
    return value.replace(tzinfo=dt.timezone.utc)


def exact_rows(table):
    """Rows as comparable text, exact for every type of the format, NaN included."""
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        columns.append([repr(value) for value in column.to_pylist()])
    return [list(row) for row in zip(*columns)]


def plain_rows(frame):
    """Rows of a pandas frame as comparable text: how pandas stores them is left out."""
    columns = [[_plain(value) for value in frame[name]] for name in frame.columns]
    return [list(row) for row in zip(*columns)]


def _plain(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "null"
    if value is not None and str(value) == "NaT":
        return "null"
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return repr(value.item())
    return repr(value)
