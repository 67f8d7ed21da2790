#pragma once

#include <string>
#include <vector>

/// Written by python/generate_configuration.py from the settings classes of
/// python/floe, where each key is described: what the parsers accept.
namespace floe::capi {

inline std::vector<std::string> CatalogKeys() {
  return {"catalog_type", "catalog_name", "uri", "warehouse", "storage_options"};
}

}  // namespace floe::capi
