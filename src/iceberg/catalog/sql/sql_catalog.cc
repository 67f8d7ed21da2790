#include "iceberg/catalog/sql/sql_catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/catalog/metastore_catalog.h"
#include "iceberg/catalog/sql/sql_connection.h"

namespace floe::iceberg {
namespace {

constexpr char kTableType[] = "TABLE";
/// As PyIceberg 0.12 and Java's schema version 1 create them.
constexpr char kCreateTables[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables (catalog_name VARCHAR(255) NOT NULL, "
    "table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, "
    "metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), "
    "iceberg_type VARCHAR(5), PRIMARY KEY (catalog_name, table_namespace, table_name))";
constexpr char kTypeColumn[] = "iceberg_type";
/// PyIceberg's and Java's names for the property that keeps a catalog from creating its
/// tables.
constexpr const char* kInitProperties[] = {"init_catalog_tables",
                                           "jdbc.init-catalog-tables"};
constexpr char kCreateProperties[] =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (catalog_name VARCHAR(255) "
    "NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, "
    "property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, "
    "property_key))";
constexpr char kPropertyOfPlainNamespace[] = "exists";

class SqlCatalog final : public MetastoreCatalog {
 public:
  SqlCatalog(CatalogConfig config, CatalogEnvironment environment,
             std::unique_ptr<SqlConnection> connection)
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
                              const TablePointer& to) override;
  arrow::Status SwapPointer(const TableIdentifier& table, const TablePointer& from,
                            const TablePointer& to) override;
  arrow::Status DeletePointer(const TableIdentifier& table) override;

 private:
  /// Of the rows of this catalog that are tables, not views.
  std::string TypeFilter() const {
    return has_type_column_ ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
                            : "";
  }
  arrow::Status CreateTables();
  arrow::Result<std::set<std::string>> AllNamespaces();
  /// "catalog_name = :p0 AND table_namespace = :p1 [AND table_name = :p2]", by bytes.
  std::string WhereNamespace(const char* column) const;
  std::string WhereTable() const;
  /// The parameters of WhereTable.
  arrow::Result<std::vector<std::string>> TableKey(const TableIdentifier& table) const;
  SqlConnection::Statement FindStatement(std::vector<std::string> key) const;
  arrow::Status Insert(const std::vector<std::string>& key, const std::string& location);

  std::unique_ptr<SqlConnection> connection_;
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

arrow::Status SqlCatalog::CreateTables() {
  const std::string options = connection_->dialect().TableOptions();
  arrow::Status created =
      connection_
          ->Execute({{kCreateTables + options, {}}, {kCreateProperties + options, {}}})
          .status();
  // Of several that create at once, PostgreSQL lets one win and fails the others.
  if (IsError(created, ErrorCode::kAlreadyExists)) return arrow::Status::OK();
  return created;
}

arrow::Status SqlCatalog::Init() {
  const std::string columns_query = connection_->dialect().ColumnsQuery();
  ARROW_ASSIGN_OR_RAISE(auto columns, connection_->Query({columns_query, {}}));
  if (columns.empty()) {
    for (const char* key : kInitProperties) {
      auto found = config().properties.find(key);
      if (found == config().properties.end() || found->second != "false") continue;
      return MakeError(
          ErrorCode::kInvalidConfig,
          "{} has no tables iceberg_tables and iceberg_namespace_properties, "
          "and {}=false keeps Floe from creating them: create them, or "
          "remove the property",
          connection_->dialect().Describe(), key);
    }
    ARROW_RETURN_NOT_OK(CreateTables());
    ARROW_ASSIGN_OR_RAISE(columns, connection_->Query({columns_query, {}}));
  }
  has_type_column_ = std::any_of(columns.begin(), columns.end(), [](const auto& row) {
    return row[0].value_or("") == kTypeColumn;
  });
  return arrow::Status::OK();
}

arrow::Result<std::set<std::string>> SqlCatalog::AllNamespaces() {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      connection_->Query({"SELECT table_namespace FROM iceberg_tables WHERE catalog_name "
                          "= :p0 UNION ALL SELECT namespace FROM "
                          "iceberg_namespace_properties WHERE catalog_name = :p0",
                          {name()}}));
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
  std::vector<SqlConnection::Statement> inserts;
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
  ARROW_ASSIGN_OR_RAISE(
      auto held, connection_->Query({"SELECT table_name FROM iceberg_tables WHERE " +
                                         WhereNamespace("table_namespace"),
                                     {name(), stored}}));
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
      ->Execute({{"DELETE FROM iceberg_namespace_properties WHERE " +
                      WhereNamespace("namespace"),
                  {name(), stored}}})
      .status();
}

arrow::Result<std::map<std::string, std::string>> SqlCatalog::NamespaceProperties(
    const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(levels));
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        connection_->Query({"SELECT property_key, property_value FROM "
                                            "iceberg_namespace_properties WHERE " +
                                                WhereNamespace("namespace"),
                                            {name(), stored}}));
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
      auto rows, connection_->Query({"SELECT table_name FROM iceberg_tables WHERE " +
                                         WhereNamespace("table_namespace") + TypeFilter(),
                                     {name(), stored}}));
  std::vector<TableIdentifier> tables;
  for (const auto& row : rows) {
    if (row[0]) tables.push_back({levels, *row[0]});
  }
  // By bytes: databases sort by their language.
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  if (!tables.empty()) return tables;
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (exists) return tables;
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "namespace '{}' does not exist in catalog '{}'", stored, name());
}

arrow::Status SqlCatalog::RenameTable(const TableIdentifier& from,
                                      const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(auto parameters, TableKey(from));
  ARROW_ASSIGN_OR_RAISE(std::string stored_to, StoredNamespace(to.levels));
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(to.levels));
  if (!exists) {
    return MakeError(ErrorCode::kNoSuchNamespace,
                     "namespace '{}' does not exist in catalog '{}'", stored_to, name());
  }
  parameters.push_back(stored_to);
  parameters.push_back(to.name);
  auto changed = connection_->Execute(
      {{"UPDATE iceberg_tables SET table_namespace = :p3, table_name = :p4 WHERE " +
            WhereTable() + TypeFilter(),
        parameters}});
  if (IsError(changed.status(), ErrorCode::kAlreadyExists)) {
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                     to.ToString());
  }
  ARROW_RETURN_NOT_OK(changed.status());
  if (*changed > 0) return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in catalog '{}'",
                   from.ToString(), name());
}

std::string SqlCatalog::WhereNamespace(const char* column) const {
  return "catalog_name = :p0 AND " + connection_->dialect().Equals(column, ":p1");
}

std::string SqlCatalog::WhereTable() const {
  return WhereNamespace("table_namespace") + " AND " +
         connection_->dialect().Equals("table_name", ":p2");
}

arrow::Result<std::vector<std::string>> SqlCatalog::TableKey(
    const TableIdentifier& table) const {
  ARROW_ASSIGN_OR_RAISE(std::string stored, StoredNamespace(table.levels));
  return std::vector<std::string>{name(), stored, table.name};
}

SqlConnection::Statement SqlCatalog::FindStatement(std::vector<std::string> key) const {
  return {
      "SELECT metadata_location FROM iceberg_tables WHERE " + WhereTable() + TypeFilter(),
      std::move(key)};
}

arrow::Result<std::optional<std::string>> SqlCatalog::FindPointer(
    const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(auto key, TableKey(table));
  ARROW_ASSIGN_OR_RAISE(auto rows, connection_->Query(FindStatement(std::move(key))));
  if (rows.empty()) return std::optional<std::string>();
  if (!rows[0][0]) {
    return MakeError(ErrorCode::kCorruptData,
                     "{}: the row of table '{}' has no metadata_location",
                     connection_->dialect().Describe(), table.ToString());
  }
  return rows[0][0];
}

arrow::Status SqlCatalog::Insert(const std::vector<std::string>& key,
                                 const std::string& location) {
  SqlConnection::Statement insert{
      "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
      "metadata_location, previous_metadata_location) VALUES (:p0, :p1, :p2, :p3, NULL)",
      key};
  insert.parameters.push_back(location);
  if (has_type_column_) {
    insert.sql =
        "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
        "metadata_location, previous_metadata_location, iceberg_type) VALUES (:p0, :p1, "
        ":p2, :p3, NULL, :p4)";
    insert.parameters.emplace_back(kTableType);
  }
  return connection_->Execute({insert}).status();
}

arrow::Status SqlCatalog::InsertPointer(const TableIdentifier& table,
                                        const TablePointer& to) {
  const std::string& location = to.location;
  ARROW_ASSIGN_OR_RAISE(auto key, TableKey(table));
  arrow::Status status = Insert(key, location);
  if (IsError(status, ErrorCode::kCommitStateUnknown)) {
    // A second insert waits for the first and fails by the key where that one landed.
    arrow::Status again = Insert(key, location);
    if (again.ok()) return again;
    if (!IsError(again, ErrorCode::kAlreadyExists)) return status;
    auto now = connection_->Query(FindStatement(key));
    if (!now.ok()) return status;
    if (!now->empty() && (*now)[0][0] == location) return arrow::Status::OK();
    status = again;
  }
  if (!IsError(status, ErrorCode::kAlreadyExists)) return status;
  return MakeError(ErrorCode::kAlreadyExists, "a table or view '{}' exists already",
                   table.ToString());
}

arrow::Status SqlCatalog::SwapPointer(const TableIdentifier& table,
                                      const TablePointer& from, const TablePointer& to) {
  ARROW_ASSIGN_OR_RAISE(auto key, TableKey(table));
  SqlConnection::Statement swap{
      "UPDATE iceberg_tables SET metadata_location = :p3, previous_metadata_location = "
      ":p4 WHERE " +
          WhereTable() + " AND metadata_location = :p4",
      key};
  swap.parameters.push_back(to.location);
  swap.parameters.push_back(from.location);
  auto changed = connection_->Execute({swap});
  if (IsError(changed.status(), ErrorCode::kCommitStateUnknown)) {
    auto now = connection_->QueryLocked(FindStatement(key));
    if (!now.ok() || now->empty()) return changed.status();
    if ((*now)[0][0] == to.location) return arrow::Status::OK();
    // Another's pointer may have come after ours: only the table's history tells.
    if ((*now)[0][0] != from.location) return changed.status();
    return MakeError(ErrorCode::kCommitConflict,
                     "the change of table '{}' was lost with the connection and not "
                     "made: {}",
                     table.ToString(), ErrorText(changed.status()));
  }
  ARROW_RETURN_NOT_OK(changed.status());
  if (*changed == 1) return arrow::Status::OK();
  return MakeError(ErrorCode::kCommitConflict, "table '{}' was changed by another writer",
                   table.ToString());
}

arrow::Status SqlCatalog::DeletePointer(const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(auto key, TableKey(table));
  const SqlConnection::Statement remove{
      "DELETE FROM iceberg_tables WHERE " + WhereTable() + TypeFilter(), key};
  auto changed = connection_->Execute({remove});
  if (IsError(changed.status(), ErrorCode::kCommitStateUnknown)) {
    // A second one waits for the first; no row left is what was asked for.
    return connection_->Execute({remove}).status();
  }
  ARROW_RETURN_NOT_OK(changed.status());
  if (*changed == 1) return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in catalog '{}'",
                   table.ToString(), name());
}

}  // namespace

void RegisterSqlCatalog(CatalogRegistry& registry) {
  registry.Register(
      "sql", OpenSqlCatalog,
      {{"init_catalog_tables", "false: missing tables are an error, not made (true)"},
       {"jdbc.init-catalog-tables", "the same, as Java writes it"},
       {"jdbc.user", "user of the database where `uri` has none"},
       {"jdbc.password", "password of the database where `uri` has none"},
       {"jdbc.schema-version", "not used: both versions are read, V1 is made"},
       {"jdbc.strict-mode", "not used: namespaces must exist in any case"},
       {"jdbc.useSSL", "not used: TLS is asked for in `uri`"},
       {"jdbc.verifyServerCertificate", "not used: TLS is asked for in `uri`"},
       {"echo", "not used: a setting of PyIceberg's"},
       {"pool_pre_ping", "not used: broken connections are found and replaced"}});
}

arrow::Result<std::shared_ptr<Catalog>> OpenSqlCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment) {
  ARROW_ASSIGN_OR_RAISE(SqlAddress address,
                        ParseSqlAddress(config.uri, config.properties));
  ARROW_ASSIGN_OR_RAISE(auto connection,
                        SqlConnection::Open(MakeSqlDialect(std::move(address))));
  auto catalog = std::make_shared<SqlCatalog>(config, environment, std::move(connection));
  ARROW_RETURN_NOT_OK(catalog->Init());
  return catalog;
}

}  // namespace floe::iceberg
