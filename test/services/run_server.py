"""Runs one server of this folder by hand: `run_server.py NAME install|start|health|stop`.

Its data, log and process id lie in `run/NAME` below FLOE_SERVICES_HOME, and what a client
needs is printed as JSON by `start`. Catalogs that need an object store use s3proxy, which
has to be started first.
"""

import argparse
import json
import shutil
import sys

import catalog_servers
import installation
import object_stores
from server import ServerError

STORES = {
    "s3proxy": object_stores.S3Proxy,
    "moto": object_stores.Moto,
    "versitygw": object_stores.Versitygw,
    "minio": object_stores.Minio,
    "azurite": object_stores.Azurite,
    "fake-gcs-server": object_stores.FakeGcs,
}
SQL_SERVERS = {
    "postgresql": catalog_servers.PostgreSql,
    "mariadb": catalog_servers.MariaDb,
}
OVER_S3 = {"rest-catalog": catalog_servers.RestCatalog, "nessie": catalog_servers.Nessie}
HIVE = {"hive4": 4, "hive3": 3}
NAMES = (*STORES, *SQL_SERVERS, *OVER_S3, *HIVE)


def port_file(name):
    return installation.services_home() / "run" / name / "port"


def make_server(name, port=None):
    """The server of a name, on the port given, else on that of its last start."""
    file = port_file(name)
    if port is None and file.exists():
        port = int(file.read_text())
    folder = file.parent
    if name in OVER_S3:
        return OVER_S3[name](folder, make_server("s3proxy"), port=port)
    if name in HIVE:
        return catalog_servers.HiveMetastore(folder, HIVE[name], port=port)
    return {**STORES, **SQL_SERVERS}[name](folder, port)


def client_settings(name, server):
    if name in STORES:
        return {"endpoint": server.endpoint, "storage_options": server.storage_options}
    if name in OVER_S3:
        return server.arguments()
    return {"uri": server.uri}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("action", choices=("install", "start", "health", "stop"))
    parser.add_argument("--port", type=int, help="to listen on; a free one when left out")
    options = parser.parse_args()
    try:
        return run(options)
    except (ServerError, installation.InstallError) as error:
        print(error, file=sys.stderr)
        return 1


def run(options):
    server = make_server(options.name, options.port)
    if options.action == "install":
        print(server.install())
    elif options.action == "start":
        if server.pid() is not None:
            raise ServerError(f"{server.name} already runs; stop it first")
        server.start(outlive_parent=True)
        port_file(options.name).write_text(str(server.port))
        print(json.dumps(client_settings(options.name, server), indent=2))
    elif options.action == "health":
        is_up = server.pid() is not None and server.is_ready()
        print(f"{server.name} on port {server.port}: {'up' if is_up else 'not up'}")
        return 0 if is_up else 1
    else:
        server.stop()
        shutil.rmtree(port_file(options.name).parent, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
