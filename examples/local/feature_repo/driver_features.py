"""Features of drivers, kept in one Iceberg table."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field
from feast.types import Float32, Int64
from feast.value_type import ValueType
from floe import IcebergSource

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)

driver_stats = IcebergSource(
    name="driver_stats",
    table_identifier="feast.driver_stats",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)

driver_hourly_stats = FeatureView(
    name="driver_hourly_stats",
    entities=[driver],
    ttl=timedelta(days=1),
    schema=[
        Field(name="conv_rate", dtype=Float32),
        Field(name="acc_rate", dtype=Float32),
        Field(name="avg_daily_trips", dtype=Int64),
    ],
    source=driver_stats,
)

driver_quality = FeatureService(
    name="driver_quality", features=[driver_hourly_stats[["conv_rate", "acc_rate"]]]
)

driver_activity = FeatureService(name="driver_activity", features=[driver_hourly_stats])
