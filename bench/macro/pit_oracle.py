"""The exact answer of the `pit` benchmark, by NumPy: no code shared with any contender."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import pit_contenders
import pit_data


def _micros(column):
    return column.cast(pa.int64()).combine_chunks().to_numpy()


def _load(folder):
    features = pit_contenders.feature_names(folder)
    table = pa.concat_tables(
        pq.read_table(
            path, columns=pit_contenders.TIME_COLUMNS + features, partitioning=None
        )
        for path in pit_contenders.data_files(folder)
    )
    key = table["entity_id"].combine_chunks().to_numpy()
    ts = _micros(table["event_ts"]) - pit_data.START_US
    created = _micros(table["created"])
    order = np.lexsort((created, ts, key))
    return table.select(features), key[order], ts[order], order


def historical(folder, spine, ttl_s):
    """One row per spine row: the newest (event_ts, created) at or before its time."""
    features, key, ts, order = _load(folder)
    entities = pit_contenders.read_spine(folder, spine)
    spine_key = entities["entity_id"].combine_chunks().to_numpy()
    spine_ts = _micros(entities["event_timestamp"]) - pit_data.START_US
    width = np.int64(1) << 42
    at = np.searchsorted(key * width + ts, spine_key * width + spine_ts, side="right") - 1
    safe = np.maximum(at, 0)
    found = (at >= 0) & (key[safe] == spine_key)
    if ttl_s:
        found &= ts[safe] >= spine_ts - np.int64(ttl_s) * 1_000_000
    rows = pa.array(order[safe], mask=~found)
    return features.take(rows)


def latest(folder):
    """One row per key, ordered by key."""
    features, key, _, order = _load(folder)
    last = np.append(np.flatnonzero(np.diff(key)), key.size - 1)
    return pa.table({"entity_id": key[last]}).append_column(
        "row", pa.array(order[last])
    ), features.take(pa.array(order[last]))


def difference(expected, actual):
    """How many rows differ in any column; None when the shapes differ."""
    if expected.num_rows != actual.num_rows or expected.column_names != actual.column_names:
        return None
    wrong = np.zeros(expected.num_rows, dtype=bool)
    for name in expected.column_names:
        want = expected[name].combine_chunks()
        got = actual[name].cast(want.type).combine_chunks()
        want_null = np.asarray(want.is_null())
        got_null = np.asarray(got.is_null())
        wrong |= want_null != got_null
        wrong |= ~np.asarray(pc.fill_null(pc.equal(want, got), True))
    return int(wrong.sum())
