"""Online tables when a feature view changes, and what `feast plan` says before: columns
added, dropped, renamed and widened without a data file being rewritten; versioned views."""

import json
from datetime import datetime, timezone

import pandas as pd
import pytest

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.repo_contents import RepoContents
from feast.types import Float32, Float64, Int32, Int64, Map, String

T0 = datetime(2026, 3, 1, tzinfo=timezone.utc)
TABLE = "feast_online.rides_v_online"


def entity():
    return Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)


def view(name="v", tags=None, **features):
    tags = tags or {}
    return FeatureView(
        name=name,
        entities=[entity()],
        schema=[
            Field(name=f, dtype=dtype, tags=tags.get(f)) for f, dtype in features.items()
        ],
        source=FileSource(name=f"{name}_s", path="unused.parquet", timestamp_field="ts"),
    )


def write(store, name="v", **columns):
    frame = pd.DataFrame({**columns, "ts": [T0] * len(columns["k"])})
    store.write_to_online_store(name, frame)


def ask(store, *features, keys=(1, 2)):
    answer = store.get_online_features(list(features), {"k": list(keys)}).to_dict()
    return [answer[f.split(":")[1]] for f in features]


def columns(catalog):
    return {
        field["name"]: field["type"]
        for field in catalog.describe(TABLE)["schema"]["fields"]
        if field["name"] not in ("entity_key", "entity_hash", "event_ts", "created_ts")
    }


def data_files(catalog):
    return catalog.describe(TABLE)["snapshots"][-1]["snapshot_id"]


def plan(store, *views):
    """The lines of `feast plan`, without colours."""
    contents = RepoContents(
        projects=[], data_sources=[], feature_views=list(views), on_demand_feature_views=[],
        stream_feature_views=[], entities=[entity()], feature_services=[], permissions=[],
        label_views=[],
    )
    _, diff, _ = store.plan(contents, skip_feature_view_validation=True)
    return {
        d.name: (
            d.transition_type.name,
            [(p.property_name, p.val_existing, p.val_declared) for p in d.infra_object_property_diffs],
        )
        for d in diff.infra_object_diffs
    }, diff.to_string()


@pytest.fixture
def store(make_store):
    return make_store()


def test_columns_are_added_widened_renamed_and_dropped_without_rewriting(store, catalog_of):
    store.apply([entity(), view(a=Int32, b=String, c=Float32)])
    write(store, k=[1], a=pd.array([7], dtype="int32"), b=["x"], c=pd.array([0.5], dtype="float32"))
    catalog = catalog_of(store)
    before = data_files(catalog)
    assert columns(catalog) == {"a": "int", "b": "string", "c": "float"}

    changed = view(a=Int64, d=Float64, e=String, tags={"e": {"floe.renamed_from": "b"}})
    planned, text = plan(store, changed)
    assert planned == {
        TABLE: (
            "UPDATE",
            [
                ("column a", "int", "long"),
                ("column d", "none", "double"),
                ("column b", "b", "e"),
                ("column c", "float", "dropped"),
            ],
        )
    }
    assert "Updated iceberg table" in text and "column a" in text
    assert columns(catalog) == {"a": "int", "b": "string", "c": "float"}  # A plan alone.

    store.apply([entity(), changed])
    assert columns(catalog) == {"a": "long", "d": "double", "e": "string"}
    assert data_files(catalog) == before  # No snapshot: no data file was touched.
    assert ask(store, "v:a", "v:d", "v:e") == [[7, None], [None, None], ["x", None]]
    write(store, k=[2], a=[2**40], d=[1.5], e=["y"])
    assert ask(store, "v:a", "v:d", "v:e") == [[7, 2**40], [None, 1.5], ["x", "y"]]
    planned, text = plan(store, changed)
    assert planned == {TABLE: ("UNCHANGED", [])} and "No changes to infrastructure" in text
    # The tag may stay: there is nothing left to rename.
    store.apply([entity(), changed])
    assert ask(store, "v:e") == [["x", "y"]]


def test_a_feature_dropped_and_added_again_has_no_values(store):
    store.apply([entity(), view(a=Int64, b=String)])
    write(store, k=[1], a=[1], b=["old"])
    assert ask(store, "v:b") == [["old", None]]
    store.apply([entity(), view(a=Int64)])
    store.apply([entity(), view(a=Int64, b=String)])
    assert ask(store, "v:a", "v:b") == [[1, None], [None, None]]


def test_a_type_that_cannot_follow_is_refused_by_plan_and_by_apply(store, catalog_of):
    store.apply([entity(), view(a=Int64)])
    for act in (lambda: plan(store, view(a=String)), lambda: store.apply([entity(), view(a=String)])):
        with pytest.raises(Exception, match="feature 'a' is INT64 .* cannot become STRING"):
            act()
    assert columns(catalog_of(store)) == {"a": "long"}


def test_plan_shows_tables_made_and_dropped(store):
    planned, text = plan(store, view(a=Int64))
    assert planned == {TABLE: ("CREATE", [])} and "Created iceberg table" in text
    store.apply([entity(), view(a=Int64)])
    planned, text = plan(store, view(name="w", a=Int64))
    assert planned == {
        "feast_online.rides_w_online": ("CREATE", []),
        TABLE: ("DELETE", []),
    }
    assert "Deleted iceberg table" in text


def test_other_projects_tables_are_not_planned_away(make_store):
    first, second = make_store(project="rides"), make_store(project="rides_v")
    first.apply([entity(), view(a=Int64)])
    planned, _ = plan(second, view(a=Int64))
    assert planned == {"feast_online.rides_v_v_online": ("CREATE", [])}


def test_columns_of_other_programs_stay(store, catalog_of):
    store.apply([entity(), view(a=Int64)])
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.types import StringType

    settings = store.config.online_store.catalog_arguments(store.config.repo_path)
    catalog = SqlCatalog("floe", uri=settings["uri"], warehouse=settings["warehouse"])
    with catalog.load_table(TABLE).update_schema() as update:
        update.add_column("note", StringType())
    store.apply([entity(), view(a=Int64, b=Int64)])
    assert set(columns(catalog_of(store))) == {"a", "b", "note"}


def test_versioned_views_have_tables_of_their_own(make_store, catalog_of):
    store = make_store(registry={"enable_online_feature_view_versioning": True})
    store.apply([entity(), view(a=Int64)])
    write(store, k=[1], a=[1])
    changed = view(a=Int64, b=Int64)
    planned, _ = plan(store, changed)
    store.apply([entity(), view(a=Int64, b=Int64)])
    write(store, k=[1], a=[10], b=[20])
    assert ask(store, "v:a", "v:b", keys=[1]) == [[10], [20]]
    older = store.get_online_features(["v@v0:a"], {"k": [1]}).to_dict()
    assert older[[name for name in older if name != "k"][0]] == [1]
    tables = catalog_of(store).list_tables("feast_online")
    assert TABLE in tables and "feast_online.rides_v_v1_online" in tables
    store.teardown()
    assert catalog_of(store).list_tables("feast_online") == []


def test_maps_are_json_that_any_engine_reads(store, catalog_of):
    import duckdb

    store.apply([entity(), view(m=Map)])
    maps = [
        {"colour": "red", "sizes": [1, 2], "$odd": 1.5},
        {"colour": "blue", "sizes": [3], "$odd": None},
    ]
    write(store, k=[1, 2], m=maps)
    assert columns(catalog_of(store)) == {"m": "string"}
    rows = catalog_of(store).scan(TABLE).read_all()
    texts = {json.loads(text)["colour"]: json.loads(text) for text in rows["m"].to_pylist()}
    assert texts == {
        "red": {"colour": "red", "sizes": [1, 2], "$$odd": 1.5},
        "blue": {"colour": "blue", "sizes": [3], "$$odd": None},
    }
    query = "select json_extract_string(m, '$.colour') from rows order by 1"
    assert duckdb.sql(query).fetchall() == [("blue",), ("red",)]
    assert ask(store, "v:m") == [maps]


def test_tables_that_keep_messages_are_read_and_written_on(store, catalog_of):
    """As they were made before maps were JSON: a binary column of serialized values."""
    from feast.protos.feast.types.Value_pb2 import Map as MapProto, Value
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.types import BinaryType

    store.apply([entity(), view(a=Int64)])
    settings = store.config.online_store.catalog_arguments(store.config.repo_path)
    catalog = SqlCatalog("floe", uri=settings["uri"], warehouse=settings["warehouse"])
    with catalog.load_table(TABLE).update_schema() as update:
        update.add_column("m", BinaryType())
    with catalog.load_table(TABLE).transaction() as change:
        change.set_properties({"floe.online.feature-type.m": "MAP"})
    whole = view(a=Int64, m=Map)
    store.apply([entity(), whole])
    write(store, k=[1], a=[1], m=[{"x": 1}])
    assert columns(catalog_of(store)) == {"a": "long", "m": "binary"}
    stored = catalog_of(store).scan(TABLE).read_all()["m"].to_pylist()
    assert stored == [Value(map_val=MapProto(val={"x": Value(int64_val=1)})).SerializeToString()]
    assert ask(store, "v:m") == [[{"x": 1}, None]]
