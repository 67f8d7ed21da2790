"""Feast's data-quality metrics: computed by the engine, kept in Iceberg tables.

A table per kind of metric, in the offline store's namespace, only ever appended to: of the
rows with one primary key the one saved last counts.
"""

import json
import logging
from datetime import date, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.compute as pc

from feast.monitoring.monitoring_utils import (
    monitoring_table_meta,
    normalize_monitoring_row,
)
from floe.config import open_store_catalog
from floe.errors import FloeInputError
from floe.source_access import source_json, source_names, store_settings
from floe.source_columns import names_and_types
from floe.times import EPOCH, to_micros

logger = logging.getLogger(__name__)

METRIC_TYPES = ("feature", "feature_view", "feature_service", "job")

_SAVED_AT = "saved_at"
_TIME = pa.timestamp("us", tz="UTC")
_COLUMN_TYPES = {
    "metric_date": pa.date32(),
    "computed_at": _TIME,
    "max_event_timestamp": _TIME,
    "started_at": _TIME,
    "completed_at": _TIME,
    "is_baseline": pa.bool_(),
    "row_count": pa.int64(),
    "null_count": pa.int64(),
    "total_row_count": pa.int64(),
    "total_features": pa.int64(),
    "total_feature_views": pa.int64(),
    "features_with_nulls": pa.int64(),
    **dict.fromkeys(
        (
            *("null_rate", "avg_null_rate", "max_null_rate", "mean", "stddev"),
            *("min_val", "max_val", "p50", "p75", "p90", "p95", "p99"),
        ),
        pa.float64(),
    ),
}
"""Of the metric tables' columns; the others are text."""


def compute(
    config, data_source, timestamp_field, features, time_range, histogram_bins, top_n
):
    """One metric per feature of [(name, "numeric" or "categorical")]. Lists and other
    nested values, which Feast takes for what they hold, have none and are left out."""
    to_source = source_names(data_source)
    types = dict(names_and_types(config, data_source))
    nested = [name for name, _ in features if "<" in types.get(to_source(name), "")]
    if nested:
        logger.warning("There are no metrics of nested features: %s", ", ".join(nested))
    statistics = _statistics(
        config,
        data_source,
        timestamp_field,
        features=[
            {"name": name, "column": to_source(name), "kind": kind}
            for name, kind in features
            if name not in nested
        ],
        start_us=to_micros(time_range[0]),
        end_us=to_micros(time_range[1]),
        histogram_bins=histogram_bins,
        top_n=top_n,
    )
    return statistics["features"]


def max_timestamp(config, data_source, timestamp_field):
    """The newest event time as a datetime in UTC; None where there are no rows."""
    statistics = _statistics(config, data_source, timestamp_field, features=[])
    micros = statistics["max_timestamp_us"]
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def _statistics(config, data_source, timestamp_field, **request):
    catalog = open_store_catalog(config, store_settings(config))
    to_source = source_names(data_source)
    request["source"] = source_json(
        config, data_source, catalog, to_source(timestamp_field), None
    )
    return catalog.feature_statistics(request)


def ensure_tables(config):
    """Makes the tables that are not there."""
    settings = store_settings(config)
    catalog = open_store_catalog(config, settings)
    for metric_type in METRIC_TYPES:
        table, schema, _ = _table(settings, metric_type)
        if not catalog.table_exists(table):
            catalog.create_table(table, schema, if_not_exists=True)


def save(config, metric_type, metrics):
    """Adds metrics, in one commit; they replace those with the same primary key."""
    if not metrics:
        return
    settings = store_settings(config)
    table, schema, _ = _table(settings, metric_type)
    saved_at = datetime.now(timezone.utc)
    rows = [
        {
            field.name: _stored(metric.get(field.name), field)
            for field in schema
            if field.name != _SAVED_AT
        }
        | {_SAVED_AT: saved_at}
        for metric in metrics
    ]
    ensure_tables(config)
    catalog = open_store_catalog(config, settings)
    catalog.append(table, pa.Table.from_pylist(rows, schema=schema))


def query(config, project, metric_type, filters, start_date, end_date):
    """The metrics that fit, as Feast's dictionaries, ordered by date. Columns of `filters`
    with None do not filter, nor does an empty project."""
    rows = _current(config, metric_type)
    wanted = {"project_id": project or None, **(filters or {})}
    for column, value in wanted.items():
        if column not in rows.column_names:
            raise FloeInputError(
                f"{metric_type} metrics have no column '{column}'; they have "
                f"{', '.join(rows.column_names)}",
                "NO_SUCH_COLUMN",
            )
        if value is not None:
            field = rows.schema.field(column)
            rows = rows.filter(pc.equal(rows[column], _scalar(value, field)))
    if start_date is not None:
        rows = rows.filter(pc.greater_equal(rows["metric_date"], start_date))
    if end_date is not None:
        rows = rows.filter(pc.less_equal(rows["metric_date"], end_date))
    rows = rows.sort_by("metric_date")
    return [normalize_monitoring_row(row) for row in rows.to_pylist()]


def clear_baseline(config, project, feature_view_name, feature_name, data_source_type):
    """Takes the baseline mark off the feature metrics that fit."""
    filters = {
        "feature_view_name": feature_view_name,
        "feature_name": feature_name,
        "data_source_type": data_source_type,
        "is_baseline": True,
    }
    marked = query(config, project, "feature", filters, None, None)
    save(config, "feature", [{**metric, "is_baseline": False} for metric in marked])


def _table(settings, metric_type):
    """(table, schema, primary key columns)."""
    name, columns, keys = monitoring_table_meta(metric_type)
    schema = pa.schema(
        [
            *((column, _COLUMN_TYPES.get(column, pa.string())) for column in columns),
            (_SAVED_AT, _TIME),
        ]
    )
    return f"{settings.namespace}.{name}", schema, keys


def _current(config, metric_type):
    """The row of each primary key that was saved last."""
    settings = store_settings(config)
    catalog = open_store_catalog(config, settings)
    table, schema, keys = _table(settings, metric_type)
    columns = [name for name in schema.names if name != _SAVED_AT]
    if not catalog.table_exists(table):
        return schema.empty_table().select(columns)
    request = {
        "source": {"table": table, "timestamp_field": _SAVED_AT},
        "join_keys": keys,
        "features": [name for name in columns if name not in keys],
    }
    reader, _ = catalog.pull_latest(request)
    return reader.read_all().select(columns)


def _stored(value, field):
    """A metric's value as the column holds it: what Feast reads back is text."""
    if value is None or value != value:  # NaN and NaT.
        return None
    if field.type == pa.string():
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, str) and field.type == pa.date32():
        return date.fromisoformat(value[:10])
    if isinstance(value, str) and field.type == _TIME:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and field.type == pa.date32():
        return value.date()
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    return value


def _scalar(value, field):
    return pa.scalar(_stored(value, field), field.type)
