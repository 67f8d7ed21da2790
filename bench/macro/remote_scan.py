"""Macro benchmark `remote_scan`: one partition of a table on a slow object store.

A table of 1,000 files (100 partitions, ten appends; 1,000 rows a file) on a real S3 server
on loopback, a proxy adding 20 ms to every request. Floe and PyIceberg each open the same
catalog (SQLite, which costs no request) in a process of their own, plan, and read one
partition into Arrow: cold, and again in the same process. Times are end to end without the
imports; round trips are counted by the proxy, requests side by side counting once.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow as pa

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "test" / "services")]

import measure

TABLE = "bench.readings"
PARTITIONS, APPENDS, ROWS_A_FILE = 100, 10, 1000
COLUMNS = [f"value_{i}" for i in range(8)]
CHOSEN = 42
LATENCY_S = 0.020
CONTENDERS = ("floe", "pyiceberg")
BAR_RATIO = 3.0
BAR_ROUND_TRIPS = 6


def rows(append):
    """Every partition's rows of one append."""
    count = PARTITIONS * ROWS_A_FILE
    first = append * count
    return pa.table(
        {
            "id": pa.array(range(first, first + count), pa.int64()),
            "part": pa.array([i % PARTITIONS for i in range(count)], pa.int32()),
            **{name: pa.array([(i * 37 + k) / 8 for i in range(count)])
               for k, name in enumerate(COLUMNS)},
        }
    )


def make_table(arguments):
    """1,000 files, by Floe."""
    from floe import Catalog

    catalog = Catalog(**arguments)
    catalog.create_table(TABLE, rows(0).schema, partition_by=["part"])
    for append in range(APPENDS):
        catalog.append(TABLE, rows(append))


def open_and_read(contender, arguments):
    """A callable that opens the catalog at its first call and reads the partition."""
    state = {}
    if contender == "floe":
        from floe import Catalog

        def read():
            if not state:
                state["catalog"] = Catalog(**arguments)
            return state["catalog"].scan(TABLE, filter=f"part = {CHOSEN}").read_all()

    else:
        from catalog_servers import pyiceberg_catalog

        def read():
            if not state:
                state["catalog"] = pyiceberg_catalog(arguments)
            table = state["catalog"].load_table(TABLE)
            return table.scan(row_filter=f"part = {CHOSEN}").to_arrow()

    return read


def run_contender(contender):
    """Reads cold and warm, waiting for a line of stdin before each; prints JSON lines."""
    arguments = json.loads(sys.stdin.readline())
    read = open_and_read(contender, arguments)
    for _ in ("cold", "warm"):
        sys.stdin.readline()
        start = time.perf_counter()
        answer = read()
        wall_s = time.perf_counter() - start
        ids = sum(answer["id"].to_pylist())
        print(json.dumps({"wall_s": wall_s, "rows": answer.num_rows, "sum": ids}), flush=True)


def measure_contender(contender, arguments, proxy):
    """{"cold": measures, "warm": measures} of one process, seen through the proxy."""
    from fault_proxy import sequential_round_trips

    process = subprocess.Popen(
        [sys.executable, __file__, "--contender", contender],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    print(json.dumps(arguments), file=process.stdin, flush=True)
    measured = {}
    for name in ("cold", "warm"):
        proxy.clear_log()
        print("", file=process.stdin, flush=True)
        line = process.stdout.readline()
        if not line:
            sys.exit(f"{contender} failed; its error is above")
        log = proxy.log()
        measured[name] = json.loads(line) | {
            "requests": len(log),
            "round_trips": sequential_round_trips(log),
            "bytes": sum(exchange.received_bytes for exchange in log),
            "targets": [f"{exchange.method} {exchange.path}" for exchange in log],
        }
    process.stdin.close()
    process.wait()
    return measured


def check(measured):
    """Stops unless the contenders gave the right rows."""
    count = PARTITIONS * ROWS_A_FILE
    expected = sum(
        append * count + i
        for append in range(APPENDS)
        for i in range(CHOSEN, count, PARTITIONS)
    )
    for each in measured.values():
        if (each["rows"], each["sum"]) != (APPENDS * ROWS_A_FILE, expected):
            sys.exit(f"wrong answer: {each['rows']} rows, ids adding up to {each['sum']}")


def measure_all(folder, runs, latency_s=LATENCY_S, contenders=CONTENDERS):
    """{contender: [one measure_contender a run]}, the contenders in turn."""
    from catalog_servers import SqliteCatalog
    from fault_proxy import FaultProxy
    from object_stores import S3Proxy

    server = S3Proxy(folder / "s3proxy").start()
    try:
        arguments = SqliteCatalog(folder).arguments(server.new_bucket(), server)
        make_table(arguments)
        results = {contender: [] for contender in contenders}
        with FaultProxy(server.port, latency_s) as proxy:
            arguments["storage_options"]["s3.endpoint"] = proxy.endpoint
            for _ in range(runs):
                for contender in contenders:
                    measured = measure_contender(contender, arguments, proxy)
                    check(measured)
                    results[contender].append(measured)
        return results
    finally:
        server.stop()


def summary(results):
    """A row a contender and temperature, medians over the runs."""
    lines = []
    for contender, runs in results.items():
        for name in ("cold", "warm"):
            median = {
                key: statistics.median(run[name][key] for run in runs)
                for key in ("wall_s", "requests", "round_trips", "bytes")
            }
            lines.append({
                "contender": contender,
                "read": name,
                "ms": round(median["wall_s"] * 1000),
                "requests": median["requests"],
                "round trips": median["round_trips"],
                "KiB": round(median["bytes"] / 1024),
            })
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--results", default="build/bench-results/remote_scan.json")
    options = parser.parse_args()
    if options.contender:
        run_contender(options.contender)
        return
    with tempfile.TemporaryDirectory(prefix="floe-remote-scan-") as folder:
        results = measure_all(pathlib.Path(folder), options.runs)
    lines = summary(results)
    measure.print_table(lines, list(lines[0]))
    by_key = {(line["contender"], line["read"]): line for line in lines}
    for name in ("cold", "warm"):
        ratio = by_key["pyiceberg", name]["ms"] / max(1, by_key["floe", name]["ms"])
        print(f"{name}: Floe is {ratio:.1f} times as fast as PyIceberg (bar {BAR_RATIO:g})")
    print(f"cold round trips {by_key['floe', 'cold']['round trips']:g} "
          f"(bar {BAR_ROUND_TRIPS})")
    os.makedirs(os.path.dirname(options.results), exist_ok=True)
    with open(options.results, "w", encoding="utf-8") as file:
        json.dump({"machine": measure.machine(), "summary": lines, "runs": results}, file)


if __name__ == "__main__":
    main()
