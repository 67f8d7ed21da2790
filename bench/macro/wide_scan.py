"""Macro benchmark: 3 of 60 columns, with a tenth of the rows deleted by deletion vectors.

Floe's scan (the C ABI's Arrow stream, read to its end) beside bare pyarrow decoding the
same columns of the same files, which knows nothing of the deletes and so has rows to give
that Floe must take out; both with the same number of threads. The runs are taken in turns
and the ratio is the median of the pairs'. The rows left are checked by count and sum.
"""

import argparse
import json
import os
import shutil
import statistics
import time

import measure
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

BAR = 1.2
COLUMNS, WANTED = 60, ["c3", "c31", "c59"]
TABLE = "bench.wide"
SCHEMA = pa.schema(
    [pa.field("doomed", pa.int64())]
    + [
        pa.field(f"c{i}", (pa.float64(), pa.int64(), pa.string())[i % 3])
        for i in range(1, COLUMNS)
    ]
)


def open_catalog(folder):
    from floe.catalog import Catalog

    return Catalog(
        catalog_name="bench",
        uri=f"sqlite:///{folder}/catalog.db",
        warehouse=f"file://{folder}/warehouse",
    )


def rows_of(first, count):
    random = np.random.default_rng(first)
    words = pa.array([f"word-{i:05d}" for i in range(1000)])
    columns = [pa.array((random.random(count) < 0.1).astype(np.int64))]
    for field in SCHEMA.names[1:]:
        kind = int(field[1:]) % 3
        if kind == 0:
            columns.append(pa.array(random.random(count)))
        elif kind == 1:
            columns.append(pa.array(random.integers(0, 1 << 40, count)))
        else:
            columns.append(words.take(pa.array(random.integers(0, 1000, count))))
    return pa.table(columns, schema=SCHEMA)


def prepare(root, files, rows):
    """A table of `files` files of `rows` rows; a tenth of each, at random, deleted."""
    folder = os.path.abspath(os.path.join(root, f"wide-{files}x{rows}"))
    done = os.path.join(folder, "written")
    if os.path.exists(done):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    catalog = open_catalog(folder)
    catalog.create_table(TABLE, SCHEMA, format_version=3)
    for file in range(files):
        catalog.append(TABLE, rows_of(file * rows, rows))
    deleted = catalog.delete(TABLE, "doomed = 1", mode="merge-on-read")
    assert deleted["delete_files"] == files, deleted
    with open(done, "w", encoding="ascii"):
        pass
    return folder


def floe(catalog, threads):
    """The rows left, as batches that are counted and let go."""
    os.environ["FLOE_THREADS"] = str(threads)
    return list(catalog.scan(TABLE, columns=WANTED))


def bare(paths, threads):
    """Every row of the files, decoded by pyarrow from memory-mapped files."""
    batches = []
    for path in paths:
        file = pq.ParquetFile(path, memory_map=True)
        batches += file.iter_batches(65_536, columns=WANTED, use_threads=threads > 1)
    return batches


def bare_dataset(paths, threads):
    """The same by pyarrow's dataset scanner, which reads files side by side."""
    scanner = ds.dataset(paths, format="parquet").scanner(
        columns=WANTED, use_threads=threads > 1
    )
    return list(scanner.to_batches())


def timed(call, *arguments):
    before, start = time.process_time(), time.perf_counter()
    call(*arguments)
    wall = time.perf_counter() - start
    return wall, time.process_time() - before


def checked(catalog, paths):
    """Stops unless Floe's rows are those of the files without the deleted ones."""
    ours = pa.Table.from_batches(floe(catalog, 1))
    whole = pa.concat_tables(
        [pq.read_table(path, columns=[*WANTED, "doomed"]) for path in paths]
    )
    left = whole.filter(pc.equal(whole["doomed"], 0)).select(WANTED)
    order = [(name, "ascending") for name in WANTED]
    assert ours.sort_by(order).combine_chunks().equals(left.sort_by(order).combine_chunks())
    return left.num_rows, whole.num_rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rows", type=int, default=250_000, help="of each file")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/wide_scan.json")
    arguments = parser.parse_args()
    folder = prepare(arguments.data, arguments.files, arguments.rows)
    catalog = open_catalog(folder)
    files = catalog.plan_files(TABLE)[0].read_all()
    paths = [path.removeprefix("file://") for path in files["file_path"].to_pylist()]
    left, whole = checked(catalog, paths)
    print(f"{left} of {whole} rows; load before: {os.getloadavg()[0]:.1f}")
    rows, output = [], {"machine": measure.machine(), "load": os.getloadavg()}
    for threads in (1, os.cpu_count()):
        pa.set_cpu_count(threads)
        peers = {"pyarrow": bare, "pyarrow dataset": bare_dataset}
        runs = {name: [] for name in ("floe", *peers)}
        for _ in range(arguments.rounds):
            runs["floe"].append(timed(floe, catalog, threads))
            for name, peer in peers.items():
                runs[name].append(timed(peer, paths, threads))
        for name in runs:
            pairs = list(zip(runs["floe"], runs[name]))
            row = {
                "threads": threads,
                "contender": name,
                "wall ms": f"{statistics.median(w for w, _ in runs[name]) * 1e3:.0f}",
                "cpu ms": f"{statistics.median(c for _, c in runs[name]) * 1e3:.0f}",
                "floe / it": f"{statistics.median(f[0] / p[0] for f, p in pairs):.2f}",
                "floe / it, cpu": f"{statistics.median(f[1] / p[1] for f, p in pairs):.2f}",
            }
            rows.append(row)
        output[f"{threads} threads"] = runs
    print(f"bar: {BAR} times bare Arrow")
    measure.print_table(rows, list(rows[0]))
    os.makedirs(os.path.dirname(arguments.output), exist_ok=True)
    with open(arguments.output, "w", encoding="ascii") as file:
        json.dump(output, file, indent=1)


if __name__ == "__main__":
    main()
