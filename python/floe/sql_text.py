"""The SQL that says what a point-in-time retrieval does, in DuckDB's dialect.

For people to read, and for checking Floe against another engine (times without a zone are
UTC: SET TimeZone = 'UTC'). Floe runs none of it.
"""

import os


def historical_features(request, entity_sql):
    """The statement for a request of floe_historical_features, its sources those of
    source_json. entity_sql: the entity rows' query, or None for the table entity_df."""
    time = _name(request["entity_timestamp_column"])
    frame = f"({entity_sql.strip().rstrip(';')})" if entity_sql else "entity_df"
    parts = [
        "entity_rows AS (\n"
        f"  SELECT *, row_number() OVER () AS __row FROM {frame} AS entity_df\n)"
    ]
    columns, joins = ["entity_rows.* EXCLUDE (__row)"], []
    for index, view in enumerate(request["views"]):
        alias = f"view_{index}"
        parts.append(f"{alias} AS (\n{_view(request, view, time)}\n)")
        columns += [f"{alias}.{_name(f['output'])}" for f in view["features"]]
        joins.append(f"LEFT JOIN {alias} USING (__row)")
    return "\n".join(
        [
            "WITH " + ",\n".join(parts),
            "SELECT " + ",\n       ".join(columns),
            "FROM entity_rows",
            *joins,
            "ORDER BY __row",
        ]
    )


def _view(request, view, time):
    source = view["source"]
    event = f"f.{_name(source['timestamp_field'])}"
    created = source["created_timestamp_column"]
    matches = [
        f"e.{_name(key['entity'])} = f.{_name(key['source'])}" for key in view["join_keys"]
    ]
    matches.append(f"{event} <= e.{time}")
    if view["ttl_us"]:
        matches.append(f"{event} >= e.{time} - to_microseconds({view['ttl_us']})")
    order = f"{event} DESC"
    if created:
        order += f", f.{_name(created)} DESC NULLS LAST"
        if request["filter_by_created_timestamp"]:
            matches.append(f"f.{_name(created)} <= e.{time}")
    features = "".join(
        f",\n         f.{_name(f['source'])} AS {_name(f['output'])}"
        for f in view["features"]
    )
    return (
        f"  SELECT e.__row{features}\n"
        f"  FROM entity_rows AS e JOIN {_rows_of(source)} AS f\n"
        f"    ON {' AND '.join(matches)}\n"
        f"  QUALIFY row_number() OVER (PARTITION BY e.__row ORDER BY {order}) = 1"
    )


def _rows_of(source):
    if "parquet" in source:
        path = source["parquet"]
        return f"read_parquet({_text(path + '/**/*.parquet' if os.path.isdir(path) else path)})"
    table = source.location.catalog.describe(source["table"])
    metadata = _text(table["metadata_location"].removeprefix("file://"))
    snapshot = source.get("snapshot_id")
    if "ref" in source:
        snapshot = table["refs"][source["ref"]]["snapshot_id"]
    if snapshot is not None:
        return f"iceberg_scan({metadata}, snapshot_from_id := {snapshot})"
    if "as_of_ms" in source:
        at = source["as_of_ms"]
        return f"iceberg_scan({metadata}, snapshot_from_timestamp := make_timestamp({at}000))"
    return f"iceberg_scan({metadata})"


def _name(name):
    return '"' + name.replace('"', '""') + '"'


def _text(value):
    return "'" + value.replace("'", "''") + "'"
