"""Data-quality metrics: computed by the engine as Feast's Python computes them, and kept."""

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

import rides
from feast.monitoring.metrics_calculator import MetricsCalculator
from feast.monitoring.monitoring_service import MonitoringService
from floe import FloeError, IcebergOfflineStore, IcebergSource

DAY = timedelta(days=1)


def random_rows(seed, count):
    rng = np.random.default_rng(seed)
    times = [rides.START + timedelta(minutes=int(m)) for m in rng.integers(0, 9000, count)]

    def with_nulls(values):
        return pa.array(values, mask=rng.random(count) < 0.1)

    return pa.table(
        {
            "at": pa.array(times, pa.timestamp("us", tz="UTC")),
            "normal": with_nulls(rng.normal(5, 1000, count)),
            "single": with_nulls(rng.random(count).astype("float32")),
            "whole": with_nulls(rng.integers(-(2**40), 2**40, count)),
            "constant": with_nulls(np.full(count, 3, dtype="int32")),
            "decimal": with_nulls(rng.integers(0, 10**6, count)).cast(pa.decimal128(30, 2)),
            "missing": pa.nulls(count, pa.float64()),
            # Counts that differ: Feast orders equal ones by where they come first.
            "name": pa.array(
                rng.choice(["", "a", "b", "日本"], count, p=[0.1, 0.2, 0.3, 0.4]).tolist()
            ),
            "flag": with_nulls(rng.random(count) < 0.3),
        }
    )


NUMBERS = ["normal", "single", "whole", "constant", "decimal", "missing"]
NAMES = ["name", "flag"]
COLUMNS = [(n, "numeric") for n in NUMBERS] + [(n, "categorical") for n in NAMES]


def source_over(store, catalog_of, rows, **arguments):
    catalog_of(store).create_table("feast.measured", rows.schema)
    for start in range(0, rows.num_rows, 3000):
        catalog_of(store).append("feast.measured", rows.slice(start, 3000))
    return IcebergSource(
        table_identifier="feast.measured", timestamp_field="at", **arguments
    )


def same(value, wanted):
    if isinstance(wanted, dict):
        assert value.keys() == wanted.keys()
        for key in wanted:
            same(value[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(value) == len(wanted)
        for one, other in zip(value, wanted):
            same(one, other)
    elif isinstance(wanted, float):
        assert value == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    else:
        assert value == wanted


@pytest.mark.parametrize("days", [None, 2])
def test_metrics_are_those_of_feasts_calculator(make_store, catalog_of, days):
    store = make_store()
    rows = random_rows(3, 10_000)
    source = source_over(store, catalog_of, rows)
    start = end = None
    if days:
        start, end = rides.START + DAY, rides.START + days * DAY
        times = np.array(rows["at"].to_pylist())
        rows = rows.filter(pa.array((times >= start) & (times <= end)))
    metrics = IcebergOfflineStore.compute_monitoring_metrics(
        store.config, source, COLUMNS, "at", start, end, histogram_bins=7, top_n=3
    )
    wanted = MetricsCalculator(histogram_bins=7, top_n=3).compute_all(rows, COLUMNS)
    assert [m["feature_name"] for m in metrics] == [m["feature_name"] for m in wanted]
    for metric, other in zip(metrics, wanted):
        same(metric, other)


def test_less_memory_makes_more_passes_and_the_same_metrics(make_store, catalog_of):
    store = make_store()
    source_over(store, catalog_of, random_rows(4, 60_000))
    request = {
        "source": {"table": "feast.measured", "timestamp_field": "at"},
        "features": [{"column": name, "kind": kind} for name, kind in COLUMNS],
    }
    roomy = catalog_of(store).feature_statistics(request)
    tight = catalog_of(store).feature_statistics({**request, "memory_bytes": 1})
    assert (roomy["passes"], tight["passes"]) == (1, 4)
    assert roomy["features"] == tight["features"]


def test_the_newest_time_of_mapped_and_empty_sources(make_store, catalog_of):
    store = make_store()
    rows = random_rows(5, 100)
    source = source_over(store, catalog_of, rows, field_mapping={"at": "event_timestamp"})
    newest = IcebergOfflineStore.get_monitoring_max_timestamp(
        store.config, source, "event_timestamp"
    )
    assert newest == max(rows["at"].to_pylist())
    catalog_of(store).create_table("feast.empty", rows.schema)
    empty = IcebergSource(table_identifier="feast.empty", timestamp_field="at")
    assert (
        IcebergOfflineStore.get_monitoring_max_timestamp(store.config, empty, "at") is None
    )
    with pytest.raises(FloeError, match="'normall'.*did you mean 'normal'"):
        IcebergOfflineStore.compute_monitoring_metrics(
            store.config, source, [("normall", "numeric")], "at"
        )
    with pytest.raises(FloeError, match="numeric"):
        catalog_of(store).feature_statistics(
            {
                "source": {"table": "feast.measured", "timestamp_field": "at"},
                "features": [{"column": "normal", "kind": "number"}],
            }
        )


def metric(feature, day, mean, **values):
    return {
        "project_id": "rides",
        "feature_view_name": "driver_stats",
        "feature_name": feature,
        "metric_date": date(2026, 11, day),
        "granularity": "daily",
        "data_source_type": "batch",
        "computed_at": datetime.now(timezone.utc),
        "is_baseline": False,
        "mean": mean,
        "histogram": {"bins": [0.0, 1.0], "counts": [3], "bin_width": 1.0},
        **values,
    }


def test_saved_metrics_replace_those_of_the_same_key(make_store):
    config = make_store().config
    save, query = (
        IcebergOfflineStore.save_monitoring_metrics,
        IcebergOfflineStore.query_monitoring_metrics,
    )
    assert query(config, "rides", "feature") == []
    save(config, "feature", [metric("trips", 2, 2.0), metric("trips", 1, 1.0)])
    save(config, "feature", [metric("trips", 2, float("nan"), is_baseline=True)])
    save(config, "feature", [metric("city", 1, None)])
    rows = query(config, "rides", "feature", {"feature_name": "trips", "mean": None})
    assert [(row["metric_date"], row["mean"]) for row in rows] == [
        ("2026-11-01", 1.0),
        ("2026-11-02", None),
    ]
    assert rows[0]["histogram"] == {"bins": [0.0, 1.0], "counts": [3], "bin_width": 1.0}
    assert query(config, "other", "feature") == []
    only = query(config, "rides", "feature", None, date(2026, 11, 2), date(2026, 11, 2))
    assert [row["feature_name"] for row in only] == ["trips"]
    baseline = {"is_baseline": True}
    assert len(query(config, "rides", "feature", baseline)) == 1
    IcebergOfflineStore.clear_monitoring_baseline(config, "rides", "driver_stats")
    assert query(config, "rides", "feature", baseline) == []
    assert len(query(config, "rides", "feature")) == 3
    with pytest.raises(ValueError, match="no column 'colour'"):
        query(config, "rides", "feature", {"colour": "red"})


def test_feasts_monitoring_service_and_jobs(make_store, catalog_of):
    store = make_store()
    rides.write_table(catalog_of(store))
    store.apply(rides.objects()[0])
    service = MonitoringService(store)
    service.compute_baseline(project="rides", feature_view_name="driver_stats")
    service.auto_compute(project="rides", feature_view_name="driver_stats")
    metrics = service.get_feature_metrics(project="rides", feature_name="trips")
    assert {m["feature_type"] for m in metrics} == {"numeric"}
    trips = rides.rows().trips
    whole = [m for m in metrics if m["row_count"] == len(trips)]
    assert whole and whole[0]["mean"] == pytest.approx(trips.mean())
    assert [m["feature_name"] for m in service.get_baseline(project="rides")]
    jobs = service.job_manager
    job = jobs.submit("rides", "auto_compute", "driver_stats", {"n": 1})
    jobs.execute_job(job, service)
    done = jobs.get_job(job)
    assert done["status"] == "completed" and done["parameters"] == {"n": 1}
    assert done["started_at"] <= done["completed_at"]
