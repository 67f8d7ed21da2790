#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/table_update.h"
#include "iceberg/spec/table_metadata.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// The levels of a namespace, outermost first.
using Namespace = std::vector<std::string>;

/// "a.b" of {"a", "b"}.
std::string NamespaceToString(const Namespace& levels);
/// The inverse; kInvalidArgument for an empty level.
arrow::Result<Namespace> ParseNamespace(std::string_view text);

/// A table's name in a catalog.
struct TableIdentifier {
  Namespace levels;
  std::string name;

  /// Parses "a.b.c": the last part is the name. kInvalidArgument for an empty part or a
  /// name without namespace.
  static arrow::Result<TableIdentifier> Parse(std::string_view text);
  std::string ToString() const;
  bool operator==(const TableIdentifier& other) const = default;
};

/// A table as a catalog has it.
struct LoadedTable {
  std::string metadata_location;
  TableMetadataPtr metadata;
  /// Reads and writes the table's files with the credentials the catalog gives.
  std::shared_ptr<FileIO> io;
};

struct CreateTableRequest {
  static constexpr int kDefaultFormatVersion = 2;

  SchemaPtr schema;
  /// Source ids refer to `schema`; field ids of 0 are assigned.
  PartitionSpec spec;
  SortOrder sort_order;
  /// Absent: the namespace's "location" property or the warehouse, then
  /// /namespace/table.
  std::optional<std::string> location;
  std::map<std::string, std::string> properties;
  int format_version = kDefaultFormatVersion;
};

/// Names of tables and the swap that commits to one. Thread-safe.
///
/// Errors of all methods: kNoSuchNamespace, kNoSuchTable, kAlreadyExists,
/// kServiceUnavailable (the catalog could not be asked: nothing is known, nothing was
/// changed), kNotAuthorized, kNotSupported. Each names the table or namespace.
class Catalog {
 public:
  virtual ~Catalog() = default;

  /// The catalog's name, which SQL catalogs also keep in each row.
  virtual const std::string& name() const = 0;

  /// The children of `parent`, sorted; of the root when it is empty.
  virtual arrow::Result<std::vector<Namespace>> ListNamespaces(
      const Namespace& parent) = 0;
  virtual arrow::Result<bool> NamespaceExists(const Namespace& levels) = 0;
  virtual arrow::Status CreateNamespace(
      const Namespace& levels, const std::map<std::string, std::string>& properties) = 0;
  /// kInvalidArgument when it still holds tables or namespaces.
  virtual arrow::Status DropNamespace(const Namespace& levels) = 0;
  virtual arrow::Result<std::map<std::string, std::string>> NamespaceProperties(
      const Namespace& levels) = 0;

  /// Tables (not views) of exactly this namespace, sorted by name.
  virtual arrow::Result<std::vector<TableIdentifier>> ListTables(
      const Namespace& levels) = 0;
  virtual arrow::Result<bool> TableExists(const TableIdentifier& table) = 0;
  virtual arrow::Result<LoadedTable> LoadTable(const TableIdentifier& table) = 0;
  virtual arrow::Result<LoadedTable> CreateTable(const TableIdentifier& table,
                                                 const CreateTableRequest& request) = 0;

  /// Checks `requirements` against the table as it is now, applies `updates` and swaps
  /// the result in. kCommitConflict: a requirement failed or another writer was first,
  /// and the table is unchanged. kCommitStateUnknown: it may have happened. Any other
  /// error: unchanged.
  virtual arrow::Result<LoadedTable> CommitTable(
      const TableIdentifier& table, const std::vector<TableRequirement>& requirements,
      const std::vector<TableUpdate>& updates) = 0;

  /// Forgets the table. With `purge`, then also deletes every file its metadata reaches;
  /// kInvalidArgument when the table's gc.enabled is false.
  virtual arrow::Status DropTable(const TableIdentifier& table, bool purge) = 0;
  virtual arrow::Result<LoadedTable> RegisterTable(
      const TableIdentifier& table, const std::string& metadata_location) = 0;
  virtual arrow::Status RenameTable(const TableIdentifier& from,
                                    const TableIdentifier& to) = 0;
};

/// Creates the namespace, and does nothing when it exists.
arrow::Status EnsureNamespace(Catalog& catalog, const Namespace& levels);

}  // namespace floe::iceberg
