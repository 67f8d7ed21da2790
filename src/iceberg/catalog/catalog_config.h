#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "base/random.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/metadata_file.h"
#include "io/store_properties.h"

namespace floe::iceberg {

/// Which catalog, and how to reach it and its files.
struct CatalogConfig {
  static constexpr char kDefaultName[] = "floe";

  std::string catalog_type = "sql";  ///< rest, sql, glue or hive.
  std::string catalog_name = kDefaultName;
  std::string uri;
  /// Where tables without a location of their own go.
  std::string warehouse;
  /// storage_options: properties of the catalog and of its FileIO ("s3.region", ...).
  std::map<std::string, std::string> properties;

  bool operator==(const CatalogConfig& other) const = default;
};

/// `uri` for people: without a password, of its user or among its options.
std::string ShownUri(std::string_view uri);

/// What a catalog takes from its surroundings; tests replace the parts.
struct CatalogEnvironment {
  std::shared_ptr<FileIO> io;  ///< Null: made from the config's properties.
  const Clock* clock = &Clock::System();
  Random* random = &Random::System();
  TableMetadataCache* metadata_cache = &ProcessTableMetadataCache();
};

using CatalogFactory = std::function<arrow::Result<std::shared_ptr<Catalog>>(
    const CatalogConfig& config, const CatalogEnvironment& environment)>;

/// Properties that PyIceberg and Java accept for any catalog, so that a configuration of
/// theirs can be copied.
const std::vector<PropertyKey>& CommonCatalogKeys();

/// `request` with what a catalog's `properties` say of new tables: those under
/// "table-default." where the request says nothing, those under "table-override." always
/// (Java's CatalogProperties).
CreateTableRequest WithTableProperties(
    CreateTableRequest request, const std::map<std::string, std::string>& properties);

/// The kinds of catalog a process can open. Filled by the layer that links them, e.g.
/// `RegisterSqlCatalog(registry)`; nothing registers itself. Thread-safe.
class CatalogRegistry {
 public:
  /// Catalogs that stay open though nobody holds them. Settings change where credentials
  /// do, so that a process that lives long may see no end of them.
  static constexpr size_t kMaxIdleCatalogs = 64;

  /// `keys`: the properties this kind of catalog reads beside those of every store
  /// (StoreProperties) and of every catalog (CommonCatalogKeys).
  void Register(const std::string& catalog_type, CatalogFactory factory,
                std::vector<PropertyKey> keys);

  /// The catalog of `config`; the same one for the same config (P32: one connection per
  /// catalog config) unless kMaxIdleCatalogs others were asked for since. kInvalidConfig
  /// names the known types, or a key of the properties that nobody reads and the nearest
  /// known one; kNotSupported for a type this build does not hold.
  arrow::Result<std::shared_ptr<Catalog>> Open(const CatalogConfig& config);

  /// A catalog of its own, not shared.
  arrow::Result<std::shared_ptr<Catalog>> OpenNew(
      const CatalogConfig& config, const CatalogEnvironment& environment) const;

 private:
  mutable std::mutex mutex_;
  struct Kind {
    CatalogFactory factory;
    std::vector<PropertyKey> keys;
  };
  std::map<std::string, Kind> kinds_;
  /// Held while opening, so that two threads do not open the same catalog twice.
  std::mutex open_mutex_;
  /// The one asked for last comes last.
  std::vector<std::pair<CatalogConfig, std::shared_ptr<Catalog>>> open_;
};

}  // namespace floe::iceberg
