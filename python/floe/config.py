"""The settings both stores share: which catalog, and how to reach it and its files."""

import difflib
import pathlib
from typing import Any, Dict, Optional

from pydantic import (
    SecretStr,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from feast.repo_config import FeastConfigBaseModel, RepoConfig
from floe import _alias  # noqa: F401  For programs that start without floe.pth.
from floe.errors import FloeConfigError

CATALOG_TYPES = ("rest", "sql", "glue", "hive")
DEFAULT_CATALOG_NAME = "floe"

# Where the embedded catalog and its warehouse lie, below the feature repository.
EMBEDDED_CATALOG = pathlib.Path("data") / "floe_catalog.db"
EMBEDDED_WAREHOUSE = pathlib.Path("data") / "warehouse"

# Storage options whose values are secret: their names end in, or hold, one of these.
_SECRET_WORDS = (
    "secret",
    "token",
    "credential",
    "password",
    "key",
    "sas",
    "connection-string",
    "proxy",
)

_SQLITE = "sqlite:///"


def nearest(name, known):
    """The known name nearest to `name`, or None."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


class FloeSettings(FeastConfigBaseModel):
    """Settings whose mistakes are told by name, and without the values given."""

    def __init__(self, **values):
        """Raises FloeConfigError. A ValidationError would show the input, secrets with
        it, once Feast's own configuration has passed it on."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise FloeConfigError(_without_input(error), "INVALID_CONFIG") from None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        known = cls.model_fields
        for key in values:
            if key in known:
                continue
            guess = nearest(str(key), known)
            hint = (
                f"did you mean '{guess}'?"
                if guess
                else f"the keys are {', '.join(known)}"
            )
            raise ValueError(f"there is no key '{key}'; {hint}")
        return values


class CatalogSettings(FloeSettings):
    """Where Iceberg tables are. With none of `catalog_type`, `uri` and `warehouse` given:
    an SQLite catalog and a local warehouse in the feature repository's `data` folder."""

    catalog_type: Optional[StrictStr] = None
    """What keeps the tables: `rest`, `sql`, `glue` or `hive`; left out, the embedded
    catalog."""

    catalog_name: StrictStr = DEFAULT_CATALOG_NAME
    """The catalog's name; a SQL catalog keeps it in every row, so that programs sharing
    one have to agree on it."""

    uri: Optional[SecretStr] = None
    """Where the catalog is, e.g. `sqlite:///data/catalog.db`, below the repository."""

    warehouse: Optional[StrictStr] = None
    """The folder or bucket of new tables; a relative path is below the repository. Of a REST
    catalog: what its server calls it."""

    storage_options: Dict[str, Any] = {}
    """Properties of the catalog and the file store, by PyIceberg's names; values whose
    names say so are kept secret."""

    @field_validator("catalog_type")
    @classmethod
    def _known_catalog_type(cls, value):
        if value is None or value in CATALOG_TYPES:
            return value
        guess = nearest(value, CATALOG_TYPES)
        hint = f"; did you mean '{guess}'?" if guess else ""
        raise ValueError(
            f"catalog_type '{value}' is not one of {', '.join(CATALOG_TYPES)}{hint}"
        )

    @field_validator("storage_options", mode="before")
    @classmethod
    def _texts_with_secrets_hidden(cls, options):
        if not isinstance(options, dict):
            raise ValueError("storage_options must be a mapping of names to values")
        return {str(name): _option(str(name), value) for name, value in options.items()}

    @model_validator(mode="after")
    def _complete(self):
        if self.catalog_type is None:
            for key in ("uri", "warehouse"):
                if getattr(self, key) is not None:
                    raise ValueError(
                        f"'{key}' is given but 'catalog_type' is missing; set catalog_type "
                        f"to one of {', '.join(CATALOG_TYPES)}"
                    )
        elif self.catalog_type == "sql" and self.uri is None:
            raise ValueError(
                "'uri' is missing for catalog_type 'sql'; set it, e.g. "
                "sqlite:///data/catalog.db, or leave catalog_type out for the embedded "
                "catalog"
            )
        return self

    def catalog_arguments(self, repo_path):
        """The arguments of floe.Catalog, with paths below `repo_path` made absolute."""
        repo = pathlib.Path(repo_path or ".").resolve()
        if self.catalog_type is None:
            catalog_type = "sql"
            database = repo / EMBEDDED_CATALOG
            database.parent.mkdir(parents=True, exist_ok=True)
            uri, warehouse = f"{_SQLITE}{database}", str(repo / EMBEDDED_WAREHOUSE)
        else:
            catalog_type = self.catalog_type
            uri = _absolute_uri(self.uri.get_secret_value() if self.uri else None, repo)
            # A REST catalog's warehouse is a name that its server knows.
            is_name = catalog_type == "rest"
            warehouse = self.warehouse if is_name else _absolute_path(self.warehouse, repo)
        return {
            "catalog_type": catalog_type,
            "catalog_name": self.catalog_name,
            "uri": uri,
            "warehouse": warehouse,
            "storage_options": storage_options(self),
        }


def storage_options(settings):
    """The storage options of a store's settings as plain texts; {} of a store that has
    none."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in getattr(settings, "storage_options", {}).items()
    }


def _without_input(error):
    """What is wrong, one clause per key, without the values given."""
    clauses = []
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        clauses.append(message if not key or key in message else f"'{key}': {message}")
    return f"{error.title}: {'; '.join(clauses)}"


def _option(name, value):
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (dict, list)) or value is None:
        raise ValueError(f"storage_options '{name}' must be text, a number or a boolean")
    is_secret = any(word in name.lower() for word in _SECRET_WORDS)
    return SecretStr(str(value)) if is_secret else str(value)


def _absolute_uri(uri, repo):
    if uri is None or not uri.startswith(_SQLITE) or uri.startswith(_SQLITE + "/"):
        return uri
    return f"{_SQLITE}{repo / uri[len(_SQLITE) :]}"


def _absolute_path(path, repo):
    if path is None or "://" in path:
        return path
    return str(repo / path)


def open_store_catalog(config: RepoConfig, settings: CatalogSettings):
    """The Catalog of a store's settings within a feature repository."""
    from floe.catalog import open_catalog

    return open_catalog(settings.catalog_arguments(config.repo_path))


def open_repo_catalog(repo_path):
    """The Catalog of the offline store of the feature repository in the folder
    `repo_path`, by its feature_store.yaml: where programs write the tables to train from.
    """
    from feast.repo_config import load_repo_config

    repo = pathlib.Path(repo_path).resolve()
    config = load_repo_config(repo, repo / "feature_store.yaml")
    if not isinstance(config.offline_store, CatalogSettings):
        raise FloeConfigError(
            f"{repo}/feature_store.yaml has the offline store "
            f"{getattr(config.offline_store, 'type', None)}, which keeps no Iceberg "
            "catalog; set offline_store.type to floe.IcebergOfflineStore",
            "INVALID_CONFIG",
        )
    return open_store_catalog(config, config.offline_store)
