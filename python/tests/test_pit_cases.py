"""Every case of test/pit through stock Feast, with a pandas and an Arrow entity frame."""

import pyarrow as pa
import pytest

from feast import Entity, FeatureService, FeatureView, Field
from feast.types import (
    Bool,
    Bytes,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    UnixTimestamp,
)
from floe import FloeError, IcebergSource
from pit_case import CASES, exact_rows, micros, plain_rows, read

# Cases whose question stock Feast does not pass on, beside those that say so themselves.
FEAST_DECIDES = {
    "error_duplicate_output": "Feast refuses two features of one name itself",
    "error_entity_time_type": "times given as text are parsed, as Feast's stores do",
    "field_mapping": "Feast refuses to map a name to one that is a column itself",
}

ALL_CASES = [read(path) for path in sorted(CASES.glob("*.case"))]
CASES_FOR_FEAST = [
    case
    for case in ALL_CASES
    if not case.options.get("feast", "").startswith("no") and case.name not in FEAST_DECIDES
]

_DTYPES = {
    pa.int32(): Int32,
    pa.int64(): Int64,
    pa.float32(): Float32,
    pa.float64(): Float64,
    pa.bool_(): Bool,
    pa.string(): String,
    pa.binary(): Bytes,
}


def dtype(arrow_type):
    return _DTYPES.get(arrow_type, UnixTimestamp)


@pytest.fixture
def store_of(make_store, catalog_of):
    """store_of(case): a FeatureStore with the case's tables in its catalog, each row
    appended by itself where there are few: ties must not hang on the file."""

    def make(case):
        store = make_store()
        catalog = catalog_of(store)
        for name, rows in case.tables.items():
            catalog.create_table(f"feast.{name}", rows.schema)
            half = rows.num_rows // 2
            for part in (rows.slice(0, half), rows.slice(half)):
                if part.num_rows:
                    catalog.append(f"feast.{name}", part)
        return store

    return make


def source_of(view, alias):
    mapping = {column: name for column, name in view.features if column != name}
    return IcebergSource(
        name=f"{alias} source",
        table_identifier=f"feast.{view.table}",
        timestamp_field=view.timestamp,
        created_timestamp_column=view.created,
        field_mapping=mapping,
    )


def service_of(case, store):
    """The case's views, applied, as a feature service that asks for its features."""
    objects, projections = [], []
    for view in case.views:
        schema = case.tables[view.table].schema
        entities = []
        for _, column in view.keys:
            entity = Entity(
                name=column,
                join_keys=[column],
                value_type=dtype(schema.field(column).type).to_value_type(),
            )
            entities.append(entity)
        fields = [
            Field(name=name, dtype=feature_dtype(schema, column))
            for column, name in view.features
        ]
        feature_view = FeatureView(
            name=view.name,
            entities=entities,
            ttl=view.ttl,
            schema=fields
            + [
                Field(name=column, dtype=dtype(schema.field(column).type))
                for _, column in view.keys
            ],
            source=source_of(view, view.name),
        )
        objects += [*entities, feature_view]
        projection = feature_view[[name for _, name in view.features]]
        renamed = {column: entity for entity, column in view.keys if column != entity}
        projections.append(
            projection.with_join_key_map(renamed) if renamed else projection
        )
    service = FeatureService(name="asked", features=projections)
    store.apply([*{id(o): o for o in objects}.values(), service])
    return service


def feature_dtype(schema, column):
    return dtype(schema.field(column).type) if column in schema.names else Int64


def ask(case, store, as_pandas):
    if case.pull:
        return pull(case, store)
    arguments = {
        "features": service_of(case, store),
        "full_feature_names": case.options.get("full_feature_names") == "true",
    }
    if case.options.get("filter_by_created") == "true":
        arguments["filter_by_created_timestamp"] = True
    if case.entities is None:
        arguments["start_date"] = micros(case.options["start"])
        arguments["end_date"] = micros(case.options["end"])
    else:
        arguments["entity_df"] = (
            case.entities.to_pandas() if as_pandas else case.entities
        )
    return store.get_historical_features(**arguments)


def pull(case, store):
    kind, view, settings = case.pull
    offline = store._get_provider().offline_store
    function = {
        "pull_latest": offline.pull_latest_from_table_or_query,
        "pull_all": offline.pull_all_from_table_or_query,
    }[kind]
    return function(
        config=store.config,
        data_source=source_of(view, view.name),
        join_key_columns=[column for _, column in view.keys],
        feature_name_columns=[column for column, _ in view.features],
        timestamp_field=view.timestamp,
        created_timestamp_column=view.created or None,
        start_date=micros(settings["start"]) if "start" in settings else None,
        end_date=micros(settings["end"]) if "end" in settings else None,
    )


def check_rows(case, expected, actual):
    if case.unordered:
        expected, actual = sorted(expected), sorted(actual)
    assert actual == expected


def check_error(case, run):
    with pytest.raises(FloeError) as raised:
        run()
    for key, value in case.error:
        if key == "code":
            assert raised.value.code == value
        else:
            assert value in str(raised.value)


@pytest.mark.parametrize("case", CASES_FOR_FEAST, ids=lambda case: case.name)
def test_case_with_an_arrow_entity_frame(case, store_of):
    store = store_of(case)
    if case.error is not None:
        check_error(case, lambda: ask(case, store, False).to_arrow())
        return
    actual = ask(case, store, False).to_arrow()
    assert actual.schema.names == case.expect.schema.names
    assert actual.schema.types == case.expect.schema.types
    check_rows(case, exact_rows(case.expect), exact_rows(actual))


@pytest.mark.parametrize(
    "case", [case for case in CASES_FOR_FEAST if case.entities is not None], ids=lambda case: case.name
)
def test_case_with_a_pandas_entity_frame(case, store_of):
    store = store_of(case)
    if case.error is not None:
        check_error(case, lambda: ask(case, store, True).to_df())
        return
    actual = ask(case, store, True).to_df()
    assert list(actual.columns) == case.expect.schema.names
    check_rows(case, plain_rows(case.expect.to_pandas()), plain_rows(actual))


def test_there_are_cases_and_few_are_left_out():
    assert len(CASES_FOR_FEAST) > 50
    assert len(CASES_FOR_FEAST) > 0.6 * len(ALL_CASES)
