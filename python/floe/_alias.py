"""Makes `type: iceberg` work in feature_store.yaml.

Feast has no entry points: short store names are keys of dicts in feast.repo_config. The
file floe.pth imports this module when Python starts; it waits for feast.repo_config to be
imported, by whomever, and then adds the names. It imports nothing but sys until then, and
does nothing where Feast is not installed.
"""

import sys

_TARGET = "feast.repo_config"
_ALIASES = (
    ("OFFLINE_STORE_CLASS_FOR_TYPE", "iceberg", "floe.IcebergOfflineStore"),
    ("ONLINE_STORE_CLASS_FOR_TYPE", "iceberg", "floe.IcebergOnlineStore"),
    ("BATCH_ENGINE_CLASS_FOR_TYPE", "iceberg", "floe.IcebergEngine"),
)


def register(repo_config):
    """Adds the names; a Feast that has a name of its own keeps it."""
    for dictionary, alias, path in _ALIASES:
        getattr(repo_config, dictionary, {}).setdefault(alias, path)


class _Finder:
    """Finds feast.repo_config as the other finders do, to act once it is loaded."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != _TARGET:
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not cls]
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """Loads a module with its own loader, then registers the names in it."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        # The module must look as if this loader had never been there.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        register(module)


def install():
    """Registers now if Feast's module is there already, else when it comes."""
    loaded = sys.modules.get(_TARGET)
    if loaded is not None:
        register(loaded)
    elif _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


install()
