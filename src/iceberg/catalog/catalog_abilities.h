#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/table_update.h"

namespace floe::iceberg {

class Predicate;
struct DataFile;

// What some catalogs do beyond Catalog, each an interface of its own: a dynamic_cast of a
// Catalog says whether it does. All are thread-safe.

/// One table's part in a commit of several.
struct TableCommit {
  TableIdentifier table;
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
};

class MultiTableCatalog {
 public:
  virtual ~MultiTableCatalog() = default;

  /// All of the commits or none. Errors as Catalog::CommitTable's; kNotSupported when the
  /// server does not offer it.
  virtual arrow::Status CommitTables(const std::vector<TableCommit>& commits) = 0;
};

class ViewCatalog {
 public:
  virtual ~ViewCatalog() = default;

  /// Views of exactly this namespace, sorted by name; none when the catalog keeps none.
  virtual arrow::Result<std::vector<TableIdentifier>> ListViews(
      const Namespace& levels) = 0;
  virtual arrow::Result<bool> ViewExists(const TableIdentifier& view) = 0;
};

/// A catalog whose namespaces have one level: none has children to ask for.
class OneLevelCatalog {
 public:
  virtual ~OneLevelCatalog() = default;
};

inline constexpr size_t kMaxNamespaces = 10'000;

/// Every namespace of the catalog, each before its children. kResourceExhausted beyond
/// kMaxNamespaces.
arrow::Result<std::vector<Namespace>> ListAllNamespaces(Catalog& catalog);

class NamespacePropertiesCatalog {
 public:
  virtual ~NamespacePropertiesCatalog() = default;

  /// Sets and removes properties; a key may not be in both.
  virtual arrow::Status UpdateNamespaceProperties(
      const Namespace& levels, const std::map<std::string, std::string>& updates,
      const std::vector<std::string>& removals) = 0;
};

/// A scan of one snapshot, as a catalog may plan it.
struct CatalogScanRequest {
  int64_t snapshot_id = 0;
  /// Whether names are those of the snapshot's schema rather than of the current one.
  bool uses_snapshot_schema = false;
  /// Full names of the columns wanted; empty: all.
  std::vector<std::string> columns;
  /// Bound to the schema that the names are of.
  std::shared_ptr<const Predicate> filter;
};

/// A file to read, and the delete files that apply to it. The files' partition values are
/// of the spec they name; of metrics there may be none.
struct CatalogScanTask {
  std::shared_ptr<const DataFile> file;
  std::vector<std::shared_ptr<const DataFile>> deletes;
};

struct CatalogScan {
  std::vector<CatalogScanTask> tasks;
  /// Reads the files; null: as the table's.
  std::shared_ptr<FileIO> io;
};

class ScanPlanningCatalog {
 public:
  virtual ~ScanPlanningCatalog() = default;

  /// All files that may hold rows of the request; nullopt where settings and server leave
  /// planning to the client.
  virtual arrow::Result<std::optional<CatalogScan>> PlanScan(
      const TableIdentifier& table, const TableMetadata& metadata,
      const CatalogScanRequest& request) = 0;
};

}  // namespace floe::iceberg
