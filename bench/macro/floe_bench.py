"""Floe as the benchmarks call it: the C ABI, without Feast."""

import pit_data
from floe.catalog import Catalog

SOURCE = {
    "table": f"{pit_data.NAMESPACE}.{pit_data.TABLE}",
    "timestamp_field": "event_ts",
    "created_timestamp_column": "created",
}


def open_catalog(folder):
    return Catalog(
        catalog_name="bench",
        uri=f"sqlite:///{folder}/catalog.db",
        warehouse=f"file://{folder}/warehouse",
    )


def historical_features(catalog, entities, features, ttl_s):
    request = {
        "views": [
            {
                "name": "view",
                "source": SOURCE,
                "join_keys": [{"entity": "entity_id", "source": "entity_id"}],
                "ttl_us": ttl_s * 1_000_000,
                "features": [{"source": name, "output": name} for name in features],
            }
        ]
    }
    reader, _ = catalog.historical_features(request, entities)
    return reader.read_all()


def pull_latest(catalog, features):
    request = {"source": SOURCE, "join_keys": ["entity_id"], "features": features}
    reader, _ = catalog.pull_latest(request)
    return reader.read_all()
