"""Feast's own IcebergSource and UnityCatalogSource, each over a table that PyIceberg wrote in
a catalog and a store the repository's own catalog knows nothing of: other addresses, other
secrets."""

import json
import os
import subprocess
import traceback
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import pandas as pd
import pyarrow as pa
import pytest
import yaml

from catalog_servers import PostgreSql, pyiceberg_catalog
from fault_proxy import FaultProxy
from feast import Entity, FeatureStore, FeatureView, ValueType
from feast.credentials import (
    ConnectionRef,
    CredentialProvider,
    register_credential_provider,
)
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.infra.data_sources.contrib.iceberg_catalog.unity_catalog_source import (
    UnityCatalogSource,
)
from feast.repo_config import RegistryConfig, RepoConfig
from floe import Catalog, FloeError, IcebergOfflineStore, SavedDatasetIcebergStorage
from floe.errors import FloePermissionError
from metastore_life import new_namespace
from outputs import Outputs, secrets_in
from unity_endpoint import UnityEndpoint

T0 = datetime(2026, 3, 1, tzinfo=timezone.utc)
US = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("driver_id", pa.int64()),
        ("ts", US),
        ("created", US),
        ("trips", pa.int64()),
        ("rating", pa.float64()),
        ("city", pa.string()),
        ("seen", US),
    ]
)
FEATURES = ["trips", "rating", "city", "seen"]
DRIVERS, HOURS = (1, 2, 3), 12
TOKEN_VARIABLE = "FOREIGN_CATALOG_TOKEN"


def row(driver, hour, created_after, trips):
    time = T0 + timedelta(hours=hour)
    return {
        "driver_id": driver,
        "ts": time,
        "created": time + created_after,
        "trips": trips,
        "rating": None if hour == 3 else trips / 8,
        "city": f"Zürich {driver}",
        "seen": time - timedelta(microseconds=1),
    }


# Two commits, the second with a correction of driver 1's last hour.
FIRST = [row(d, h, timedelta(0), 100 * d + h) for d in DRIVERS for h in range(HOURS // 2)]
SECOND = [
    row(d, h, timedelta(0), 100 * d + h) for d in DRIVERS for h in range(HOURS // 2, HOURS)
] + [row(1, HOURS - 1, timedelta(hours=1), 4242)]
ROWS = FIRST + SECOND
END = T0 + timedelta(hours=HOURS - 1)


def latest(driver, at, since=T0):
    """The row of a driver that counts at a time; None where there is none."""
    mine = [r for r in ROWS if r["driver_id"] == driver and since <= r["ts"] <= at]
    return max(mine, key=lambda r: (r["ts"], r["created"]), default=None)


def write_foreign_table(arguments):
    """Makes a table and its rows by PyIceberg; returns its namespace."""
    namespace = new_namespace(arguments)
    table = pyiceberg_catalog(arguments).create_table(f"{namespace}.drivers", schema=SCHEMA)
    table.append(pa.Table.from_pylist(FIRST, SCHEMA))
    table.append(pa.Table.from_pylist(SECOND, SCHEMA))
    return namespace


def of_table(namespace, **arguments):
    return {
        "name": "foreign_drivers",
        "namespace": namespace,
        "table": "drivers",
        "timestamp_field": "ts",
        "created_timestamp_column": "created",
        **arguments,
    }


def feast_source(arguments, **changes):
    """Feast's IcebergSource of a table in the catalog of floe.Catalog's arguments."""
    given = {
        "catalog_type": arguments["catalog_type"],
        "catalog_name": arguments["catalog_name"],
        "endpoint": arguments["uri"],
        "warehouse": arguments["warehouse"],
        "catalog_properties": arguments["storage_options"],
    }
    return IcebergSource(**of_table(write_foreign_table(arguments), **{**given, **changes}))


def without_keys(options):
    """What has to be said of an S3 store whose catalog gives the keys."""
    return {name: options[name] for name in ("s3.endpoint", "s3.region")}


def token_of(server):
    """A bearer token of the REST catalog, as an identity provider would give it."""
    form = {
        "grant_type": "client_credentials",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "scope": "catalog",
    }
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{server.uri}/v1/oauth/tokens", body) as answer:
        return json.load(answer)["access_token"]


@pytest.fixture
def rest_source(rest_catalog):
    return feast_source(rest_catalog.arguments())


@pytest.fixture
def rest_token_source(rest_catalog, monkeypatch):
    """Stock Feast's way: a token of the environment, and keys the catalog vends."""
    arguments = rest_catalog.arguments()
    monkeypatch.setenv(TOKEN_VARIABLE, token_of(rest_catalog))
    return feast_source(
        arguments,
        token_env_var=TOKEN_VARIABLE,
        catalog_properties=without_keys(arguments["storage_options"]),
    )


@pytest.fixture
def unity_source(rest_catalog, monkeypatch):
    arguments = rest_catalog.arguments()
    monkeypatch.setenv("DATABRICKS_TOKEN", token_of(rest_catalog))
    namespace = write_foreign_table(arguments)
    with UnityEndpoint(rest_catalog.port) as unity:
        yield UnityCatalogSource(
            **of_table(namespace, warehouse=unity.catalog, endpoint=unity.uri),
            catalog_properties=without_keys(arguments["storage_options"]),
        )


@pytest.fixture
def glue_source(glue, moto):
    return feast_source(glue.arguments(moto.new_bucket()))


@pytest.fixture
def hive_source(hive4, s3proxy):
    return feast_source(hive4.arguments(s3proxy.new_bucket(), s3proxy))


@pytest.fixture
def sql_source(postgresql, s3proxy):
    return feast_source(postgresql.arguments(s3proxy.new_bucket(), s3proxy))


class Vault(CredentialProvider):
    """Where a connection_ref finds secrets; here they are its name's."""

    secrets = {}

    def provider_type(self):
        return "floe-tests"

    def resolve(self, ref):
        return self.secrets[ref.name]


@pytest.fixture
def sql_vault_source(postgresql, s3proxy):
    """The store's keys are in a vault, and its address in what refers to it."""
    arguments = postgresql.arguments(s3proxy.new_bucket(), s3proxy)
    options = arguments["storage_options"]
    address = without_keys(options)
    Vault.secrets["s3"] = {name: options[name] for name in options if name not in address}
    register_credential_provider(Vault())
    reference = ConnectionRef(provider="floe-tests", name="s3", params=address)
    return feast_source(arguments, catalog_properties={}, connection_ref=reference)


SOURCES = ["rest", "rest_token", "unity", "glue", "hive", "sql", "sql_vault"]


@pytest.fixture(params=SOURCES)
def source(request):
    return request.getfixturevalue(f"{request.param}_source")


@pytest.fixture
def make_store(tmp_path, versitygw):
    """make_store(source, ...): a stock FeatureStore whose own catalog is an SQLite over
    versitygw, with a view over the source applied. Columns are inferred."""

    def make(source, **settings):
        home = {
            "catalog_type": "sql",
            "uri": f"sqlite:///{tmp_path}/home.db",
            "warehouse": versitygw.new_bucket(),
            "storage_options": versitygw.storage_options,
        }
        # A table of that name at home is another table.
        namespace = f"{source.namespace}.drivers"
        Catalog(catalog_name="floe", **home).create_table(namespace, SCHEMA)
        online = {"type": "floe.IcebergOnlineStore", "read_timeout_ms": 60_000, **home}
        store = FeatureStore(
            config=RepoConfig(
                **{
                    "project": "p",
                    "provider": "local",
                    "registry": RegistryConfig(path=str(tmp_path / "registry.db")),
                    "offline_store": {"type": "floe.IcebergOfflineStore", **home},
                    "online_store": online,
                    "entity_key_serialization_version": 3,
                    "repo_path": tmp_path,
                    **settings,
                }
            )
        )
        store._get_provider().validate_data_source(store.config, source)
        entity = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
        view = FeatureView(
            name="drivers",
            entities=[entity],
            ttl=timedelta(hours=5),
            source=source,
        )
        store.apply([entity, view])
        return store

    return make


def check_historical(store):
    asked = [
        (1, END + timedelta(hours=1)),
        (2, T0 + timedelta(hours=3, minutes=30)),
        (3, T0 - timedelta(seconds=1)),
        (1, END + timedelta(hours=5, microseconds=1)),
        (9, END),
        (2, T0 + timedelta(hours=3, minutes=30)),
    ]
    frame = pd.DataFrame(asked, columns=["driver_id", "event_timestamp"])
    features = [f"drivers:{name}" for name in FEATURES]
    answer = store.get_historical_features(frame, features).to_arrow().to_pylist()
    assert len(answer) == len(asked)
    for given, (driver, at) in zip(answer, asked):
        found = latest(driver, at, since=at - timedelta(hours=5)) or dict.fromkeys(FEATURES)
        assert {name: given[name] for name in FEATURES} == {
            name: found[name] for name in FEATURES
        }


def rows_of(job):
    """Of a pull: the columns of the source, in one order."""
    rows = job.to_arrow().select(SCHEMA.names).cast(SCHEMA).to_pylist()
    return sorted(rows, key=lambda r: (r["driver_id"], r["ts"], r["created"]))


def check_pulls(store):
    view = store.get_feature_view("drivers")
    columns = (["driver_id"], FEATURES, "ts", "created")
    start, end = T0 + timedelta(hours=1), END
    pull = IcebergOfflineStore.pull_all_from_table_or_query
    everything = rows_of(pull(store.config, view.batch_source, *columns, start, end))
    wanted = [r for r in ROWS if start <= r["ts"] <= end]
    assert everything == sorted(wanted, key=lambda r: (r["driver_id"], r["ts"], r["created"]))
    pull = IcebergOfflineStore.pull_latest_from_table_or_query
    newest = rows_of(pull(store.config, view.batch_source, *columns, start, end))
    assert newest == [latest(driver, end) for driver in DRIVERS]


def check_online(store):
    answer = store.get_online_features(
        [f"drivers:{name}" for name in FEATURES], [{"driver_id": d} for d in (3, 9, 1)]
    ).to_dict()
    for name in FEATURES:
        newest = [latest(3, END)[name], None, latest(1, END)[name]]
        if name == "seen":
            # Feast's values keep whole seconds.
            newest = [time and time.replace(microsecond=0) for time in newest]
        assert answer[name] == newest


def test_rows_are_exact(make_store, source):
    store = make_store(source)
    types = {field.name: str(field.dtype) for field in store.get_feature_view("drivers").features}
    assert types == {
        "trips": "Int64", "rating": "Float64", "city": "String", "seen": "UnixTimestamp"
    }
    check_historical(store)
    check_pulls(store)
    store.materialize(T0, END)
    check_online(store)


@pytest.mark.parametrize("engine", ["floe.IcebergEngine", "local"])
@pytest.mark.parametrize("online", ["floe", "sqlite"])
def test_materialize_into_any_store(make_store, rest_token_source, tmp_path, engine, online):
    settings = {"batch_engine": {"type": engine}}
    if online == "sqlite":
        settings["online_store"] = {"type": "sqlite", "path": str(tmp_path / "online.db")}
    settings["materialization"] = {"pull_latest_features": engine == "local"}
    store = make_store(rest_token_source, **settings)
    store.materialize(T0, END)
    check_online(store)


def end_tokens(server):
    request = urllib.request.Request(f"{server.uri}/test/revoke", method="POST")
    urllib.request.urlopen(request).close()


def test_a_source_logs_in_again_when_its_token_has_ended(make_store, rest_source, rest_catalog):
    store = make_store(rest_source)
    check_historical(store)
    end_tokens(rest_catalog)
    check_historical(store)


def test_a_token_of_the_environment_may_change(
    make_store, rest_token_source, rest_catalog, monkeypatch
):
    store = make_store(rest_token_source)
    check_historical(store)
    old = os.environ[TOKEN_VARIABLE]
    end_tokens(rest_catalog)
    with pytest.raises(FloePermissionError) as raised:
        check_historical(store)
    said = "".join(traceback.format_exception(raised.value))
    assert not secrets_in(said, [old])
    monkeypatch.setenv(TOKEN_VARIABLE, token_of(rest_catalog))
    check_historical(store)


def test_reports_say_nothing_of_the_settings(make_store, sql_source):
    store = make_store(sql_source)
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [END]})
    job = store.get_historical_features(frame, ["drivers:trips"])
    assert job.to_arrow()["trips"].to_pylist() == [4242]
    said = [job.explain(), job.receipt, job.to_sql(), job, job.metadata]
    assert f"{sql_source.namespace}/drivers/metadata/" in job.to_sql()
    assert not secrets_in(" ".join(map(repr, said)), secrets_of(sql_source))


STORE_TYPES = {
    "offline_store": {"type": "floe.IcebergOfflineStore"},
    # A busy machine must not decide.
    "online_store": {"type": "floe.IcebergOnlineStore", "read_timeout_ms": 60_000},
}

REPOSITORY = """
import json, os
from datetime import timedelta
from feast import Entity, FeatureView, ValueType
from feast.infra.data_sources.contrib.iceberg_catalog import IcebergSource

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
source = IcebergSource(**json.loads(os.environ["FOREIGN_SOURCE"]))
view = FeatureView(name="drivers", entities=[driver], ttl=timedelta(hours=5), source=source)
"""


@pytest.mark.parametrize("name", ["rest", "hive"])
def test_the_commands_of_feast_take_the_source(request, make_store, tmp_path, name):
    source = request.getfixturevalue(f"{name}_source")
    store = make_store(source)
    repository = tmp_path / "repository"
    repository.mkdir()
    stores = {
        part: {**STORE_TYPES[part], **store.config.offline_store.catalog_arguments(tmp_path)}
        for part in STORE_TYPES
    }
    config = {
        "project": "commands",
        "provider": "local",
        "registry": "registry.db",
        "entity_key_serialization_version": 3,
        **stores,
    }
    (repository / "feature_store.yaml").write_text(yaml.safe_dump(config))
    (repository / "definitions.py").write_text(REPOSITORY)
    given = of_table(
        source.namespace,
        catalog_type=source.catalog_type,
        catalog_name=source.catalog_name,
        endpoint=source.endpoint,
        warehouse=source.warehouse,
        catalog_properties=source.catalog_properties,
    )
    environment = {**os.environ, "FOREIGN_SOURCE": json.dumps(given)}
    said = ""
    for command in (
        ["plan"], ["apply"], ["materialize", T0.isoformat(), END.isoformat()]
    ):
        done = subprocess.run(
            ["feast", *command], cwd=repository, env=environment, check=False,
            capture_output=True, text=True,
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    assert not secrets_in(said, secrets_of(source))
    check_online(FeatureStore(repo_path=str(repository)))


def test_one_login_serves_all_calls(make_store, rest_catalog):
    with FaultProxy(rest_catalog.port) as proxy:
        source = feast_source(rest_catalog.arguments(), endpoint=proxy.endpoint)
        store = make_store(source)
        for _ in range(2):
            check_historical(store)
            check_pulls(store)
        store.materialize(T0, END)
        logins = [each for each in proxy.log() if each.path.endswith("/oauth/tokens")]
        assert len(logins) == 1


def pyiceberg_of(source):
    """PyIceberg's catalog of the source, which knows no more than it does."""
    options = dict(source.catalog_properties)
    if source.token_env_var:
        options["token"] = os.environ[source.token_env_var]
    return pyiceberg_catalog(
        {
            "catalog_type": source.catalog_type,
            "catalog_name": source.catalog_name,
            "uri": source.endpoint,
            "warehouse": source.warehouse,
            "storage_options": options,
        }
    )


@pytest.mark.parametrize("name", ["rest_token", "unity", "glue", "hive", "sql"])
def test_a_row_written_through_the_source_lands_in_its_catalog(request, make_store, name):
    source = request.getfixturevalue(f"{name}_source")
    store = make_store(source)
    frame = pd.DataFrame([row(2, HOURS, timedelta(0), 7)])
    store.write_to_offline_store("drivers", frame, reorder_columns=True)
    theirs = pyiceberg_of(source).load_table(f"{source.namespace}.drivers").scan().to_arrow()
    assert sorted(theirs["trips"].to_pylist()) == sorted([r["trips"] for r in ROWS] + [7])


def test_a_saved_dataset_lands_in_the_catalog_of_its_source(make_store, unity_source):
    store = make_store(unity_source)
    frame = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": [END, END]})
    job = store.get_historical_features(frame, ["drivers:trips"])
    kept = UnityCatalogSource.from_proto(unity_source.to_proto())
    kept.iceberg_table = "kept"
    job.persist(SavedDatasetIcebergStorage(source=kept))
    theirs = pyiceberg_of(kept).load_table(f"{kept.namespace}.kept").scan().to_arrow()
    assert sorted(theirs["trips"].to_pylist()) == [211, 4242]


WRONG = "wrong-secret-5d1e88aa"


def secrets_of(source):
    return [PostgreSql.password] + [
        value.rpartition(":")[2]
        for name, value in source.catalog_properties.items()
        if name.endswith(("secret-access-key", "credential"))
    ]


def with_properties(source, **properties):
    changed = IcebergSource.from_proto(source.to_proto())
    changed.catalog_properties = {**source.catalog_properties, **properties}
    return changed


@pytest.mark.parametrize(
    "name, option",
    [
        ("rest", "credential"),
        ("sql", "s3.secret-access-key"),
        ("glue", "glue.secret-access-key"),
    ],
)
def test_a_wrong_secret_of_a_source_is_named_and_not_shown(
    request, make_store, name, option, capfd
):
    source = request.getfixturevalue(f"{name}_source")
    store = make_store(source)
    value = f"floe-tests:{WRONG}" if option == "credential" else WRONG
    bad = with_properties(source, **{option: value})
    secrets = [WRONG, *secrets_of(source)]
    with Outputs() as outputs:
        with pytest.raises(FloeError) as raised:
            IcebergOfflineStore.pull_all_from_table_or_query(
                store.config, bad, ["driver_id"], FEATURES, "ts", "created", T0, END
            ).to_arrow()
        outputs.note(raised.value)
    said = "".join(traceback.format_exception(raised.value))
    assert not secrets_in(outputs.text() + said + "".join(capfd.readouterr()), secrets)
    assert raised.value.code == "NOT_AUTHORIZED", raised.value
