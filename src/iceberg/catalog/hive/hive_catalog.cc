#include "iceberg/catalog/hive/hive_catalog.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/catalog/hive/hive_properties.h"
#include "iceberg/catalog/metastore_catalog.h"

namespace floe::iceberg {
namespace hive {
namespace {

constexpr char kLocationProperty[] = "location";
constexpr char kCommentProperty[] = "comment";
constexpr char kTableLockEnabled[] = "engine.hive.lock-enabled";
/// Tables asked for at once: a wide one is 100 KB.
constexpr size_t kTablesPerCall = 100;
/// The first version whose alter_table compares the pointer itself (HIVE-26882).
constexpr int kComparingVersion = 4;

class HiveCatalog final : public MetastoreCatalog, public OneLevelCatalog {
 public:
  HiveCatalog(CatalogConfig config, CatalogEnvironment environment,
              HiveProperties properties)
      : MetastoreCatalog(std::move(config), std::move(environment)),
        properties_(std::move(properties)),
        client_(properties_.client) {}

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
  /// The table as the metastore has it; kNoSuchTable when it does not.
  arrow::Result<ThriftValue> StoredTable(const TableIdentifier& table);
  /// Swaps the pointer; `lock` is null on the lock-free path.
  arrow::Status Alter(const TableIdentifier& table, const TablePointer& from,
                      const TablePointer& to, const HiveLock* lock);
  /// kNotSupported unless the metastore compares the pointer in alter_table.
  arrow::Status CheckServerCompares();
  /// What became of an alter_table that the metastore answered with `failure`.
  arrow::Status AfterFailure(const TableIdentifier& table, const TablePointer& from,
                             const TablePointer& to, const arrow::Status& failure);

  const HiveProperties properties_;
  HiveClient client_;
  /// Writers of this process to one table queue here, not in the metastore.
  std::array<std::mutex, 64> commit_mutexes_;
  std::atomic<bool> is_known_to_compare_ = false;
  /// The metastore's database cannot (Derby).
  std::atomic<bool> is_known_not_to_compare_ = false;
};

bool IsOneLevel(const Namespace& levels) {
  return levels.size() == 1 && !levels[0].empty();
}

arrow::Status CheckOneLevel(const Namespace& levels) {
  if (IsOneLevel(levels)) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' cannot be a namespace of a hive catalog: a database has exactly "
                   "one level",
                   NamespaceToString(levels));
}

arrow::Status NoSuchTableError(const TableIdentifier& table) {
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in the metastore",
                   table.ToString());
}

arrow::Status HiveCatalog::NoSuchNamespaceError(const Namespace& levels) const {
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "namespace '{}' does not exist in catalog '{}' (metastore {})",
                   NamespaceToString(levels), name(), client_.AddressText());
}

arrow::Result<std::vector<Namespace>> HiveCatalog::ListNamespaces(
    const Namespace& parent) {
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(parent));
    if (!exists) return NoSuchNamespaceError(parent);
    return std::vector<Namespace>();
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> names, client_.ListDatabases());
  std::sort(names.begin(), names.end());
  std::vector<Namespace> namespaces;
  for (std::string& database : names) namespaces.push_back({std::move(database)});
  return namespaces;
}

arrow::Result<bool> HiveCatalog::NamespaceExists(const Namespace& levels) {
  if (!IsOneLevel(levels)) return false;
  ARROW_ASSIGN_OR_RAISE(auto database, client_.FindDatabase(levels[0]));
  return database.has_value();
}

arrow::Status HiveCatalog::CreateNamespace(
    const Namespace& levels, const std::map<std::string, std::string>& properties) {
  ARROW_RETURN_NOT_OK(CheckOneLevel(levels));
  constexpr int32_t kUserOwner = 1;
  ThriftValue database = ThriftValue::Struct(
      {{field::kDatabaseName, ThriftValue::String(levels[0])},
       {field::kDatabaseOwner, ThriftValue::String(properties_.owner)},
       {field::kDatabaseOwnerType, ThriftValue::I32(kUserOwner)}});
  // Without a location of its own a database lies in the metastore's warehouse, wherever
  // that is; one that was configured here goes before it.
  if (!config().warehouse.empty()) {
    database.SetField(field::kDatabaseLocation,
                      ThriftValue::String(JoinLocation(
                          AbsoluteLocation(config().warehouse), levels[0] + ".db")));
  }
  std::map<std::string, std::string> parameters = properties;
  auto move_out = [&](const char* property, int16_t id) {
    auto found = parameters.find(property);
    if (found == parameters.end()) return;
    database.SetField(id, ThriftValue::String(found->second));
    parameters.erase(found);
  };
  move_out(kLocationProperty, field::kDatabaseLocation);
  move_out(kCommentProperty, field::kDatabaseDescription);
  database.SetField(field::kDatabaseParameters, ThriftValue::StringMap(parameters));
  arrow::Status status = client_.CreateDatabase(std::move(database));
  if (!IsError(status, ErrorCode::kAlreadyExists)) {
    return WithContext(status, "namespace", levels[0]);
  }
  return MakeError(ErrorCode::kAlreadyExists, "namespace '{}' exists already", levels[0]);
}

arrow::Status HiveCatalog::DropNamespace(const Namespace& levels) {
  // Version 3 fails at a missing database in words that do not say so.
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (!exists) return NoSuchNamespaceError(levels);
  arrow::Status status = client_.DropDatabase(levels[0]);
  if (IsError(status, ErrorCode::kNoSuchNamespace)) return NoSuchNamespaceError(levels);
  if (IsError(status, ErrorCode::kInvalidArgument)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "namespace '{}' still holds tables or views: drop them first ({})",
                     levels[0], ErrorText(status));
  }
  return WithContext(status, "namespace", levels[0]);
}

arrow::Result<std::map<std::string, std::string>> HiveCatalog::NamespaceProperties(
    const Namespace& levels) {
  if (!IsOneLevel(levels)) return NoSuchNamespaceError(levels);
  ARROW_ASSIGN_OR_RAISE(auto database, client_.FindDatabase(levels[0]));
  if (!database) return NoSuchNamespaceError(levels);
  auto properties = database->StringMapOf(field::kDatabaseParameters);
  std::string location = database->TextOf(field::kDatabaseLocation);
  if (!location.empty()) properties[kLocationProperty] = location;
  std::string comment = database->TextOf(field::kDatabaseDescription);
  if (!comment.empty()) properties[kCommentProperty] = comment;
  return properties;
}

arrow::Result<std::vector<TableIdentifier>> HiveCatalog::ListTables(
    const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(bool exists, NamespaceExists(levels));
  if (!exists) return NoSuchNamespaceError(levels);
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> names, client_.ListTables(levels[0]));
  std::vector<TableIdentifier> tables;
  for (size_t begin = 0; begin < names.size(); begin += kTablesPerCall) {
    size_t end = std::min(begin + kTablesPerCall, names.size());
    std::vector<std::string> part(names.begin() + static_cast<int64_t>(begin),
                                  names.begin() + static_cast<int64_t>(end));
    ARROW_ASSIGN_OR_RAISE(auto stored, client_.GetTables(levels[0], part));
    for (const ThriftValue& table : stored) {
      if (!IsIcebergTable(table)) continue;
      tables.push_back({levels, table.TextOf(field::kTableName)});
    }
  }
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return tables;
}

arrow::Result<ThriftValue> HiveCatalog::StoredTable(const TableIdentifier& table) {
  if (!IsOneLevel(table.levels)) return NoSuchTableError(table);
  ARROW_ASSIGN_OR_RAISE(auto stored, client_.FindTable(table.levels[0], table.name));
  if (!stored) return NoSuchTableError(table);
  return *std::move(stored);
}

arrow::Status HiveCatalog::RenameTable(const TableIdentifier& from,
                                       const TableIdentifier& to) {
  ARROW_ASSIGN_OR_RAISE(ThriftValue stored, StoredTable(from));
  ARROW_RETURN_NOT_OK(MetadataLocationOf(stored, from).status());
  ARROW_ASSIGN_OR_RAISE(bool has_namespace, NamespaceExists(to.levels));
  if (!has_namespace) return NoSuchNamespaceError(to.levels);
  ARROW_ASSIGN_OR_RAISE(auto taken, client_.FindTable(to.levels[0], to.name));
  if (taken) {
    return MakeError(ErrorCode::kAlreadyExists, "a table or view '{}' exists already",
                     to.ToString());
  }
  stored.SetField(field::kTableDatabase, ThriftValue::String(to.levels[0]));
  stored.SetField(field::kTableName, ThriftValue::String(to.name));
  arrow::Status status = client_.AlterTable(from.levels[0], from.name, std::move(stored),
                                            {{"DO_NOT_UPDATE_STATS", "true"}});
  return WithContext(status, "table", from.ToString());
}

arrow::Result<std::optional<std::string>> HiveCatalog::FindPointer(
    const TableIdentifier& table) {
  auto stored = StoredTable(table);
  if (IsError(stored.status(), ErrorCode::kNoSuchTable)) {
    return std::optional<std::string>();
  }
  ARROW_RETURN_NOT_OK(stored.status());
  ARROW_ASSIGN_OR_RAISE(std::string location, MetadataLocationOf(*stored, table));
  return std::optional<std::string>(std::move(location));
}

arrow::Status HiveCatalog::InsertPointer(const TableIdentifier& table,
                                         const TablePointer& to) {
  ARROW_RETURN_NOT_OK(CheckOneLevel(table.levels));
  arrow::Status status = client_.CreateTable(
      NewHiveTable(table, to, properties_.owner, environment().clock->NowMillis(),
                   properties_.layout));
  if (IsError(status, ErrorCode::kAlreadyExists)) {
    return MakeError(ErrorCode::kAlreadyExists, "a table or view '{}' exists already",
                     table.ToString());
  }
  return WithContext(status, "table", table.ToString());
}

arrow::Status HiveCatalog::CheckServerCompares() {
  if (is_known_to_compare_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string version, client_.ServerVersion());
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  if (major < kComparingVersion) {
    return MakeError(ErrorCode::kNotSupported,
                     "metastore {} is of version '{}': it does not compare the table's "
                     "pointer in alter_table, so that a commit without lock could undo "
                     "another writer's; set `hive.lock-enabled` (of the table: {}) to "
                     "true, or use a metastore of version 4",
                     client_.AddressText(), version, kTableLockEnabled);
  }
  is_known_to_compare_ = true;
  return arrow::Status::OK();
}

arrow::Status HiveCatalog::SwapPointer(const TableIdentifier& table,
                                       const TablePointer& from, const TablePointer& to) {
  bool is_locking =
      from.metadata->Property(kTableLockEnabled,
                              properties_.is_lock_enabled ? "true" : "false") == "true";
  if (!is_locking) {
    ARROW_RETURN_NOT_OK(CheckServerCompares());
    return Alter(table, from, to, nullptr);
  }
  size_t stripe = std::hash<std::string>()(table.ToString()) % commit_mutexes_.size();
  std::unique_lock<std::mutex> local_lock(commit_mutexes_[stripe]);
  ARROW_ASSIGN_OR_RAISE(
      auto lock, HiveLock::Acquire(client_, table.levels[0], table.name, properties_.lock,
                                   *environment().random));
  return Alter(table, from, to, lock.get());
}

arrow::Status HiveCatalog::Alter(const TableIdentifier& table, const TablePointer& from,
                                 const TablePointer& to, const HiveLock* lock) {
  ARROW_ASSIGN_OR_RAISE(ThriftValue stored, StoredTable(table));
  ARROW_ASSIGN_OR_RAISE(std::string location, MetadataLocationOf(stored, table));
  if (location != from.location) {
    return MakeError(ErrorCode::kCommitConflict,
                     "table '{}' was changed by another writer", table.ToString());
  }
  UpdateHiveTable(&stored, from, to, properties_.layout);
  if (lock != nullptr) ARROW_RETURN_NOT_OK(lock->CheckHeld());
  const std::map<std::string, std::string> plain = {{"DO_NOT_UPDATE_STATS", "true"}};
  std::map<std::string, std::string> expecting = plain;
  expecting["expected_parameter_key"] = kMetadataLocationKey;
  expecting["expected_parameter_value"] = from.location;
  // With a lock too the pointer is compared where that can be: others may write without.
  bool compares = lock == nullptr || !is_known_not_to_compare_;
  arrow::Status status = client_.AlterTable(table.levels[0], table.name, stored,
                                            compares ? expecting : plain);
  if (compares && lock != nullptr && IsError(status, ErrorCode::kNotSupported)) {
    is_known_not_to_compare_ = true;
    status = client_.AlterTable(table.levels[0], table.name, std::move(stored), plain);
  }
  if (status.ok()) {
    if (lock == nullptr || lock->CheckHeld().ok()) return status;
    return MakeError(ErrorCode::kCommitStateUnknown,
                     "the lock of table '{}' was lost during the commit",
                     table.ToString());
  }
  if (IsError(status, ErrorCode::kCommitStateUnknown)) return status;
  return AfterFailure(table, from, to, status);
}

arrow::Status HiveCatalog::AfterFailure(const TableIdentifier& table,
                                        const TablePointer& from, const TablePointer& to,
                                        const arrow::Status& failure) {
  // A metastore may fail after its work is done, in a listener or in a repetition of its
  // own, which then meets its first attempt. The pointer tells.
  auto now = FindPointer(table);
  if (now.ok() && *now && **now == to.location) return arrow::Status::OK();
  if (now.ok() && *now && **now == from.location) return failure;
  return MakeError(ErrorCode::kCommitStateUnknown, "{}", ErrorText(failure));
}

arrow::Status HiveCatalog::DeletePointer(const TableIdentifier& table) {
  if (!IsOneLevel(table.levels)) return NoSuchTableError(table);
  arrow::Status status = client_.DropTable(table.levels[0], table.name);
  if (IsError(status, ErrorCode::kNoSuchTable)) return NoSuchTableError(table);
  if (IsError(status, ErrorCode::kCommitStateUnknown)) {
    auto now = FindPointer(table);
    if (now.ok() && !*now) return arrow::Status::OK();
  }
  return WithContext(status, "table", table.ToString());
}

}  // namespace
}  // namespace hive

void RegisterHiveCatalog(CatalogRegistry& registry) {
  registry.Register("hive", OpenHiveCatalog, hive::HivePropertyKeys());
}

arrow::Result<std::shared_ptr<Catalog>> OpenHiveCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment) {
  ARROW_ASSIGN_OR_RAISE(hive::HiveProperties properties,
                        hive::ReadHiveProperties(config));
  return std::make_shared<hive::HiveCatalog>(config, environment, std::move(properties));
}

}  // namespace floe::iceberg
