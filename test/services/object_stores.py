"""Object stores: how each is installed and started, and how PyIceberg and Floe reach it.

Every store has `storage_options` (PyIceberg's names, which are Floe's), `secrets` (what no
output may hold), `new_bucket()` -> a URI for a warehouse, and `filesystem()`, Arrow's own,
to look at what is really there.
"""

import base64
import json
import os
import pathlib
import uuid

import pyarrow.fs

import installation
from server import HOST, Server, http_status

REGION = "us-east-1"
MOTO_SERVER = pathlib.Path(__file__).with_name("moto_server.py")


class ObjectStore(Server):
    """What the stores share. `scheme` is that of table locations."""

    scheme = "s3"

    @property
    def endpoint(self):
        return f"http://{HOST}:{self.port}"

    def new_bucket(self):
        """Makes a bucket of a name never used before; returns its URI."""
        bucket = f"floe-{uuid.uuid4().hex[:12]}"
        self.filesystem().create_dir(bucket)
        return f"{self.scheme}://{bucket}"

    def objects(self, uri):
        """{path below the URI: bytes} of all objects there."""
        root = uri.partition("://")[2]
        selector = pyarrow.fs.FileSelector(root, recursive=True, allow_not_found=True)
        return {
            entry.path[len(root):].lstrip("/"): entry.size
            for entry in self.filesystem().get_file_info(selector)
            if entry.type == pyarrow.fs.FileType.File
        }


class S3Store(ObjectStore):
    """A store that speaks S3 with one key pair."""

    access_key_id = ""
    secret_access_key = ""
    region = REGION

    @property
    def secrets(self):
        return [self.secret_access_key]

    @property
    def storage_options(self):
        return {
            "s3.endpoint": self.endpoint,
            "s3.region": self.region,
            "s3.access-key-id": self.access_key_id,
            "s3.secret-access-key": self.secret_access_key,
        }

    def filesystem(self):
        return pyarrow.fs.S3FileSystem(
            access_key=self.access_key_id,
            secret_key=self.secret_access_key,
            endpoint_override=self.endpoint,
            region=self.region,
            allow_bucket_creation=True,
        )


class S3Proxy(S3Store):
    """S3Proxy over a local folder: signatures checked, conditional writes, path style."""

    name = "s3proxy"
    version = "4.1.0"
    access_key_id = "s3proxy-key-id"
    secret_access_key = "s3proxy-secret-2f6c19d0"

    def install(self):
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.maven_artifact(
                self.name, f"org.gaul:s3proxy:{self.version}:jar:jar-with-dependencies", folder
            ),
        )

    def prepare(self):
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        settings = {
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.endpoint": self.endpoint,
            "s3proxy.identity": self.access_key_id,
            "s3proxy.credential": self.secret_access_key,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.identity": "unused",
            "jclouds.credential": "unused",
            "jclouds.filesystem.basedir": data,
        }
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (self.folder / "s3proxy.properties").write_text("".join(lines))

    def command(self):
        jar = self.install() / f"s3proxy-{self.version}-jar-with-dependencies.jar"
        settings = self.folder / "s3proxy.properties"
        return ["java", "-Xmx512m", "-jar", jar, "--properties", settings]

    def is_ready(self):
        return http_status(self.endpoint) is not None


class Versitygw(S3Store):
    """versitygw over a local folder. Its region is `auto` and it answers to
    BUCKET.s3.localhost, as Cloudflare R2 does to BUCKET.ACCOUNT.r2.cloudflarestorage.com."""

    name = "versitygw"
    version = "v1.8.0"
    access_key_id = "versity-key-id"
    secret_access_key = "versity-secret-77b0e3a4"
    region = "auto"

    @property
    def virtual_host_endpoint(self):
        """To be used with virtual-hosted addressing."""
        return f"http://s3.localhost:{self.port}"

    def install(self):
        package = "github.com/versity/versitygw/cmd/versitygw"
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.go_program(self.name, package, self.version, folder),
        )

    def prepare(self):
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self):
        return [
            self.install() / "versitygw", "--port", f"{HOST}:{self.port}",
            "--region", self.region, "--virtual-domain", "s3.localhost",
            "posix", self.folder / "data",
        ]

    def environment(self):
        return {
            "ROOT_ACCESS_KEY": self.access_key_id,
            "ROOT_SECRET_KEY": self.secret_access_key,
        }


class Minio(S3Store):
    """MinIO; its build takes the longest."""

    name = "minio"
    version = "v0.0.0-20260212201848-7aac2a2c5b7c"
    access_key_id = "minio-key-id"
    secret_access_key = "minio-secret-c41d7e58"

    def install(self):
        package = "github.com/minio/minio"
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.go_program(self.name, package, self.version, folder),
        )

    @property
    def virtual_host_endpoint(self):
        """To be used with virtual-hosted addressing."""
        return f"http://s3.localhost:{self.port}"

    def prepare(self):
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self):
        return [
            self.install() / "minio", "server", "--address", f"{HOST}:{self.port}",
            "--console-address", f"{HOST}:0", self.folder / "data",
        ]

    def environment(self):
        return {
            "MINIO_ROOT_USER": self.access_key_id,
            "MINIO_ROOT_PASSWORD": self.secret_access_key,
            "MINIO_DOMAIN": "s3.localhost",
            "MINIO_UPDATE": "off",
        }

    def is_ready(self):
        return http_status(f"{self.endpoint}/minio/health/live") == 200


class Moto(S3Store):
    """moto: AWS S3, Glue, STS and IAM in one port, signatures, policies and the versions of
    Glue's tables (moto_server.py) checked.

    The keys are made when it starts: its first three calls are free, and they make a user
    with a policy. Later users come from `new_user`.
    """

    name = "moto"
    version = "5.2.5"
    free_calls = 3

    def install(self):
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.python_packages(
                self.name, [f"moto[server]=={self.version}"], folder
            ),
        )

    def command(self):
        python = self.install() / "venv" / "bin" / "python"
        return [python, MOTO_SERVER, "-H", HOST, "-p", self.port]

    def environment(self):
        return {"INITIAL_NO_AUTH_ACTION_COUNT": str(self.free_calls)}

    def initialize(self):
        self.access_key_id, self.secret_access_key = self._make_user("unsigned", "unsigned")
        keys = {"id": self.access_key_id, "secret": self.secret_access_key}
        (self.folder / "keys.json").write_text(json.dumps(keys))

    def new_user(self):
        """Another (access key id, secret) that may do everything."""
        return self._make_user(self.access_key_id, self.secret_access_key)

    def client(self, service, access_key_id=None, secret_access_key=None):
        """A boto3 client of one of its services, with the first user's keys."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=access_key_id or self.access_key_id,
            aws_secret_access_key=secret_access_key or self.secret_access_key,
        )

    def _make_user(self, access_key_id, secret_access_key):
        iam = self.client("iam", access_key_id, secret_access_key)
        user = f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_user_policy(UserName=user, PolicyName="everything", PolicyDocument=policy)
        return key["AccessKeyId"], key["SecretAccessKey"]

    def is_ready(self):
        return http_status(f"{self.endpoint}/moto-api/") is not None


class Azurite(ObjectStore):
    """Azure Blob with a flat namespace; the shared key is checked."""

    name = "azurite"
    version = "3.35.0"
    scheme = "abfs"
    account = "floeaccount"
    account_key = base64.b64encode(b"azurite key of Floe's tests, 48 bytes of no use.").decode()

    @property
    def secrets(self):
        return [self.account_key]

    def install(self):
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.npm_package(
                self.name, f"azurite@{self.version}", folder
            ),
        )

    def prepare(self):
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self):
        # The clients' SDKs ask for API versions newer than this one knows.
        return [
            "node", self.install() / "node_modules" / "azurite" / "dist/src/blob/main.js",
            "--blobHost", HOST, "--blobPort", self.port, "--skipApiVersionCheck",
            "--disableTelemetry", "-l", self.folder / "data",
        ]

    def environment(self):
        return {"AZURITE_ACCOUNTS": f"{self.account}:{self.account_key}"}

    def is_ready(self):
        return http_status(self.endpoint) is not None

    @property
    def storage_options(self):
        authority = f"{HOST}:{self.port}"
        return {
            "adls.account-name": self.account,
            "adls.account-key": self.account_key,
            "adls.blob-storage-authority": authority,
            "adls.dfs-storage-authority": authority,
            "adls.blob-storage-scheme": "http",
            "adls.dfs-storage-scheme": "http",
        }

    def filesystem(self):
        authority = f"{HOST}:{self.port}"
        return pyarrow.fs.AzureFileSystem(
            account_name=self.account,
            account_key=self.account_key,
            blob_storage_authority=authority,
            dfs_storage_authority=authority,
            blob_storage_scheme="http",
            dfs_storage_scheme="http",
        )


class FakeGcs(ObjectStore):
    """fake-gcs-server: Google's JSON API with generation preconditions; takes any token."""

    name = "fake-gcs-server"
    version = "v1.56.1"
    scheme = "gs"
    token = "gcs-token-5d20be91"
    # Clients refuse to use a token without knowing when it ends: the year 2100.
    token_expires_at_ms = 4_102_444_800_000

    @property
    def secrets(self):
        return [self.token]

    def install(self):
        package = "github.com/fsouza/fake-gcs-server"
        return installation.installed(
            self.name,
            self.version,
            lambda folder: installation.go_program(self.name, package, self.version, folder),
        )

    def command(self):
        return [
            self.install() / "fake-gcs-server", "-scheme", "http", "-host", HOST,
            "-port", self.port, "-backend", "memory", "-public-host", f"{HOST}:{self.port}",
        ]

    def is_ready(self):
        return http_status(f"{self.endpoint}/storage/v1/b") == 200

    @property
    def storage_options(self):
        return {
            "gcs.service.host": self.endpoint,
            "gcs.project-id": "floe",
            "gcs.oauth2.token": self.token,
            "gcs.oauth2.token-expires-at": str(self.token_expires_at_ms),
        }

    def filesystem(self):
        return pyarrow.fs.GcsFileSystem(
            anonymous=True,
            scheme="http",
            endpoint_override=f"{HOST}:{self.port}",
            project_id="floe",
        )


class LocalFolder:
    """A folder on this machine, with the interface of a store."""

    name = "local"
    scheme = "file"
    storage_options = {}
    secrets = []

    def __init__(self, folder):
        self.folder = folder

    def new_bucket(self):
        place = self.folder / f"floe-{uuid.uuid4().hex[:12]}"
        os.makedirs(place)
        return f"file://{place}"

    def filesystem(self):
        return pyarrow.fs.LocalFileSystem()

    objects = ObjectStore.objects
