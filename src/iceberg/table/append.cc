#include "iceberg/table/append.h"

#include <utility>

#include "iceberg/table/snapshot_operation.h"

namespace floe::iceberg {
namespace {

class AppendOperation final : public SnapshotOperation {
 public:
  AppendOperation(std::vector<DataFile> files, std::map<std::string, std::string> summary)
      : SnapshotOperation(std::move(summary)), added_(std::move(files)) {}

 protected:
  std::string OperationName() const override { return "append"; }

  arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) override {
    const TableMetadata& metadata = *base.metadata();
    ARROW_RETURN_NOT_OK(added_.Check(metadata));
    for (const DataFile& file : added_.files()) {
      ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
      summary->AddFile(file, *spec);
    }
    if (manifests_.empty()) {
      for (const auto& [spec_id, entries] : added_.Entries(snapshot_id())) {
        ARROW_ASSIGN_OR_RAISE(ManifestFile manifest,
                              WriteNewManifest(base, spec_id, entries, true));
        manifests_.push_back(std::move(manifest));
      }
    }
    std::vector<ManifestFile> all = manifests_;
    all.insert(all.end(), parent.begin(), parent.end());
    return all;
  }

 private:
  AddedFiles added_;
  /// Written by the first attempt; they hold nothing of the base.
  std::vector<ManifestFile> manifests_;
};

}  // namespace

AppendFiles& AppendFiles::Append(DataFile file) {
  files_.push_back(std::move(file));
  return *this;
}

AppendFiles& AppendFiles::Append(std::vector<DataFile> files) {
  for (DataFile& file : files) files_.push_back(std::move(file));
  return *this;
}

AppendFiles& AppendFiles::SetSummary(std::string key, std::string value) {
  summary_[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> AppendFiles::Commit() {
  AppendOperation operation(files_, summary_);
  return CommitWithRetry(table_, operation);
}

}  // namespace floe::iceberg
