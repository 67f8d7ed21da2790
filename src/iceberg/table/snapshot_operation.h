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

/// Counts what a snapshot adds and removes and writes them as the spec's optional summary
/// fields (spec, "Optional Snapshot Summary Fields").
class SnapshotSummary {
 public:
  void AddFile(const DataFile& file, const PartitionSpec& spec);
  void RemoveFile(const DataFile& file, const PartitionSpec& spec);

  /// The counters, and totals carried on from `parent` (null: none) where it has them.
  std::map<std::string, std::string> ToProperties(const Snapshot* parent) const;

 private:
  struct Counts {
    int64_t files = 0;
    int64_t records = 0;
    int64_t bytes = 0;
  };
  static void Count(const DataFile& file, Counts* counts);

  Counts added_;
  Counts removed_;
  std::set<std::string> partitions_;
};

/// A change that makes a new snapshot of the main branch. Its id stays the same over all
/// attempts. Subclasses say which manifests the snapshot has.
class SnapshotOperation : public TableOperation {
 public:
  arrow::Result<TableChange> Apply(const Table& base) final;
  void CleanUpAttempt(const Table& base) final;
  void CleanUp(const Table& base) final;

 protected:
  explicit SnapshotOperation(std::map<std::string, std::string> summary)
      : extra_summary_(std::move(summary)) {}

  virtual std::string OperationName() const = 0;
  /// Manifests of the snapshot over `base`, whose own are `parent`. Those that the new
  /// snapshot adds come from WriteNewManifest.
  virtual arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) = 0;

  /// Writes entries of one spec to a new manifest file. One that is `reusable` survives a
  /// failed attempt.
  arrow::Result<ManifestFile> WriteNewManifest(const Table& base, int32_t spec_id,
                                               const std::vector<ManifestEntry>& entries,
                                               bool reusable);
  int64_t snapshot_id() const { return snapshot_id_; }

 private:
  arrow::Status ChooseIds(const Table& base);
  arrow::Result<std::string> WriteList(const Table& base,
                                       std::vector<ManifestFile> manifests,
                                       int64_t sequence_number);

  std::map<std::string, std::string> extra_summary_;
  int64_t snapshot_id_ = 0;
  std::string commit_uuid_;
  int attempt_ = 0;
  int manifest_count_ = 0;
  std::vector<std::string> attempt_files_;
  std::vector<std::string> reusable_files_;
};

/// The manifests of a snapshot; empty for null. kNotSupported for V1's inline manifests.
arrow::Result<std::vector<ManifestFile>> ManifestsOf(const Table& table,
                                                     const Snapshot* snapshot);

/// New manifests with `files` as added entries, one per spec.
class AddedFiles {
 public:
  explicit AddedFiles(std::vector<DataFile> files) : files_(std::move(files)) {}

  bool empty() const { return files_.empty(); }
  const std::vector<DataFile>& files() const { return files_; }
  /// kInvalidArgument for a file whose spec or partition the table does not have.
  arrow::Status Check(const TableMetadata& metadata) const;
  /// Entries by spec id.
  std::map<int32_t, std::vector<ManifestEntry>> Entries(int64_t snapshot_id) const;

 private:
  std::vector<DataFile> files_;
};

}  // namespace floe::iceberg
