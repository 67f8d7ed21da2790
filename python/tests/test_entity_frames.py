"""Entity frames as people have them, through stock Feast, against a plain recomputation:
zones, naive and textual times, mixed objects, NULLs, extreme ttls, names, sources."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.errors import EntityTimestampInferenceException
from feast.types import Float64, Int64, String
from floe import FloeError, IcebergSource

UTC = timezone.utc
NEW_YORK = ZoneInfo("America/New_York")


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# The clock went back at 06:00 UTC: 01:30 in New York was twice.
ROWS = [
    (1, at("2026-11-01 05:30"), at("2026-11-01 05:31"), 10.0, "first 01:30"),
    (1, at("2026-11-01 06:30"), at("2026-11-01 06:31"), 11.0, "second 01:30"),
    (1, at("2026-11-01 06:30"), at("2026-11-01 06:30"), 12.0, "created earlier"),
    (2, at("1969-12-31 23:59:59.999999"), at("2026-11-01"), 20.0, "before the epoch"),
    (2, at("1970-01-01 00:00:00.000001"), at("2026-11-01"), None, None),
    (3, at("2026-03-08 06:59:59"), at("2026-11-01"), 30.0, "before the gap"),
    (3, at("2026-03-08 07:00:00"), at("2026-11-01"), 31.0, "after the gap"),
    (4, at("0001-01-02 00:00:00"), at("2026-11-01"), 40.0, "long ago"),
    (4, at("9999-12-30 00:00:00"), at("2026-11-01"), 41.0, "far ahead"),
]
SCHEMA = pa.schema(
    [
        ("k", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("made", pa.timestamp("us", tz="UTC")),
        ("v", pa.float64()),
        ("note", pa.string()),
    ]
)
MICROSECOND = timedelta(microseconds=1)


def recomputed(keys, times, ttl):
    """(v, note) of each entity row."""
    answer = []
    for key, time in zip(keys, times):
        matches = [
            row
            for row in ROWS
            if time is not None
            and row[0] == key
            and row[1] <= time
            and (not ttl or (time - row[1]) // MICROSECOND <= ttl // MICROSECOND)
        ]
        best = max(matches, key=lambda row: (row[1], row[2]), default=(0, 0, 0, None, None))
        answer.append(best[3:])
    return answer


@pytest.fixture(params=["iceberg", "parquet"])
def ask(request, make_store, catalog_of, tmp_path):
    """ask(entity_df, ttl): (v, note) of each row, and the job."""
    store = make_store()
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row)) for row in ROWS], SCHEMA)
    if request.param == "iceberg":
        catalog_of(store).create_table("feast.facts", SCHEMA)
        catalog_of(store).append("feast.facts", table)
        source = {"table_identifier": "feast.facts"}
    else:
        pq.write_table(table, tmp_path / "facts.parquet")
        source = {"path": str(tmp_path / "facts.parquet")}
    kind = IcebergSource if request.param == "iceberg" else FileSource
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)

    def ask(entity_df, ttl=None, **arguments):
        view = FeatureView(
            name="facts",
            entities=[entity],
            ttl=ttl,
            schema=[Field(name="v", dtype=Float64), Field(name="note", dtype=String)],
            source=kind(
                name="facts", timestamp_field="at", created_timestamp_column="made", **source
            ),
        )
        store.apply([entity, view])
        job = store.get_historical_features(
            entity_df=entity_df, features=["facts:v", "facts:note"], **arguments
        )
        table = job.to_arrow()
        return list(zip(table["v"].to_pylist(), table["note"].to_pylist())), job

    ask.store = store
    return ask


TTLS = [
    None,
    timedelta(0),
    MICROSECOND,
    timedelta(hours=1),
    timedelta(hours=1, microseconds=-1),
    timedelta(days=365 * 9000),
]


@pytest.mark.parametrize("ttl", TTLS, ids=str)
def test_ttls_from_a_microsecond_to_forever(ask, ttl):
    times = [row[1] + d for row in ROWS[:7] for d in (timedelta(0), MICROSECOND, timedelta(hours=1))]
    keys = [row[0] for row in ROWS[:7] for _ in range(3)]
    times += [at("9999-12-30"), at("0001-01-03")]
    keys += [4, 4]
    entities = pa.table({"k": keys, "event_timestamp": pa.array(times, SCHEMA.field(1).type)})
    assert ask(entities, ttl)[0] == recomputed(keys, times, ttl)


def test_a_zone_with_summer_time_counts_in_utc(ask):
    times = [
        datetime(2026, 11, 1, 1, 30, fold=0, tzinfo=NEW_YORK),
        datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK),
        datetime(2026, 3, 8, 3, 0, tzinfo=NEW_YORK),
        datetime(2026, 3, 8, 1, 59, 59, tzinfo=NEW_YORK),
    ]
    keys = [1, 1, 3, 3]
    wanted = recomputed(keys, times, None)
    assert [w[1] for w in wanted] == ["first 01:30", "second 01:30", "after the gap", "before the gap"]
    index = pd.DatetimeIndex(pd.to_datetime(times, utc=True)).tz_convert("America/New_York")
    frame = pd.DataFrame({"k": keys, "event_timestamp": index})
    assert ask(frame)[0] == wanted
    table = pa.table(
        {"k": keys, "event_timestamp": pa.array(times, pa.timestamp("us", "America/New_York"))}
    )
    assert ask(table)[0] == wanted


def test_times_of_every_form_mean_the_same(ask):
    times = [at("2026-11-01 05:30"), at("2026-11-01 06:30"), at("1970-01-01"), None]
    keys = [1, 1, 2, 1]
    wanted = recomputed(keys, times, None)
    naive = [t and t.replace(tzinfo=None) for t in times]
    mixed = [times[0].astimezone(NEW_YORK), naive[1], times[2].astimezone(timezone(-timedelta(hours=9))), None]
    forms = {
        "aware": pd.to_datetime(pd.Series(times), utc=True),
        "naive": pd.Series(pd.to_datetime(naive)),
        "naive ns": pd.Series(np.array(naive, dtype="datetime64[ns]")),
        "naive s": pd.Series(np.array(naive, dtype="datetime64[s]")),
        "objects": pd.Series(times, dtype=object),
        "naive objects": pd.Series(naive, dtype=object),
        "objects of several zones": pd.Series(mixed, dtype=object),
        "text": pd.Series([t and t.isoformat() for t in times], dtype=object),
        "text with zones": pd.Series([m and m.isoformat() for m in mixed], dtype=object),
        "text naive": pd.Series([n and str(n) for n in naive], dtype=object),
        "text Z": pd.Series([n and n.isoformat() + "Z" for n in naive], dtype=object),
        "arrow": pd.Series(times, dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    }
    for form, values in forms.items():
        frame = pd.DataFrame({"k": keys, "event_timestamp": values})
        assert ask(frame)[0] == wanted, form


def test_nanoseconds_of_the_entity_are_not_rounded(ask):
    edge = pd.Timestamp("1970-01-01 00:00:00.000001", tz="UTC")
    frame = pd.DataFrame(
        {
            "k": [2, 2, 2],
            "event_timestamp": [edge - pd.Timedelta(1, "ns"), edge, edge + pd.Timedelta(999, "ns")],
        }
    )
    before, after = (20.0, "before the epoch"), (None, None)
    assert ask(frame)[0] == [before, after, after]
    text = frame.assign(event_timestamp=[t.isoformat() for t in frame.event_timestamp])
    assert ask(text)[0] == [before, after, after]


def test_text_that_is_no_time_is_named(ask):
    frame = pd.DataFrame({"k": [1], "event_timestamp": ["yesterday-ish"]})
    with pytest.raises(FloeError, match="event_timestamp.*yesterday-ish"):
        ask(frame)


def test_a_frame_without_rows_gives_none(ask):
    empty = pd.DataFrame({"k": [], "event_timestamp": pd.to_datetime([], utc=True)})
    typed = pa.schema([("k", pa.int64()), ("event_timestamp", pa.timestamp("us"))])
    objects = pd.DataFrame(columns=["k", "event_timestamp"])
    for frame in (empty, typed.empty_table(), empty.astype({"k": "int64"}), objects):
        answer, job = ask(frame)
        assert answer == []
        assert list(job.to_df().columns) == ["k", "event_timestamp", "v", "note"]


def test_order_duplicates_and_other_columns_are_kept(ask):
    keys = [1, 9, 1, 1, 2, None, 1]
    times = [at("2026-11-02")] * 6 + [at("2026-11-01 05:45")]
    frame = pd.DataFrame(
        {
            "label": list("abcdefg"),
            "event_timestamp": times,
            "k": pd.array(keys, dtype="Int64"),
            "tags": [[1], [], None, [2, 3], [4], [5], [6]],
        },
        index=[5, 5, 3, 1, 0, -1, 9],
    )
    answer, job = ask(frame)
    assert answer == recomputed(keys, times, None)
    result = job.to_df()
    assert list(result.columns) == ["label", "event_timestamp", "k", "tags", "v", "note"]
    assert list(result.label) == list("abcdefg")


def test_keys_of_other_widths_and_kinds(ask):
    times = [at("2026-11-02")] * 3
    wanted = recomputed([1, 2, 9], times, None)
    for dtype in ("int8", "uint32", "int64", "Int32", "float64", pd.ArrowDtype(pa.int16())):
        frame = pd.DataFrame(
            {"k": pd.Series([1, 2, 9], dtype=dtype), "event_timestamp": times}
        )
        assert ask(frame)[0] == wanted, dtype
    categories = pd.DataFrame(
        {"k": pd.Categorical([1, 2, 9]), "event_timestamp": times}
    )
    assert ask(categories)[0] == wanted
    half = pd.DataFrame({"k": [1.5], "event_timestamp": times[:1]})
    with pytest.raises(FloeError, match="'k'"):
        ask(half)
    text = pd.DataFrame({"k": ["1"], "event_timestamp": times[:1]})
    with pytest.raises(FloeError, match="'k'|key"):
        ask(text)


def test_a_frame_with_a_column_twice_or_no_time_is_refused(ask):
    twice = pd.DataFrame([[1, 1, at("2026-11-02")]], columns=["k", "k", "event_timestamp"])
    with pytest.raises(FloeError, match="more than one column 'k'"):
        ask(twice)
    with pytest.raises(EntityTimestampInferenceException):
        ask(pa.table({"k": [1], "when": ["2026-11-02"]}))
    times = pa.array([at("2026-11-02")], pa.timestamp("us", "UTC"))
    assert ask(pa.table({"k": [1], "when": times}))[0] == recomputed([1], [at("2026-11-02")], None)
    with pytest.raises(EntityTimestampInferenceException):
        ask(pa.table({"k": [1], "when": times, "and_when": times}))


def test_frames_in_files_tables_and_queries(ask, catalog_of, tmp_path):
    catalog = catalog_of(ask.store)
    times = [at("2026-11-01 05:45"), at("2026-11-02"), at("1970-01-01")]
    table = pa.table({"k": [1, 1, 2], "event_timestamp": pa.array(times, SCHEMA.field(1).type)})
    wanted = recomputed([1, 1, 2], times, None)
    (tmp_path / "folder.parquet").mkdir()
    pq.write_table(table.slice(0, 1), tmp_path / "folder.parquet" / "a.parquet")
    pq.write_table(table.slice(1), tmp_path / "folder.parquet" / "b.parquet")
    text = table.set_column(1, "event_timestamp", table["event_timestamp"].cast(pa.string()))
    pq.write_table(text, tmp_path / "text.parquet")
    catalog.create_table("feast.asked", table.schema)
    first = catalog.append("feast.asked", table)["snapshot_id"]
    forms = {
        "folder": tmp_path / "folder.parquet",
        "text": str(tmp_path / "text.parquet"),
        "table": "feast.asked",
        "source": IcebergSource(table_identifier="asked", timestamp_field="event_timestamp"),
        "sql": "SELECT * FROM feast.asked",
    }
    for form, entity_df in forms.items():
        answer, job = ask(entity_df)
        assert sorted(answer, key=str) == sorted(wanted, key=str), form
        assert job.metadata.min_event_timestamp == min(times), form
        assert job.metadata.keys == ["k"], form
    catalog.append("feast.asked", table)
    pinned = IcebergSource(
        table_identifier="asked", timestamp_field="event_timestamp", snapshot_id=first
    )
    assert len(ask(pinned)[0]) == 3 and len(ask("feast.asked")[0]) == 6
    with pytest.raises(LookupError, match="nowhere"):
        ask("feast.nowhere")
    with pytest.raises(LookupError, match="nowhere.parquet"):
        ask(str(tmp_path / "nowhere.parquet"))


def test_names_that_are_keywords_or_have_dots(make_store, catalog_of):
    store = make_store()
    names = {"k": "select", "at": "group.by", "v": "a-b c", "note": 'quo"te'}
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row)) for row in ROWS], SCHEMA)
    table = table.rename_columns([names.get(n, n) for n in table.column_names])
    catalog_of(store).create_table("my-ns.order", table.schema)
    catalog_of(store).append("my-ns.order", table)
    entity = Entity(name="key", join_keys=["select"], value_type=ValueType.INT64)
    view = FeatureView(
        name="from",
        entities=[entity],
        schema=[Field(name="a-b c", dtype=Float64), Field(name='quo"te', dtype=String)],
        source=IcebergSource(
            table_identifier="my-ns.order",
            timestamp_field="group.by",
            created_timestamp_column="made",
        ),
    )
    store.apply([entity, view])
    times = [at("2026-11-02")]
    frame = pd.DataFrame({"select": [1], "event_timestamp": times})
    result = store.get_historical_features(
        entity_df=frame, features=["from:a-b c", 'from:quo"te'], full_feature_names=True
    ).to_arrow()
    assert result.column_names == ["select", "event_timestamp", "from__a-b c", 'from__quo"te']
    assert (result[2][0].as_py(), result[3][0].as_py()) == recomputed([1], times, None)[0]
    job = store.get_historical_features(
        entity_df='SELECT "select", max("group.by") AS event_timestamp '
        'FROM "my-ns"."order" WHERE "select" = 1 GROUP BY ALL',
        features=["from:a-b c"],
    )
    assert job.to_df()["a-b c"].tolist() == [11.0]


def test_one_view_in_two_roles_and_a_view_without_entities(make_store, catalog_of):
    store = make_store()
    table = pa.Table.from_pylist([dict(zip(SCHEMA.names, row)) for row in ROWS], SCHEMA)
    catalog_of(store).create_table("feast.facts", SCHEMA)
    catalog_of(store).append("feast.facts", table)

    def view(name, entities):
        return FeatureView(
            name=name,
            entities=entities,
            schema=[Field(name="v", dtype=Float64), Field(name="note", dtype=String)],
            source=IcebergSource(
                name=name,
                table_identifier="facts",
                timestamp_field="at",
                created_timestamp_column="made",
            ),
        )

    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    facts, everywhere = view("facts", [entity]), view("everywhere", [])
    service = FeatureService(
        name="roles",
        features=[
            facts[["v"]].with_name("home").with_join_key_map({"k": "home_k"}),
            facts[["v"]].with_name("away").with_join_key_map({"k": "away_k"}),
            everywhere[["v"]],
        ],
    )
    store.apply([entity, facts, everywhere, service])
    times = [at("2026-11-01 06:00"), at("2026-11-02"), at("0001-01-01")]
    frame = pa.table(
        {
            "away_k": [3, 1, 4],
            "home_k": [1, 2, 4],
            "event_timestamp": pa.array(times, SCHEMA.field(1).type),
        }
    )
    result = store.get_historical_features(
        entity_df=frame, features=service, full_feature_names=True
    ).to_arrow()
    assert result.column_names[3:] == ["home__v", "away__v", "everywhere__v"]
    for name, key in (("home", "home_k"), ("away", "away_k")):
        wanted = [v for v, _ in recomputed(frame[key].to_pylist(), times, None)]
        assert result[f"{name}__v"].to_pylist() == wanted
    assert result["everywhere__v"].to_pylist() == [10.0, 11.0, None]


def test_a_column_added_and_renamed_later(make_store, catalog_of):
    store = make_store()
    catalog = catalog_of(store)
    old = pa.table({"k": [1], "at": pa.array([at("2026-11-01")], SCHEMA.field(1).type)})
    catalog.create_table("feast.grown", SCHEMA)
    # Rows written without columns, as before the columns were there.
    catalog.append("feast.grown", old)
    catalog.append("feast.grown", pa.Table.from_pylist([dict(zip(SCHEMA.names, ROWS[0]))], SCHEMA))
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    view = FeatureView(
        name="grown",
        entities=[entity],
        schema=[Field(name="v", dtype=Float64)],
        source=IcebergSource(table_identifier="grown", timestamp_field="at"),
    )
    store.apply([entity, view])
    frame = pd.DataFrame({"k": [1, 1], "event_timestamp": [at("2026-11-01 05:00"), at("2026-11-02")]})
    values = store.get_historical_features(entity_df=frame, features=["grown:v"]).to_arrow()["v"]
    assert values.to_pylist() == [None, 10.0]


def test_a_range_without_end_reaches_to_now(make_store, catalog_of):
    store = make_store()
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(days=d) for d in (0, 1, 3, 60)]
    rows = pa.table(
        {"k": [1] * 4, "at": pa.array(times, SCHEMA.field(1).type), "v": [0.0, 1.0, 3.0, 60.0]}
    )
    catalog_of(store).create_table("feast.recent", rows.schema)
    catalog_of(store).append("feast.recent", rows)
    entity = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)

    def values(ttl, **arguments):
        view = FeatureView(
            name="recent",
            entities=[entity],
            ttl=ttl,
            schema=[Field(name="v", dtype=Float64)],
            source=IcebergSource(table_identifier="recent", timestamp_field="at"),
        )
        store.apply([entity, view])
        job = store.get_historical_features(features=["recent:v"], **arguments)
        return job.to_arrow()["v"].to_pylist()

    assert values(timedelta(days=2)) == [1.0, 0.0]
    assert values(None) == [3.0, 1.0, 0.0]
    assert values(timedelta(days=365 * 9000)) == [60.0, 3.0, 1.0, 0.0]
    assert values(None, start_date=now - timedelta(days=100), end_date=now - timedelta(days=1)) == [60.0, 3.0, 1.0]
