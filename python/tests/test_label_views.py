"""Label views offline: each conflict policy against Feast's own resolver, run on the rows
that an entity row may see."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from feast import ConflictPolicy, Entity, Field, LabelView, ValueType
from feast.labeling.conflict_resolver import resolve_conflicts
from feast.types import Float64, Int64, String
from floe import IcebergSource

UTC = timezone.utc
T0 = datetime(2026, 3, 1, tzinfo=UTC)
US = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("k", pa.int64()), ("ts", US), ("labeler", pa.string()), ("label", pa.string()),
        ("score", pa.float64()), ("flag", pa.int64()),
    ]
)
LABELERS = ["ann", "bob", "cy", "dee"]


def rows(seed, count=300):
    random = np.random.default_rng(seed)
    # Times are distinct: of equal ones Feast's resolver takes any.
    minutes = random.permutation(5000)[:count]
    return pd.DataFrame(
        {
            "k": random.integers(1, 8, count),
            "ts": [T0 + timedelta(minutes=int(m)) for m in minutes],
            "labeler": random.choice(LABELERS, count),
            "label": random.choice(["yes", "no", "maybe", None], count),
            "score": random.choice([0.5, 1.5, np.nan], count),
            "flag": random.integers(0, 3, count),
        }
    )


def resolved(frame, keys, times, ttl, policy, labelers):
    features = ["labeler", "label", "score", "flag"]
    answer = []
    for key, time in zip(keys, times):
        seen = frame[(frame.k == key) & (frame.ts <= time)]
        if ttl:
            seen = seen[seen.ts >= time - ttl]
        if seen.empty:
            answer.append([None] * len(features))
            continue
        row = resolve_conflicts(seen, ["k"], features, "ts", "labeler", policy, labelers).iloc[0]
        answer.append([None if pd.isna(row[f]) else row[f] for f in features])
    return answer


def label_view(policy, ttl, tags=None):
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    return entity, LabelView(
        name="labels",
        entities=[entity],
        ttl=ttl,
        schema=[
            Field(name="k", dtype=Int64), Field(name="labeler", dtype=String),
            Field(name="label", dtype=String), Field(name="score", dtype=Float64),
            Field(name="flag", dtype=Int64),
        ],
        source=IcebergSource(name="labels", table_identifier="feast.labels", timestamp_field="ts"),
        conflict_policy=policy,
        tags=tags or {},
    )


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(hours=10)], ids=str)
@pytest.mark.parametrize(
    "policy, labelers",
    [
        (ConflictPolicy.LAST_WRITE_WINS, None),
        (ConflictPolicy.MAJORITY_VOTE, None),
        (ConflictPolicy.LABELER_PRIORITY, None),
        (ConflictPolicy.LABELER_PRIORITY, ["cy", "ann"]),
    ],
    ids=str,
)
def test_a_policy_is_feasts_resolver_at_each_entity_time(make_store, catalog_of, policy, labelers, ttl):
    store = make_store()
    frame = rows(seed=7)
    table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
    catalog_of(store).create_table("feast.labels", SCHEMA, partition_by=["day(ts)"])
    catalog_of(store).append("feast.labels", table.slice(0, 120))
    catalog_of(store).append("feast.labels", table.slice(120))
    entity, view = label_view(policy, ttl, {"floe.labelers": ", ".join(labelers)} if labelers else None)
    store.apply([entity, view])
    random = np.random.default_rng(1)
    keys = random.integers(0, 9, 60).tolist()
    times = [T0 + timedelta(minutes=int(m)) for m in random.integers(-50, 5500, 60)]
    answer = store.get_historical_features(
        entity_df=pd.DataFrame({"k": keys, "event_timestamp": times}),
        features=["labels:labeler", "labels:label", "labels:score", "labels:flag"],
    ).to_arrow()
    got = [
        [None if v is None or v != v else v for v in row.values()]
        for row in answer.select(["labeler", "label", "score", "flag"]).to_pylist()
    ]
    wanted = resolved(frame, keys, times, ttl, policy, labelers)
    if policy == ConflictPolicy.LAST_WRITE_WINS or (
        policy == ConflictPolicy.LABELER_PRIORITY
    ):
        # A NULL, or Feast's NaN, in the row that counts is the answer.
        assert got == wanted
    else:
        assert got == wanted


def test_a_vote_over_lists_is_refused_by_name(make_store, catalog_of):
    store = make_store()
    schema = pa.schema([("k", pa.int64()), ("ts", US), ("tags", pa.list_(pa.string()))])
    catalog_of(store).create_table("feast.labels", schema)
    catalog_of(store).append(
        "feast.labels", pa.Table.from_pylist([{"k": 1, "ts": T0, "tags": ["a"]}], schema)
    )
    from feast.types import Array

    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = LabelView(
        name="labels", entities=[entity], ttl=timedelta(0),
        schema=[Field(name="k", dtype=Int64), Field(name="tags", dtype=Array(String))],
        source=IcebergSource(name="labels", table_identifier="feast.labels", timestamp_field="ts"),
        conflict_policy=ConflictPolicy.MAJORITY_VOTE,
    )
    store.apply([entity, view])
    job = store.get_historical_features(
        pd.DataFrame({"k": [1], "event_timestamp": [T0]}), ["labels:tags"]
    )
    with pytest.raises(Exception, match="'tags'.*majority"):
        job.to_df()
