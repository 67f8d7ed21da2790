"""Five drivers, one table: train from it and serve from it with stock Feast.

Writes a week of hourly rows to an Iceberg table in an embedded catalog, then, by stock
Feast alone: apply, materialize, online features, point-in-time features, two feature
services. Every value printed is checked against a plain recomputation from the rows.
"""

import argparse
import logging
import math
import pathlib
import shutil
import sys
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa

HERE = pathlib.Path(__file__).resolve().parent
DRIVERS = [1001, 1002, 1003, 1004, 1005]
WEEK_START = datetime(2026, 11, 1, tzinfo=timezone.utc)
HOURS = 7 * 24
FEATURES = ["conv_rate", "acc_rate", "avg_daily_trips"]
TTL = timedelta(days=1)


def make_rows():
    """An hourly row per driver; driver 1005 stops reporting after the second day."""
    rng = np.random.default_rng(5)
    frames = []
    for driver in DRIVERS:
        hours = 48 if driver == 1005 else HOURS
        times = [WEEK_START + timedelta(hours=h) for h in range(hours)]
        frames.append(
            pd.DataFrame(
                {
                    "driver_id": np.int64(driver),
                    "event_timestamp": times,
                    "created": [t + timedelta(minutes=5) for t in times],
                    "conv_rate": rng.random(hours).astype("float32"),
                    "acc_rate": rng.random(hours).astype("float32"),
                    "avg_daily_trips": rng.integers(0, 1000, hours),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def write_history(repo, rows):
    from floe import open_repo_catalog

    catalog = open_repo_catalog(repo)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    catalog.create_table("feast.driver_stats", table.schema, ["day(event_timestamp)"])
    catalog.append("feast.driver_stats", table)


def as_of(rows, driver, at):
    """The plain recomputation: the driver's newest row at or before `at`, within the ttl."""
    mine = rows[(rows.driver_id == driver) & (rows.event_timestamp <= at)]
    mine = mine[mine.event_timestamp >= at - TTL]
    if mine.empty:
        return dict.fromkeys(FEATURES)
    return mine.sort_values(["event_timestamp", "created"]).iloc[-1][FEATURES].to_dict()


def same(expected, actual):
    if expected is None:
        return actual is None or (isinstance(actual, float) and math.isnan(actual))
    return actual is not None and np.float32(expected) == np.float32(actual)


def check(what, expected, actual):
    wrong = {f: (expected[f], actual[f]) for f in actual if not same(expected[f], actual[f])}
    if wrong:
        sys.exit(f"{what}: expected and got differ: {wrong}")


def show_training_set(store, rows):
    spine = pd.DataFrame(
        {
            "driver_id": [1001, 1002, 1003, 1001, 1005],
            "event_timestamp": pd.to_datetime(
                [
                    "2026-11-03T10:30:00Z",
                    "2026-11-05T00:00:00Z",
                    "2026-10-31T00:00:00Z",
                    "2026-11-03T10:30:00Z",
                    "2026-11-06T12:00:00Z",
                ]
            ),
        }
    )
    refs = [f"driver_hourly_stats:{name}" for name in FEATURES]
    answer = store.get_historical_features(entity_df=spine, features=refs).to_df()
    print("\nA training set: each driver's features as they stood at the row's own time")
    print("(row 3 lies before the first data, row 5 more than a day after its driver's last)")
    print(answer.to_string(index=False))
    for index, row in spine.iterrows():
        expected = as_of(rows, row.driver_id, row.event_timestamp)
        check(f"training row {index}", expected, answer.loc[index, FEATURES].to_dict())


def show_service(store, rows, service, end):
    """Online features of every driver, and one nobody has heard of."""
    entities = [{"driver_id": driver} for driver in [*DRIVERS, 9999]]
    answer = store.get_online_features(
        features=store.get_feature_service(service), entity_rows=entities
    ).to_dict()
    print(f"\nOnline, feature service {service}")
    print(pd.DataFrame(answer).to_string(index=False))
    names = [name for name in answer if name != "driver_id"]
    for index, entity in enumerate(entities):
        mine = rows[(rows.driver_id == entity["driver_id"]) & (rows.event_timestamp <= end)]
        latest = dict.fromkeys(FEATURES)
        if not mine.empty:
            latest = mine.sort_values("event_timestamp").iloc[-1][FEATURES].to_dict()
        got = {name: answer[name][index] for name in names}
        check(f"online {service} {entity}", latest, got)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="build/demo/local", help="where to work")
    parser.add_argument(
        "--config",
        help="a feature_store.yaml to use instead of the example's own, e.g. for another "
        "catalog and object store",
    )
    options = parser.parse_args()
    folder = pathlib.Path(options.folder).resolve()
    logging.getLogger("feast").setLevel(logging.ERROR)
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "feature_repo", folder)
    if options.config:
        shutil.copy(options.config, folder / "feature_store.yaml")
    rows = make_rows()
    write_history(folder, rows)
    print(f"{len(rows)} rows of {len(DRIVERS)} drivers written to Iceberg for {folder}")

    sys.path.insert(0, str(folder))
    from feast import FeatureStore

    import driver_features as repo

    store = FeatureStore(repo_path=str(folder))
    store.apply(
        [
            repo.driver, repo.driver_stats, repo.driver_hourly_stats, repo.driver_quality,
            repo.driver_activity,
        ]
    )
    end = WEEK_START + timedelta(hours=HOURS)
    store.materialize(WEEK_START - timedelta(days=1), end)
    show_training_set(store, rows)
    for service in ("driver_quality", "driver_activity"):
        show_service(store, rows, service, end)
    print(f"\nEvery value checked. {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
