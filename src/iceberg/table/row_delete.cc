#include "iceberg/table/row_delete.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/delete_writer.h"
#include "iceberg/table/live_rows.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/strict_match.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {
namespace {

constexpr int kLineageVersion = 3;
constexpr char kIsolationProperty[] = "write.delete.isolation-level";
constexpr char kModeProperty[] = "write.delete.mode";

arrow::Result<DeleteMode> ModeOf(const TableMetadata& metadata,
                                 const DeleteRowsOptions& options) {
  DeleteMode mode = DeleteMode::kCopyOnWrite;
  std::string text = metadata.Property(kModeProperty, "copy-on-write");
  if (text == "merge-on-read") {
    mode = DeleteMode::kMergeOnRead;
  } else if (text != "copy-on-write") {
    return MakeError(ErrorCode::kInvalidConfig,
                     "table property {} is '{}': expected copy-on-write or merge-on-read",
                     kModeProperty, text);
  }
  mode = options.mode.value_or(mode);
  // Format 1 has no delete files.
  return metadata.format_version < 2 ? DeleteMode::kCopyOnWrite : mode;
}

std::vector<std::string> ColumnsOf(const Predicate& bound, const Schema& schema) {
  std::vector<std::string> names;
  for (const NestedField& column : schema.fields()) {
    std::string prefix = column.name + ".";
    for (int32_t id : ReferencedFieldIds(bound)) {
      std::string full = schema.FullName(id);
      if (full != column.name && !full.starts_with(prefix)) continue;
      names.push_back(column.name);
      break;
    }
  }
  return names;
}

/// One attempt to delete on one version of the table.
class RowDeletion {
 public:
  RowDeletion(TablePtr table, PredicatePtr filter, const DeleteRowsOptions& options)
      : table_(std::move(table)), filter_(std::move(filter)), options_(options) {}

  arrow::Result<DeleteRowsResult> Run() {
    auto result = FindAndCommit();
    bool is_unknown = IsError(result.status(), ErrorCode::kCommitStateUnknown);
    if (!result.ok() && !is_unknown) RemoveUncommitted(*table_, written_);
    return result;
  }

 private:
  arrow::Result<DeleteRowsResult> FindAndCommit() {
    const TableMetadata& metadata = *table_->metadata();
    ARROW_ASSIGN_OR_RAISE(mode_, ModeOf(metadata, options_));
    ARROW_ASSIGN_OR_RAISE(isolation_,
                          IsolationLevelOf(metadata.properties, kIsolationProperty));
    ScanOptions scan;
    scan.filter = filter_;
    ARROW_ASSIGN_OR_RAISE(plan_, PlanFiles(table_, scan));
    result_.table = table_;
    if (mode_ == DeleteMode::kCopyOnWrite) {
      TableWriterOptions writer;
      writer.keeps_row_lineage = metadata.format_version >= kLineageVersion;
      ARROW_ASSIGN_OR_RAISE(writer_, TableWriter::Make(table_, std::move(writer)));
    }
    for (const FileScanTask& task : plan_->tasks) {
      arrow::Status status = DeleteFrom(task);
      ARROW_RETURN_NOT_OK(WithContext(status, "file", task.file->file_path));
    }
    if (writer_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(added_, writer_->Close());
      written_ = added_;
    }
    if (removed_.empty() && deleted_.empty()) return result_;
    return mode_ == DeleteMode::kCopyOnWrite ? CommitCopies() : CommitDeletes();
  }

  arrow::Status DeleteFrom(const FileScanTask& task) {
    ARROW_ASSIGN_OR_RAISE(
        FileMatcher matcher,
        FileMatcher::Make(plan_->filter, *plan_->table_schema, *task.spec));
    if (matcher.MustMatch(*task.file)) return RemoveFile(task, task.file->record_count);
    ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> matches, FindMatches(task));
    if (matches.empty()) return arrow::Status::OK();
    if (static_cast<int64_t>(matches.size()) == live_rows_) {
      return RemoveFile(task, live_rows_);
    }
    result_.deleted_rows += static_cast<int64_t>(matches.size());
    if (mode_ == DeleteMode::kMergeOnRead) return AddPositions(task, std::move(matches));
    ++result_.rewritten_files;
    removed_.push_back(*task.file);
    return CopyOthers(task);
  }

  arrow::Status RemoveFile(const FileScanTask& task, int64_t rows) {
    removed_.push_back(*task.file);
    ++result_.removed_files;
    result_.deleted_rows += rows;
    return arrow::Status::OK();
  }

  /// Positions of live rows that match; live_rows_ is how many rows there are at all.
  arrow::Result<std::vector<int64_t>> FindMatches(const FileScanTask& task) {
    LiveRowsOptions read;
    ARROW_ASSIGN_OR_RAISE(read.schema, plan_->table_schema->Select(ColumnsOf(
                                           *plan_->filter, *plan_->table_schema)));
    read.with_positions = true;
    ARROW_ASSIGN_OR_RAISE(auto reader, ReadLiveRows(*plan_, task, read));
    std::vector<int64_t> matches;
    live_rows_ = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (batch == nullptr) return matches;
      ARROW_ASSIGN_OR_RAISE(auto mask, EvaluateRows(*plan_->filter, *batch));
      const auto& positions =
          static_cast<const arrow::Int64Array&>(*batch->column(batch->num_columns() - 1));
      live_rows_ += batch->num_rows();
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        if (mask->Value(i)) matches.push_back(positions.Value(i));
      }
    }
  }

  arrow::Status CopyOthers(const FileScanTask& task) {
    LiveRowsOptions read;
    read.schema = plan_->table_schema;
    read.with_lineage = table_->metadata()->format_version >= kLineageVersion;
    ARROW_ASSIGN_OR_RAISE(auto reader, ReadLiveRows(*plan_, task, read));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (batch == nullptr) return arrow::Status::OK();
      ARROW_ASSIGN_OR_RAISE(auto mask, EvaluateRows(*plan_->filter, *batch));
      arrow::BooleanBuilder others;
      for (int64_t i = 0; i < mask->length(); ++i) {
        ARROW_RETURN_NOT_OK(others.Append(!mask->Value(i)));
      }
      ARROW_ASSIGN_OR_RAISE(auto is_kept, others.Finish());
      ARROW_ASSIGN_OR_RAISE(
          arrow::Datum kept,
          arrow::compute::Filter(arrow::Datum(batch), arrow::Datum(std::move(is_kept))));
      ARROW_RETURN_NOT_OK(writer_->Write(*kept.record_batch()));
    }
  }

  arrow::Status AddPositions(const FileScanTask& task, std::vector<int64_t> matches) {
    bool takes_all = table_->metadata()->format_version >= kLineageVersion;
    auto own = OwnDeletes(task);
    if (takes_all || !own.empty()) {
      // Those of the older deletes: one delete file or vector takes the place of them.
      ARROW_ASSIGN_OR_RAISE(auto older, LoadPositionDeletes(*table_->io(), task));
      matches.insert(matches.end(), older.begin(), older.end());
    }
    for (const auto& deletes : own) replaced_.push_back(*deletes);
    deleted_.push_back({*task.file, std::move(matches)});
    return arrow::Status::OK();
  }

  arrow::Result<DeleteRowsResult> CommitCopies() {
    ReplaceFiles replace(table_, ReplaceFiles::Kind::kOverwrite);
    for (const DataFile& file : removed_) replace.Delete(file);
    for (const DataFile& file : added_) replace.Append(file);
    replace.ValidateNothingNew(filter_, isolation_);
    for (const auto& [key, value] : options_.summary) replace.SetSummary(key, value);
    ARROW_ASSIGN_OR_RAISE(result_.table, replace.Commit());
    return result_;
  }

  arrow::Result<DeleteRowsResult> CommitDeletes() {
    ARROW_ASSIGN_OR_RAISE(written_, WriteDeletes(*table_, std::move(deleted_)));
    result_.delete_files = static_cast<int64_t>(written_.size());
    RowDelta delta(table_);
    for (const DataFile& file : written_) delta.AddDeletes(file);
    for (const DataFile& file : replaced_) delta.RemoveDeletes(file);
    for (const DataFile& file : removed_) delta.RemoveRows(file);
    delta.ValidateNothingNew(filter_, isolation_);
    for (const auto& [key, value] : options_.summary) delta.SetSummary(key, value);
    ARROW_ASSIGN_OR_RAISE(result_.table, delta.Commit());
    return result_;
  }

  TablePtr table_;
  PredicatePtr filter_;
  const DeleteRowsOptions& options_;
  DeleteMode mode_ = DeleteMode::kCopyOnWrite;
  IsolationLevel isolation_ = IsolationLevel::kSerializable;
  ScanPlanPtr plan_;
  std::unique_ptr<TableWriter> writer_;
  int64_t live_rows_ = 0;
  std::vector<DataFile> removed_;
  std::vector<DataFile> added_;
  std::vector<DataFile> replaced_;
  std::vector<DataFile> written_;
  std::vector<DeletedRows> deleted_;
  DeleteRowsResult result_;
};

}  // namespace

arrow::Result<DeleteRowsResult> DeleteRows(const TablePtr& table,
                                           const PredicatePtr& filter,
                                           const DeleteRowsOptions& options) {
  ARROW_ASSIGN_OR_RAISE(CommitRetry limits,
                        CommitRetry::FromProperties(table->metadata()->properties));
  TablePtr base = table;
  for (int attempt = 0;; ++attempt) {
    auto result = RowDeletion(base, filter, options).Run();
    bool is_conflict = IsError(result.status(), ErrorCode::kCommitConflict);
    if (!is_conflict || attempt >= limits.max_retries) return result;
    ARROW_ASSIGN_OR_RAISE(base, base->Refresh());
  }
}

}  // namespace floe::iceberg
