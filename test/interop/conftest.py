"""One SQLite catalog, opened by Floe, PyIceberg and Spark; a DuckDB that reads Iceberg."""

import os
import pathlib
import types

import pytest

import floe


def _pyiceberg_catalog(uri, warehouse):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog("shared", uri=uri, warehouse=warehouse)


@pytest.fixture
def shared(tmp_path):
    """shared.floe and shared.pyiceberg(): both on the same tables of namespace "db"."""
    uri = f"sqlite:///{tmp_path}/catalog.db"
    warehouse = f"file://{tmp_path}/warehouse"
    catalog = floe.Catalog(
        catalog_type="sql", catalog_name="shared", uri=uri, warehouse=warehouse
    )
    catalog.create_namespace("db")
    return types.SimpleNamespace(
        floe=catalog,
        pyiceberg=lambda: _pyiceberg_catalog(uri, warehouse),
        open_floe=lambda: floe.Catalog(
            catalog_type="sql", catalog_name="shared", uri=uri, warehouse=warehouse
        ),
    )


@pytest.fixture(scope="session")
def duckdb_scan():
    """duckdb_scan(metadata_location, where="", snapshot_id=None) -> pyarrow Table."""
    import duckdb
    import duckdb_extension_avro
    import duckdb_extension_iceberg

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        folder = pathlib.Path(package.__file__).parent
        extension = next(folder.rglob("*.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'UTC'")

    def scan(metadata_location, where="", snapshot_id=None):
        path = metadata_location.removeprefix("file://")
        pin = f", snapshot_from_id => {snapshot_id}" if snapshot_id else ""
        condition = f" WHERE {where}" if where else ""
        query = f"SELECT * FROM iceberg_scan('{path}'{pin}){condition}"
        return connection.execute(query).to_arrow_table()

    return scan


@pytest.fixture(scope="session")
def spark_catalog(tmp_path_factory):
    """.floe, .spark and .pyiceberg() on the tables of one SQLite catalog; Spark knows them
    as `j.db.NAME`. One for all tests, since Spark takes long to start: each test has
    tables of its own."""
    installed = os.environ.get("FLOE_INTEROP_SPARK")
    if not installed:
        pytest.skip("Spark is for ./dev test-interop, which sets FLOE_INTEROP_SPARK")
    from spark_engine import Spark

    work = tmp_path_factory.mktemp("spark")
    uri, warehouse = f"sqlite:///{work}/catalog.db", f"file://{work}/warehouse"
    catalog = floe.Catalog(
        catalog_type="sql", catalog_name="j", uri=uri, warehouse=warehouse
    )
    catalog.create_namespace("db")
    spark = Spark(installed, work, warehouse, f"jdbc:sqlite:{work}/catalog.db")

    def pyiceberg():
        from pyiceberg.catalog.sql import SqlCatalog

        return SqlCatalog("j", uri=uri, warehouse=warehouse)

    yield types.SimpleNamespace(floe=catalog, spark=spark, pyiceberg=pyiceberg)
    spark.close()
