"""Spark as the interop tests see it: a process of its own, and its rows as Floe's."""

import datetime as dt
import decimal
import json
import pathlib
import subprocess

import pyarrow as pa

SERVER = pathlib.Path(__file__).parent / "spark" / "server.py"
START_TIMEOUT_S = 600


class Spark:
    """`folder` is what tools/dev/interop.sh installed."""

    def __init__(self, folder, work, warehouse, catalog_uri):
        folder = pathlib.Path(folder)
        jars = sorted(str(jar) for jar in (folder / "jars").glob("*.jar"))
        self._log = (work / "spark.log").open("w")
        self._process = subprocess.Popen(
            [folder / "venv/bin/python", SERVER, work, warehouse, catalog_uri, *jars],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=work,
        )
        line = self._process.stdout.readline()
        if line.strip() != "ready":
            raise RuntimeError(f"Spark did not start: {(work / 'spark.log').read_text()}")

    def sql(self, *statements, rows=False, conf=None):
        request = {"sql": statements, "rows": rows, "conf": conf or {}}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("Spark ended; its log is spark.log of the session's folder")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{answer['error']}\nin {statements}")
        return answer["rows"]

    def rows(self, query):
        return self.sql(query, rows=True)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._log.close()


def encoded(value, type_):
    """A value of a pyarrow table in the encoding of spark/session.py."""
    if value is None:
        return None
    if pa.types.is_struct(type_):
        return {
            type_.field(i).name: encoded(value[type_.field(i).name], type_.field(i).type)
            for i in range(type_.num_fields)
        }
    if pa.types.is_map(type_):
        return {
            _key(key, type_.key_type): encoded(item, type_.item_type)
            for key, item in value
        }
    if pa.types.is_list(type_):
        return [encoded(item, type_.value_type) for item in value]
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, decimal.Decimal):
        return f"d:{value:f}"
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return "x:" + value.hex()
    return value


def _key(key, type_):
    text = encoded(key, type_)
    return text if isinstance(text, str) else json.dumps(text)


def encoded_rows(table):
    """The rows of a pyarrow Table, sorted, each as JSON text."""
    columns = [
        [encoded(value, field.type) for value in table.column(i).to_pylist()]
        for i, field in enumerate(table.schema)
    ]
    return canonical_rows(
        dict(zip(table.schema.names, values)) for values in zip(*columns)
    )


def canonical_rows(rows):
    """Rows as Spark or encoded() gives them, in one order and one spelling."""
    return sorted(json.dumps(_plain(row), sort_keys=True) for row in rows)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    # 1 and 1.0 are one number, as are -0.0 and 0.0; JSON spells them apart.
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return int(value)
    return value
