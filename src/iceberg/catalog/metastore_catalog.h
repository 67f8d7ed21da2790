#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/catalog_config.h"

namespace floe::iceberg {

/// A metadata file and what it says. Catalogs that mirror a table's columns and
/// properties for other engines take them from `metadata`.
struct TablePointer {
  std::string location;
  TableMetadataPtr metadata;
};

/// A catalog that keeps only a pointer to each table's metadata.json and swaps it (SQL,
/// memory, Glue, Hive); the client writes the metadata files. Subclasses store pointers.
class MetastoreCatalog : public Catalog {
 public:
  const std::string& name() const override { return config_.catalog_name; }
  arrow::Result<bool> TableExists(const TableIdentifier& table) override;
  arrow::Result<LoadedTable> LoadTable(const TableIdentifier& table) override;
  arrow::Result<LoadedTable> CreateTable(const TableIdentifier& table,
                                         const CreateTableRequest& request) override;
  arrow::Result<LoadedTable> CommitTable(
      const TableIdentifier& table, const std::vector<TableRequirement>& requirements,
      const std::vector<TableUpdate>& updates) override;
  arrow::Status DropTable(const TableIdentifier& table, bool purge) override;
  arrow::Result<LoadedTable> RegisterTable(const TableIdentifier& table,
                                           const std::string& metadata_location) override;

 protected:
  MetastoreCatalog(CatalogConfig config, CatalogEnvironment environment)
      : config_(std::move(config)), environment_(std::move(environment)) {}

  /// The table's pointer; nullopt when there is no such table.
  virtual arrow::Result<std::optional<std::string>> FindPointer(
      const TableIdentifier& table) = 0;
  /// kAlreadyExists when the name is taken; kCommitStateUnknown when the answer was lost,
  /// and the caller asks for the pointer to find out.
  virtual arrow::Status InsertPointer(const TableIdentifier& table,
                                      const TablePointer& to) = 0;
  /// kCommitConflict when the pointer is not `from` any more; kCommitStateUnknown as
  /// above.
  virtual arrow::Status SwapPointer(const TableIdentifier& table,
                                    const TablePointer& from, const TablePointer& to) = 0;
  /// kNoSuchTable when there is none.
  virtual arrow::Status DeletePointer(const TableIdentifier& table) = 0;

  /// An absolute form of a plain relative path: what is stored must mean the same file
  /// from every working folder. URIs and absolute paths are kept.
  static std::string AbsoluteLocation(const std::string& location);

  const CatalogConfig& config() const { return config_; }
  const CatalogEnvironment& environment() const { return environment_; }

 private:
  arrow::Result<std::string> NewTableLocation(const TableIdentifier& table,
                                              const CreateTableRequest& request);
  arrow::Result<std::string> Pointer(const TableIdentifier& table);
  /// What became of a swap to `to` whose answer was lost: OK, kCommitConflict, or
  /// `unknown` again.
  arrow::Status ResolveSwap(const TableIdentifier& table, const TablePointer& from,
                            const TablePointer& to, const arrow::Status& unknown);
  /// Inserts, and finds out what became of it when the answer was lost.
  arrow::Status Insert(const TableIdentifier& table, const TablePointer& to);

  CatalogConfig config_;
  CatalogEnvironment environment_;
};

}  // namespace floe::iceberg
