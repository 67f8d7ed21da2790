#include "iceberg/table/append.h"

#include <utility>

#include "iceberg/table/merging_operation.h"

namespace floe::iceberg {
namespace {

class AppendOperation final : public MergingOperation {
 public:
  AppendOperation(SnapshotOptions options, FileChanges changes)
      : MergingOperation(std::move(options), std::move(changes)) {}

 protected:
  std::string OperationName() const override { return "append"; }
  /// Rows that are only added are at odds with nothing.
  arrow::Status Validate(const Table&, const Snapshot*) override {
    return arrow::Status::OK();
  }
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

AppendFiles& AppendFiles::Fast() {
  is_fast_ = true;
  return *this;
}

AppendFiles& AppendFiles::ToBranch(std::string branch) {
  options_.branch = std::move(branch);
  return *this;
}

AppendFiles& AppendFiles::StageOnly() {
  options_.stage_only = true;
  return *this;
}

AppendFiles& AppendFiles::SetSummary(std::string key, std::string value) {
  options_.summary[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> AppendFiles::Commit() {
  FileChanges changes;
  for (const DataFile& file : files_) changes.data.push_back({file, std::nullopt});
  changes.merge_manifests = !is_fast_;
  AppendOperation operation(options_, std::move(changes));
  return CommitWithRetry(table_, operation);
}

}  // namespace floe::iceberg
