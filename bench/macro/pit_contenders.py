"""The contenders of the `pit` benchmark: each prepares, then gives a callable whose result
is an Arrow table of one row per spine row, in the spine's order, features only."""

import os
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

import pit_data

TIME_COLUMNS = ["entity_id", "event_ts", "created"]


def data_files(folder):
    """The table's data files, by PyIceberg's plan."""
    files = [task.file.file_path for task in open_table(folder).scan().plan_files()]
    return [path.removeprefix("file://") for path in files]


def open_table(folder):
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog(
        "bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse"
    )
    return catalog.load_table(f"{pit_data.NAMESPACE}.{pit_data.TABLE}")


def feature_names(folder):
    return [f.name for f in open_table(folder).schema().fields if f.name not in TIME_COLUMNS]


def spine_path(folder, spine):
    return os.path.join(folder, f"{spine}.parquet")


def read_spine(folder, spine):
    return pq.read_table(spine_path(folder, spine))


def decode_floor(folder, spine, ttl_s):
    """Bare pyarrow decode of the key, the two times and the features: no join at all."""
    files = data_files(folder)
    columns = TIME_COLUMNS + feature_names(folder)
    pa.set_cpu_count(os.cpu_count())

    def call():
        return pa.concat_tables(
            pq.read_table(path, columns=columns, partitioning=None) for path in files
        )

    return call


def decode_dataset(folder, spine, ttl_s):
    """The floor's other form: one pyarrow dataset over all files, all threads busy."""
    import pyarrow.dataset as ds

    columns = TIME_COLUMNS + feature_names(folder)
    dataset = ds.dataset(data_files(folder), format="parquet")
    pa.set_cpu_count(os.cpu_count())
    return lambda: dataset.to_table(columns=columns)


def floe(folder, spine, ttl_s):
    from floe_bench import open_catalog, historical_features

    catalog = open_catalog(folder)
    entities = read_spine(folder, spine)
    features = feature_names(folder)
    return lambda: historical_features(catalog, entities, features, ttl_s).select(features)


def floe_pull_latest(folder, spine, ttl_s):
    from floe_bench import open_catalog, pull_latest

    catalog = open_catalog(folder)
    features = feature_names(folder)
    return lambda: pull_latest(catalog, features)


def _duckdb_view(folder, connection):
    files = data_files(folder)
    connection.execute("SET TimeZone='UTC'")
    listed = ", ".join(f"'{path}'" for path in files)
    connection.execute(f"CREATE VIEW f AS SELECT * FROM read_parquet([{listed}])")


def _duckdb_asof(folder, spine, ttl_s, where):
    import duckdb

    connection = duckdb.connect()
    _duckdb_view(folder, connection)
    kept = (
        f"CASE WHEN f.event_ts >= e.event_timestamp - INTERVAL {ttl_s} SECOND THEN f.%s END"
        if ttl_s
        else "f.%s"
    )
    features = ", ".join(f"{kept % name} AS {name}" for name in feature_names(folder))
    query = f"""
        SELECT {features}
        FROM (SELECT *, row_number() OVER () AS row FROM
              read_parquet('{spine_path(folder, spine)}')) e
        ASOF LEFT JOIN (SELECT * FROM f {where}) f
        ON e.entity_id = f.entity_id AND e.event_timestamp >= f.event_ts
        ORDER BY e.row"""
    return lambda: connection.execute(query).to_arrow_table()


def duckdb_asof(folder, spine, ttl_s):
    """DuckDB ASOF JOIN; ties are whatever it finds (it has no second order)."""
    return _duckdb_asof(folder, spine, ttl_s, "")


def duckdb_asof_time_filter(folder, spine, ttl_s):
    """The same with the time range a user would work out by hand."""
    import pyarrow.compute as pc

    times = read_spine(folder, spine)["event_timestamp"]
    low, high = pc.min(times).as_py(), pc.max(times).as_py()
    where = f"WHERE event_ts <= TIMESTAMPTZ '{high.isoformat()}'"
    if ttl_s:
        where += f" AND event_ts >= TIMESTAMPTZ '{low.isoformat()}' - INTERVAL {ttl_s} SECOND"
    return _duckdb_asof(folder, spine, ttl_s, where)


def duckdb_latest(folder, spine, ttl_s):
    import duckdb

    connection = duckdb.connect()
    _duckdb_view(folder, connection)
    features = ", ".join(feature_names(folder))
    query = f"""SELECT entity_id, {features}, event_ts, created FROM (
        SELECT *, row_number() OVER (PARTITION BY entity_id
                                     ORDER BY event_ts DESC, created DESC) AS n FROM f)
        WHERE n = 1"""
    return lambda: connection.execute(query).to_arrow_table()


def polars_asof(folder, spine, ttl_s):
    import datetime

    import polars as pl

    files = data_files(folder)
    features = feature_names(folder)

    def call():
        left = pl.scan_parquet(spine_path(folder, spine)).with_row_index("row")
        right = pl.scan_parquet(files).select(TIME_COLUMNS + features)
        joined = left.sort("event_timestamp").join_asof(
            right.sort("event_ts", "created"),
            left_on="event_timestamp",
            right_on="event_ts",
            by="entity_id",
            strategy="backward",
            tolerance=datetime.timedelta(seconds=ttl_s) if ttl_s else None,
        )
        return joined.sort("row").select(features).collect().to_arrow()

    return call


def polars_latest(folder, spine, ttl_s):
    import polars as pl

    files = data_files(folder)
    features = feature_names(folder)

    def call():
        rows = pl.scan_parquet(files).select(TIME_COLUMNS + features)
        latest = rows.sort("event_ts", "created").group_by("entity_id").last()
        return latest.collect().to_arrow()

    return call


def _feast_store(folder, offline_store, source, ttl_s):
    import datetime

    from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig
    from feast.types import Float64, Int64, String
    from feast.value_type import ValueType

    repo = tempfile.mkdtemp(prefix="pit-feast-")
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=f"{repo}/registry.db",
            offline_store=offline_store,
            online_store={"type": "sqlite", "path": f"{repo}/online.db"},
            entity_key_serialization_version=3,
        )
    )
    kinds = {"double": Float64, "long": Int64, "string": String}
    schema = [
        Field(name=f.name, dtype=kinds[str(f.field_type)])
        for f in open_table(folder).schema().fields
        if f.name not in TIME_COLUMNS
    ]
    entity = Entity(name="entity", join_keys=["entity_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="view",
        entities=[entity],
        ttl=datetime.timedelta(seconds=ttl_s),
        schema=schema,
        source=source,
        online=False,
    )
    store.apply([entity, view])
    return store, [f"view:{field.name}" for field in schema]


def _feast_call(folder, spine, offline_store, source, ttl_s):
    store, refs = _feast_store(folder, offline_store, source, ttl_s)
    features = [ref.split(":")[1] for ref in refs]
    entities = read_spine(folder, spine).to_pandas()

    def call():
        job = store.get_historical_features(entity_df=entities, features=refs)
        return pa.Table.from_pandas(job.to_df(), preserve_index=False).select(features)

    return call


def feast_duckdb(folder, spine, ttl_s):
    """Stock Feast: its DuckDB store over its own Iceberg source."""
    from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource

    source = IcebergSource(
        name="features",
        warehouse=f"file://{folder}/warehouse",
        namespace=pit_data.NAMESPACE,
        table=pit_data.TABLE,
        catalog_type="sql",
        catalog_name="bench",
        endpoint=f"sqlite:///{folder}/catalog.db",
        timestamp_field="event_ts",
        created_timestamp_column="created",
    )
    return _feast_call(folder, spine, {"type": "duckdb"}, source, ttl_s)


def feast_floe(folder, spine, ttl_s):
    """Stock Feast with Floe's store: the same call, another `type:` line."""
    from floe import IcebergSource

    source = IcebergSource(
        name="features",
        table_identifier=f"{pit_data.NAMESPACE}.{pit_data.TABLE}",
        timestamp_field="event_ts",
        created_timestamp_column="created",
    )
    offline_store = {
        "type": "floe.IcebergOfflineStore",
        "catalog_type": "sql",
        "catalog_name": "bench",
        "uri": f"sqlite:///{folder}/catalog.db",
        "warehouse": f"file://{folder}/warehouse",
    }
    return _feast_call(folder, spine, offline_store, source, ttl_s)


CONTENDERS = {
    function.__name__: function
    for function in (
        decode_floor, decode_dataset, floe, floe_pull_latest, duckdb_asof,
        duckdb_asof_time_filter, duckdb_latest, polars_asof, polars_latest, feast_duckdb,
        feast_floe,
    )
}
