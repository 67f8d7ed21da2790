"""Files that Python itself opens, in an object store or on disk: entity frames, exports,
saved datasets. By the storage options of the offline store, under PyIceberg's names; the
environment says what they leave out."""

import datetime
import pathlib
import urllib.parse

import pyarrow.fs as fs

from floe.errors import FloeNotSupportedError

_S3_SCHEMES = ("s3", "s3a", "s3n")
_GCS_SCHEMES = ("gs", "gcs")
_AZURE_SCHEMES = ("abfs", "abfss", "wasb", "wasbs")

# PyIceberg's names for the arguments of pyarrow's S3FileSystem.
_S3_ARGUMENTS = {
    "s3.access-key-id": "access_key",
    "s3.secret-access-key": "secret_key",
    "s3.session-token": "session_token",
    "s3.region": "region",
    "s3.role-arn": "role_arn",
    "s3.role-session-name": "session_name",
    "s3.proxy-uri": "proxy_options",
}

# What a token without an expiry of its own is taken to have left.
_TOKEN_LIFE = datetime.timedelta(hours=1)


def is_uri(path):
    return "://" in str(path)


def open_path(path, options, base=None, endpoint=None):
    """(filesystem, path in it) of a URI or of a path on disk, which is below `base`.
    `options`: {name: value}. `endpoint`: of the S3 service, instead of the options' own."""
    path = str(path)
    if path.startswith("file://"):
        path = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
    if not is_uri(path):
        return fs.LocalFileSystem(), str(pathlib.Path(base or ".") / path)
    scheme, rest = path.split("://", 1)
    if scheme in _S3_SCHEMES:
        return _s3(options, endpoint), rest
    if scheme in _GCS_SCHEMES:
        return _gcs(options), rest
    if scheme in _AZURE_SCHEMES:
        return _azure(rest, options)
    raise FloeNotSupportedError(
        f"the path {path} is in none of the stores Floe knows: use s3://, gs://, abfss:// "
        "or a path on disk",
        "NOT_SUPPORTED",
    )


def _s3(options, endpoint):
    arguments = {}
    for name, argument in _S3_ARGUMENTS.items():
        # client.* stands for all of AWS where s3.* says nothing.
        value = options.get(name) or options.get(f"client.{name.removeprefix('s3.')}")
        if value:
            arguments[argument] = value
    endpoint = endpoint or options.get("s3.endpoint")
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        arguments["endpoint_override"] = host
        if scheme:
            arguments["scheme"] = scheme
    if _is_true(options.get("s3.anonymous")):
        arguments["anonymous"] = True
    if _is_true(options.get("s3.force-virtual-addressing")):
        arguments["force_virtual_addressing"] = True
    return fs.S3FileSystem(**arguments)


def _gcs(options):
    arguments = {}
    token = options.get("gcs.oauth2.token")
    if token:
        arguments["access_token"] = token
        expires = options.get("gcs.oauth2.token-expires-at")
        now = datetime.datetime.now(datetime.timezone.utc)
        arguments["credential_token_expiration"] = (
            datetime.datetime.fromtimestamp(int(expires) / 1000, datetime.timezone.utc)
            if expires
            else now + _TOKEN_LIFE
        )
    host = options.get("gcs.service.host")
    if host:
        scheme, _, name = host.rpartition("://")
        arguments["endpoint_override"] = name
        if scheme:
            arguments["scheme"] = scheme
    if _is_true(options.get("gcs.anonymous")) or (host and not token):
        arguments["anonymous"] = True
    return fs.GcsFileSystem(**arguments)


def _azure(rest, options):
    """abfss://container@account.dfs.core.windows.net/path, or container/path."""
    place, _, path = rest.partition("/")
    container, _, host = place.rpartition("@")
    account = host.split(".")[0] if container else options.get("adls.account-name")
    arguments = {"account_name": account}
    if "adls.account-key" in options:
        arguments["account_key"] = options["adls.account-key"]
    if "adls.sas-token" in options:
        arguments["sas_token"] = options["adls.sas-token"]
    return fs.AzureFileSystem(**arguments), f"{container or place}/{path}"


def _is_true(value):
    return str(value).lower() in ("1", "true", "yes")
