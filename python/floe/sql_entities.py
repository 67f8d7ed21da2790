"""SQL entity frames: run by DuckDB over the catalog's tables."""

import json

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
        for levels, table in sorted(_tables_of(connection, query)):
            _provide(connection, levels, table, catalog, namespace)
        return connection.execute(query).to_arrow_table()
    except duckdb.Error as error:
        raise FloeInputError(
            f"the SQL of entity_df fails: {error}", "INVALID_ARGUMENT"
        ) from error
    finally:
        connection.close()


def _tables_of(connection, query):
    """{(namespace levels, table)} that the query reads: no common table expressions, and
    no files, which DuckDB reads by itself."""
    ((tree,),) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    tree = json.loads(tree)
    if tree["error"]:
        raise FloeInputError(
            f"the SQL of entity_df is no SELECT: {tree['error_message']}",
            "INVALID_ARGUMENT",
        )
    tables, expressions = set(), set()
    _walk(tree, tables, expressions)
    return {
        (levels, table)
        for levels, table in tables
        if levels or not (table in expressions or _is_file(table))
    }


def _walk(node, tables, expressions):
    if isinstance(node, list):
        for element in node:
            _walk(element, tables, expressions)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            levels = (node["catalog_name"], node["schema_name"])
            tables.add((tuple(filter(None, levels)), node["table_name"]))
        for expression in (node.get("cte_map") or {}).get("map", []):
            expressions.add(expression["key"])
        for value in node.values():
            _walk(value, tables, expressions)


def _is_file(name):
    return "/" in name or name.endswith((".parquet", ".csv", ".json"))


def _provide(connection, levels, table, catalog, namespace):
    """Makes the catalog's table visible to DuckDB under the name the query uses."""
    name = ".".join([*(levels or [namespace]), table])
    connection.register("__floe_rows", catalog.scan(name).read_all())
    if len(levels) == 2:
        connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_quoted(levels[0])}")
    if levels:
        schema = ".".join(_quoted(level) for level in levels)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    target = ".".join(_quoted(part) for part in (*levels, table))
    # A copy: a view would follow the registered name to the next table.
    connection.execute(f"CREATE TABLE {target} AS SELECT * FROM __floe_rows")
    connection.unregister("__floe_rows")


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'
