#include "iceberg/table/incremental_scan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/util.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/table/any_file.h"
#include "iceberg/table/metadata_columns.h"
#include "iceberg/table/scan_plan.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

/// What is scanned: the snapshots of the span, oldest first, and the plan's frame.
struct Span {
  std::vector<const Snapshot*> snapshots;
  SchemaPtr schema;
};

arrow::Result<Span> FindSpan(const Table& table, const IncrementalScanOptions& options) {
  const TableMetadata& metadata = *table.metadata();
  if (options.scan.limit) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a scan of changes takes no limit: it would leave changes out");
  }
  ARROW_ASSIGN_OR_RAISE(const auto selected,
                        SelectSnapshot(metadata, options.scan.selector));
  const auto [last, schema] = selected;
  auto since = SnapshotsSince(metadata, last, options.from_snapshot_id);
  if (!since.ok()) {
    if (!options.from_snapshot_id) {
      return MakeError(ErrorCode::kNoSuchSnapshot,
                       "the table's first snapshots have expired: name the snapshot to "
                       "start after");
    }
    return MakeError(ErrorCode::kNoSuchSnapshot,
                     "snapshot {} is no ancestor of the last one of the scan, or has "
                     "expired",
                     *options.from_snapshot_id);
  }
  std::reverse(since->begin(), since->end());
  return Span{*std::move(since), schema};
}

/// One file's part of a snapshot's changes.
struct ChangeTask {
  FileScanTask task;
  /// The rows; nullopt: all that the task's deletes leave.
  std::optional<std::vector<RowRange>> rows;
  bool is_insert = true;
  int32_t ordinal = 0;
  int64_t snapshot_id = 0;
};

/// What decides which rows of a file are deleted.
std::set<std::pair<std::string, int64_t>> DeletesOf(const FileScanTask& task) {
  std::set<std::pair<std::string, int64_t>> deletes;
  for (const auto* list : {&task.position_deletes, &task.equality_deletes}) {
    for (const auto& file : *list) {
      deletes.emplace(file->file_path, file->content_offset.value_or(-1));
    }
  }
  return deletes;
}

/// Adjacent positions as ranges; `positions` ascending, distinct.
std::vector<RowRange> RangesOf(const std::vector<int64_t>& positions) {
  std::vector<RowRange> ranges;
  for (const int64_t position : positions) {
    if (!ranges.empty() && ranges.back().end == position) {
      ++ranges.back().end;
    } else {
      ranges.push_back({position, position + 1});
    }
  }
  return ranges;
}

class ChangePlanner {
 public:
  ChangePlanner(TablePtr table, const IncrementalScanOptions& options, Span span)
      : table_(std::move(table)), options_(options), span_(std::move(span)) {}

  arrow::Result<std::vector<ChangeTask>> Run() {
    int32_t ordinal = 0;
    for (const Snapshot* snapshot : span_.snapshots) {
      if (snapshot->operation() == "replace") continue;
      ARROW_RETURN_NOT_OK(Compare(*snapshot, ordinal++));
    }
    return std::move(tasks_);
  }

  /// The plan of an empty table, for its columns and filter.
  arrow::Result<ScanPlanPtr> Frame() const { return Plan(nullptr); }

 private:
  using Tasks = std::map<std::string, const FileScanTask*>;

  arrow::Result<ScanPlanPtr> Plan(const Snapshot* snapshot) const {
    return PlanSnapshot(table_, snapshot, span_.schema, options_.scan);
  }

  static Tasks ByPath(const ScanPlan& plan) {
    Tasks tasks;
    for (const FileScanTask& task : plan.tasks) tasks[task.file->file_path] = &task;
    return tasks;
  }

  arrow::Status Compare(const Snapshot& snapshot, int32_t ordinal) {
    const Snapshot* parent = nullptr;
    if (snapshot.parent_snapshot_id) {
      ARROW_ASSIGN_OR_RAISE(
          parent, table_->metadata()->SnapshotById(*snapshot.parent_snapshot_id));
    }
    ARROW_ASSIGN_OR_RAISE(const ScanPlanPtr before, Plan(parent));
    ARROW_ASSIGN_OR_RAISE(const ScanPlanPtr after, Plan(&snapshot));
    const Tasks old_tasks = ByPath(*before);
    const Tasks new_tasks = ByPath(*after);
    const auto add = [&](const FileScanTask& task, bool is_insert) -> ChangeTask& {
      return tasks_.emplace_back(
          ChangeTask{task, std::nullopt, is_insert, ordinal, snapshot.snapshot_id});
    };
    for (const auto& [path, task] : old_tasks) {
      const auto still = new_tasks.find(path);
      if (still == new_tasks.end()) {
        add(*task, false);
      } else if (DeletesOf(*task) != DeletesOf(*still->second)) {
        ARROW_ASSIGN_OR_RAISE(const auto deleted, LoadDeletedRows(*table_, *task));
        ARROW_ASSIGN_OR_RAISE(const auto deleted_now,
                              LoadDeletedRows(*table_, *still->second));
        for (const bool is_insert : {false, true}) {
          const auto& more = is_insert ? deleted : deleted_now;
          const auto& less = is_insert ? deleted_now : deleted;
          std::vector<int64_t> changed;
          std::set_difference(more.begin(), more.end(), less.begin(), less.end(),
                              std::back_inserter(changed));
          if (!changed.empty()) add(*task, is_insert).rows = RangesOf(changed);
        }
      }
    }
    for (const auto& [path, task] : new_tasks) {
      if (!old_tasks.contains(path)) add(*task, true);
    }
    return arrow::Status::OK();
  }

  TablePtr table_;
  const IncrementalScanOptions& options_;
  Span span_;
  std::vector<ChangeTask> tasks_;
};

class ChangesReader final : public arrow::RecordBatchReader {
 public:
  ChangesReader(ScanPlanPtr frame, ScanOptions options, std::vector<ChangeTask> tasks,
                std::shared_ptr<arrow::Schema> schema)
      : frame_(std::move(frame)),
        options_(std::move(options)),
        tasks_(std::move(tasks)),
        schema_(std::move(schema)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    while (next_ < tasks_.size()) {
      const ChangeTask& change = tasks_[next_];
      if (current_ == nullptr) {
        auto opened = Open(change);
        if (!opened.ok()) {
          return WithContext(opened.status(), "file", change.task.file->file_path);
        }
        current_ = *std::move(opened);
      }
      std::shared_ptr<arrow::RecordBatch> rows;
      ARROW_RETURN_NOT_OK(current_->ReadNext(&rows));
      if (rows != nullptr) return Dress(change, *rows, out);
      current_ = nullptr;
      ++next_;
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Open(
      const ChangeTask& change) const {
    if (!change.rows) return ReadTask(*frame_, change.task, options_);
    FileReadOptions read;
    read.schema = frame_->schema;
    read.filter = change.task.residual;
    read.filter_schema = frame_->table_schema;
    read.filter_rows = options_.filter_rows;
    read.batch_rows = options_.batch_rows;
    ARROW_ASSIGN_OR_RAISE(read.name_mapping,
                          TableNameMapping(*frame_->table->metadata()));
    read.constants = change.task.constants;
    read.row_ranges = change.rows;
    return ReadAnyFile(*frame_->table->io(), *change.task.file, read);
  }

  arrow::Status Dress(const ChangeTask& change, const arrow::RecordBatch& rows,
                      std::shared_ptr<arrow::RecordBatch>* out) const {
    arrow::ArrayVector columns = rows.columns();
    for (const std::shared_ptr<arrow::Scalar>& value :
         {std::shared_ptr<arrow::Scalar>(std::make_shared<arrow::StringScalar>(
              change.is_insert ? "INSERT" : "DELETE")),
          std::shared_ptr<arrow::Scalar>(
              std::make_shared<arrow::Int32Scalar>(change.ordinal)),
          std::shared_ptr<arrow::Scalar>(
              std::make_shared<arrow::Int64Scalar>(change.snapshot_id))}) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(),
                            arrow::MakeArrayFromScalar(*value, rows.num_rows()));
    }
    *out = arrow::RecordBatch::Make(schema_, rows.num_rows(), std::move(columns));
    return arrow::Status::OK();
  }

  const ScanPlanPtr frame_;
  const ScanOptions options_;
  const std::vector<ChangeTask> tasks_;
  const std::shared_ptr<arrow::Schema> schema_;
  size_t next_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> current_;
};

}  // namespace

arrow::Result<ScanPlanPtr> PlanAppends(const TablePtr& table,
                                       const IncrementalScanOptions& options) {
  auto span = FindSpan(*table, options);
  if (!span.ok()) return WithContext(span.status(), "table", table->name());
  std::erase_if(span->snapshots, [](const Snapshot* snapshot) {
    return snapshot->operation() != "append";
  });
  return PlanAddedFiles(table, span->snapshots, span->schema, options.scan);
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanAppends(
    const TablePtr& table, const IncrementalScanOptions& options) {
  ARROW_ASSIGN_OR_RAISE(ScanPlanPtr plan, PlanAppends(table, options));
  return ReadPlan(std::move(plan), options.scan);
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanChanges(
    const TablePtr& table, const IncrementalScanOptions& options) {
  auto span = FindSpan(*table, options);
  if (!span.ok()) return WithContext(span.status(), "table", table->name());
  ChangePlanner planner(table, options, *std::move(span));
  ARROW_ASSIGN_OR_RAISE(ScanPlanPtr frame, planner.Frame());
  if (HasMetadataColumns(*frame->schema)) {
    return MakeError(
        ErrorCode::kNotSupported,
        "a scan of changes of table '{}' has no metadata columns but its own",
        table->name());
  }
  ARROW_ASSIGN_OR_RAISE(auto tasks, planner.Run());
  ARROW_ASSIGN_OR_RAISE(const auto rows, ToArrowSchema(*frame->schema));
  arrow::FieldVector fields = rows->fields();
  fields.push_back(arrow::field(kChangeTypeColumn, arrow::utf8(), false));
  fields.push_back(arrow::field(kChangeOrdinalColumn, arrow::int32(), false));
  fields.push_back(arrow::field(kCommitSnapshotColumn, arrow::int64(), false));
  return std::make_shared<ChangesReader>(std::move(frame), options.scan, std::move(tasks),
                                         arrow::schema(std::move(fields)));
}

}  // namespace floe::iceberg
