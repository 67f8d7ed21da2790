#include "iceberg/table/overwrite.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/table/snapshot_operation.h"

namespace floe::iceberg {
namespace {

using Kind = ReplaceFiles::Kind;

class ReplaceOperation final : public SnapshotOperation {
 public:
  ReplaceOperation(const Table& start, Kind kind, std::vector<std::string> deletes,
                   std::vector<DataFile> files,
                   std::map<std::string, std::string> summary)
      : SnapshotOperation(std::move(summary)),
        kind_(kind),
        start_sequence_number_(start.metadata()->last_sequence_number),
        deletes_(deletes.begin(), deletes.end()),
        added_(std::move(files)) {}

 protected:
  std::string OperationName() const override {
    if (kind_ == Kind::kReplace) return "replace";
    return added_.empty() ? "delete" : "overwrite";
  }

  arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) override {
    const TableMetadata& metadata = *base.metadata();
    ARROW_RETURN_NOT_OK(added_.Check(metadata));
    ARROW_RETURN_NOT_OK(CheckNoNewDeletes(base, parent));
    std::vector<ManifestFile> all;
    for (const auto& [spec_id, entries] : added_.Entries(snapshot_id())) {
      ARROW_ASSIGN_OR_RAISE(ManifestFile manifest,
                            WriteNewManifest(base, spec_id, entries, false));
      all.push_back(std::move(manifest));
    }
    for (const DataFile& file : added_.files()) {
      ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
      summary->AddFile(file, *spec);
    }
    std::set<std::string> missing = deletes_;
    for (const ManifestFile& manifest : parent) {
      ARROW_ASSIGN_OR_RAISE(ManifestFile kept,
                            Rewrite(base, manifest, summary, &missing));
      all.push_back(std::move(kept));
    }
    if (missing.empty()) return all;
    return MakeError(ErrorCode::kCommitConflict,
                     "{} of the files to replace are no longer part of table '{}', e.g. "
                     "{}: another writer removed them; start again from the new table",
                     missing.size(), base.name(), *missing.begin());
  }

 private:
  /// Deletes committed since the start may name rows of the files to be replaced, whose
  /// copies they would not reach.
  arrow::Status CheckNoNewDeletes(const Table& base,
                                  const std::vector<ManifestFile>& parent) const {
    for (const ManifestFile& manifest : parent) {
      bool is_new = manifest.content == ManifestContent::kDeletes &&
                    manifest.sequence_number > start_sequence_number_;
      if (!is_new) continue;
      return MakeError(ErrorCode::kCommitConflict,
                       "rows of table '{}' were deleted while its files were being "
                       "replaced: start again from the new table",
                       base.name());
    }
    return arrow::Status::OK();
  }

  /// `manifest` without the files to delete; itself when it holds none.
  arrow::Result<ManifestFile> Rewrite(const Table& base, const ManifestFile& manifest,
                                      SnapshotSummary* summary,
                                      std::set<std::string>* missing) {
    if (manifest.content != ManifestContent::kData || missing->empty()) return manifest;
    const TableMetadata& metadata = *base.metadata();
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                          metadata.SpecById(manifest.partition_spec_id));
    ARROW_ASSIGN_OR_RAISE(TypePtr type, spec->PartitionType(*metadata.schema()));
    ARROW_ASSIGN_OR_RAISE(auto entries, base.context().cache->ManifestAt(
                                            *base.io(), manifest, *type, std::nullopt));
    bool is_touched =
        std::any_of(entries->begin(), entries->end(), [&](const ManifestEntry& entry) {
          return missing->count(entry.file.file_path) > 0;
        });
    if (!is_touched) return manifest;
    std::vector<ManifestEntry> rewritten = *entries;
    for (ManifestEntry& entry : rewritten) {
      entry.status = EntryStatus::kExisting;
      if (missing->erase(entry.file.file_path) == 0) continue;
      entry.status = EntryStatus::kDeleted;
      entry.snapshot_id = snapshot_id();
      summary->RemoveFile(entry.file, *spec);
    }
    return WriteNewManifest(base, manifest.partition_spec_id, rewritten, false);
  }

  Kind kind_;
  int64_t start_sequence_number_;
  std::set<std::string> deletes_;
  AddedFiles added_;
};

}  // namespace

ReplaceFiles& ReplaceFiles::Delete(std::string file_path) {
  deletes_.push_back(std::move(file_path));
  return *this;
}

ReplaceFiles& ReplaceFiles::Append(DataFile file) {
  files_.push_back(std::move(file));
  return *this;
}

ReplaceFiles& ReplaceFiles::SetSummary(std::string key, std::string value) {
  summary_[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> ReplaceFiles::Commit() {
  ReplaceOperation operation(*table_, kind_, deletes_, files_, summary_);
  return CommitWithRetry(table_, operation);
}

}  // namespace floe::iceberg
