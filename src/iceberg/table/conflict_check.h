#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/strict_match.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// How much a change may overlook of what others committed meanwhile.
enum class IsolationLevel {
  kSerializable,  ///< As if it had read the table at the moment of its commit.
  kSnapshot,      ///< Rows added meanwhile, which it never saw, may stay.
};

/// A write.delete.isolation-level; kInvalidConfig names the property.
arrow::Result<IsolationLevel> IsolationLevelOf(
    const std::map<std::string, std::string>& properties, const std::string& key);

/// Which files a check is about. An empty one is about all files.
class FileScope {
 public:
  static FileScope All() { return FileScope(); }
  /// Files that may hold rows matching `filter` (unbound).
  static FileScope Where(PredicatePtr filter) {
    FileScope scope;
    scope.filter_ = std::move(filter);
    return scope;
  }
  /// Files of these partitions: keys as PartitionIdentity gives them.
  static FileScope Partitions(std::set<std::string> keys) {
    FileScope scope;
    scope.partitions_ = std::move(keys);
    return scope;
  }

  arrow::Result<bool> Holds(const TableMetadata& metadata, const DataFile& file);

 private:
  PredicatePtr filter_;
  std::optional<std::set<std::string>> partitions_;
  std::map<int32_t, FileMatcher> matchers_;
};

/// A text equal for files of one partition of one spec.
arrow::Result<std::string> PartitionIdentity(const DataFile& file);

/// Looks at what was committed to a branch since a change began, with the rules of the
/// Java reference (MergingSnapshotProducer). Each check gives kCommitConflict and names
/// the file in the way.
class ConflictCheck {
 public:
  /// `start`: the snapshot the change was made for; nullopt: the table was empty.
  ConflictCheck(const Table& base, const Snapshot* parent, std::optional<int64_t> start)
      : base_(base), parent_(parent), start_(start) {}

  arrow::Status NoAddedData(FileScope scope);
  arrow::Status NoAddedDeletes(FileScope scope);
  arrow::Status NoRemovedData(FileScope scope);
  /// None of `files` lost rows. `equality_too`: also not by equality deletes, which a
  /// rewrite that keeps sequence numbers need not mind.
  arrow::Status NoDeletesFor(const std::vector<DataFile>& files, bool equality_too);
  /// The files are still there. `deleted_is_fine`: snapshots that only delete whole files
  /// are overlooked.
  arrow::Status DataFilesExist(const std::set<std::string>& paths, bool deleted_is_fine);
  /// No other writer added a deletion vector for one of `paths`.
  arrow::Status NoAddedVectorsFor(const std::set<std::string>& paths);

 private:
  /// Calls `check` for each entry of `status` in snapshots since the start whose
  /// operation is one of `operations`.
  arrow::Status ForEach(
      const std::set<std::string>& operations, ManifestContent content,
      EntryStatus status,
      const std::function<arrow::Status(const ManifestEntry& entry,
                                        const Snapshot& snapshot)>& check) const;

  const Table& base_;
  const Snapshot* parent_;
  std::optional<int64_t> start_;
};

}  // namespace floe::iceberg
