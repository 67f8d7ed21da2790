#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {

/// Where a new snapshot goes, and what its summary says besides the counters.
struct SnapshotOptions {
  /// A branch; one that does not exist is made, from the current snapshot on.
  std::string branch = kMainBranch;
  /// The snapshot is added to the table but to no branch (write-audit-publish).
  bool stage_only = false;
  /// The specification's own keys win.
  std::map<std::string, std::string> summary;
};

/// Counts what a snapshot adds and removes and writes them as the spec's optional summary
/// fields (spec, "Optional Snapshot Summary Fields").
class SnapshotSummary {
 public:
  void AddFile(const DataFile& file, const PartitionSpec& spec);
  void RemoveFile(const DataFile& file, const PartitionSpec& spec);
  void Set(std::string key, std::string value) {
    extra_[std::move(key)] = std::move(value);
  }

  /// The counters, and totals carried on from `parent` (null: none) where it has them.
  std::map<std::string, std::string> ToProperties(const Snapshot* parent) const;

 private:
  struct Counts {
    int64_t data_files = 0;
    int64_t records = 0;
    int64_t bytes = 0;
    int64_t position_delete_files = 0;
    int64_t vectors = 0;
    int64_t position_deletes = 0;
    int64_t equality_delete_files = 0;
    int64_t equality_deletes = 0;

    int64_t delete_files() const {
      return position_delete_files + vectors + equality_delete_files;
    }
  };
  static void Count(const DataFile& file, Counts* counts);

  Counts added_;
  Counts removed_;
  std::set<std::string> partitions_;
  std::map<std::string, std::string> extra_;
};

/// A change that makes a new snapshot. Its id stays the same over all attempts.
/// Subclasses say which manifests the snapshot has.
class SnapshotOperation : public TableOperation {
 public:
  arrow::Result<TableChange> Apply(const Table& base) final;
  void CleanUpAttempt(const Table& base) final;
  void CleanUp(const Table& base) final;
  void Committed(const Table& committed) final;

 protected:
  explicit SnapshotOperation(SnapshotOptions options) : options_(std::move(options)) {}

  virtual std::string OperationName() const = 0;
  /// Whether the change may be made on `base`; kCommitConflict names what another writer
  /// did that speaks against it. `parent` is null for an empty branch.
  virtual arrow::Status Validate(const Table& base, const Snapshot* parent) = 0;
  /// Manifests of the snapshot over `base`, whose own are `parent`. Those that the new
  /// snapshot adds come from WriteNewManifest.
  virtual arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) = 0;

  /// Writes entries of one spec to a new manifest file. One that is `reusable` survives a
  /// failed attempt.
  arrow::Result<ManifestFile> WriteNewManifest(const Table& base, int32_t spec_id,
                                               ManifestContent content,
                                               const std::vector<ManifestEntry>& entries,
                                               bool reusable);
  int64_t snapshot_id() const { return snapshot_id_; }

 private:
  arrow::Status ChooseIds(const Table& base);
  arrow::Status WriteList(const Table& base, std::vector<ManifestFile> manifests,
                          Snapshot* snapshot);

  SnapshotOptions options_;
  int64_t snapshot_id_ = 0;
  std::string commit_uuid_;
  int attempt_ = 0;
  int manifest_count_ = 0;
  std::vector<std::string> attempt_files_;
  std::vector<std::string> reusable_files_;
  /// Manifests of the last attempt's list and the list itself.
  std::set<std::string> listed_;
};

/// The snapshot `branch` stands at; null when it has none yet. A branch that does not
/// exist starts at the current snapshot. kInvalidArgument for a tag.
arrow::Result<const Snapshot*> BranchHead(const TableMetadata& metadata,
                                          const std::string& branch);

/// The manifests of a snapshot; empty for null. kNotSupported for V1's inline manifests.
arrow::Result<std::vector<ManifestFile>> ManifestsOf(const Table& table,
                                                     const Snapshot* snapshot);

}  // namespace floe::iceberg
