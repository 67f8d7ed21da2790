"""Macro benchmark `online_plugin`: stock FeatureStore.get_online_features of hot entities,
Floe against Feast's Redis and SQLite stores.

100,000 entities x 20 features (12 double, 5 int64, 3 strings of 12). Floe reads straight
from its Iceberg tables (no serving index), from a table written in one batch and from one
written in twenty; hot: every entity was asked for once before, as every row of the peers is
in memory. Each store answers in a block of its own, in turn, several rounds over: Feast
keeps what it resolved a request to for one registry of a process at a time, so that stores
asked in turn, request by request, would all pay for resolving it again. `+ to_dict` also
turns the response into Python's own values. Answers are compared with the generated values.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import measure
import online_cold as cold

BATCHES = (1, 20)
PARTITIONS = 32
WARM_BATCH = 500
PEERS = ("redis", "sqlite")


def asker(store):
    refs = [f"view:{name}" for name in cold.FEATURES]

    def ask(entities):
        return store.get_online_features(
            features=refs, entity_rows=[{"entity_id": entity} for entity in entities]
        )

    return ask


def open_contenders(root, entities, with_redis):
    contenders = {}
    for batches in BATCHES:
        name = f"floe {PARTITIONS}p {batches}b"
        store, _ = cold.prepared(
            root,
            name.replace(" ", "-"),
            entities,
            batches,
            cold.floe_settings(PARTITIONS),
        )
        contenders[name] = asker(store)
    peers = {"sqlite": cold.sqlite_settings}
    if with_redis:
        peers["redis"] = cold.redis_settings
    for name, settings in peers.items():
        store, _ = cold.prepared(root, name, entities, 1, settings)
        contenders[name] = asker(store)
    return contenders


def warm(contenders, entities):
    """Asks Floe for every entity once: seconds by contender."""
    seconds = {}
    for name, ask in contenders.items():
        if not name.startswith("floe"):
            continue
        start = time.perf_counter()
        for first in range(0, entities, WARM_BATCH):
            ask(range(first, min(first + WARM_BATCH, entities)))
        seconds[name] = time.perf_counter() - start
    return seconds


def block(ask, entities, size, requests, rng, with_dict):
    """Milliseconds of each request of a block; the first tenth is left out."""
    times = []
    warm_up = max(5, requests // 10)
    for request in range(requests + warm_up):
        keys = [rng.randrange(entities) for _ in range(size)]
        start = time.perf_counter()
        answer = ask(keys)
        values = answer.to_dict() if with_dict else None
        elapsed = (time.perf_counter() - start) * 1000
        if request >= warm_up:
            times.append(elapsed)
        if request % 50 == 0:
            cold.check(values or answer.to_dict(), keys)
    return times


def time_all(contenders, entities, size, requests, rounds):
    times = {}
    for with_dict in (False, True):
        for turn in range(rounds):
            for name, ask in contenders.items():
                label = f"{name} + to_dict" if with_dict else name
                rng = random.Random(size * 1000 + turn)
                times.setdefault(label, []).extend(
                    block(ask, entities, size, requests, rng, with_dict)
                )
    return times


def report(size, results):
    print(f"\n{size} entities")
    rows = []
    for label, line in results.items():
        suffix = " + to_dict" if label.endswith("to_dict") else ""
        row = {"contender": label} | {
            f"{q} ms": f"{line[f'{q}_ms']:.3f}" for q in ("p50", "p95", "p99")
        }
        for peer in PEERS:
            other = results.get(peer + suffix)
            row[f"p50 / {peer}"] = (
                f"{line['p50_ms'] / other['p50_ms']:.2f}" if other else "-"
            )
        rows.append(row)
    columns = ["contender", "p50 ms", "p95 ms", "p99 ms"]
    measure.print_table(rows, columns + [f"p50 / {peer}" for peer in PEERS])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-redis", action="store_true")
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/online_plugin.json")
    arguments = parser.parse_args()
    root = os.path.abspath(arguments.data)
    folder = os.path.join(root, f"redis-{arguments.entities}")
    server = None if arguments.no_redis else cold.RedisServer(folder)
    output = {"machine": measure.machine(), "arguments": vars(arguments), "sizes": {}}
    try:
        contenders = open_contenders(root, arguments.entities, server is not None)
        output["warm_seconds"] = warm(contenders, arguments.entities)
        for name, seconds in output["warm_seconds"].items():
            print(f"  {name}: every entity asked for once in {seconds:.1f} s", flush=True)
        for size in cold.SIZES:
            requests = max(50, arguments.requests // (1 if size < 100 else 3))
            times = time_all(contenders, arguments.entities, size, requests, arguments.rounds)
            results = {
                label: cold.quantiles(values) | {"mean_ms": statistics.mean(values)}
                for label, values in times.items()
            }
            output["sizes"][size] = results
            report(size, results)
    finally:
        if server:
            server.close()
    os.makedirs(os.path.dirname(arguments.output), exist_ok=True)
    with open(arguments.output, "w", encoding="ascii") as file:
        json.dump(output, file, indent=1)


if __name__ == "__main__":
    main()
