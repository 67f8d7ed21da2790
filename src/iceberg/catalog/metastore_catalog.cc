#include "iceberg/catalog/metastore_catalog.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "iceberg/catalog/metadata_file.h"
#include "iceberg/spec/manifest.h"

namespace floe::iceberg {
namespace {

/// Files a purge may remove, at most, so that the list fits in memory.
constexpr size_t kMaxPurgedFiles = 10'000'000;

bool IsTrue(const TableMetadata& metadata, std::string_view key, std::string_view unset) {
  return metadata.Property(key, unset) == "true";
}

/// Every file a table's metadata reaches, data files before what lists them.
class ReachableFiles {
 public:
  explicit ReachableFiles(const FileIO& io) : io_(io) {}

  arrow::Status AddTable(const LoadedTable& table) {
    for (const Snapshot& snapshot : table.metadata->snapshots) {
      ARROW_RETURN_NOT_OK(AddSnapshot(*table.metadata, snapshot));
    }
    for (const MetadataLogEntry& entry : table.metadata->metadata_log) {
      ARROW_RETURN_NOT_OK(Add(entry.metadata_file));
    }
    return Add(table.metadata_location);
  }
  const std::vector<std::string>& locations() const { return locations_; }

 private:
  arrow::Status Add(const std::string& location) {
    if (!seen_.insert(location).second) return arrow::Status::OK();
    if (locations_.size() >= kMaxPurgedFiles) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "the table has more than {} files: drop it without purge and "
                       "remove its folder",
                       kMaxPurgedFiles);
    }
    locations_.push_back(location);
    return arrow::Status::OK();
  }

  arrow::Status AddSnapshot(const TableMetadata& metadata, const Snapshot& snapshot) {
    for (const std::string& manifest : snapshot.manifests) {
      ARROW_RETURN_NOT_OK(Add(manifest));
    }
    if (snapshot.manifest_list.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(std::string bytes, io_.ReadAll(snapshot.manifest_list));
    auto manifests = ReadManifestList(bytes);
    if (!manifests.ok()) {
      return WithContext(manifests.status(), "manifest list", snapshot.manifest_list);
    }
    for (const ManifestFile& manifest : *manifests) {
      if (seen_.count(manifest.manifest_path) > 0) continue;
      arrow::Status status = AddManifest(metadata, manifest);
      ARROW_RETURN_NOT_OK(WithContext(status, "manifest", manifest.manifest_path));
    }
    return Add(snapshot.manifest_list);
  }

  arrow::Status AddManifest(const TableMetadata& metadata, const ManifestFile& manifest) {
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                          metadata.SpecById(manifest.partition_spec_id));
    ARROW_ASSIGN_OR_RAISE(TypePtr type, spec->PartitionType(*metadata.schema()));
    ARROW_ASSIGN_OR_RAISE(std::string bytes,
                          io_.ReadAll(manifest.manifest_path, FileIO::kMaxReadAllBytes,
                                      manifest.manifest_length));
    ManifestReadOptions options;
    options.include_deleted = true;
    options.metrics_field_ids.emplace();
    ARROW_ASSIGN_OR_RAISE(auto entries, ReadManifest(bytes, manifest, *type, options));
    for (const ManifestEntry& entry : entries) {
      ARROW_RETURN_NOT_OK(Add(entry.file.file_path));
    }
    return Add(manifest.manifest_path);
  }

  const FileIO& io_;
  std::set<std::string> seen_;
  std::vector<std::string> locations_;
};

/// With write.metadata.delete-after-commit.enabled, removes the metadata files that fell
/// out of the log. A file that stays is an orphan, not an error.
void DeleteOldMetadata(FileIO& io, const TableMetadata& base,
                       const TableMetadata& committed) {
  if (!IsTrue(committed, "write.metadata.delete-after-commit.enabled", "false")) return;
  std::set<std::string> kept;
  for (const auto& entry : committed.metadata_log) kept.insert(entry.metadata_file);
  for (const auto& entry : base.metadata_log) {
    if (kept.count(entry.metadata_file) > 0) continue;
    static_cast<void>(io.Delete(entry.metadata_file));
  }
}

bool LogHolds(const TableMetadata& metadata, const std::string& location) {
  return std::any_of(
      metadata.metadata_log.begin(), metadata.metadata_log.end(),
      [&](const MetadataLogEntry& entry) { return entry.metadata_file == location; });
}

}  // namespace

std::string MetastoreCatalog::AbsoluteLocation(const std::string& location) {
  if (location.starts_with('/') || location.find(':') != std::string::npos) {
    return location;
  }
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(location, error);
  return error ? location : absolute.lexically_normal().string();
}

arrow::Result<std::string> MetastoreCatalog::Pointer(const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(auto pointer, FindPointer(table));
  if (pointer) return *pointer;
  std::string hint;
  ARROW_ASSIGN_OR_RAISE(bool has_namespace, NamespaceExists(table.levels));
  if (!has_namespace) {
    hint = fmt::format(": there is no namespace '{}'", NamespaceToString(table.levels));
  } else {
    ARROW_ASSIGN_OR_RAISE(auto tables, ListTables(table.levels));
    std::vector<std::string> names;
    for (const TableIdentifier& other : tables) names.push_back(other.name);
    std::string nearest = NearestName(table.name, names);
    if (!nearest.empty()) hint = fmt::format("; did you mean '{}'?", nearest);
  }
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist in catalog '{}'{}",
                   table.ToString(), name(), hint);
}

arrow::Result<bool> MetastoreCatalog::TableExists(const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(auto pointer, FindPointer(table));
  return pointer.has_value();
}

arrow::Result<LoadedTable> MetastoreCatalog::LoadTable(const TableIdentifier& table) {
  ARROW_ASSIGN_OR_RAISE(std::string location, Pointer(table));
  auto metadata =
      ReadTableMetadata(*environment_.io, location, environment_.metadata_cache);
  if (!metadata.ok()) return WithContext(metadata.status(), "table", table.ToString());
  return LoadedTable{location, *metadata, environment_.io};
}

arrow::Result<std::string> MetastoreCatalog::NewTableLocation(
    const TableIdentifier& table, const CreateTableRequest& request) {
  if (request.location && !request.location->empty()) {
    return AbsoluteLocation(*request.location);
  }
  ARROW_ASSIGN_OR_RAISE(auto properties, NamespaceProperties(table.levels));
  auto found = properties.find("location");
  if (found != properties.end() && !found->second.empty()) {
    return JoinLocation(AbsoluteLocation(found->second), table.name);
  }
  if (config_.warehouse.empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "no place for table '{}': catalog '{}' has no warehouse; set "
                     "`warehouse`, or give the table a location",
                     table.ToString(), name());
  }
  std::string folder =
      JoinLocation(AbsoluteLocation(config_.warehouse), NamespaceToString(table.levels));
  return JoinLocation(folder, table.name);
}

arrow::Result<LoadedTable> MetastoreCatalog::CreateTable(
    const TableIdentifier& table, const CreateTableRequest& request) {
  ARROW_ASSIGN_OR_RAISE(bool has_namespace, NamespaceExists(table.levels));
  if (!has_namespace) {
    return MakeError(ErrorCode::kNoSuchNamespace,
                     "cannot create table '{}': namespace '{}' does not exist; create it "
                     "first",
                     table.ToString(), NamespaceToString(table.levels));
  }
  // The insert decides; asking first spares an orphan metadata file.
  ARROW_ASSIGN_OR_RAISE(bool exists, TableExists(table));
  if (exists) {
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                     table.ToString());
  }
  ARROW_ASSIGN_OR_RAISE(std::string location, NewTableLocation(table, request));
  auto metadata =
      NewTableMetadata(WithTableProperties(request, config_.properties), location,
                       NewUuid(*environment_.random), environment_.clock->NowMillis());
  if (!metadata.ok()) return WithContext(metadata.status(), "table", table.ToString());
  auto written = WriteTableMetadata(*environment_.io, *metadata, 0, *environment_.random);
  if (!written.ok()) {
    return WithContext(written.status(), "remedy",
                       "make the warehouse writable or set another `warehouse`");
  }
  auto created = std::make_shared<TableMetadata>(*std::move(metadata));
  arrow::Status status = Insert(table, {*written, std::move(created)});
  if (!status.ok()) {
    if (!IsError(status, ErrorCode::kCommitStateUnknown)) {
      static_cast<void>(environment_.io->Delete(*written));
    }
    return status;
  }
  return LoadTable(table);
}

arrow::Result<LoadedTable> MetastoreCatalog::CommitTable(
    const TableIdentifier& table, const std::vector<TableRequirement>& requirements,
    const std::vector<TableUpdate>& updates) {
  ARROW_ASSIGN_OR_RAISE(LoadedTable base, LoadTable(table));
  ARROW_RETURN_NOT_OK(WithContext(CheckRequirements(base.metadata.get(), requirements),
                                  "table", table.ToString()));
  auto changed = ApplyUpdates(*base.metadata, base.metadata_location, updates,
                              environment_.clock->NowMillis());
  if (!changed.ok()) return WithContext(changed.status(), "table", table.ToString());
  int64_t version = MetadataVersion(base.metadata_location) + 1;
  ARROW_ASSIGN_OR_RAISE(
      std::string location,
      WriteTableMetadata(*environment_.io, *changed, version, *environment_.random));
  const TablePointer from{base.metadata_location, base.metadata};
  const TablePointer to{location, std::make_shared<TableMetadata>(*std::move(changed))};
  arrow::Status status = SwapPointer(table, from, to);
  if (IsError(status, ErrorCode::kCommitStateUnknown)) {
    status = ResolveSwap(table, from, to, status);
  }
  if (!status.ok() && !IsError(status, ErrorCode::kCommitStateUnknown)) {
    static_cast<void>(environment_.io->Delete(location));
  }
  ARROW_RETURN_NOT_OK(WithContext(status, "table", table.ToString()));
  DeleteOldMetadata(*environment_.io, *base.metadata, *to.metadata);
  return LoadedTable{location, to.metadata, environment_.io};
}

arrow::Status MetastoreCatalog::ResolveSwap(const TableIdentifier& table,
                                            const TablePointer& from,
                                            const TablePointer& to,
                                            const arrow::Status& unknown) {
  auto now = FindPointer(table);
  if (!now.ok() || !*now || **now == from.location) return unknown;
  if (**now == to.location) return arrow::Status::OK();
  // Another commit was made since, on top of this one or instead of it: its log tells.
  auto metadata = ReadTableMetadata(*environment_.io, **now, environment_.metadata_cache);
  if (!metadata.ok()) return unknown;
  if (LogHolds(**metadata, to.location)) return arrow::Status::OK();
  if (LogHolds(**metadata, from.location)) {
    return MakeError(ErrorCode::kCommitConflict,
                     "table '{}' was changed by another writer", table.ToString());
  }
  return unknown;  // So long ago that the log says nothing about either.
}

arrow::Status MetastoreCatalog::Insert(const TableIdentifier& table,
                                       const TablePointer& to) {
  arrow::Status status = InsertPointer(table, to);
  if (!IsError(status, ErrorCode::kCommitStateUnknown)) return status;
  auto now = FindPointer(table);
  if (!now.ok() || !*now) return status;
  if (**now == to.location) return arrow::Status::OK();
  return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                   table.ToString());
}

arrow::Status MetastoreCatalog::DropTable(const TableIdentifier& table, bool purge) {
  if (!purge) {
    ARROW_RETURN_NOT_OK(Pointer(table).status());
    return DeletePointer(table);
  }
  ARROW_ASSIGN_OR_RAISE(LoadedTable loaded, LoadTable(table));
  if (!IsTrue(*loaded.metadata, "gc.enabled", "true")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '{}' has gc.enabled=false: its files may belong to other "
                     "tables; drop it without purge",
                     table.ToString());
  }
  // Listed before the table is forgotten, so that unreadable metadata changes nothing.
  ReachableFiles files(*environment_.io);
  ARROW_RETURN_NOT_OK(files.AddTable(loaded));
  ARROW_RETURN_NOT_OK(DeletePointer(table));
  arrow::Status first_failure;
  for (const std::string& location : files.locations()) {
    arrow::Status status = environment_.io->Delete(location);
    if (IsError(status, ErrorCode::kNoSuchFile)) continue;
    if (first_failure.ok()) first_failure = status;
  }
  return WithContext(first_failure, "dropped table, left a file", table.ToString());
}

arrow::Result<LoadedTable> MetastoreCatalog::RegisterTable(
    const TableIdentifier& table, const std::string& metadata_location) {
  ARROW_ASSIGN_OR_RAISE(bool has_namespace, NamespaceExists(table.levels));
  if (!has_namespace) {
    return MakeError(ErrorCode::kNoSuchNamespace,
                     "cannot register table '{}': namespace '{}' does not exist",
                     table.ToString(), NamespaceToString(table.levels));
  }
  std::string location = AbsoluteLocation(metadata_location);
  ARROW_ASSIGN_OR_RAISE(
      TableMetadataPtr metadata,
      ReadTableMetadata(*environment_.io, location, environment_.metadata_cache));
  ARROW_RETURN_NOT_OK(Insert(table, {location, metadata}));
  return LoadedTable{location, metadata, environment_.io};
}

}  // namespace floe::iceberg
