#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/catalog/rest/rest_catalog.h"
#include "iceberg/catalog/rest/rest_endpoints.h"
#include "iceberg/catalog/rest/rest_json.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/metadata_json.h"
#include "io/refreshing_file_io.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

constexpr int kNotModified = 304;
constexpr int kNotFound = 404;
// Memory that parsed metadata takes, roughly, per byte of JSON.
constexpr int64_t kParsedBytesPerJsonByte = 3;
// Looks at the table after a commit without answer, and the waits before each.
constexpr int64_t kOutcomeWaitsMs[] = {0, 1'000, 5'000};

std::string What(std::string_view verb, const TableIdentifier& table) {
  return fmt::format("{} table '{}'", verb, table.ToString());
}

arrow::Result<std::vector<StorageCredential>> CredentialsOf(const JsonObject& answer) {
  std::vector<StorageCredential> credentials;
  ARROW_ASSIGN_OR_RAISE(const json* list, answer.FindArray("storage-credentials"));
  if (list == nullptr) return credentials;
  for (const json& item : *list) {
    ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                          JsonObject::Make(item, "storage-credentials"));
    StorageCredential credential;
    ARROW_ASSIGN_OR_RAISE(credential.prefix, object.GetString("prefix"));
    ARROW_ASSIGN_OR_RAISE(credential.config,
                          JsonTextMap(object.Find("config"), "config"));
    credentials.push_back(std::move(credential));
  }
  return credentials;
}

/// What a table's files are reached with: the catalog's properties, the table's over them
/// and the credentials for its location over those.
PropertyMap TableProperties(const PropertyMap& catalog, const TableRecord& record,
                            const std::string& location) {
  PropertyMap properties = catalog;
  for (const auto& [key, value] : record.config) properties[key] = value;
  const StorageCredential* credential = CredentialFor(record.credentials, location);
  if (credential != nullptr) {
    for (const auto& [key, value] : credential->config) properties[key] = value;
  }
  return properties;
}

VendedProperties Vended(const PropertyMap& catalog, const TableRecord& record,
                        const std::string& location) {
  VendedProperties vended;
  vended.properties = TableProperties(catalog, record, location);
  const int64_t expiry_ms = CredentialsExpiryMs(vended.properties);
  if (expiry_ms != 0) vended.expires_at_ms = expiry_ms;
  return vended;
}

bool IsCredential(const std::string& key) {
  return key == "s3.access-key-id" || key == "s3.secret-access-key" ||
         key == "s3.session-token" || key == "s3.session-token-expires-at-ms" ||
         key.starts_with("gcs.oauth2.token") || key.starts_with("adls.sas-token");
}

/// Whether files opened for `before` serve for `now` too: nothing but credentials
/// differs, and those are renewed as they end.
bool IsReachedAlike(VendedProperties before, VendedProperties now) {
  if (before.properties == now.properties) return true;
  if (before.expires_at_ms == VendedProperties::kNeverExpires) return false;
  const auto is_credential = [](const auto& pair) { return IsCredential(pair.first); };
  std::erase_if(before.properties, is_credential);
  std::erase_if(now.properties, is_credential);
  return before.properties == now.properties;
}

/// `failure` to look at the table after a commit: its files may be the table's, so no
/// other code will do.
arrow::Status StateUnknown(const TableIdentifier& table, const arrow::Status& failure) {
  return MakeError(ErrorCode::kCommitStateUnknown,
                   "commit to table '{}': whether it happened could not be looked up: "
                   "{}; look at the table's snapshots before the commit is repeated",
                   table.ToString(), ErrorText(failure));
}

arrow::Status CheckTable(const TableIdentifier& table) {
  if (!table.levels.empty() && !table.name.empty()) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' is no table name: expected 'namespace.table'", table.ToString());
}

bool HasSnapshotAdded(const std::vector<TableUpdate>& updates) {
  return std::any_of(updates.begin(), updates.end(), [](const TableUpdate& change) {
    return std::holds_alternative<update::AddSnapshot>(change);
  });
}

}  // namespace

std::string RestCatalog::TablePath(const TableIdentifier& table) const {
  return NamespacePath(table.levels) + "/tables/" + PercentEncode(table.name);
}

std::string RestCatalog::TokenOf(const TableIdentifier& table) const {
  const auto record = records_.Find(table);
  return record ? FirstProperty(record->config, {"token"}) : "";
}

arrow::Result<std::shared_ptr<FileIO>> RestCatalog::TableIo(
    const TableIdentifier& table, const std::string& location,
    const TableRecord& record) const {
  VendedProperties first = Vended(server_.properties, record, location);
  if (first.properties == server_.properties) return io_;
  if (first.expires_at_ms == VendedProperties::kNeverExpires) {
    return MakeFileIO(first.properties);
  }
  RestCall call{.path = TablePath(table)};
  call.what = What("renew the credentials of", table);
  const bool has_endpoint = server_.Serves(kLoadCredentials);
  if (has_endpoint) call.path += "/credentials";
  // Not `this`: files may be in use longer than the catalog.
  auto source = [call, has_endpoint, location, config = record.config, session = session_,
                 catalog_properties =
                     server_.properties]() -> arrow::Result<VendedProperties> {
    ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session->Send(call));
    ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                          JsonObject::Make(answer.body, "the catalog's answer"));
    TableRecord record_now;
    record_now.config = config;
    if (!has_endpoint) {
      ARROW_ASSIGN_OR_RAISE(record_now.config,
                            JsonTextMap(object.Find("config"), "config"));
    }
    ARROW_ASSIGN_OR_RAISE(record_now.credentials, CredentialsOf(object));
    return Vended(catalog_properties, record_now, location);
  };
  RefreshOptions options;
  options.clock = http_.clock;
  return MakeRefreshingFileIO(std::move(first), std::move(source), options);
}

/// A plan may come with credentials of its own for the files in it.
arrow::Result<std::shared_ptr<FileIO>> RestCatalog::PlanIo(
    const TableIdentifier& table, const json& plan, const TableMetadata& metadata,
    const std::optional<TableRecord>& record) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(plan, "the plan"));
  ARROW_ASSIGN_OR_RAISE(auto credentials, CredentialsOf(object));
  if (credentials.empty()) return nullptr;
  TableRecord own;
  if (record) own.config = record->config;
  own.credentials = std::move(credentials);
  return TableIo(table, metadata.location, own);
}

/// A LoadTableResult.
arrow::Result<LoadedTable> RestCatalog::TakeTable(const TableIdentifier& table,
                                                  const RestAnswer& answer) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(answer.body, "the catalog's answer"));
  TableRecord record;
  record.etag = answer.etag;
  ARROW_ASSIGN_OR_RAISE(record.loaded.metadata_location,
                        object.GetString("metadata-location"));
  ARROW_ASSIGN_OR_RAISE(const json* metadata, object.Get("metadata"));
  ARROW_ASSIGN_OR_RAISE(record.loaded.metadata, TableMetadataFromJson(*metadata));
  ARROW_ASSIGN_OR_RAISE(record.config, JsonTextMap(object.Find("config"), "config"));
  ARROW_ASSIGN_OR_RAISE(record.credentials, CredentialsOf(object));
  const std::string& location = record.loaded.metadata->location;
  // Connections to the store are kept as long as it is reached in the same way.
  const auto before = records_.Find(table);
  if (before && before->loaded.metadata->location == location &&
      IsReachedAlike(
          Vended(server_.properties, *before, before->loaded.metadata->location),
          Vended(server_.properties, record, location))) {
    record.loaded.io = before->loaded.io;
  } else {
    ARROW_ASSIGN_OR_RAISE(record.loaded.io, TableIo(table, location, record));
  }
  record.bytes = kParsedBytesPerJsonByte * answer.body_bytes;
  LoadedTable loaded = record.loaded;
  records_.Put(table, std::move(record));
  return loaded;
}

/// A CommitTableResponse: what a LoadTableResult holds of the table alone.
arrow::Result<LoadedTable> RestCatalog::TakeCommitted(const TableIdentifier& table,
                                                      const RestAnswer& answer) {
  auto record = records_.Find(table);
  // Which credentials its files need is known from a load alone.
  if (!record) return LoadTable(table);
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(answer.body, "the catalog's answer"));
  ARROW_ASSIGN_OR_RAISE(record->loaded.metadata_location,
                        object.GetString("metadata-location"));
  ARROW_ASSIGN_OR_RAISE(const json* metadata, object.Get("metadata"));
  ARROW_ASSIGN_OR_RAISE(record->loaded.metadata, TableMetadataFromJson(*metadata));
  record->etag = answer.etag;
  record->bytes = kParsedBytesPerJsonByte * answer.body_bytes;
  LoadedTable loaded = record->loaded;
  records_.Put(table, std::move(*record));
  return loaded;
}

arrow::Result<bool> RestCatalog::TableExists(const TableIdentifier& table) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.path = TablePath(table)};
  call.what = What("look for", table);
  return Exists(kHeadTable, kLoadTable, std::move(call));
}

arrow::Result<LoadedTable> RestCatalog::LoadTable(const TableIdentifier& table) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.path = TablePath(table)};
  call.what = What("load", table);
  ARROW_RETURN_NOT_OK(CheckServed(kLoadTable, call.what));
  const auto record = records_.Find(table);
  if (record && !record->etag.empty()) {
    call.headers = {{"If-None-Match", record->etag}};
  }
  auto answer = session_->Send(call);
  if (!answer.ok()) {
    if (IsError(answer.status(), ErrorCode::kNoSuchTable)) records_.Forget(table);
    return answer.status();
  }
  if (answer->status == kNotModified) {
    if (record) return record->loaded;
    return MakeError(ErrorCode::kServiceUnavailable,
                     "{}: catalog '{}' says that nothing changed, but nothing was there",
                     call.what, name_);
  }
  auto loaded = TakeTable(table, *answer);
  if (!loaded.ok()) return WithContext(loaded.status(), "table", table.ToString());
  return loaded;
}

arrow::Result<LoadedTable> RestCatalog::CreateTable(const TableIdentifier& table,
                                                    const CreateTableRequest& request) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.method = "POST", .path = NamespacePath(table.levels) + "/tables"};
  call.what = What("create", table);
  call.not_found = ErrorCode::kNoSuchNamespace;
  call.is_idempotent = false;
  call.is_change = true;
  ARROW_RETURN_NOT_OK(CheckServed(kCreateTable, call.what));
  auto body = CreateToJson(table.name, WithTableProperties(request, server_.properties));
  if (!body.ok()) return WithContext(body.status(), "table", table.ToString());
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(*body, call.what));
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  records_.Forget(table);
  // Some servers answer without the location, which a load gives.
  if (!answer.body.is_object() || !answer.body.contains("metadata-location")) {
    return LoadTable(table);
  }
  auto loaded = TakeTable(table, answer);
  if (!loaded.ok()) return WithContext(loaded.status(), "table", table.ToString());
  return loaded;
}

arrow::Result<LoadedTable> RestCatalog::CommitTable(
    const TableIdentifier& table, const std::vector<TableRequirement>& requirements,
    const std::vector<TableUpdate>& updates) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.method = "POST", .path = TablePath(table)};
  call.what = What("commit to", table);
  call.conflict = ErrorCode::kCommitConflict;
  call.is_idempotent = false;
  call.is_change = true;
  call.token = TokenOf(table);
  ARROW_RETURN_NOT_OK(CheckServed(kCommitTable, call.what));
  auto body = CommitToJson(table, requirements, updates);
  if (!body.ok()) return WithContext(body.status(), "table", table.ToString());
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(*body, call.what));
  const auto answer = session_->Send(call);
  if (IsError(answer.status(), ErrorCode::kCommitStateUnknown)) {
    return ResolveCommit(table, updates, answer.status());
  }
  if (IsError(answer.status(), ErrorCode::kCommitConflict)) {
    // A gateway may have answered 503 for a commit that went through; the conflict of its
    // repetition is then with itself.
    std::optional<LoadedTable> now;
    const auto outcome = AskOutcome(table, updates, &now);
    if (!outcome.ok()) return StateUnknown(table, outcome.status());
    if (*outcome == CommitOutcome::kLanded && HasSnapshotAdded(updates)) {
      return std::move(*now);
    }
  }
  ARROW_RETURN_NOT_OK(answer.status());
  auto committed = TakeCommitted(table, *answer);
  if (committed.ok()) return committed;
  // It happened: an answer that cannot be read is looked up instead.
  auto loaded = LoadTable(table);
  return loaded.ok() ? loaded : StateUnknown(table, loaded.status());
}

arrow::Result<CommitOutcome> RestCatalog::AskOutcome(
    const TableIdentifier& table, const std::vector<TableUpdate>& updates,
    std::optional<LoadedTable>* now) {
  records_.Forget(table);
  ARROW_ASSIGN_OR_RAISE(*now, LoadTable(table));
  return OutcomeOfCommit(*(*now)->metadata, updates);
}

arrow::Result<LoadedTable> RestCatalog::ResolveCommit(
    const TableIdentifier& table, const std::vector<TableUpdate>& updates,
    const arrow::Status& failure) {
  for (const int64_t wait_ms : kOutcomeWaitsMs) {
    if (wait_ms > 0) Wait(wait_ms);
    std::optional<LoadedTable> now;
    const auto outcome = AskOutcome(table, updates, &now);
    if (!outcome.ok()) continue;  // Nothing was learnt; `failure` says why it matters.
    if (*outcome == CommitOutcome::kLanded) return std::move(*now);
    if (*outcome == CommitOutcome::kLost) {
      return MakeError(ErrorCode::kCommitConflict,
                       "commit to table '{}': no answer came, and another writer's "
                       "snapshot has the place of this one's: it did not happen; load "
                       "the table and repeat",
                       table.ToString());
    }
  }
  return WithContext(failure, "remedy",
                     "it may have happened: look at the table's snapshots before the "
                     "commit is repeated");
}

arrow::Status RestCatalog::CommitTables(const std::vector<TableCommit>& commits) {
  if (commits.empty()) return arrow::Status::OK();
  RestCall call{.method = "POST"};
  call.path = NamespacePath({});
  call.path.replace(call.path.rfind("/namespaces"), std::string::npos,
                    "/transactions/commit");
  call.what = fmt::format("commit to {} tables", commits.size());
  call.conflict = ErrorCode::kCommitConflict;
  call.is_idempotent = false;
  call.is_change = true;
  ARROW_RETURN_NOT_OK(CheckServed(kCommitTransaction, call.what));
  json changes = json::array();
  for (const TableCommit& commit : commits) {
    ARROW_RETURN_NOT_OK(CheckTable(commit.table));
    ARROW_ASSIGN_OR_RAISE(
        json change, CommitToJson(commit.table, commit.requirements, commit.updates));
    changes.push_back(std::move(change));
  }
  const json body = {{"table-changes", std::move(changes)}};
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  const arrow::Status status = session_->Send(call).status();
  for (const TableCommit& commit : commits) records_.Forget(commit.table);
  if (!IsError(status, ErrorCode::kCommitStateUnknown)) return status;
  // All or none: one of them tells of all.
  const auto resolved = ResolveCommit(commits[0].table, commits[0].updates, status);
  return resolved.status();
}

arrow::Status RestCatalog::DropTable(const TableIdentifier& table, bool purge) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.method = "DELETE", .path = TablePath(table)};
  call.what = What("drop", table);
  call.query = {{"purgeRequested", purge ? "true" : "false"}};
  call.asks_existence = true;
  ARROW_RETURN_NOT_OK(CheckServed(kDropTable, call.what));
  if (purge) {
    ARROW_ASSIGN_OR_RAISE(const LoadedTable loaded, LoadTable(table));
    if (loaded.metadata->Property("gc.enabled", "true") != "true") {
      return MakeError(ErrorCode::kInvalidArgument,
                       "table '{}' has gc.enabled=false: its files may belong to other "
                       "tables; drop it without purge",
                       table.ToString());
    }
  }
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  records_.Forget(table);
  // A repeated drop that finds nothing has found its own work.
  if (answer.status != kNotFound || answer.is_perhaps_repeated)
    return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchTable,
                   "{}: there is no such table in catalog '{}'; floe tables lists them",
                   call.what, name_);
}

arrow::Result<LoadedTable> RestCatalog::RegisterTable(
    const TableIdentifier& table, const std::string& metadata_location) {
  ARROW_RETURN_NOT_OK(CheckTable(table));
  RestCall call{.method = "POST", .path = NamespacePath(table.levels) + "/register"};
  call.what = What("register", table);
  call.not_found = ErrorCode::kNoSuchNamespace;
  call.is_idempotent = false;
  call.is_change = true;
  ARROW_RETURN_NOT_OK(CheckServed(kRegisterTable, call.what));
  const json body = {{"name", table.name}, {"metadata-location", metadata_location}};
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  records_.Forget(table);
  auto loaded = TakeTable(table, answer);
  if (!loaded.ok()) return WithContext(loaded.status(), "table", table.ToString());
  return loaded;
}

arrow::Status RestCatalog::RenameTable(const TableIdentifier& from,
                                       const TableIdentifier& to) {
  ARROW_RETURN_NOT_OK(CheckTable(from));
  ARROW_RETURN_NOT_OK(CheckTable(to));
  RestCall call{.method = "POST"};
  call.path = NamespacePath({});
  call.path.replace(call.path.rfind("/namespaces"), std::string::npos, "/tables/rename");
  call.what = fmt::format("rename table '{}' to '{}'", from.ToString(), to.ToString());
  call.is_idempotent = false;
  call.is_change = true;
  ARROW_RETURN_NOT_OK(CheckServed(kRenameTable, call.what));
  const json body = {{"source", TableIdentifierToJson(from)},
                     {"destination", TableIdentifierToJson(to)}};
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  arrow::Status status = session_->Send(call).status();
  records_.Forget(from);
  records_.Forget(to);
  if (!IsError(status, ErrorCode::kCommitStateUnknown)) return status;
  const auto has_from = TableExists(from);
  const auto has_to = TableExists(to);
  if (has_from.ok() && has_to.ok() && !*has_from && *has_to) return arrow::Status::OK();
  return status;
}

}  // namespace floe::iceberg
