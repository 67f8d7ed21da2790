#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/rest/commit_outcome.h"
#include "iceberg/catalog/rest/rest_session.h"
#include "iceberg/catalog/rest/rest_settings.h"
#include "iceberg/catalog/rest/table_records.h"
#include "io/http_client.h"

namespace floe::iceberg {

/// Makes "rest" known to `registry`.
void RegisterRestCatalog(CatalogRegistry& registry);

/// A catalog behind the Iceberg REST API: Polaris, Unity, Nessie, Glue's and S3 Tables'
/// endpoints, R2 Data Catalog and others are configurations of it (docs/catalogs.md).
/// Thread-safe.
///
/// A commit whose answer is lost is looked for in the table: found, it succeeded; shown
/// to have lost, it is a kCommitConflict; else kCommitStateUnknown.
class RestCatalog final : public Catalog,
                          public MultiTableCatalog,
                          public ViewCatalog,
                          public NamespacePropertiesCatalog,
                          public ScanPlanningCatalog {
 public:
  /// Asks the server for its configuration. `http` (tests) gives time and waiting.
  static arrow::Result<std::shared_ptr<RestCatalog>> Open(
      const CatalogConfig& config, const CatalogEnvironment& environment,
      const HttpClientEnvironment& http = {});

  const std::string& name() const override { return name_; }

  arrow::Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent) override;
  arrow::Result<bool> NamespaceExists(const Namespace& levels) override;
  arrow::Status CreateNamespace(
      const Namespace& levels,
      const std::map<std::string, std::string>& properties) override;
  arrow::Status DropNamespace(const Namespace& levels) override;
  arrow::Result<std::map<std::string, std::string>> NamespaceProperties(
      const Namespace& levels) override;
  arrow::Status UpdateNamespaceProperties(
      const Namespace& levels, const std::map<std::string, std::string>& updates,
      const std::vector<std::string>& removals) override;

  arrow::Result<std::vector<TableIdentifier>> ListTables(
      const Namespace& levels) override;
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
  arrow::Status RenameTable(const TableIdentifier& from,
                            const TableIdentifier& to) override;

  arrow::Status CommitTables(const std::vector<TableCommit>& commits) override;
  arrow::Result<std::vector<TableIdentifier>> ListViews(const Namespace& levels) override;
  arrow::Result<bool> ViewExists(const TableIdentifier& view) override;
  arrow::Result<std::optional<CatalogScan>> PlanScan(
      const TableIdentifier& table, const TableMetadata& metadata,
      const CatalogScanRequest& request) override;

  /// What the catalog's and the server's configuration came to.
  const RestServerConfig& server() const { return server_; }

 private:
  RestCatalog(std::string name, RestServerConfig server,
              std::shared_ptr<const RestSession> session, std::shared_ptr<FileIO> io,
              HttpClientEnvironment http);

  std::string NamespacePath(const Namespace& levels) const;
  std::string TablePath(const TableIdentifier& table) const;
  arrow::Status CheckServed(const char* endpoint, const std::string& what) const;
  arrow::Result<std::vector<nlohmann::json>> ListAll(RestCall call,
                                                     const char* member) const;
  arrow::Result<bool> Exists(const char* head_endpoint, const char* get_endpoint,
                             RestCall call) const;
  arrow::Result<LoadedTable> TakeTable(const TableIdentifier& table,
                                       const RestAnswer& answer);
  arrow::Result<LoadedTable> TakeCommitted(const TableIdentifier& table,
                                           const RestAnswer& answer);
  arrow::Result<std::shared_ptr<FileIO>> TableIo(const TableIdentifier& table,
                                                 const std::string& location,
                                                 const TableRecord& record) const;
  arrow::Result<LoadedTable> ResolveCommit(const TableIdentifier& table,
                                           const std::vector<TableUpdate>& updates,
                                           const arrow::Status& failure);
  arrow::Result<CommitOutcome> AskOutcome(const TableIdentifier& table,
                                          const std::vector<TableUpdate>& updates,
                                          std::optional<LoadedTable>* now);
  arrow::Result<nlohmann::json> AwaitPlan(const RestCall& first,
                                          const RestAnswer& submitted);
  arrow::Result<std::shared_ptr<FileIO>> PlanIo(const TableIdentifier& table,
                                                const nlohmann::json& plan,
                                                const TableMetadata& metadata,
                                                const std::optional<TableRecord>& record);
  std::string TokenOf(const TableIdentifier& table) const;
  void Wait(int64_t wait_ms) const;

  const std::string name_;
  const RestServerConfig server_;
  /// Shared with the files of tables, which ask it for fresh credentials.
  const std::shared_ptr<const RestSession> session_;
  const std::shared_ptr<FileIO> io_;
  const HttpClientEnvironment http_;
  mutable TableRecords records_;
};

}  // namespace floe::iceberg
