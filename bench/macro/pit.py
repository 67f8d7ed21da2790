"""Macro benchmark `pit`: a training set from an Iceberg table, against peers.

Every contender runs in its own process, in turn, round after round; ratios are of medians.
`--check` also compares every value with an oracle (pit_oracle.py). Results go to a JSON
file and a table.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import measure
import pit_data

CASES = {
    "dense_ttl0": ("dense", 0, ["decode_floor", "floe", "duckdb_asof", "polars_asof"]),
    "dense_ttl1d": ("dense", 86_400, ["decode_floor", "floe", "duckdb_asof", "polars_asof"]),
    "sparse_ttl1d": (
        "sparse", 86_400, ["floe", "duckdb_asof", "duckdb_asof_time_filter", "polars_asof"]
    ),
    "pull_latest": (
        "dense", 0, ["decode_floor", "floe_pull_latest", "duckdb_latest", "polars_latest"]
    ),
    "feast": ("dense", 86_400, ["feast_floe", "feast_duckdb"]),
}
OURS = {"pull_latest": "floe_pull_latest", "feast": "feast_floe"}


def run_contender(arguments):
    from pit_contenders import CONTENDERS

    contender = CONTENDERS[arguments.contender]
    save = None
    if arguments.save:
        save = lambda table: write_table(table, arguments.save)
    measure.run_here(
        lambda: contender(arguments.folder, arguments.spine, arguments.ttl), save
    )


def write_table(table, path):
    import pyarrow as pa

    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def run_one(folder, case, contender, save=None):
    spine, ttl_s, _ = CASES[case]
    extra = ["--save", save] if save else []
    return measure.run_in_process(
        os.path.abspath(__file__),
        ["--contender", contender, "--folder", folder, "--spine", spine, "--ttl", str(ttl_s)]
        + extra,
        timeout_s=1800,
    )


def wrong_rows(folder, case, contender):
    """Rows of the contender's answer that differ from the oracle's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    import pit_oracle

    path = os.path.join(folder, "answer.arrow")
    line = run_one(folder, case, contender, save=path)
    if "error" in line:
        return line["error"]
    with pa.memory_map(path) as source:
        actual = pa.ipc.open_file(source).read_all()
        spine, ttl_s, _ = CASES[case]
        if case != "pull_latest":
            return pit_oracle.difference(
                pit_oracle.historical(folder, spine, ttl_s), actual
            )
        keys, expected = pit_oracle.latest(folder)
        actual = actual.take(pc.sort_indices(actual["entity_id"]))
        same_keys = keys["entity_id"].combine_chunks().equals(
            actual["entity_id"].combine_chunks()
        )
        if not same_keys:
            return "other keys"
        return pit_oracle.difference(expected, actual.select(expected.column_names))


def run_case(folder, case, rounds, check):
    contenders = CASES[case][2]
    runs = {name: [] for name in contenders}
    for name in contenders:
        run_one(folder, case, name)  # warms the page cache
    for _ in range(rounds):
        for name in contenders:
            runs[name].append(run_one(folder, case, name))
    results = {name: measure.summarize(lines) for name, lines in runs.items()}
    if check:
        for name in contenders:
            if not name.startswith("decode"):
                results[name]["wrong_rows"] = wrong_rows(folder, case, name)
    return results


def report(case, results):
    ours = results[OURS.get(case, "floe")]
    rows = []
    for name, line in results.items():
        if "error" in line:
            rows.append(dict.fromkeys(COLUMNS, "-") | {"contender": name, "wall s": line["error"]})
            continue
        rows.append(
            {
                "contender": name,
                "wall s": f"{line['wall_s']:.3f}",
                "cpu s": f"{line['cpu_s']:.2f}",
                "floe / it": f"{ours['wall_s'] / line['wall_s']:.3f}" if "wall_s" in ours else "-",
                "peak anon MB": f"{line['peak_anon_mb']:.0f}",
                "peak RSS MB": f"{line['peak_rss_mb']:.0f}",
                "result MB": f"{line['result_mb']:.0f}",
                "wrong rows": line.get("wrong_rows", "-"),
            }
        )
    print(f"\n{case}")
    measure.print_table(rows, COLUMNS)


COLUMNS = [
    "contender", "wall s", "cpu s", "floe / it", "peak anon MB", "peak RSS MB", "result MB",
    "wrong rows",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--spine-rows", type=int, default=1_000_000)
    parser.add_argument("--sparse-rows", type=int, default=10_000)
    parser.add_argument("--mixed", action="store_true", help="12 double, 5 long, 3 string")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--check", action="store_true", help="compare with the oracle")
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/pit.json")
    for name in ("--contender", "--folder", "--spine", "--save"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--ttl", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        return run_contender(arguments)
    folder = pit_data.prepare(
        arguments.data, arguments.rows, arguments.entities, arguments.spine_rows,
        arguments.sparse_rows, mixed=arguments.mixed,
    )
    output = {"machine": measure.machine(), "arguments": vars(arguments), "cases": {}}
    for case in arguments.cases.split(","):
        output["cases"][case] = run_case(folder, case, arguments.rounds, arguments.check)
        report(case, output["cases"][case])
    os.makedirs(os.path.dirname(arguments.output), exist_ok=True)
    with open(arguments.output, "w", encoding="ascii") as file:
        json.dump(output, file, indent=1)


if __name__ == "__main__":
    main()
