"""Macro benchmark: choosing the files of a scan, of 10,000 files in 100 manifests.

Floe through floe.Catalog.plan_files (the C ABI's floe_plan_files), beside PyIceberg's
plan_files with one worker, on the same table (planning_data.py). Each round runs every
contender in a process of its own, in turns: its first plan is the cold one (no cache of
the process holds anything), the median of the next ones the warm one. Floe's time has the
catalog's answer and the metadata file in it; PyIceberg's table is loaded beforehand.
"""

import argparse
import json
import os
import statistics
import sys
import time

import measure
import planning_data

COLD_BAR, FILTERED_BAR, WARM_BAR_MS = 8, 10, 10
WARM_PLANS = 3
FILTER = "ts >= '{}' and ts < '{}'".format(*planning_data.WEEK)


def floe(folder, row_filter):
    import pyarrow.compute as pc
    from floe.catalog import Catalog

    catalog = Catalog(
        catalog_name="bench",
        uri=f"sqlite:///{folder}/catalog.db",
        warehouse=f"file://{folder}/warehouse",
    )
    table = f"{planning_data.NAMESPACE}.{planning_data.TABLE}"

    def plan():
        reader, _ = catalog.plan_files(table, filter=row_filter)
        return reader.read_all()

    return plan, lambda files: (files.num_rows, pc.sum(files["record_count"]).as_py())


def pyiceberg(folder, row_filter):
    os.environ["PYICEBERG_MAX_WORKERS"] = "1"
    table = planning_data.open_catalog(folder).load_table(
        f"{planning_data.NAMESPACE}.{planning_data.TABLE}"
    )

    def plan():
        scan = table.scan(row_filter=row_filter) if row_filter else table.scan()
        return list(scan.plan_files())

    return plan, lambda tasks: (len(tasks), sum(task.file.record_count for task in tasks))


CONTENDERS = {"floe": floe, "floe, 1 thread": floe, "pyiceberg": pyiceberg}


def run_contender(name, folder, row_filter):
    """Prints what the first and the later plans took, and what was planned."""
    plan, summary = CONTENDERS[name](folder, row_filter)
    walls, cpus = [], []
    for _ in range(1 + WARM_PLANS):
        before, start = time.process_time(), time.perf_counter()
        files = plan()
        walls.append(time.perf_counter() - start)
        cpus.append(time.process_time() - before)
    line = {
        "cold_s": walls[0],
        "warm_s": statistics.median(walls[1:]),
        "cold_cpu_s": cpus[0],
        "warm_cpu_s": statistics.median(cpus[1:]),
    }
    line["files"], line["rows"] = summary(files)
    print("RESULT " + json.dumps(line), flush=True)


def run_case(folder, row_filter, rounds):
    """Each contender's runs, taken in turns."""
    runs = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            arguments = ["--contender", name, "--folder", folder, "--filter", row_filter]
            os.environ.pop("FLOE_THREADS", None)
            if name.endswith("1 thread"):
                os.environ["FLOE_THREADS"] = "1"
            line = measure.run_in_process(os.path.abspath(__file__), arguments, timeout_s=3600)
            if "error" in line:
                sys.exit(f"{name}: {line['error']}")
            runs[name].append(line)
    planned = {(run["files"], run["rows"]) for lines in runs.values() for run in lines}
    if len(planned) != 1:
        sys.exit(f"the contenders plan different files: {sorted(planned)}")
    return runs


def report(case, runs, bar):
    """Medians over the rounds, and the ratios round by round. CPU time, which a busy
    machine stretches less, stands beside the wall's."""
    peers = runs["pyiceberg"]
    rows = []
    for name, lines in runs.items():
        middle = {key: statistics.median(line[key] for line in lines) for key in lines[0]}
        ratios = {
            key: statistics.median(peer[key] / line[key] for peer, line in zip(peers, lines))
            for key in ("cold_s", "cold_cpu_s")
        }
        later = statistics.median(
            peer["warm_cpu_s"] / line["cold_cpu_s"] for peer, line in zip(peers, lines)
        )
        rows.append(
            {
                "contender": name,
                "cold ms": f"{middle['cold_s'] * 1e3:.1f}",
                "cold cpu ms": f"{middle['cold_cpu_s'] * 1e3:.1f}",
                "warm ms": f"{middle['warm_s'] * 1e3:.2f}",
                "warm cpu ms": f"{middle['warm_cpu_s'] * 1e3:.2f}",
                "pyiceberg / it": f"{ratios['cold_s']:.1f}",
                "cpu": f"{ratios['cold_cpu_s']:.1f}",
                "pyiceberg's later plans' cpu / it": f"{later:.1f}",
            }
        )
    print(f"\n{case}: {peers[0]['files']} files (bar: {bar} times, warm {WARM_BAR_MS} ms)")
    measure.print_table(rows, list(rows[0]))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--manifests", type=int, default=planning_data.MANIFESTS)
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/planning.json")
    for name in ("--contender", "--folder", "--filter"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        return run_contender(arguments.contender, arguments.folder, arguments.filter or None)
    folder = planning_data.prepare(arguments.data, arguments.manifests)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    output = {"machine": measure.machine(), "load": os.getloadavg(), "cases": {}}
    for case, row_filter, bar in (("all", "", COLD_BAR), ("7 days", FILTER, FILTERED_BAR)):
        runs = run_case(folder, row_filter, arguments.rounds)
        output["cases"][case] = {"runs": runs, "table": report(case, runs, bar)}
    os.makedirs(os.path.dirname(arguments.output), exist_ok=True)
    with open(arguments.output, "w", encoding="ascii") as file:
        json.dump(output, file, indent=1)


if __name__ == "__main__":
    main()
