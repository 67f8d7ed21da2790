#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/catalog/metastore_catalog.h"

namespace floe::iceberg {

/// A catalog that lives in the process, for tests and scratch tables.
class MemoryCatalog : public MetastoreCatalog {
 public:
  /// `environment.io` must be set.
  MemoryCatalog(CatalogConfig config, CatalogEnvironment environment)
      : MetastoreCatalog(std::move(config), std::move(environment)) {}

  arrow::Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent) override;
  arrow::Result<bool> NamespaceExists(const Namespace& levels) override;
  arrow::Status CreateNamespace(
      const Namespace& levels,
      const std::map<std::string, std::string>& properties) override;
  arrow::Status DropNamespace(const Namespace& levels) override;
  arrow::Result<std::map<std::string, std::string>> NamespaceProperties(
      const Namespace& levels) override;
  arrow::Result<std::vector<TableIdentifier>> ListTables(
      const Namespace& levels) override;
  arrow::Status RenameTable(const TableIdentifier& from,
                            const TableIdentifier& to) override;

 protected:
  arrow::Result<std::optional<std::string>> FindPointer(
      const TableIdentifier& table) override;
  arrow::Status InsertPointer(const TableIdentifier& table,
                              const TablePointer& to) override;
  arrow::Status SwapPointer(const TableIdentifier& table, const TablePointer& from,
                            const TablePointer& to) override;
  arrow::Status DeletePointer(const TableIdentifier& table) override;

 private:
  using TableKey = std::pair<Namespace, std::string>;

  std::mutex mutex_;
  std::map<Namespace, std::map<std::string, std::string>> namespaces_;
  std::map<TableKey, std::string> pointers_;
};

}  // namespace floe::iceberg
