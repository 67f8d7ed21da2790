#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/table/table.h"

namespace floe::cli {

/// The catalog flags as typed; empty where not given.
struct CatalogOptions {
  std::string catalog_type;
  std::string catalog_name;
  std::string uri;
  std::string warehouse;
  std::string feast_repo;
  /// "key=value" of storage_options; ${VAR} in a value is taken from the environment.
  std::vector<std::string> properties;
  /// A catalog of PyIceberg's .pyiceberg.yaml.
  std::string pyiceberg;
  /// Where moved tables are read, as "from=to" (io/path_mapping.h).
  std::vector<std::string> path_prefixes;
};

/// A configuration and where it came from, for `floe doctor`.
struct ResolvedCatalog {
  iceberg::CatalogConfig config;
  std::string origin;
};

/// Flags first, then the named catalog of PyIceberg's .pyiceberg.yaml (of PYICEBERG_HOME,
/// the home folder or this one), then FLOE_CATALOG_URI and FLOE_WAREHOUSE, then the
/// offline_store of the Feast repo's feature_store.yaml when its type is Floe's, then the
/// embedded catalog (data/floe_catalog.db and data/warehouse under the repo's folder, as
/// the Python plugin has it). Flags override single keys of what is found.
/// kInvalidConfig names the file and the key.
arrow::Result<ResolvedCatalog> ResolveCatalog(const CatalogOptions& options);

/// The kinds of catalog this program holds.
void RegisterCatalogs(iceberg::CatalogRegistry& registry);

/// Opens the resolved catalog.
arrow::Result<std::shared_ptr<iceberg::Catalog>> OpenCatalog(
    const CatalogOptions& options);

/// Loads "namespace.table" from the catalog, or the table of a metadata.json path (which
/// opens no catalog).
arrow::Result<iceberg::TablePtr> LoadTable(const CatalogOptions& options,
                                           const std::string& name_or_path);

}  // namespace floe::cli
