#include "iceberg/table/overwrite.h"

#include <utility>

#include "base/error.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

/// The snapshot of `branch` that a change to `table` as loaded starts from.
arrow::Result<std::optional<int64_t>> StartOf(const Table& table,
                                              const std::string& branch) {
  ARROW_ASSIGN_OR_RAISE(const Snapshot* head, BranchHead(*table.metadata(), branch));
  if (head == nullptr) return std::nullopt;
  return head->snapshot_id;
}

}  // namespace

class ReplaceFiles::Operation final : public MergingOperation {
 public:
  Operation(Kind kind, SnapshotOptions options, FileChanges changes, Reads reads)
      : MergingOperation(std::move(options), std::move(changes)),
        kind_(kind),
        reads_(std::move(reads)) {}

 protected:
  std::string OperationName() const override {
    if (kind_ == Kind::kReplace) return "replace";
    return changes().data.empty() ? "delete" : "overwrite";
  }

  arrow::Status Validate(const Table& base, const Snapshot* parent) override {
    ConflictCheck check(base, parent, reads_.start);
    if (reads_.removes_by_path) {
      ARROW_RETURN_NOT_OK(check.NoAddedDeletes(FileScope::All()));
    }
    ARROW_RETURN_NOT_OK(
        check.NoDeletesFor(reads_.removed, !reads_.keeps_sequence_number));
    std::set<std::string> referenced;
    for (const FileChanges::Added& added : changes().deletes) {
      if (auto path = DataFileOfDeletes(added.file)) referenced.insert(*path);
    }
    ARROW_RETURN_NOT_OK(check.DataFilesExist(referenced, false));
    ARROW_RETURN_NOT_OK(check.NoAddedVectorsFor(referenced));
    if (reads_.filter == nullptr) return arrow::Status::OK();
    if (reads_.level == IsolationLevel::kSerializable) {
      ARROW_RETURN_NOT_OK(check.NoAddedData(FileScope::Where(reads_.filter)));
    }
    bool by_filter = changes().removed_where->op() != Predicate::Op::kFalse;
    if (!by_filter) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(check.NoAddedDeletes(FileScope::Where(reads_.filter)));
    return check.NoRemovedData(FileScope::Where(reads_.filter));
  }

 private:
  Kind kind_;
  Reads reads_;
};

ReplaceFiles& ReplaceFiles::Delete(std::string file_path) {
  changes_.removed_data.insert(std::move(file_path));
  reads_.removes_by_path = true;
  return *this;
}

ReplaceFiles& ReplaceFiles::Delete(DataFile file) {
  changes_.removed_data.insert(file.file_path);
  reads_.removed.push_back(std::move(file));
  return *this;
}

ReplaceFiles& ReplaceFiles::DeleteWhere(PredicatePtr filter) {
  changes_.removed_where =
      Predicate::Or(std::move(changes_.removed_where), std::move(filter));
  return *this;
}

ReplaceFiles& ReplaceFiles::Append(DataFile file) {
  changes_.data.push_back({std::move(file), std::nullopt});
  return *this;
}

ReplaceFiles& ReplaceFiles::SetSequenceNumber(int64_t sequence_number) {
  sequence_number_ = sequence_number;
  return *this;
}

ReplaceFiles& ReplaceFiles::RemoveDeletes(DataFile file) {
  changes_.removed_deletes.insert(DeleteFileKey::Of(file));
  return *this;
}

ReplaceFiles& ReplaceFiles::AppendDeletes(DataFile file,
                                          std::optional<int64_t> sequence_number) {
  changes_.deletes.push_back({std::move(file), sequence_number});
  return *this;
}

ReplaceFiles& ReplaceFiles::ValidateNothingNew(PredicatePtr filter,
                                               IsolationLevel level) {
  reads_.filter = std::move(filter);
  reads_.level = level;
  return *this;
}

ReplaceFiles& ReplaceFiles::ToBranch(std::string branch) {
  options_.branch = std::move(branch);
  return *this;
}

ReplaceFiles& ReplaceFiles::SetSummary(std::string key, std::string value) {
  options_.summary[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> ReplaceFiles::Commit() {
  bool rewrites_deletes = !changes_.deletes.empty() || !changes_.removed_deletes.empty();
  bool by_filter = changes_.removed_where->op() != Predicate::Op::kFalse;
  if (kind_ == Kind::kReplace ? by_filter : rewrites_deletes || sequence_number_) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "rows are replaced file by file, and only the same rows keep their "
                     "sequence number and deletes");
  }
  FileChanges changes = changes_;
  for (FileChanges::Added& added : changes.data) added.sequence_number = sequence_number_;
  Reads reads = reads_;
  reads.keeps_sequence_number = sequence_number_.has_value();
  ARROW_ASSIGN_OR_RAISE(reads.start, StartOf(*table_, options_.branch));
  Operation operation(kind_, options_, std::move(changes), std::move(reads));
  return CommitWithRetry(table_, operation);
}

class ReplacePartitions::Operation final : public MergingOperation {
 public:
  Operation(SnapshotOptions options, FileChanges changes, std::optional<int64_t> start,
            std::optional<IsolationLevel> level)
      : MergingOperation(std::move(options), std::move(changes)),
        start_(start),
        level_(level) {}

 protected:
  std::string OperationName() const override { return "overwrite"; }
  void Describe(SnapshotSummary* summary) const override {
    summary->Set("replace-partitions", "true");
  }

  arrow::Status Validate(const Table& base, const Snapshot* parent) override {
    if (!level_) return arrow::Status::OK();
    bool is_whole = changes().removed_partitions.empty();
    FileScope scope =
        is_whole ? FileScope::All() : FileScope::Partitions(changes().removed_partitions);
    ConflictCheck check(base, parent, start_);
    ARROW_RETURN_NOT_OK(check.NoAddedDeletes(scope));
    ARROW_RETURN_NOT_OK(check.NoRemovedData(scope));
    if (*level_ == IsolationLevel::kSnapshot) return arrow::Status::OK();
    return check.NoAddedData(std::move(scope));
  }

 private:
  std::optional<int64_t> start_;
  std::optional<IsolationLevel> level_;
};

ReplacePartitions& ReplacePartitions::Append(DataFile file) {
  files_.push_back(std::move(file));
  return *this;
}

ReplacePartitions& ReplacePartitions::ValidateAppendOnly() {
  append_only_ = true;
  return *this;
}

ReplacePartitions& ReplacePartitions::ValidateNothingNew(IsolationLevel level) {
  level_ = level;
  return *this;
}

ReplacePartitions& ReplacePartitions::ToBranch(std::string branch) {
  options_.branch = std::move(branch);
  return *this;
}

ReplacePartitions& ReplacePartitions::SetSummary(std::string key, std::string value) {
  options_.summary[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> ReplacePartitions::Commit() {
  const TableMetadata& metadata = *table_->metadata();
  FileChanges changes;
  changes.must_not_remove = append_only_;
  for (const DataFile& file : files_) {
    if (file.spec_id != metadata.default_spec_id) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} is of partition spec {}; partitions are replaced by files of "
                       "the table's default spec {}",
                       file.file_path, file.spec_id, metadata.default_spec_id);
    }
    if (metadata.default_spec().is_unpartitioned()) {
      changes.removed_where = Predicate::True();
    } else {
      ARROW_ASSIGN_OR_RAISE(std::string partition, PartitionIdentity(file));
      changes.removed_partitions.insert(std::move(partition));
    }
    changes.data.push_back({file, std::nullopt});
  }
  ARROW_ASSIGN_OR_RAISE(auto start, StartOf(*table_, options_.branch));
  Operation operation(options_, std::move(changes), start, level_);
  return CommitWithRetry(table_, operation);
}

class RowDelta::Operation final : public MergingOperation {
 public:
  Operation(SnapshotOptions options, FileChanges changes, std::optional<int64_t> start,
            std::vector<DataFile> removed, PredicatePtr filter, IsolationLevel level)
      : MergingOperation(std::move(options), std::move(changes)),
        start_(start),
        removed_(std::move(removed)),
        filter_(std::move(filter)),
        level_(level) {}

 protected:
  std::string OperationName() const override {
    bool deletes = !changes().deletes.empty() || !changes().removed_data.empty();
    if (!deletes) return "append";
    return changes().data.empty() ? "delete" : "overwrite";
  }

  arrow::Status Validate(const Table& base, const Snapshot* parent) override {
    ConflictCheck check(base, parent, start_);
    std::set<std::string> referenced;
    for (const FileChanges::Added& added : changes().deletes) {
      if (auto path = DataFileOfDeletes(added.file)) referenced.insert(*path);
    }
    ARROW_RETURN_NOT_OK(check.DataFilesExist(referenced, false));
    ARROW_RETURN_NOT_OK(check.NoAddedVectorsFor(referenced));
    ARROW_RETURN_NOT_OK(check.NoDeletesFor(removed_, true));
    if (filter_ == nullptr) return arrow::Status::OK();
    if (level_ == IsolationLevel::kSerializable) {
      ARROW_RETURN_NOT_OK(check.NoAddedData(FileScope::Where(filter_)));
    }
    if (changes().data.empty() || changes().deletes.empty()) return arrow::Status::OK();
    return check.NoAddedDeletes(FileScope::Where(filter_));
  }

 private:
  std::optional<int64_t> start_;
  std::vector<DataFile> removed_;
  PredicatePtr filter_;
  IsolationLevel level_;
};

RowDelta& RowDelta::AddRows(DataFile file) {
  changes_.data.push_back({std::move(file), std::nullopt});
  return *this;
}

RowDelta& RowDelta::AddDeletes(DataFile file) {
  changes_.deletes.push_back({std::move(file), std::nullopt});
  return *this;
}

RowDelta& RowDelta::RemoveRows(DataFile file) {
  changes_.removed_data.insert(file.file_path);
  removed_.push_back(std::move(file));
  return *this;
}

RowDelta& RowDelta::RemoveDeletes(DataFile file) {
  changes_.removed_deletes.insert(DeleteFileKey::Of(file));
  return *this;
}

RowDelta& RowDelta::ValidateNothingNew(PredicatePtr filter, IsolationLevel level) {
  filter_ = std::move(filter);
  level_ = level;
  return *this;
}

RowDelta& RowDelta::ToBranch(std::string branch) {
  options_.branch = std::move(branch);
  return *this;
}

RowDelta& RowDelta::SetSummary(std::string key, std::string value) {
  options_.summary[std::move(key)] = std::move(value);
  return *this;
}

arrow::Result<TablePtr> RowDelta::Commit() {
  ARROW_ASSIGN_OR_RAISE(auto start, StartOf(*table_, options_.branch));
  Operation operation(options_, changes_, start, removed_, filter_, level_);
  return CommitWithRetry(table_, operation);
}

}  // namespace floe::iceberg
