"""On-demand views whose transformation is a Substrait plan, run by pyarrow."""

import json
from datetime import datetime, timezone

import pandas as pd
import pyarrow as pa
import pytest

from feast import Entity, FeatureView, Field, RequestSource, ValueType
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.transformation.substrait_transformation import SubstraitTransformation
from feast.types import Float64
from floe import IcebergSource

T0 = datetime(2026, 3, 1, tzinfo=timezone.utc)
US = pa.timestamp("us", tz="UTC")


def column(place):
    reference = {"directReference": {"structField": {"field": place}}, "rootReference": {}}
    return {"value": {"selection": reference}}


def product_plan(left, right, output):
    """The plan of `SELECT left * right AS output`, as ibis-substrait makes one."""
    from pyarrow._substrait import _parse_json_plan

    uri = "https://github.com/substrait-io/substrait/blob/main/extensions/functions_arithmetic.yaml"
    schema = {"struct": {"types": [{"fp64": {}}, {"fp64": {}}]}, "names": [left, right]}
    product = {
        "scalarFunction": {
            "functionReference": 1,
            "arguments": [column(0), column(1)],
            "outputType": {"fp64": {}},
        }
    }
    project = {
        "common": {"emit": {"outputMapping": [2]}},
        "input": {"read": {"base_schema": schema, "namedTable": {"names": ["t"]}}},
        "expressions": [product],
    }
    plan = {
        "version": {"minorNumber": 9999},
        "extensionUris": [{"extensionUriAnchor": 1, "uri": uri}],
        "extensions": [
            {
                "extensionFunction": {
                    "extensionUriReference": 1,
                    "functionAnchor": 1,
                    "name": "multiply",
                }
            }
        ],
        "relations": [{"root": {"names": [output], "input": {"project": project}}}],
    }
    return _parse_json_plan(json.dumps(plan).encode()).to_pybytes()


def scaled(table):
    """What the plan was made of; Feast keeps it beside the plan."""
    return table.mutate(scaled=table.v * table.factor)


@pytest.fixture
def store(make_store, catalog_of):
    store = make_store()
    schema = pa.schema([("k", pa.int64()), ("ts", US), ("v", pa.float64())])
    catalog_of(store).create_table("feast.facts", schema)
    rows = [{"k": 1, "ts": T0, "v": 2.0}, {"k": 2, "ts": T0, "v": None}]
    catalog_of(store).append("feast.facts", pa.Table.from_pylist(rows, schema))
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="facts",
        entities=[entity],
        schema=[Field(name="v", dtype=Float64)],
        source=IcebergSource(name="facts", table_identifier="feast.facts", timestamp_field="ts"),
    )
    asked = RequestSource(name="asked", schema=[Field(name="factor", dtype=Float64)])
    product = OnDemandFeatureView(
        name="product",
        sources=[view, asked],
        schema=[Field(name="scaled", dtype=Float64)],
        mode="substrait",
        feature_transformation=SubstraitTransformation(
            product_plan("v", "factor", "scaled"), scaled
        ),
    )
    store.apply([entity, view, asked, product])
    return store


def test_a_plan_runs_in_a_training_set(store):
    frame = pd.DataFrame({"k": [1, 2, 3], "event_timestamp": T0, "factor": [0.5, 1.0, 2.0]})
    job = store.get_historical_features(frame, ["facts:v", "product:scaled"])
    table = job.to_arrow()
    assert table["scaled"].to_pylist() == [1.0, None, None]
    assert job.to_df()["scaled"].tolist()[0] == 1.0


def test_a_plan_runs_when_features_are_served(store):
    frame = pd.DataFrame({"k": [1], "v": [2.0], "ts": [T0]})
    store.write_to_online_store("facts", frame)
    answer = store.get_online_features(
        ["facts:v", "product:scaled"], [{"k": 1, "factor": 0.25}]
    ).to_dict()
    assert answer["scaled"] == [0.5]
