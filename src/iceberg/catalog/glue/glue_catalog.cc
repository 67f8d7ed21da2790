#include "iceberg/catalog/glue/glue_catalog.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/catalog/glue/glue_client.h"
#include "iceberg/catalog/glue/glue_properties.h"
#include "iceberg/catalog/glue/glue_table.h"
#include "iceberg/catalog/metastore_catalog.h"
#include "io/aws_credentials.h"

namespace floe::iceberg {
namespace glue {
namespace {

using Json = nlohmann::json;
using Effect = GlueClient::Effect;

constexpr char kLocationProperty[] = "location";
constexpr char kCommentProperty[] = "comment";
constexpr char kPyIcebergComment[] = "Description";
constexpr int kEntriesPerPage = 100;
/// Pages of a listing: ten million entries.
constexpr int kMaxPages = 100'000;

class GlueCatalog final : public MetastoreCatalog, public OneLevelCatalog {
 public:
  GlueCatalog(CatalogConfig config, CatalogEnvironment environment,
              const GlueProperties& properties, std::shared_ptr<HttpClient> http,
              std::shared_ptr<AwsCredentialsProvider> credentials)
      : MetastoreCatalog(std::move(config), std::move(environment)),
        skips_archive_(properties.skips_archive),
        client_(properties.client, std::move(http), std::move(credentials),
                *this->environment().random) {}

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
  arrow::Status NoSuchNamespaceError(const Namespace& levels) const;
  arrow::Result<std::optional<Json>> FindDatabase(const Namespace& levels);
  /// Glue's Table; kNoSuchTable when there is none.
  arrow::Result<Json> StoredTable(const TableIdentifier& table);
  /// All entries of a listing; `key` names them in an answer.
  arrow::Result<std::vector<Json>> List(const std::string& action, Json request,
                                        const char* key);
  arrow::Status Create(const TableIdentifier& table, Json input);

  const bool skips_archive_;
  GlueClient client_;
};

bool IsOneLevel(const Namespace& levels) {
  return levels.size() == 1 && !levels[0].empty();
}

arrow::Status CheckOneLevel(const Namespace& levels) {
  if (IsOneLevel(levels)) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' cannot be a namespace of a glue catalog: a database has exactly "
                   "one level",
                   NamespaceToString(levels));
}

arrow::Status NoSuchTableError(const TableIdentifier& table) {
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in Glue",
                   table.ToString());
}

arrow::Status GlueCatalog::NoSuchNamespaceError(const Namespace& levels) const {
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "namespace '{}' does not exist in catalog '{}' (Glue at {})",
                   NamespaceToString(levels), name(), client_.endpoint());
}

arrow::Result<std::vector<Json>> GlueCatalog::List(const std::string& action,
                                                   Json request, const char* key) {
  std::vector<Json> entries;
  request["MaxResults"] = kEntriesPerPage;
  std::string token;
  for (int page = 0; page < kMaxPages; ++page) {
    if (!token.empty()) request["NextToken"] = token;
    ARROW_ASSIGN_OR_RAISE(Json answer, client_.Call(action, request, Effect::kReads));
    auto found = answer.find(key);
    if (found != answer.end() && found->is_array()) {
      for (Json& entry : *found) entries.push_back(std::move(entry));
    }
    std::string next = TextOf(answer, "NextToken");
    if (next.empty()) return entries;
    if (next == token) break;
    token = std::move(next);
  }
  return MakeError(ErrorCode::kCorruptData,
                   "Glue at {} lists without end: {} pages of {}, or the same page again",
                   client_.endpoint(), kMaxPages, action);
}

arrow::Result<std::optional<Json>> GlueCatalog::FindDatabase(const Namespace& levels) {
  if (!IsOneLevel(levels)) return std::optional<Json>();
  auto answer = client_.Call("GetDatabase", {{"Name", levels[0]}}, Effect::kReads);
  if (IsError(answer.status(), ErrorCode::kNoSuchTable)) return std::optional<Json>();
  ARROW_RETURN_NOT_OK(answer.status());
  auto found = answer->find("Database");
  if (found != answer->end() && found->is_object()) return std::optional<Json>(*found);
  return MakeError(ErrorCode::kCorruptData, "Glue at {} answers GetDatabase without one",
                   client_.endpoint());
}

arrow::Result<std::vector<Namespace>> GlueCatalog::ListNamespaces(
    const Namespace& parent) {
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(parent));
    if (!exists) return NoSuchNamespaceError(parent);
    return std::vector<Namespace>();
  }
  ARROW_ASSIGN_OR_RAISE(auto databases,
                        List("GetDatabases", Json::object(), "DatabaseList"));
  std::vector<Namespace> namespaces;
  for (const Json& database : databases) {
    namespaces.push_back({TextOf(database, "Name")});
  }
  std::sort(namespaces.begin(), namespaces.end());
  return namespaces;
}

arrow::Result<bool> GlueCatalog::NamespaceExists(const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(auto database, FindDatabase(levels));
  return database.has_value();
}

arrow::Status GlueCatalog::CreateNamespace(
    const Namespace& levels, const std::map<std::string, std::string>& properties) {
  ARROW_RETURN_NOT_OK(CheckOneLevel(levels));
  Json input = {{"Name", levels[0]}, {"Parameters", Json::object()}};
  for (const auto& [key, value] : properties) {
    if (key == kLocationProperty) {
      input["LocationUri"] = value;
    } else if (key == kCommentProperty || key == kPyIcebergComment) {
      input["Description"] = value;
    } else {
      input["Parameters"][key] = value;
    }
  }
  arrow::Status status =
      client_
          .Call("CreateDatabase", {{"DatabaseInput", std::move(input)}}, Effect::kChanges)
          .status();
  if (!IsError(status, ErrorCode::kAlreadyExists)) {
    return WithContext(status, "namespace", levels[0]);
  }
  return MakeError(ErrorCode::kAlreadyExists, "namespace '{}' exists already", levels[0]);
}

arrow::Status GlueCatalog::DropNamespace(const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (!exists) return NoSuchNamespaceError(levels);
  // Glue would delete the tables with their database.
  ARROW_ASSIGN_OR_RAISE(
      Json answer,
      client_.Call("GetTables", {{"DatabaseName", levels[0]}, {"MaxResults", 1}},
                   Effect::kReads));
  auto tables = answer.find("TableList");
  if (tables != answer.end() && tables->is_array() && !tables->empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "namespace '{}' still holds tables (one is '{}'): drop them first",
                     levels[0], TextOf(tables->front(), "Name"));
  }
  return WithContext(
      client_.Call("DeleteDatabase", {{"Name", levels[0]}}, Effect::kChanges).status(),
      "namespace", levels[0]);
}

arrow::Result<std::map<std::string, std::string>> GlueCatalog::NamespaceProperties(
    const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(auto database, FindDatabase(levels));
  if (!database) return NoSuchNamespaceError(levels);
  std::map<std::string, std::string> properties;
  auto parameters = database->find("Parameters");
  if (parameters != database->end() && parameters->is_object()) {
    for (const auto& [key, value] : parameters->items()) {
      if (value.is_string()) properties[key] = value.get<std::string>();
    }
  }
  std::string location = TextOf(*database, "LocationUri");
  if (!location.empty()) properties[kLocationProperty] = location;
  std::string comment = TextOf(*database, "Description");
  if (!comment.empty()) properties[kCommentProperty] = comment;
  return properties;
}

arrow::Result<std::vector<TableIdentifier>> GlueCatalog::ListTables(
    const Namespace& levels) {
  if (!IsOneLevel(levels)) return NoSuchNamespaceError(levels);
  auto stored = List("GetTables", {{"DatabaseName", levels[0]}}, "TableList");
  if (IsError(stored.status(), ErrorCode::kNoSuchTable)) {
    return NoSuchNamespaceError(levels);
  }
  ARROW_RETURN_NOT_OK(stored.status());
  std::vector<TableIdentifier> tables;
  for (const Json& table : *stored) {
    if (IsIcebergTable(table)) tables.push_back({levels, TextOf(table, "Name")});
  }
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return tables;
}

arrow::Result<Json> GlueCatalog::StoredTable(const TableIdentifier& table) {
  if (!IsOneLevel(table.levels)) return NoSuchTableError(table);
  auto answer =
      client_.Call("GetTable", {{"DatabaseName", table.levels[0]}, {"Name", table.name}},
                   Effect::kReads);
  if (IsError(answer.status(), ErrorCode::kNoSuchTable)) return NoSuchTableError(table);
  ARROW_RETURN_NOT_OK(WithContext(answer.status(), "table", table.ToString()));
  auto found = answer->find("Table");
  if (found != answer->end() && found->is_object()) return *found;
  return MakeError(ErrorCode::kCorruptData, "Glue at {} answers GetTable without one",
                   client_.endpoint());
}

arrow::Result<std::optional<std::string>> GlueCatalog::FindPointer(
    const TableIdentifier& table) {
  auto stored = StoredTable(table);
  if (IsError(stored.status(), ErrorCode::kNoSuchTable)) {
    return std::optional<std::string>();
  }
  ARROW_RETURN_NOT_OK(stored.status());
  ARROW_ASSIGN_OR_RAISE(std::string location, MetadataLocationOf(*stored, table));
  return std::optional<std::string>(std::move(location));
}

arrow::Status GlueCatalog::Create(const TableIdentifier& table, Json input) {
  ARROW_RETURN_NOT_OK(CheckOneLevel(table.levels));
  arrow::Status status =
      client_
          .Call("CreateTable",
                {{"DatabaseName", table.levels[0]}, {"TableInput", std::move(input)}},
                Effect::kChanges)
          .status();
  if (IsError(status, ErrorCode::kAlreadyExists)) {
    return MakeError(ErrorCode::kAlreadyExists, "a table or view '{}' exists already",
                     table.ToString());
  }
  if (IsError(status, ErrorCode::kNoSuchTable)) return NoSuchNamespaceError(table.levels);
  return WithContext(status, "table", table.ToString());
}

arrow::Status GlueCatalog::InsertPointer(const TableIdentifier& table,
                                         const TablePointer& to) {
  return Create(table, NewTableInput(table, to));
}

arrow::Status GlueCatalog::SwapPointer(const TableIdentifier& table,
                                       const TablePointer& from, const TablePointer& to) {
  ARROW_ASSIGN_OR_RAISE(Json stored, StoredTable(table));
  ARROW_ASSIGN_OR_RAISE(std::string location, MetadataLocationOf(stored, table));
  auto conflict = MakeError(ErrorCode::kCommitConflict,
                            "table '{}' was changed by another writer", table.ToString());
  if (location != from.location) return conflict;
  Json request = {{"DatabaseName", table.levels[0]},
                  {"TableInput", UpdatedTableInput(stored, from, to)},
                  {"SkipArchive", skips_archive_}};
  const std::string version = TextOf(stored, "VersionId");
  if (version.empty()) {
    return MakeError(
        ErrorCode::kNotSupported,
        "Glue at {} gives table '{}' no VersionId, without which two writers "
        "could undo each other's commits",
        client_.endpoint(), table.ToString());
  }
  request["VersionId"] = version;
  arrow::Status status =
      client_.Call("UpdateTable", std::move(request), Effect::kChangesRepeatably)
          .status();
  if (IsError(status, ErrorCode::kNoSuchTable)) return NoSuchTableError(table);
  if (!IsError(status, ErrorCode::kCommitConflict)) return status;
  // A request that was repeated may have met its own first arrival: the pointer tells.
  auto now = FindPointer(table);
  if (now.ok() && *now && **now == to.location) return arrow::Status::OK();
  if (now.ok() && *now && **now == from.location) return conflict;
  return MakeError(ErrorCode::kCommitStateUnknown, "{}", ErrorText(status));
}

arrow::Status GlueCatalog::DeletePointer(const TableIdentifier& table) {
  if (!IsOneLevel(table.levels)) return NoSuchTableError(table);
  arrow::Status status =
      client_
          .Call("DeleteTable", {{"DatabaseName", table.levels[0]}, {"Name", table.name}},
                Effect::kChanges)
          .status();
  if (IsError(status, ErrorCode::kNoSuchTable)) return NoSuchTableError(table);
  if (IsError(status, ErrorCode::kCommitStateUnknown)) {
    auto now = FindPointer(table);
    if (now.ok() && !*now) return arrow::Status::OK();
  }
  return WithContext(status, "table", table.ToString());
}

arrow::Status GlueCatalog::RenameTable(const TableIdentifier& from,
                                       const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(Json stored, StoredTable(from));
  ARROW_ASSIGN_OR_RAISE(std::string location, MetadataLocationOf(stored, from));
  ARROW_RETURN_NOT_OK(Create(to, RenamedTableInput(stored, to.name)));
  // Glue cannot rename: for a moment the table has both names. A commit to the old one
  // since then would be lost with it.
  auto now = FindPointer(from);
  bool is_unchanged = now.ok() && *now && **now == location;
  arrow::Status status =
      is_unchanged
          ? DeletePointer(from)
          : MakeError(ErrorCode::kCommitConflict,
                      "table '{}' was changed during its renaming", from.ToString());
  if (status.ok()) return status;
  // The new name is only taken back while the old one is known to be there.
  auto old = FindPointer(from);
  bool is_old_there = old.ok() && old->has_value();
  if (is_old_there && DeletePointer(to).ok()) {
    return WithContext(status, "not renamed", from.ToString());
  }
  return WithContext(status, "table has two names now, drop one without purge",
                     to.ToString());
}

}  // namespace
}  // namespace glue

void RegisterGlueCatalog(CatalogRegistry& registry) {
  registry.Register("glue", OpenGlueCatalog, glue::GluePropertyKeys());
}

arrow::Result<std::shared_ptr<Catalog>> OpenGlueCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment) {
  HttpClientOptions options;
  options.ca_file = GetEnv("AWS_CA_BUNDLE").value_or("");
  auto ca_file = config.properties.find("floe.ca-file");
  if (ca_file != config.properties.end()) options.ca_file = ca_file->second;
  ARROW_ASSIGN_OR_RAISE(auto http, MakeHttpClient(options));
  return OpenGlueCatalogOver(config, environment, std::move(http));
}

arrow::Result<std::shared_ptr<Catalog>> OpenGlueCatalogOver(
    const CatalogConfig& config, const CatalogEnvironment& environment,
    std::shared_ptr<HttpClient> http) {
  ARROW_ASSIGN_OR_RAISE(glue::GlueProperties properties,
                        glue::ReadGlueProperties(config));
  AwsSettings settings;
  settings.prefix = glue::kGluePrefix;
  settings.clock = environment.clock;
  ARROW_ASSIGN_OR_RAISE(auto credentials,
                        MakeAwsCredentialsProvider(config.properties, settings));
  return std::make_shared<glue::GlueCatalog>(config, environment, properties,
                                             std::move(http), std::move(credentials));
}

}  // namespace floe::iceberg
