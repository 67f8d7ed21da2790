"""Which catalog a user runs with which store, and both sides' view of one pair."""

import dataclasses
import pathlib
import subprocess

import yaml

from catalog_servers import pyiceberg_catalog

# Pair: (fixture of the catalog, fixture of the store).
PAIRS = {
    "rest-s3": ("rest_catalog", "s3proxy"),
    "rest-planning-s3": ("rest_catalog_planning", "s3proxy"),
    "nessie-s3": ("nessie", "s3proxy"),
    "glue-s3": ("glue", "moto"),
    "hive4-s3": ("hive4_postgresql", "s3proxy"),
    "hive3-s3": ("hive3", "s3proxy"),
    "postgresql-s3": ("postgresql", "s3proxy"),
    "postgresql-gcs": ("postgresql", "fake_gcs"),
    "postgresql-azure": ("postgresql", "azurite"),
    "postgresql-local": ("postgresql", "local_folder"),
    "mariadb-s3": ("mariadb", "s3proxy"),
    "mariadb-gcs": ("mariadb", "fake_gcs"),
    "mariadb-azure": ("mariadb", "azurite"),
    "mariadb-local": ("mariadb", "local_folder"),
    "sqlite-s3": ("sqlite", "s3proxy"),
    "sqlite-r2": ("sqlite", "versitygw"),
    "sqlite-minio": ("sqlite", "minio"),
    "sqlite-gcs": ("sqlite", "fake_gcs"),
    "sqlite-azure": ("sqlite", "azurite"),
    "sqlite-local": ("sqlite", "local_folder"),
}
# Catalogs that give a warehouse of their own.
OWN_WAREHOUSE = ("rest_catalog", "rest_catalog_planning", "nessie")


@dataclasses.dataclass
class Pair:
    """One catalog over one store: a warehouse of its own where the catalog allows."""

    name: str
    catalog: object
    store: object
    arguments: dict
    """Of floe.Catalog."""
    namespace: str

    @property
    def secrets(self):
        return [*self.catalog.secrets, *self.store.secrets]

    def floe(self, **changes):
        import floe

        return floe.Catalog(**{**self.arguments, **changes})

    def pyiceberg(self):
        return pyiceberg_catalog(self.arguments)

    def table(self, name):
        return f"{self.namespace}.{name}"

    def command(self, folder, *arguments):
        """Runs the `floe` program with the pair's settings in a feature_store.yaml below
        `folder`; returns what it prints."""
        settings = {key: value for key, value in self.arguments.items() if value}
        config = {
            "project": "services",
            "provider": "local",
            "registry": "registry.db",
            "offline_store": {"type": "floe.IcebergOfflineStore", **settings},
        }
        (pathlib.Path(folder) / "feature_store.yaml").write_text(yaml.safe_dump(config))
        done = subprocess.run(
            ["floe", "--quiet", "--feast-repo", folder, *arguments],
            capture_output=True, text=True, check=False,
        )
        for secret in self.secrets:
            assert secret not in done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout


def make_pair(name, get_fixture, namespace):
    """The pair of a name; get_fixture gives the running servers."""
    catalog_fixture, store_fixture = PAIRS[name]
    store, catalog = get_fixture(store_fixture), get_fixture(catalog_fixture)
    if catalog_fixture in OWN_WAREHOUSE:
        arguments = catalog.arguments()
    else:
        arguments = catalog.arguments(store.new_bucket(), store)
    return Pair(name, catalog, store, arguments, namespace)
