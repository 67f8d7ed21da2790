#include "iceberg/table/conflict_check.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

arrow::Status Conflict(const Snapshot& snapshot, const DataFile& file,
                       std::string_view what) {
  return MakeError(ErrorCode::kCommitConflict,
                   "another writer (snapshot {}, {}) {}: {}; start again from the new "
                   "table",
                   snapshot.snapshot_id, snapshot.operation(), what, file.file_path);
}

/// Whether `deletes`, committed after all of `data`, may remove rows of it.
arrow::Result<bool> MayDeleteFrom(const TableMetadata& metadata, const DataFile& deletes,
                                  const DataFile& data) {
  if (auto path = DataFileOfDeletes(deletes)) return *path == data.file_path;
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(deletes.spec_id));
  bool is_global =
      deletes.content == FileContent::kEqualityDeletes && spec->is_unpartitioned();
  if (is_global) return true;
  ARROW_ASSIGN_OR_RAISE(std::string deleted, PartitionIdentity(deletes));
  ARROW_ASSIGN_OR_RAISE(std::string held, PartitionIdentity(data));
  return deleted == held;
}

}  // namespace

arrow::Result<IsolationLevel> IsolationLevelOf(
    const std::map<std::string, std::string>& properties, const std::string& key) {
  auto found = properties.find(key);
  if (found == properties.end() || found->second == "serializable") {
    return IsolationLevel::kSerializable;
  }
  if (found->second == "snapshot") return IsolationLevel::kSnapshot;
  return MakeError(ErrorCode::kInvalidConfig,
                   "table property {} is '{}': expected serializable or snapshot", key,
                   found->second);
}

arrow::Result<std::string> PartitionIdentity(const DataFile& file) {
  std::string key = std::to_string(file.spec_id);
  for (const Literal& value : file.partition) {
    if (value.is_null()) {
      key += "|null";
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(std::string bytes, value.ToBytes());
    key += fmt::format("|{}:", bytes.size());
    key += bytes;
  }
  return key;
}

arrow::Result<bool> FileScope::Holds(const TableMetadata& metadata,
                                     const DataFile& file) {
  if (partitions_) {
    ARROW_ASSIGN_OR_RAISE(std::string key, PartitionIdentity(file));
    return partitions_->count(key) > 0;
  }
  if (filter_ == nullptr) return true;
  auto found = matchers_.find(file.spec_id);
  if (found == matchers_.end()) {
    const Schema& schema = *metadata.schema();
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
    ARROW_ASSIGN_OR_RAISE(PredicatePtr bound, Bind(filter_, schema));
    ARROW_ASSIGN_OR_RAISE(FileMatcher matcher, FileMatcher::Make(bound, schema, *spec));
    found = matchers_.emplace(file.spec_id, std::move(matcher)).first;
  }
  // An equality delete without partition may remove rows of every partition.
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
  if (file.content != FileContent::kData && spec->is_unpartitioned()) return true;
  return found->second.MayMatch(file);
}

arrow::Status ConflictCheck::ForEach(
    const std::set<std::string>& operations, ManifestContent content, EntryStatus status,
    const std::function<arrow::Status(const ManifestEntry& entry,
                                      const Snapshot& snapshot)>& check) const {
  ARROW_ASSIGN_OR_RAISE(auto since, SnapshotsSince(*base_.metadata(), parent_, start_));
  for (const Snapshot* snapshot : since) {
    std::string operation = snapshot->operation();
    // A writer that does not say what it did may have done anything.
    if (!operation.empty() && operations.count(operation) == 0) continue;
    ARROW_ASSIGN_OR_RAISE(auto changes, ChangesOf(base_, *snapshot, content, status));
    for (const ManifestEntry& entry : changes) {
      ARROW_RETURN_NOT_OK(check(entry, *snapshot));
    }
  }
  return arrow::Status::OK();
}

arrow::Status ConflictCheck::NoAddedData(FileScope scope) {
  return ForEach({"append", "overwrite"}, ManifestContent::kData, EntryStatus::kAdded,
                 [&](const ManifestEntry& entry, const Snapshot& snapshot) {
                   ARROW_ASSIGN_OR_RAISE(bool is_held,
                                         scope.Holds(*base_.metadata(), entry.file));
                   if (!is_held) return arrow::Status::OK();
                   return Conflict(snapshot, entry.file,
                                   "added a file that may hold rows concerned");
                 });
}

arrow::Status ConflictCheck::NoAddedDeletes(FileScope scope) {
  return ForEach(
      {"overwrite", "delete"}, ManifestContent::kDeletes, EntryStatus::kAdded,
      [&](const ManifestEntry& entry, const Snapshot& snapshot) {
        ARROW_ASSIGN_OR_RAISE(bool is_held, scope.Holds(*base_.metadata(), entry.file));
        if (!is_held) return arrow::Status::OK();
        return Conflict(snapshot, entry.file, "deleted rows that may be concerned");
      });
}

arrow::Status ConflictCheck::NoRemovedData(FileScope scope) {
  return ForEach(
      {"overwrite", "replace", "delete"}, ManifestContent::kData, EntryStatus::kDeleted,
      [&](const ManifestEntry& entry, const Snapshot& snapshot) {
        ARROW_ASSIGN_OR_RAISE(bool is_held, scope.Holds(*base_.metadata(), entry.file));
        if (!is_held) return arrow::Status::OK();
        return Conflict(snapshot, entry.file,
                        "removed a file that may hold rows concerned");
      });
}

arrow::Status ConflictCheck::NoDeletesFor(const std::vector<DataFile>& files,
                                          bool equality_too) {
  if (files.empty()) return arrow::Status::OK();
  return ForEach({"overwrite", "delete"}, ManifestContent::kDeletes, EntryStatus::kAdded,
                 [&](const ManifestEntry& entry, const Snapshot& snapshot) {
                   bool is_equality = entry.file.content == FileContent::kEqualityDeletes;
                   if (is_equality && !equality_too) return arrow::Status::OK();
                   for (const DataFile& file : files) {
                     ARROW_ASSIGN_OR_RAISE(
                         bool may, MayDeleteFrom(*base_.metadata(), entry.file, file));
                     if (may) {
                       return Conflict(snapshot, file,
                                       "deleted rows of a file to be replaced");
                     }
                   }
                   return arrow::Status::OK();
                 });
}

arrow::Status ConflictCheck::DataFilesExist(const std::set<std::string>& paths,
                                            bool deleted_is_fine) {
  if (paths.empty()) return arrow::Status::OK();
  std::set<std::string> operations = {"overwrite", "replace"};
  if (!deleted_is_fine) operations.insert("delete");
  return ForEach(operations, ManifestContent::kData, EntryStatus::kDeleted,
                 [&](const ManifestEntry& entry, const Snapshot& snapshot) {
                   if (paths.count(entry.file.file_path) == 0) return arrow::Status::OK();
                   return Conflict(snapshot, entry.file,
                                   "removed a file that the change is about");
                 });
}

arrow::Status ConflictCheck::NoAddedVectorsFor(const std::set<std::string>& paths) {
  if (paths.empty()) return arrow::Status::OK();
  return ForEach({"overwrite", "delete", "replace"}, ManifestContent::kDeletes,
                 EntryStatus::kAdded,
                 [&](const ManifestEntry& entry, const Snapshot& snapshot) {
                   const auto& path = entry.file.referenced_data_file;
                   bool is_ours = entry.file.file_format == FileFormat::kPuffin && path &&
                                  paths.count(*path) > 0;
                   if (!is_ours) return arrow::Status::OK();
                   return Conflict(snapshot, entry.file,
                                   "added a deletion vector for a file of "
                                   "the change");
                 });
}

}  // namespace floe::iceberg
