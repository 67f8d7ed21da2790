"""Document retrieval against brute force in numpy."""

import datetime
import random

import numpy as np
import pytest

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.filter_models import ComparisonFilter, CompoundFilter
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import FloatList, Value
from feast.types import Array, Float32, Int64, String
from floe.errors import FloeConfigError, FloeInputError

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc)
COUNT, WIDTH = 60, 8
WORDS = "snow rain sun wind fog hail storm calm".split()


class Documents:
    """Generated documents, and what a search of them must answer."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.vectors = rng.normal(size=(COUNT, WIDTH)).astype("float32")
        words = random.Random(seed)
        self.texts = [" ".join(words.choices(WORDS, k=words.randint(2, 9))) for _ in range(COUNT)]
        self.groups = [words.choice("abc") for _ in range(COUNT)]
        self.sizes = [words.randrange(50) for _ in range(COUNT)]

    def rows(self):
        order = list(range(COUNT))
        random.Random(1).shuffle(order)
        for i in order:
            key = EntityKey(join_keys=["item"], entity_values=[Value(int64_val=i)])
            values = {
                "vector": Value(float_list_val=FloatList(val=self.vectors[i])),
                "text": Value(string_val=self.texts[i].title() + "!"),
                "group": Value(string_val=self.groups[i]),
                "size": Value(int64_val=self.sizes[i]),
            }
            yield key, values, NOW, None

    def distances(self, query, metric):
        query = np.asarray(query, dtype="float64")
        vectors = self.vectors.astype("float64")
        if metric == "L2":
            return np.sqrt(((vectors - query) ** 2).sum(axis=1))
        if metric == "L1":
            return np.abs(vectors - query).sum(axis=1)
        if metric == "dot":
            return -(vectors @ query)
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
        return 1 - vectors @ query / norms


@pytest.fixture
def documents(make_store):
    """(store, view, documents) with all documents written, one of them a second time."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    store = make_store()
    view = FeatureView(
        name="items",
        entities=[Entity(name="item", join_keys=["item"], value_type=ValueType.INT64)],
        schema=[
            Field(name="vector", dtype=Array(Float32), vector_index=True),
            Field(name="text", dtype=String),
            Field(name="group", dtype=String),
            Field(name="size", dtype=Int64),
        ],
        source=FileSource(name="s", path="unused.parquet", timestamp_field="ts"),
    )
    store.apply([Entity(name="item", join_keys=["item"], value_type=ValueType.INT64), view])
    made = Documents(seed)
    provider = store._get_provider()
    rows = list(made.rows())
    # An older row of a document that would be the nearest of all.
    stale = dict(rows[0][1], vector=Value(float_list_val=FloatList(val=[0.0] * WIDTH)))
    old = (rows[0][0], stale, NOW - datetime.timedelta(days=1), None)
    for batch in (rows[:20] + [old], rows[20:]):
        provider.online_write_batch(store.config, view, batch, None)
    return store, store.get_feature_view("items"), made


def _search(store, view, embedding, **arguments):
    found = store._get_provider().online_store.retrieve_online_documents_v2(
        store.config,
        view,
        arguments.pop("features", ["text", "size"]),
        embedding,
        arguments.pop("top_k", 10),
        **arguments,
    )
    return [(key.entity_values[0].int64_val, values) for _, key, values in found]


@pytest.mark.parametrize("metric", ["L2", "L1", "cosine", "dot"])
def test_the_nearest_are_those_of_brute_force_and_come_nearest_first(documents, metric):
    store, view, made = documents
    query = [0.1] * WIDTH
    distances = made.distances(query, metric)
    found = _search(store, view, query, distance_metric=metric)
    assert [item for item, _ in found] == list(np.argsort(distances, kind="stable")[:10])
    for item, values in found:
        assert values["distance"].float_val == pytest.approx(distances[item], rel=1e-5, abs=1e-6)
        assert values["size"].int64_val == made.sizes[item]
        assert "vector" not in values
    assert len(_search(store, view, query, top_k=1000)) == COUNT


def test_filters_narrow_before_the_top_is_taken(documents):
    store, view, made = documents
    query = [1.0] + [0.0] * (WIDTH - 1)
    order = np.argsort(made.distances(query, "L2"), kind="stable")
    one_of = ComparisonFilter(type="in", key="group", value=["a", "c"])
    cases = [
        (ComparisonFilter(type="eq", key="group", value="b"), lambda i: made.groups[i] == "b"),
        (ComparisonFilter(type="ne", key="group", value="b"), lambda i: made.groups[i] != "b"),
        (one_of, lambda i: made.groups[i] in "ac"),
        (ComparisonFilter(type="nin", key="size", value=[1, 2.0]), lambda i: made.sizes[i] not in (1, 2)),
        (ComparisonFilter(type="gte", key="size", value=25), lambda i: made.sizes[i] >= 25),
        (ComparisonFilter(type="lt", key="size", value=24.5), lambda i: made.sizes[i] < 24.5),
        (ComparisonFilter(type="lte", key="item", value=9), lambda i: i <= 9),
        (
            CompoundFilter(
                type="and",
                filters=[
                    one_of,
                    CompoundFilter(
                        type="or",
                        filters=[
                            ComparisonFilter(type="gt", key="size", value=40),
                            ComparisonFilter(type="lt", key="size", value=5),
                        ],
                    ),
                ],
            ),
            lambda i: made.groups[i] in "ac" and not 5 <= made.sizes[i] <= 40,
        ),
        (ComparisonFilter(type="eq", key="group", value="z"), lambda i: False),
    ]
    for filters, holds in cases:
        expected = [i for i in order if holds(i)][:7]
        found = _search(store, view, query, top_k=7, filters=filters)
        assert [item for item, _ in found] == expected, filters


def test_words_must_all_occur_and_rank_the_documents(documents):
    store, view, made = documents
    found = _search(store, view, None, query_string="Snow, rain", top_k=COUNT)
    having = {i for i in range(COUNT) if {"snow", "rain"} <= set(made.texts[i].split())}
    assert {item for item, _ in found} == having
    ranks = [values["text_rank"].float_val for _, values in found]
    assert ranks == sorted(ranks, reverse=True)
    assert all(0 <= rank < 1 for rank in ranks)
    assert _search(store, view, None, query_string="nonexistent snow") == []
    # With an embedding, by distance among those that have the words.
    query = [0.5] * WIDTH
    distances = made.distances(query, "L2")
    both = _search(store, view, query, query_string="snow", top_k=5)
    with_snow = [i for i in np.argsort(distances, kind="stable") if "snow" in made.texts[i].split()]
    assert [item for item, _ in both] == with_snow[:5]
    assert all({"distance", "text_rank"} <= values.keys() for _, values in both)


def test_feast_pairs_features_with_their_own_entities_in_order_of_distance(documents):
    store, _, made = documents
    query = [0.2] * WIDTH
    answer = store.retrieve_online_documents_v2(
        features=["items:size", "items:vector", "items:item"], query=query, top_k=6
    ).to_dict()
    expected = list(np.argsort(made.distances(query, "L2"), kind="stable")[:6])
    assert answer["item"] == expected
    assert answer["size"] == [made.sizes[i] for i in expected]
    assert answer["distance"] == sorted(answer["distance"])
    first = store.retrieve_online_documents(
        features=["items:vector", "items:item"], query=query, top_k=6, distance_metric="cosine"
    ).to_dict()
    nearest = np.argsort(made.distances(query, "cosine"), kind="stable")[:6]
    assert first["item"] == list(nearest)
    assert first["vector"] == [pytest.approx(made.vectors[i]) for i in nearest]


def test_what_cannot_be_searched_says_so(documents):
    store, view, _ = documents
    query = [0.0] * WIDTH
    with pytest.raises(ValueError, match="metric 'wrong'"):
        _search(store, view, query, distance_metric="wrong")
    with pytest.raises(FloeInputError, match="3 numbers.*has 8"):
        _search(store, view, [1.0, 2.0, 3.0])
    with pytest.raises(FloeInputError, match="'siez'.*'size'"):
        _search(store, view, query, filters=ComparisonFilter(type="eq", key="siez", value=1))
    with pytest.raises(FloeInputError, match="text"):
        _search(store, view, query, filters=ComparisonFilter(type="eq", key="size", value="1"))
    with pytest.raises(FloeInputError, match="embedding"):
        _search(store, view, None)
    store.config.online_store.vector_enabled = False
    with pytest.raises(FloeConfigError, match="vector_enabled"):
        _search(store, view, query)
