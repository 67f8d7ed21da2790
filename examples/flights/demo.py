"""336,776 real departures: what was known of each before it left.

Weather per airport, rolling delays per carrier and per aircraft become three Iceberg
tables and three feature views. Every departure is an entity row at its own scheduled
time. Ends with a training set and an online look-up, and checks 1,000 sampled rows against
an independent DuckDB query over the same rows.
"""

import argparse
import logging
import pathlib
import shutil
import sys
import time

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

import flight_data

HERE = pathlib.Path(__file__).resolve().parent
SAMPLED_ROWS = 1000
VIEWS = {  # table: (key, ttl in hours, features)
    "weather": ("origin", 6, ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]),
    "carrier_delays": (
        "carrier", 48, ["carrier_mean_delay", "carrier_share_late", "carrier_departures"]
    ),
    "aircraft_delays": (
        "tailnum", 336, ["aircraft_last_delay", "aircraft_mean_delay", "aircraft_departures"]
    ),
}


def write_tables(repo, frames):
    from floe import open_repo_catalog

    catalog = open_repo_catalog(repo)
    for name, frame in frames.items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.set_column(
            table.schema.get_field_index("observed_at"), "observed_at",
            table["observed_at"].cast(pa.timestamp("us", "UTC")),
        )
        catalog.create_table(f"flights.{name}", table.schema, ["month(observed_at)"])
        catalog.append(f"flights.{name}", table)
        print(f"  flights.{name}: {table.num_rows:,} rows")


def expected_sample(frames, sample):
    """The same question asked of DuckDB: per view the newest row in the ttl, by a
    correlated maximum rather than an as-of join."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    connection.register("sample", sample)
    answers = []
    for name, (key, ttl_h, features) in VIEWS.items():
        connection.register(name, frames[name])
        kept = ", ".join(f"f.{feature}" for feature in features)
        answers.append(
            connection.execute(
                f"""
                WITH latest AS (
                    SELECT s.row, max(f.observed_at) AS observed_at
                    FROM sample s JOIN {name} f ON f.{key} = s.{key}
                     AND f.observed_at <= s.event_timestamp
                     AND f.observed_at >= s.event_timestamp - INTERVAL {ttl_h} HOUR
                    GROUP BY s.row)
                SELECT {kept} FROM sample s
                LEFT JOIN latest l ON l.row = s.row
                LEFT JOIN {name} f ON f.{key} = s.{key} AND f.observed_at = l.observed_at
                ORDER BY s.row"""
            ).df()
        )
    return pd.concat(answers, axis=1)


def check_sample(flights, frames, answer):
    rows = np.sort(np.random.default_rng(13).choice(len(flights), SAMPLED_ROWS, False))
    sample = flights.loc[rows, ["event_timestamp", "origin", "carrier", "tailnum"]]
    expected = expected_sample(frames, sample.assign(row=range(SAMPLED_ROWS)))
    for feature in expected.columns:
        want = expected[feature].to_numpy(dtype=float)
        got = answer[feature].to_numpy(dtype=float)[rows]
        wrong = np.flatnonzero(~((want == got) | (np.isnan(want) & np.isnan(got))))
        if wrong.size:
            at = wrong[0]
            sys.exit(
                f"{feature} of departure {rows[at]} ({sample.iloc[at].to_dict()}): DuckDB "
                f"says {want[at]}, Floe says {got[at]}; {wrong.size} rows differ"
            )
    found = expected.notna().to_numpy().mean()
    print(f"{SAMPLED_ROWS} sampled rows equal DuckDB's ({found:.0%} of their values present)")


def show_online(store, frames):
    """A departure about to happen, its features as last materialized."""
    ask = {"origin": "JFK", "carrier": "B6", "tailnum": frames["aircraft_delays"].tailnum[0]}
    answer = store.get_online_features(
        features=store.get_feature_service("departure"), entity_rows=[ask]
    ).to_dict()
    print(f"\nOnline: {ask}")
    for name, (key, _, features) in VIEWS.items():
        mine = frames[name][frames[name][key] == ask[key]].sort_values("observed_at")
        for feature in features:
            want, got = mine.iloc[-1][feature], answer[feature][0]
            if not (want == got or (pd.isna(want) and pd.isna(got))):
                sys.exit(f"online {feature}: expected {want}, got {got}")
            print(f"  {feature:22} {got}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="build/demo/flights", help="where to work")
    folder = pathlib.Path(parser.parse_args().folder).resolve()
    logging.getLogger("feast").setLevel(logging.ERROR)
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "feature_repo", folder)
    flights = flight_data.departures()
    carrier, aircraft = flight_data.delays(flights)
    frames = {
        "weather": flight_data.weather(), "carrier_delays": carrier, "aircraft_delays": aircraft
    }
    print("Written to Iceberg:")
    write_tables(folder, frames)

    sys.path.insert(0, str(folder))
    from feast import FeatureStore

    import flight_features

    store = FeatureStore(repo_path=str(folder))
    store.apply(flight_features.everything)
    spine = flights[["event_timestamp", "origin", "carrier", "tailnum", "dep_delay"]]
    asked = time.monotonic()
    answer = store.get_historical_features(
        entity_df=spine, features=store.get_feature_service("departure")
    ).to_df()
    print(f"\nTraining set: {len(answer):,} departures in {time.monotonic() - asked:.2f} s")
    print(answer.iloc[[0, len(answer) // 2]].T.to_string(header=False))
    check_sample(flights, frames, answer)
    end = max(frame.observed_at.max() for frame in frames.values())
    store.materialize(end - pd.Timedelta(days=400), end)
    show_online(store, frames)
    print(f"\nEvery check passed. {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
