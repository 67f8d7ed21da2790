"""Writes the Parquet files of this folder: what other writers do that Floe's does not.

Run with the development environment's Python: python generate.py
"""

import datetime
import decimal
import pathlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent


def with_id(name, type_, field_id):
    return pa.field(name, type_, metadata={"PARQUET:field_id": str(field_id)})


def foreign_types():
    """Types that must be promoted, with Arrow's own schema hints in the footer."""
    schema = pa.schema(
        [
            with_id("u8", pa.uint8(), 1),
            with_id("u32", pa.uint32(), 2),
            with_id("ts_ms", pa.timestamp("ms", "Asia/Tokyo"), 3),
            with_id("ts_ns", pa.timestamp("ns"), 4),
            with_id("time_ms", pa.time32("ms"), 5),
            with_id("category", pa.dictionary(pa.int32(), pa.string()), 6),
            with_id("large", pa.large_string(), 7),
            with_id("money", pa.decimal128(7, 2), 8),
            with_id("large_list", pa.large_list(with_id("item", pa.int16(), 10)), 9),
            with_id("half", pa.float16(), 11),
        ]
    )
    rows = {
        "u8": [0, 255, None],
        "u32": [0, 4_294_967_295, None],
        "ts_ms": [-1, 1_700_000_000_123, None],
        "ts_ns": [-1, 1_700_000_000_123_456_789, None],
        "time_ms": [0, 86_399_999, None],
        "category": ["x", "y", None],
        "large": ["", "long", None],
        "money": [decimal.Decimal("-1.05"), decimal.Decimal("99999.99"), None],
        "large_list": [[1, None, -3], [], None],
        "half": [0.5, -2.0, None],
    }
    columns = [pa.array(rows[f.name], type=f.type) for f in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    pq.write_table(table, HERE / "foreign_types.parquet", store_schema=True, compression="snappy")


def int96():
    schema = pa.schema([with_id("ts", pa.timestamp("us"), 1)])
    values = [datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime.datetime(2026, 11, 22, 10, 0, 0, 1), None]
    pq.write_table(pa.table({"ts": values}, schema=schema), HERE / "int96.parquet", use_deprecated_int96_timestamps=True)


def no_field_ids():
    """As imported from Hive: names only; DuckDB wrote it."""
    duckdb.sql(
        f"""COPY (SELECT i AS id, 'name-' || i AS "Full Name", [i, i + 1] AS tags,
                   {{'a': i, 'b': i * 2.5}} AS pair, MAP {{'k' || i: i}} AS props
            FROM range(5) t(i)) TO '{HERE / "no_field_ids.parquet"}' (FORMAT parquet)"""
    )


def many_pages():
    """Sorted keys in dictionary and plain pages, several row groups, a page index, data pages V2."""
    schema = pa.schema([with_id("key", pa.string(), 1), with_id("n", pa.int64(), 2), with_id("d", pa.float64(), 3)])
    n = 3000
    table = pa.table(
        {
            "key": [None if i % 97 == 0 else f"key-{i // 2:06d}" for i in range(n)],
            "n": [None if i % 10 == 0 else i for i in range(n)],
            "d": [i % 7 / 2 for i in range(n)],
        },
        schema=schema,
    )
    for name, options in {
        "many_pages_dictionary": dict(use_dictionary=True, data_page_version="1.0", compression="zstd"),
        "many_pages_plain_v2": dict(use_dictionary=False, data_page_version="2.0", compression="gzip"),
        "many_pages_delta": dict(
            use_dictionary=False,
            column_encoding={"key": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED", "d": "BYTE_STREAM_SPLIT"},
            compression="none",
        ),
    }.items():
        pq.write_table(
            table,
            HERE / f"{name}.parquet",
            row_group_size=1000,
            data_page_size=1,
            write_batch_size=100,
            write_page_index=name != "many_pages_delta",
            store_schema=False,
            **options,
        )


if __name__ == "__main__":
    foreign_types()
    int96()
    no_field_ids()
    many_pages()
