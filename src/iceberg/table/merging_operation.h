#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/snapshot_operation.h"
#include "iceberg/table/strict_match.h"

namespace floe::iceberg {

/// Which delete file of a snapshot: of a Puffin file, which of its vectors.
struct DeleteFileKey {
  std::string path;
  int64_t offset = 0;

  static DeleteFileKey Of(const DataFile& file) {
    return {file.file_path, file.content_offset.value_or(0)};
  }
  auto operator<=>(const DeleteFileKey& other) const = default;
};

/// What a change does to the files of a branch: the sum of all kinds of commits.
struct FileChanges {
  struct Added {
    DataFile file;
    /// The data sequence number of rewritten rows; nullopt: the new snapshot's.
    std::optional<int64_t> sequence_number;
  };

  std::vector<Added> data;
  std::vector<Added> deletes;
  std::set<std::string> removed_data;
  std::set<DeleteFileKey> removed_deletes;
  /// Unbound: files all of whose rows match go; one with some is an error.
  PredicatePtr removed_where = Predicate::False();
  /// As PartitionIdentity gives them: all data files of these go.
  std::set<std::string> removed_partitions;
  /// A file of removed_data or removed_deletes that is gone already is a conflict.
  bool must_exist = true;
  /// A file that any of the rules removes is a conflict (ReplacePartitions that may only
  /// append).
  bool must_not_remove = false;
  /// Small manifests are merged as commit.manifest-merge.enabled and
  /// commit.manifest.{min-count-to-merge,target-size-bytes} say.
  bool merge_manifests = true;
};

/// Commits FileChanges: filters the parent's manifests, adds new ones and merges small
/// ones, as Java's MergingSnapshotProducer does. Deletion vectors and file-scoped
/// position deletes go with the data file they are about.
class MergingOperation : public SnapshotOperation {
 protected:
  MergingOperation(SnapshotOptions options, FileChanges changes)
      : SnapshotOperation(std::move(options)), changes_(std::move(changes)) {}

  const FileChanges& changes() const { return changes_; }

  arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) final;
  /// Adds properties of the subclass to the summary.
  virtual void Describe(SnapshotSummary* /*summary*/) const {}

 private:
  /// What an attempt removes, and what it still looks for.
  struct Removal {
    std::set<std::string> missing_data;
    std::set<DeleteFileKey> missing_deletes;
    std::set<std::string> removed_data;
    std::map<int32_t, FileMatcher> matchers;
    PredicatePtr bound;
  };

  arrow::Status CheckAdded(const TableMetadata& metadata) const;
  arrow::Result<std::vector<ManifestFile>> AddedManifests(const Table& base,
                                                          SnapshotSummary* summary);
  arrow::Status AddManifests(const Table& base, ManifestContent content,
                             const std::vector<FileChanges::Added>& files);
  arrow::Result<ManifestFile> WriteOwn(const Table& base, int32_t spec_id,
                                       ManifestContent content,
                                       std::vector<ManifestEntry> entries, bool reusable);
  arrow::Result<Removal> StartRemoval(const Table& base) const;
  bool RemovesData() const;
  bool MayTouch(const ManifestFile& manifest, const Removal& removal) const;
  arrow::Result<bool> IsRemoved(const Table& base, const DataFile& file,
                                Removal* removal) const;
  arrow::Result<ManifestFile> FilterManifest(const Table& base,
                                             const ManifestFile& manifest,
                                             Removal* removal, SnapshotSummary* summary);
  arrow::Status CheckRemoval(const Table& base, const Removal& removal) const;
  arrow::Result<std::vector<ManifestFile>> Merge(const Table& base,
                                                 std::vector<ManifestFile> manifests);
  arrow::Result<ManifestFile> MergeBin(const Table& base,
                                       const std::vector<ManifestFile>& bin);

  FileChanges changes_;
  /// Written by the first attempt; they hold nothing of the base but its format version.
  std::vector<ManifestFile> added_manifests_;
  int added_format_version_ = 0;
  /// Entries of manifests this change wrote, by path: until the list gives them their
  /// numbers, a file cannot be read back as it will be.
  std::map<std::string, std::vector<ManifestEntry>> own_entries_;
};

}  // namespace floe::iceberg
