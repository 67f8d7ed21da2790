#include "iceberg/catalog/sql/sql_catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/catalog/metastore_catalog.h"
#include "iceberg/catalog/sql/sqlite_connection.h"

namespace floe::iceberg {
namespace {

constexpr char kTableType[] = "TABLE";
/// As PyIceberg 0.12 and Java's schema version 1 create them.
constexpr char kCreateTables[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables (catalog_name VARCHAR(255) NOT NULL, "
    "table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, "
    "metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), "
    "iceberg_type VARCHAR(5), PRIMARY KEY (catalog_name, table_namespace, table_name))";
constexpr char kCreateProperties[] =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (catalog_name VARCHAR(255) "
    "NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, "
    "property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, "
    "property_key))";
constexpr char kPropertyOfPlainNamespace[] = "exists";

class SqlCatalog final : public MetastoreCatalog {
 public:
  SqlCatalog(CatalogConfig config, CatalogEnvironment environment,
             std::unique_ptr<SqliteConnection> connection)
      : MetastoreCatalog(std::move(config), std::move(environment)),
        connection_(std::move(connection)) {}

  arrow::Status Init();

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
                              const std::string& location) override;
  arrow::Status SwapPointer(const TableIdentifier& table, const std::string& from,
                            const std::string& to) override;
  arrow::Status DeletePointer(const TableIdentifier& table) override;

 private:
  /// Of the rows of this catalog that are tables, not views.
  std::string TypeFilter() const {
    return has_type_column_ ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
                            : "";
  }
  arrow::Result<std::set<std::string>> AllNamespaces();

  std::unique_ptr<SqliteConnection> connection_;
  bool has_type_column_ = true;
};

/// Levels are stored joined by dots, so a level cannot hold one.
arrow::Result<std::string> StoredNamespace(const Namespace& levels) {
  for (const std::string& level : levels) {
    if (!level.empty() && level.find('.') == std::string::npos) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' cannot be a namespace level in a SQL catalog: levels are not "
                     "empty and hold no dot",
                     level);
  }
  return NamespaceToString(levels);
}

bool IsChildOf(std::string_view stored, std::string_view parent) {
  return parent.empty() || (stored.size() > parent.size() + 1 &&
                            stored.starts_with(parent) && stored[parent.size()] == '.');
}

arrow::Status SqlCatalog::Init() {
  constexpr char kFind[] =
      "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN "
      "('iceberg_tables', 'iceberg_namespace_properties')";
  ARROW_ASSIGN_OR_RAISE(auto tables, connection_->Query(kFind, {}));
  if (tables.size() < 2) {
    ARROW_RETURN_NOT_OK(
        connection_->Execute({{kCreateTables, {}}, {kCreateProperties, {}}}).status());
  }
  ARROW_ASSIGN_OR_RAISE(
      auto columns, connection_->Query("SELECT name FROM "
                                       "pragma_table_info('iceberg_tables') WHERE name "
                                       "= 'iceberg_type'",
                                       {}));
  has_type_column_ = !columns.empty();
  return arrow::Status::OK();
}

arrow::Result<std::set<std::string>> SqlCatalog::AllNamespaces() {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      connection_->Query("SELECT table_namespace FROM iceberg_tables WHERE catalog_name "
                         "= :p0 UNION SELECT namespace FROM iceberg_namespace_properties "
                         "WHERE catalog_name = :p0",
                         {name()}));
  std::set<std::string> namespaces;
  for (const auto& row : rows) {
    if (row[0] && !row[0]->empty()) namespaces.insert(*row[0]);
  }
  return namespaces;
}

arrow::Result<std::vector<Namespace>> SqlCatalog::ListNamespaces(
    const Namespace& parent) {
  ARROW_ASSIGN_OR_RAISE(std::string stored_parent, StoredNamespace(parent));
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(parent));
    if (!exists) {
      return MakeError(ErrorCode::kNoSuchNamespace,
                       "namespace '{}' does not exist in catalog '{}'", stored_parent,
                       name());
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto all, AllNamespaces());
  std::set<Namespace> children;
  for (const std::string& stored : all) {
    if (!IsChildOf(stored, stored_parent)) continue;
    ARROW_ASSIGN_OR_RAISE(Namespace levels, ParseNamespace(stored));
    levels.resize(parent.size() + 1);
    children.insert(std::move(levels));
  }
  return std::vector<Namespace>(children.begin(), children.end());
}

arrow::Result<bool> SqlCatalog::NamespaceExists(const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(auto all, AllNamespaces());
  if (all.count(stored) > 0) return true;
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& other) { return IsChildOf(other, stored); });
}

arrow::Status SqlCatalog::CreateNamespace(
    const Namespace& levels, const std::map<std::string, std::string>& properties) {
  if (levels.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "a namespace needs a name");
  }
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (exists) {
    return MakeError(ErrorCode::kAlreadyExists, "namespace '{}' exists already", stored);
  }
  std::map<std::string, std::string> rows = properties;
  // A namespace without a row would not exist; both other clients write this one.
  rows.emplace(kPropertyOfPlainNamespace, "true");
  std::vector<SqliteConnection::Statement> inserts;
  for (const auto& [key, value] : rows) {
    inserts.push_back(
        {"INSERT INTO iceberg_namespace_properties (catalog_name, "
         "namespace, property_key, property_value) VALUES (:p0, :p1, :p2, "
         ":p3)",
         {name(), stored, key, value}});
  }
  return connection_->Execute(inserts).status();
}

arrow::Status SqlCatalog::DropNamespace(const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (!exists) {
    return MakeError(ErrorCode::kNoSuchNamespace,
                     "namespace '{}' does not exist in catalog '{}'", stored, name());
  }
  ARROW_ASSIGN_OR_RAISE(auto all, AllNamespaces());
  ARROW_ASSIGN_OR_RAISE(auto held,
                        connection_->Query("SELECT table_name FROM iceberg_tables WHERE "
                                           "catalog_name = :p0 AND table_namespace = :p1",
                                           {name(), stored}));
  bool has_children = std::any_of(all.begin(), all.end(), [&](const std::string& other) {
    return IsChildOf(other, stored);
  });
  if (!held.empty() || has_children) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "namespace '{}' still holds tables, views or namespaces: drop them "
                     "first",
                     stored);
  }
  return connection_
      ->Execute({{"DELETE FROM iceberg_namespace_properties WHERE catalog_name = :p0 AND "
                  "namespace = :p1",
                  {name(), stored}}})
      .status();
}

arrow::Result<std::map<std::string, std::string>> SqlCatalog::NamespaceProperties(
    const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(
      auto rows, connection_->Query("SELECT property_key, property_value FROM "
                                    "iceberg_namespace_properties WHERE catalog_name = "
                                    ":p0 AND namespace = :p1",
                                    {name(), stored}));
  std::map<std::string, std::string> properties;
  for (const auto& row : rows) {
    if (row[0]) properties[*row[0]] = row[1].value_or("");
  }
  if (!properties.empty()) return properties;
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (exists) return properties;
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "namespace '{}' does not exist in catalog '{}'", stored, name());
}

arrow::Result<std::vector<TableIdentifier>> SqlCatalog::ListTables(
    const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      connection_->Query("SELECT table_name FROM iceberg_tables WHERE catalog_name = :p0 "
                         "AND table_namespace = :p1" +
                             TypeFilter() + " ORDER BY table_name",
                         {name(), stored}));
  std::vector<TableIdentifier> tables;
  for (const auto& row : rows) {
    if (row[0]) tables.push_back({levels, *row[0]});
  }
  if (!tables.empty()) return tables;
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (exists) return tables;
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "namespace '{}' does not exist in catalog '{}'", stored, name());
}

arrow::Status SqlCatalog::RenameTable(const TableIdentifier& from,
                                      const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(std::string stored_from, StoredNamespace(from.levels));
  ARROW_ASSIGN_OR_RAISE(std::string stored_to, StoredNamespace(to.levels));
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(to.levels));
  if (!exists) {
    return MakeError(ErrorCode::kNoSuchNamespace,
                     "namespace '{}' does not exist in catalog '{}'", stored_to, name());
  }
  auto changed = connection_->Execute(
      {{"UPDATE iceberg_tables SET table_namespace = :p0, table_name = :p1 WHERE "
        "catalog_name = :p2 AND table_namespace = :p3 AND table_name = :p4" +
            TypeFilter(),
        {stored_to, to.name, name(), stored_from, from.name}}});
  if (IsError(changed.status(), ErrorCode::kAlreadyExists)) {
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                     to.ToString());
  }
  ARROW_RETURN_NOT_OK(changed.status());
  if (*changed > 0) return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in catalog '{}'",
                   from.ToString(), name());
}

arrow::Result<std::optional<std::string>> SqlCatalog::FindPointer(
    const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(table.levels));
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      connection_->Query("SELECT metadata_location FROM iceberg_tables WHERE "
                         "catalog_name = :p0 AND table_namespace = :p1 AND table_name = "
                         ":p2" +
                             TypeFilter(),
                         {name(), stored, table.name}));
  if (rows.empty()) return std::optional<std::string>();
  if (!rows[0][0]) {
    return MakeError(ErrorCode::kCorruptData,
                     "SQLite catalog {}: the row of table '{}' has no metadata_location",
                     connection_->path(), table.ToString());
  }
  return rows[0][0];
}

arrow::Status SqlCatalog::InsertPointer(const TableIdentifier& table,
                                        const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(table.levels));
  SqliteConnection::Statement insert{
      "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
      "metadata_location, previous_metadata_location) VALUES (:p0, :p1, :p2, :p3, NULL)",
      {name(), stored, table.name, location}};
  if (has_type_column_) {
    insert = {
        "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
        "metadata_location, previous_metadata_location, iceberg_type) VALUES (:p0, :p1, "
        ":p2, :p3, NULL, :p4)",
        {name(), stored, table.name, location, kTableType}};
  }
  arrow::Status status = connection_->Execute({insert}).status();
  if (!IsError(status, ErrorCode::kAlreadyExists)) return status;
  return MakeError(ErrorCode::kAlreadyExists, "a table or view '{}' exists already",
                   table.ToString());
}

arrow::Status SqlCatalog::SwapPointer(const TableIdentifier& table,
                                      const std::string& from, const std::string& to) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(table.levels));
  ARROW_ASSIGN_OR_RAISE(
      int64_t changed,
      connection_->Execute({{"UPDATE iceberg_tables SET metadata_location = :p0, "
                             "previous_metadata_location = :p1 WHERE catalog_name = :p2 "
                             "AND table_namespace = :p3 AND table_name = :p4 AND "
                             "metadata_location = :p5",
                             {to, from, name(), stored, table.name, from}}}));
  if (changed == 1) return arrow::Status::OK();
  return MakeError(ErrorCode::kCommitConflict, "table '{}' was changed by another writer",
                   table.ToString());
}

arrow::Status SqlCatalog::DeletePointer(const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(table.levels));
  ARROW_ASSIGN_OR_RAISE(
      int64_t changed,
      connection_->Execute({{"DELETE FROM iceberg_tables WHERE catalog_name = :p0 AND "
                             "table_namespace = :p1 AND table_name = :p2" +
                                 TypeFilter(),
                             {name(), stored, table.name}}}));
  if (changed == 1) return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in catalog '{}'",
                   table.ToString(), name());
}

}  // namespace

void RegisterSqlCatalog(CatalogRegistry& registry) {
  registry.Register("sql", OpenSqlCatalog,
                    {{"init_catalog_tables", "not used: missing tables are made"},
                     {"echo", "not used: a setting of PyIceberg's"},
                     {"pool_pre_ping", "not used: a setting of PyIceberg's"},
                     {"jdbc.*", "not used: settings of Java's"}});
}

arrow::Result<std::shared_ptr<Catalog>> OpenSqlCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment) {
  ARROW_ASSIGN_OR_RAISE(std::string path, SqliteConnection::PathOfUri(config.uri));
  ARROW_ASSIGN_OR_RAISE(auto connection, SqliteConnection::Open(path));
  auto catalog = std::make_shared<SqlCatalog>(config, environment, std::move(connection));
  ARROW_RETURN_NOT_OK(catalog->Init());
  return catalog;
}

}  // namespace floe::iceberg
