"""SQL entity frames: run by DuckDB over the catalog's tables."""

from floe.errors import FloeError, FloeInputError


def run(query, catalog, namespace):
    """The rows of `query` as a pyarrow Table. The tables it names are those of `catalog`,
    in `namespace` where the query names none."""
    try:
        import duckdb
    except ImportError as error:
        raise FloeError(
            "an entity_df of SQL text needs DuckDB: pip install duckdb", "NOT_SUPPORTED"
        ) from error
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name in connection.get_table_names(query, qualified=True):
            _provide(connection, name, catalog, namespace)
        return connection.execute(query).to_arrow_table()
    except duckdb.Error as error:
        raise FloeInputError(
            f"the SQL of entity_df fails: {error}", "INVALID_ARGUMENT"
        ) from error
    finally:
        connection.close()


def _provide(connection, name, catalog, namespace):
    """Makes the catalog's table visible to DuckDB under the name the query uses."""
    parts = [part.strip('"') for part in name.split(".")]
    levels = parts[:-1] or namespace.split(".")
    rows = catalog.scan(".".join([*levels, parts[-1]])).read_all()
    connection.register("__floe_rows", rows)
    target = ".".join(_quoted(part) for part in parts)
    if len(parts) > 1:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(parts[-2])}")
    # A copy: a view would follow the registered name to the next table.
    connection.execute(f"CREATE TABLE {target} AS SELECT * FROM __floe_rows")
    connection.unregister("__floe_rows")


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'
