#pragma once

#include <string>
#include <vector>

/// Written by python/generate_configuration.py from the settings classes of
/// python/floe, where each key is described: what the parsers accept.
namespace floe::capi {

inline std::vector<std::string> CatalogKeys() {
  return {"catalog_type", "catalog_name", "uri", "warehouse", "storage_options"};
}

inline std::vector<std::string> OnlineStoreKeys() {
  return {"namespace",      "partition_strategy",  "partition_count", "read_timeout_ms",
          "enforce_ttl",    "snapshot_refresh_ms", "row_cache_mb",    "search_timeout_ms",
          "vector_enabled", "similarity"};
}

}  // namespace floe::capi
