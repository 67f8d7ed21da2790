"""What goes wrong between Floe and a real server ends in success by trying again, or in an
error that names the cause. No commit is lost or doubled, and no output holds a secret."""

import json
import os
import subprocess
import sys
import textwrap
import urllib.request
import uuid

import pyarrow as pa
import pytest
import yaml

import floe
from catalog_servers import SqliteCatalog, pyiceberg_catalog
from fault_proxy import FaultProxy, LoseAnswer, Refuse, ResetConnection
from outputs import Outputs, secrets_in
from floe.errors import FloePermissionError, FloeTimeoutError
from server import HOST

ROWS = pa.table({"id": pa.array(range(1000), pa.int64())})
STORES = ["s3proxy", "moto", "azurite", "fake_gcs"]
WRONG = "wrong-secret-3be0d1f5"
# Base64, as Azure's keys have to be.
WRONG_KEY = "d3Jvbmcta2V5LW9mLWZsb2Utc2VydmljZXMtdGVzdHM="
TOO_SKEWED = (
    b"<?xml version='1.0'?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference "
    b"between the request time and the current time is too large.</Message></Error>"
)


@pytest.fixture(autouse=True)
def outputs(capfd):
    """All that a test makes Floe say; at its end no secret may be in it."""
    told = []
    with Outputs() as collected:
        collected.secrets = told
        yield collected
    out, err = capfd.readouterr()
    found = secrets_in(collected.text() + out + err, [WRONG, WRONG_KEY, *told])
    assert not found, "a secret was shown: its end is " + ", ".join(found)


class Setup:
    """A catalog whose way to its server or its store leads through a proxy."""

    def __init__(self, arguments, proxy, outputs):
        self.arguments = arguments
        self.proxy = proxy
        self.outputs = outputs
        self.table = f"ns_{uuid.uuid4().hex[:8]}.t"

    def open(self, **options):
        storage_options = {**self.arguments["storage_options"], **options}
        # A name of its own, for the process keeps one connection for the same settings.
        return floe.Catalog(**{**self.arguments, "storage_options": storage_options})

    def make_table(self):
        catalog = self.open()
        catalog.create_table(self.table, ROWS.schema)
        catalog.append(self.table, ROWS)
        return catalog

    def ids(self, catalog=None):
        return sorted((catalog or self.open()).scan(self.table).read_all()["id"].to_pylist())

    def error_of(self, action, *arguments, **options):
        """The FloeError that the action raises, noted."""
        with pytest.raises(floe.FloeError) as caught:
            action(*arguments, **options)
        self.outputs.note(caught.value)
        return caught.value


def through(proxy, server, options):
    """Options whose addresses lead through the proxy."""
    changed = {
        key: value.replace(f":{server.port}", f":{proxy.port}")
        for key, value in options.items()
    }
    if proxy.scheme == "https":
        for key, value in changed.items():
            if value.endswith(f":{proxy.port}"):
                changed[key] = value.replace("http://", "https://")
            elif key.endswith("-scheme"):
                changed[key] = "https"
    return changed


def setup_over(server, proxy, folder, outputs):
    """SQLite as the catalog, the store behind the proxy."""
    outputs.secrets += server.secrets
    arguments = SqliteCatalog(folder).arguments(server.new_bucket(), server)
    arguments["storage_options"] = through(proxy, server, server.storage_options)
    return Setup(arguments, proxy, outputs)


@pytest.fixture(params=STORES)
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def over_store(store, tmp_path, outputs):
    """A setup over each store."""
    with FaultProxy(store.port) as proxy:
        yield setup_over(store, proxy, tmp_path, outputs)


@pytest.fixture
def over_s3(s3proxy, tmp_path, outputs):
    with FaultProxy(s3proxy.port) as proxy:
        yield setup_over(s3proxy, proxy, tmp_path, outputs)


# --- the store ---


@pytest.mark.parametrize(
    "fixture, key, value",
    [
        ("s3proxy", "s3.secret-access-key", WRONG),
        ("s3proxy", "s3.access-key-id", "nobody"),
        ("moto", "s3.secret-access-key", WRONG),
        ("versitygw", "s3.secret-access-key", WRONG),
        ("azurite", "adls.account-key", WRONG_KEY),
    ],
)
def test_wrong_key_of_a_store(request, fixture, key, value, tmp_path, outputs):
    server = request.getfixturevalue(fixture)
    with FaultProxy(server.port) as proxy:
        setup = setup_over(server, proxy, tmp_path, outputs)
        setup.make_table()
        error = setup.error_of(lambda: setup.ids(setup.open(**{key: value})))
    assert isinstance(error, FloePermissionError), error
    assert not error.retryable


def test_missing_bucket(over_store):
    setup = over_store
    bucket = f"floe-missing-{uuid.uuid4().hex[:8]}"
    scheme = setup.arguments["warehouse"].partition(":")[0]
    setup.arguments["warehouse"] = f"{scheme}://{bucket}"
    catalog = setup.open()
    error = setup.error_of(catalog.create_table, setup.table, ROWS.schema)
    assert bucket in str(error)
    assert not catalog.table_exists(setup.table)


def test_store_is_down_and_comes_back(over_store):
    setup = over_store
    catalog = setup.make_table()
    setup.proxy.take_down()
    error = setup.error_of(lambda: setup.ids(setup.open()))
    assert error.code in ("SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"), error
    assert error.retryable or isinstance(error, FloeTimeoutError)
    assert str(setup.proxy.port) in str(error) or "connect" in str(error).lower()
    setup.proxy.restore()
    assert setup.ids(catalog) == list(range(1000))


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_storm_that_passes(over_store, status):
    setup = over_store
    catalog = setup.make_table()
    setup.proxy.inject(Refuse(status), times=2)
    assert setup.ids(setup.open()) == list(range(1000))
    setup.proxy.inject(Refuse(status), when=lambda each: each.method == "PUT", times=2)
    catalog.append(setup.table, ROWS.slice(0, 1))
    assert setup.ids() == [0, *range(1000)]
    assert any(each.fault == "Refuse" for each in setup.proxy.log())


def test_a_storm_without_end(over_s3):
    setup = over_s3
    setup.make_table()
    setup.proxy.inject(Refuse(503), times=float("inf"))
    error = setup.error_of(lambda: setup.ids(setup.open()))
    assert error.retryable, error
    assert "503" in str(error) or "SlowDown" in str(error) or error.code == "THROTTLED"
    setup.proxy.heal()
    assert setup.ids() == list(range(1000))


@pytest.mark.parametrize("after_bytes", [None, 0, 100])
def test_reset_in_mid_read(over_store, after_bytes):
    setup = over_store
    setup.make_table()
    setup.proxy.clear_log()
    setup.proxy.inject(
        ResetConnection(after_bytes),
        when=lambda each: each.method == "GET" and ".parquet" in each.target,
        times=2,
    )
    assert setup.ids(setup.open()) == list(range(1000))
    assert any(each.fault == "ResetConnection" for each in setup.proxy.log())


def test_lost_answers_to_writes(over_store):
    """Each write's first answer is lost: the second try meets what the first one wrote."""
    setup = over_store
    seen = set()

    def is_new_write(each):
        is_first = each.method in ("PUT", "POST") and each.target not in seen
        seen.add(each.target)
        return is_first

    setup.proxy.inject(LoseAnswer(), when=is_new_write, times=6)
    catalog = setup.make_table()
    catalog.append(setup.table, ROWS.slice(0, 5))
    assert setup.ids() == sorted([*range(5), *range(1000)])
    assert any(each.fault == "LoseAnswer" for each in setup.proxy.log())


def test_clock_that_the_server_refuses(over_s3):
    setup = over_s3
    setup.make_table()
    setup.proxy.inject(Refuse(403, TOO_SKEWED), times=float("inf"))
    error = setup.error_of(lambda: setup.ids(setup.open()))
    assert "clock" in str(error).lower() or "RequestTimeTooSkewed" in str(error), error


@pytest.mark.parametrize("shift", ["+2h", "-2h"])
def test_clock_that_is_wrong(over_s3, tmp_path, shift):
    """The program under a false clock, against a server that checks: it corrects itself by
    the server's clock, or says what is wrong."""
    setup = over_s3
    setup.make_table()
    done = run_scan(setup, tmp_path, around=["faketime", "-f", shift])
    setup.outputs.note(done.stdout, done.stderr)
    if done.returncode == 0:
        assert json.loads(done.stdout)["rows"] == 1000
    else:
        said = done.stderr.lower()
        assert "clock" in said or "skew" in said or "time" in said, done.stderr


SCAN = textwrap.dedent(
    """
    import json, sys
    import floe

    asked = json.load(sys.stdin)
    catalog = floe.Catalog(**asked["arguments"])
    print(json.dumps({"rows": catalog.scan(asked["table"]).read_all().num_rows}))
    """
)


def run_scan(setup, folder, around=(), environment=None):
    """A scan in a process of its own."""
    return subprocess.run(
        [*around, sys.executable, "-c", SCAN],
        input=json.dumps({"arguments": setup.arguments, "table": setup.table}),
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, **(environment or {})},
    )


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key) files for 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


def test_certificate_nobody_vouches_for(store, certificate, tmp_path, outputs):
    with FaultProxy(store.port, tls=certificate) as proxy:
        setup = setup_over(store, proxy, tmp_path, outputs)
        error = setup.error_of(setup.make_table)
        assert "certificate" in str(error).lower(), error
        assert proxy.log() == []


def test_certificate_that_is_trusted(s3proxy, certificate, tmp_path, outputs):
    with FaultProxy(s3proxy.port) as plain:
        setup = setup_over(s3proxy, plain, tmp_path, outputs)
        setup.make_table()
    with FaultProxy(s3proxy.port, tls=certificate) as proxy:
        setup.arguments["storage_options"] = through(
            proxy, s3proxy, s3proxy.storage_options
        )
        # The store's own variable goes before the general one.
        environment = {name: str(certificate[0]) for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE")}
        done = run_scan(setup, tmp_path, environment=environment)
        outputs.note(done.stdout, done.stderr)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"rows": 1000}
        assert proxy.log()


# --- the catalog ---

# What of a commit's question tells it from others.
COMMITS = {
    "rest_catalog": lambda each: each.method == "POST" and "/tables/" in each.path,
    "glue": lambda each: each.headers.get("x-amz-target", "").endswith(".UpdateTable"),
    "postgresql": lambda each: b"COMMIT" in each.question.upper(),
    "mariadb": lambda each: b"COMMIT" in each.question.upper(),
    "hive4": lambda each: b"alter_table" in each.question,
}


@pytest.fixture(params=list(COMMITS))
def over_catalog(request, tmp_path, outputs):
    """A setup whose catalog is behind the proxy; its store is reached straight."""
    name = request.param
    catalog = request.getfixturevalue(name)
    server = catalog.moto if name == "glue" else catalog
    store = request.getfixturevalue("moto" if name == "glue" else "s3proxy")
    outputs.secrets += [*catalog.secrets, *store.secrets]
    with FaultProxy(server.port, is_http=name in ("rest_catalog", "glue")) as proxy:
        if name == "rest_catalog":
            arguments = catalog.arguments()
        else:
            arguments = catalog.arguments(store.new_bucket(), store)
        if arguments["uri"]:
            arguments["uri"] = arguments["uri"].replace(f":{server.port}", f":{proxy.port}")
        else:
            options = arguments["storage_options"]
            options["glue.endpoint"] = proxy.endpoint
        setup = Setup(arguments, proxy, outputs)
        setup.is_commit = COMMITS[name]
        setup.name = name
        yield setup


def test_a_commit_whose_answer_is_lost(over_catalog):
    setup = over_catalog
    catalog = setup.make_table()
    setup.proxy.inject(LoseAnswer(), when=setup.is_commit)
    more = ROWS.slice(0, 7)
    try:
        catalog.append(setup.table, more)
        expected = [sorted([*range(7), *range(1000)])]
    except floe.FloeError as error:
        setup.outputs.note(error)
        assert error.code == "COMMIT_STATE_UNKNOWN", error
        assert not error.retryable
        # Either is the truth: but not twice, and not a part.
        expected = [list(range(1000)), sorted([*range(7), *range(1000)])]
    assert any(each.fault == "LoseAnswer" for each in setup.proxy.log())
    assert setup.ids() in expected
    assert len(catalog.describe(setup.table)["snapshots"]) <= 2
    # And the table is as good as before: nothing it names was cleaned away.
    setup.open().append(setup.table, ROWS.slice(0, 1))
    assert setup.ids().count(0) == expected[-1].count(0) + 1


def test_creating_a_table_whose_answer_is_lost(over_catalog):
    setup = over_catalog
    setup.open().create_namespace(setup.table.partition(".")[0])
    creations = {
        "rest_catalog": lambda each: each.method == "POST" and each.path.endswith("/tables"),
        "glue": lambda each: each.headers.get("x-amz-target", "").endswith(".CreateTable"),
        "hive4": lambda each: b"create_table" in each.question,
    }
    setup.proxy.inject(LoseAnswer(), when=creations.get(setup.name, setup.is_commit))
    catalog = setup.open()
    try:
        catalog.create_table(setup.table, ROWS.schema)
    except floe.FloeError as error:
        setup.outputs.note(error)
        assert error.code in ("COMMIT_STATE_UNKNOWN", "ALREADY_EXISTS"), error
    assert any(each.fault == "LoseAnswer" for each in setup.proxy.log())
    if catalog.table_exists(setup.table):
        catalog.append(setup.table, ROWS)
        assert setup.ids() == list(range(1000))
    else:
        setup.make_table()


def test_catalog_is_down_and_comes_back(over_catalog):
    setup = over_catalog
    catalog = setup.make_table()
    setup.proxy.take_down()
    error = setup.error_of(catalog.append, setup.table, ROWS)
    assert error.code in ("SERVICE_UNAVAILABLE", "COMMIT_STATE_UNKNOWN"), error
    unreachable = setup.error_of(lambda: setup.open().table_exists(setup.table))
    assert unreachable.code == "SERVICE_UNAVAILABLE", unreachable
    setup.proxy.restore()
    assert setup.ids(catalog) == list(range(1000))
    catalog.append(setup.table, ROWS.slice(0, 1))
    assert setup.ids() == [0, *range(1000)]


@pytest.mark.parametrize("over_catalog", ["rest_catalog", "glue"], indirect=True)
@pytest.mark.parametrize("status", [429, 503])
def test_a_catalog_storm_that_passes(over_catalog, status):
    setup = over_catalog
    catalog = setup.make_table()
    setup.proxy.inject(Refuse(status), times=2)
    catalog.append(setup.table, ROWS.slice(0, 3))
    assert setup.ids() == sorted([0, 1, 2, *range(1000)])
    assert len(catalog.describe(setup.table)["snapshots"]) == 2


@pytest.mark.parametrize("over_catalog", ["rest_catalog", "glue"], indirect=True)
def test_a_gateway_that_fails_after_the_deed(over_catalog):
    """502 and 504 say nothing about whether the commit was made."""
    setup = over_catalog
    catalog = setup.make_table()
    setup.proxy.inject(Refuse(504), when=setup.is_commit, times=float("inf"))
    error = setup.error_of(catalog.append, setup.table, ROWS)
    assert error.code in ("COMMIT_STATE_UNKNOWN", "SERVICE_UNAVAILABLE"), error
    setup.proxy.heal()
    assert setup.ids() == list(range(1000))


@pytest.mark.parametrize(
    "over_catalog, key",
    [("rest_catalog", "credential"), ("glue", "glue.secret-access-key")],
    indirect=["over_catalog"],
)
def test_wrong_secret_of_a_catalog(over_catalog, key):
    setup = over_catalog
    setup.make_table()
    value = f"floe-tests:{WRONG}" if key == "credential" else WRONG
    error = setup.error_of(lambda: setup.open(**{key: value}).table_exists(setup.table))
    assert isinstance(error, FloePermissionError), error
    assert not error.retryable


@pytest.mark.parametrize("over_catalog", ["postgresql", "mariadb"], indirect=True)
def test_wrong_password_of_a_database(over_catalog):
    setup = over_catalog
    head, _, tail = setup.arguments["uri"].rpartition("@")
    user = head.rpartition(":")[0]
    setup.arguments["uri"] = f"{user}:{WRONG}@{tail}"
    error = setup.error_of(lambda: setup.open().list_namespaces())
    assert isinstance(error, FloePermissionError), error
    assert setup.arguments["uri"] not in str(error)


def test_a_token_that_ends_is_renewed(rest_catalog, outputs):
    outputs.secrets += [*rest_catalog.secrets, *rest_catalog.store.secrets]
    setup = Setup(rest_catalog.arguments(), None, outputs)
    catalog = setup.make_table()
    revoke = urllib.request.Request(f"{rest_catalog.uri}/test/revoke", method="POST")
    assert urllib.request.urlopen(revoke).status == 204
    catalog.append(setup.table, ROWS.slice(0, 1))
    assert setup.ids(catalog) == [0, *range(1000)]


def test_a_bearer_token_that_has_ended(rest_catalog, outputs):
    outputs.secrets += [*rest_catalog.secrets, *rest_catalog.store.secrets]
    setup = Setup(rest_catalog.arguments(), None, outputs)
    del setup.arguments["storage_options"]["credential"]
    error = setup.error_of(lambda: setup.open(token=WRONG).list_namespaces())
    assert isinstance(error, FloePermissionError), error
    assert "token" in str(error).lower() or "credential" in str(error).lower()


def test_a_session_token_that_was_never_given(moto, tmp_path, outputs):
    with FaultProxy(moto.port) as proxy:
        setup = setup_over(moto, proxy, tmp_path, outputs)
        setup.make_table()
        error = setup.error_of(
            lambda: setup.ids(
                setup.open(
                    **{
                        "s3.access-key-id": "ASIAUNKNOWN",
                        "s3.secret-access-key": WRONG,
                        "s3.session-token": WRONG,
                    }
                )
            )
        )
    assert isinstance(error, FloePermissionError), error


def test_secrets_do_not_travel(over_s3):
    """A secret signs requests and is in none of them."""
    setup = over_s3
    setup.make_table()
    setup.ids()
    for each in setup.proxy.log():
        travelled = f"{each.target} {each.headers} {each.question!r}"
        assert not secrets_in(travelled, setup.outputs.secrets)


def test_the_program_hides_secrets(over_s3, tmp_path):
    """Whatever the `floe` program prints, of success and of failure."""
    setup = over_s3
    setup.make_table()
    settings = {key: value for key, value in setup.arguments.items() if value}
    config = {
        "project": "hidden",
        "provider": "local",
        "registry": "registry.db",
        "offline_store": {"type": "floe.IcebergOfflineStore", **settings},
    }
    file = tmp_path / "feature_store.yaml"
    for secret in (None, WRONG):
        if secret:
            settings["storage_options"]["s3.secret-access-key"] = secret
        file.write_text(yaml.safe_dump(config))
        for command in (["tables"], ["describe", setup.table], ["scan", setup.table],
                        ["doctor"]):
            for json_option in ([], ["--json"]):
                done = subprocess.run(
                    ["floe", *json_option, "--feast-repo", tmp_path, *command],
                    capture_output=True, text=True, check=False,
                )
                setup.outputs.note(done.stdout, done.stderr)
    assert "NOT_AUTHORIZED" in setup.outputs.text()


def test_reprs_hide_secrets(over_s3):
    from floe import IcebergOfflineStoreConfig

    setup = over_s3
    config = IcebergOfflineStoreConfig(
        type="floe.IcebergOfflineStore",
        **{key: value for key, value in setup.arguments.items() if value},
    )
    setup.outputs.note(config, setup.open(), config.storage_options)


def test_the_other_user_sees_no_half_commit(over_s3):
    """A data file whose upload is never acknowledged leaves the table as it was."""
    setup = over_s3
    catalog = setup.make_table()
    setup.proxy.inject(
        Refuse(503), when=lambda each: each.method == "PUT", times=float("inf")
    )
    setup.error_of(catalog.append, setup.table, ROWS)
    setup.proxy.heal()
    theirs = pyiceberg_catalog(setup.arguments).load_table(setup.table)
    assert theirs.scan().to_arrow().num_rows == 1000
