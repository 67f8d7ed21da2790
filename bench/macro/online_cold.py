"""Macro benchmark `online_cold`: features of 1, 10 and 100 entities by key, against peers.

100,000 entities x 20 features (12 double, 5 int64, 3 strings of 12). Floe reads straight
from its Iceberg tables (no serving index), with metadata, footers and indexes cached;
tables of 32 and 256 partitions, written in one batch and in twenty. Peers are stock Feast's
SQLite and Redis stores. All are asked through stock FeatureStore.get_online_features in one
process, in turn, request by request; `floe (C)` is Floe's own call beneath it. Each answer
is compared with the generated value.
"""

import argparse
import datetime
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import measure

TYPES = ["DOUBLE"] * 12 + ["INT64"] * 5 + ["STRING"] * 3
FEATURES = [f"f{i}" for i in range(len(TYPES))]
EVENT_TIME = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
SIZES = (1, 10, 100)
BARS_MS = {1: 3.0, 10: 8.0, 100: 30.0}
REDIS_PORT = 16399


def value(entity, feature):
    """The generated value; strings have 12 characters."""
    mixed = (entity * 2654435761 + feature * 40503) % 2**32
    kind = TYPES[feature]
    if kind == "DOUBLE":
        return mixed / 7.0
    return mixed if kind == "INT64" else f"v{mixed:011d}"


def feature_store(folder, online_store):
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.types import Float64, Int64, String
    from feast.value_type import ValueType

    kinds = {"DOUBLE": Float64, "INT64": Int64, "STRING": String}
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=f"{folder}/registry.db",
            online_store=online_store,
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    entity = Entity(name="entity", join_keys=["entity_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="view",
        entities=[entity],
        schema=[Field(name=n, dtype=kinds[t]) for n, t in zip(FEATURES, TYPES)],
        source=FileSource(path=f"{folder}/unused.parquet", timestamp_field="event_timestamp"),
    )
    store.apply([entity, view])
    return store, store.get_feature_view("view")


def rows_of(entities):
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    fields = {"DOUBLE": "double_val", "INT64": "int64_val", "STRING": "string_val"}
    for entity in entities:
        key = EntityKey(join_keys=["entity_id"], entity_values=[Value(int64_val=entity)])
        values = {
            name: Value(**{fields[TYPES[i]]: value(entity, i)})
            for i, name in enumerate(FEATURES)
        }
        yield key, values, EVENT_TIME, None


def write(store, view, entities, batches):
    """Loads through the online store's own write, in `batches` calls."""
    order = list(range(entities))
    random.Random(3).shuffle(order)
    size = -(-entities // batches)
    provider = store._get_provider()
    for start in range(0, entities, size):
        rows = list(rows_of(order[start : start + size]))
        provider.online_write_batch(store.config, view, rows, None)


def prepared(root, name, entities, batches, online_store):
    """The store `name`, loaded once under `root`."""
    folder = os.path.join(root, f"online-{entities}-{name}")
    loaded = os.path.join(folder, "loaded.json")
    fresh = not os.path.exists(loaded)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    store, view = feature_store(folder, online_store(folder))
    if fresh:
        start = time.perf_counter()
        write(store, view, entities, batches)
        seconds = time.perf_counter() - start
        with open(loaded, "w", encoding="ascii") as file:
            json.dump({"seconds": seconds, "rows_per_s": entities / seconds}, file)
        print(f"  {name}: {entities / seconds:,.0f} rows/s written", flush=True)
    return store, view


def floe_settings(partitions):
    return lambda folder: {
        "type": "floe.IcebergOnlineStore",
        "catalog_type": "sql",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
        "partition_count": partitions,
        "read_timeout_ms": 60_000,
    }


def sqlite_settings(folder):
    return {"type": "sqlite", "path": f"{folder}/online.db"}


def redis_settings(folder):
    return {"type": "redis", "connection_string": f"127.0.0.1:{REDIS_PORT}"}


class RedisServer:
    """A server on loopback that keeps its data in `folder`; ended by process id."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.process = subprocess.Popen(
            [
                "redis-server", "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--dir",
                folder, "--save", "900 1",
            ],
            stdout=subprocess.DEVNULL,
        )
        self.client = self._wait()

    def _wait(self):
        import redis

        client = redis.Redis(port=REDIS_PORT)
        for _ in range(200):
            try:
                client.ping()
                return client
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def close(self):
        self.client.shutdown(save=True)
        self.process.wait(30)


def check(answer, entities):
    for i, name in enumerate(FEATURES):
        for got, entity in zip(answer[name], entities, strict=True):
            if got != value(entity, i):
                raise SystemExit(f"{name} of entity {entity}: got {got!r}")


def through_feast(store):
    refs = [f"view:{name}" for name in FEATURES]

    def call(entities):
        return store.get_online_features(
            features=refs, entity_rows=[{"entity_id": entity} for entity in entities]
        )

    return call, lambda response, entities: check(response.to_dict(), entities)


def through_c(store, view):
    """The call that IcebergOnlineStore.online_read makes, without Feast and protobuf."""
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value
    from floe.online_store import view_json
    from floe.proto_rows import pack_keys, unpack_rows

    online = store._get_provider().online_store
    tables = online._tables(store.config)
    described = view_json(store.config, view)
    packed = {}

    def call(entities):
        key = tuple(entities)
        if key not in packed:
            raise RuntimeError("keys were not packed ahead")
        return tables.read(described, FEATURES, packed[key])

    def pack(entities):
        keys = [
            EntityKey(join_keys=["entity_id"], entity_values=[Value(int64_val=entity)])
            for entity in entities
        ]
        packed[tuple(entities)] = pack_keys(keys)

    def verify(answer, entities):
        fields = {"DOUBLE": "double_val", "INT64": "int64_val", "STRING": "string_val"}
        rows = unpack_rows(answer, len(entities), FEATURES)
        for (_, values), entity in zip(rows, entities, strict=True):
            for i, name in enumerate(FEATURES):
                got = getattr(values[name], fields[TYPES[i]])
                if got != value(entity, i):
                    raise SystemExit(f"{name} of entity {entity}: got {got!r}")

    call.pack = pack
    return call, verify


def time_all(contenders, entities, size, requests):
    """Milliseconds per request of each contender, asked in turn with the same keys."""
    rng = random.Random(size)
    times = {name: [] for name in contenders}
    for request in range(requests + 20):
        keys = [rng.randrange(entities) for _ in range(size)]
        for name, (call, verify) in contenders.items():
            if hasattr(call, "pack"):
                call.pack(keys)
            start = time.perf_counter()
            answer = call(keys)
            elapsed = (time.perf_counter() - start) * 1000
            if request >= 20:
                times[name].append(elapsed)
            if request % 50 == 0:
                verify(answer, keys)
    return times


def quantiles(times):
    ordered = sorted(times)
    return {
        "p50_ms": statistics.median(ordered),
        "p95_ms": ordered[int(len(ordered) * 0.95)],
        "p99_ms": ordered[int(len(ordered) * 0.99)],
    }


def open_contenders(root, entities, peers):
    contenders = {}
    for partitions in (32, 256):
        for batches in (1, 20):
            name = f"floe {partitions}p {batches}b"
            store, view = prepared(
                root, name.replace(" ", "-"), entities, batches, floe_settings(partitions)
            )
            contenders[f"{name} (C)"] = through_c(store, view)
            contenders[name] = through_feast(store)
    if peers:
        for name, settings in (("sqlite", sqlite_settings), ("redis", redis_settings)):
            store, _ = prepared(root, name, entities, 1, settings)
            contenders[name] = through_feast(store)
    return contenders


def report(size, results):
    print(f"\n{size} entities (bar {BARS_MS[size]:g} ms)")
    columns = ["contender", "p50 ms", "p95 ms", "p99 ms", "p50 / redis", "p50 / sqlite"]
    rows = []
    for name, line in results.items():
        row = {"contender": name} | {
            f"{q} ms": f"{line[f'{q}_ms']:.3f}" for q in ("p50", "p95", "p99")
        }
        for peer in ("redis", "sqlite"):
            ratio = line["p50_ms"] / results[peer]["p50_ms"] if peer in results else None
            row[f"p50 / {peer}"] = "-" if ratio is None else f"{ratio:.2f}"
        rows.append(row)
    measure.print_table(rows, columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--output", default="build/bench-results/online_cold.json")
    arguments = parser.parse_args()
    root = os.path.abspath(arguments.data)
    redis_folder = os.path.join(root, f"redis-{arguments.entities}")
    server = None if arguments.no_peers else RedisServer(redis_folder)
    output = {"machine": measure.machine(), "arguments": vars(arguments), "sizes": {}}
    try:
        contenders = open_contenders(root, arguments.entities, server is not None)
        for size in SIZES:
            times = time_all(contenders, arguments.entities, size, arguments.requests)
            results = {name: quantiles(values) for name, values in times.items()}
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
