"""What was known before a departure: the weather there, and how its carrier and aircraft
had been running."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field
from feast.types import Float64, Int64
from feast.value_type import ValueType
from floe import IcebergSource


def entity(name, join_key):
    return Entity(name=name, join_keys=[join_key], value_type=ValueType.STRING)


airport = entity("airport", "origin")
carrier = entity("carrier", "carrier")
aircraft = entity("aircraft", "tailnum")


def source(table):
    return IcebergSource(
        name=table, table_identifier=f"flights.{table}", timestamp_field="observed_at"
    )


weather = FeatureView(
    name="weather",
    entities=[airport],
    ttl=timedelta(hours=6),
    schema=[
        Field(name=name, dtype=Float64)
        for name in ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
    ],
    source=source("weather"),
)

carrier_delays = FeatureView(
    name="carrier_delays",
    entities=[carrier],
    ttl=timedelta(days=2),
    schema=[
        Field(name="carrier_mean_delay", dtype=Float64),
        Field(name="carrier_share_late", dtype=Float64),
        Field(name="carrier_departures", dtype=Int64),
    ],
    source=source("carrier_delays"),
)

aircraft_delays = FeatureView(
    name="aircraft_delays",
    entities=[aircraft],
    ttl=timedelta(days=14),
    schema=[
        Field(name="aircraft_last_delay", dtype=Float64),
        Field(name="aircraft_mean_delay", dtype=Float64),
        Field(name="aircraft_departures", dtype=Int64),
    ],
    source=source("aircraft_delays"),
)

departure = FeatureService(
    name="departure", features=[weather, carrier_delays, aircraft_delays]
)

everything = [airport, carrier, aircraft, weather, carrier_delays, aircraft_delays, departure]
