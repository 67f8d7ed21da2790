#include "iceberg/maintain/rewrite_deletes.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/table/delete_writer.h"
#include "iceberg/table/live_rows.h"
#include "iceberg/table/merging_operation.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

constexpr int kVectorVersion = 3;

class DeleteRewrite {
 public:
  DeleteRewrite(TablePtr table, const RewriteDeletesOptions& options)
      : table_(std::move(table)), options_(options) {}

  arrow::Result<MaintenanceReport> Run() {
    report_.action = "rewrite-deletes";
    report_.is_dry_run = options_.dry_run;
    report_.table = table_;
    // All files are planned: a delete file goes only where no file needs it.
    ARROW_ASSIGN_OR_RAISE(plan_, PlanFiles(table_, ScanOptions()));
    ScanOptions chosen;
    chosen.filter = options_.filter;
    ARROW_ASSIGN_OR_RAISE(ScanPlanPtr wanted, PlanFiles(table_, chosen));
    for (const FileScanTask& task : wanted->tasks) wanted_.insert(task.file->file_path);
    ARROW_RETURN_NOT_OK(ReadTasks());
    ARROW_RETURN_NOT_OK(FindUnused());
    report_.counts["data_files"] = static_cast<int64_t>(rows_.size());
    report_.counts["removed_delete_files"] = static_cast<int64_t>(removed_.size());
    report_.counts["added_delete_files"] = 0;
    if (options_.dry_run || (rows_.empty() && removed_.empty())) return report_;
    ARROW_RETURN_NOT_OK(WithContext(Commit(), "table", table_->name()));
    return report_;
  }

 private:
  bool IsWanted(const FileScanTask& task) const {
    auto count =
        static_cast<int64_t>(task.position_deletes.size() + task.equality_deletes.size());
    bool is_old = false;
    for (const auto& deletes : task.position_deletes) {
      is_old |= table_->metadata()->format_version >= kVectorVersion &&
                deletes->file_format != FileFormat::kPuffin;
    }
    bool has_equality = !task.equality_deletes.empty();
    return wanted_.count(task.file->file_path) > 0 &&
           (is_old || has_equality || count >= options_.min_delete_files);
  }

  arrow::Status ReadTasks() {
    int64_t done = 0;
    for (const FileScanTask& task : plan_->tasks) {
      ++done;
      if (!task.has_deletes()) continue;
      if (!IsWanted(task)) {
        for (const auto& deletes : task.position_deletes) Use(*deletes);
        for (const auto& deletes : task.equality_deletes) Use(*deletes);
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(auto deleted, LoadDeletedRows(*table_, task));
      if (!deleted.empty()) rows_.push_back({*task.file, std::move(deleted)});
      if (options_.progress) {
        options_.progress("reading deletes", done,
                          static_cast<int64_t>(plan_->tasks.size()));
      }
    }
    return arrow::Status::OK();
  }

  void Use(const DataFile& deletes) { used_.insert(DeleteFileKey::Of(deletes)); }

  /// Delete files of the snapshot that nothing needs once the rewrite is done.
  arrow::Status FindUnused() {
    if (!plan_->snapshot) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto manifests, ManifestsOf(*table_, &*plan_->snapshot));
    for (const ManifestFile& manifest : manifests) {
      if (manifest.content != ManifestContent::kDeletes) continue;
      ARROW_ASSIGN_OR_RAISE(auto entries, ReadAllEntries(*table_, manifest));
      for (ManifestEntry& entry : entries) {
        bool is_live = entry.status != EntryStatus::kDeleted;
        if (!is_live || used_.count(DeleteFileKey::Of(entry.file)) > 0) continue;
        removed_.push_back(std::move(entry.file));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status Commit() {
    ARROW_ASSIGN_OR_RAISE(auto written, WriteDeletes(*table_, std::move(rows_)));
    report_.counts["added_delete_files"] = static_cast<int64_t>(written.size());
    ReplaceFiles replace(table_, ReplaceFiles::Kind::kReplace);
    for (const DataFile& file : written) replace.AppendDeletes(file);
    for (const DataFile& file : removed_) replace.RemoveDeletes(file);
    auto committed = replace.Commit();
    bool is_unknown = IsError(committed.status(), ErrorCode::kCommitStateUnknown);
    if (!committed.ok() && !is_unknown) RemoveUncommitted(*table_, written);
    ARROW_ASSIGN_OR_RAISE(report_.table, std::move(committed));
    return arrow::Status::OK();
  }

  TablePtr table_;
  const RewriteDeletesOptions& options_;
  ScanPlanPtr plan_;
  std::set<std::string> wanted_;
  std::set<DeleteFileKey> used_;
  std::vector<DeletedRows> rows_;
  std::vector<DataFile> removed_;
  MaintenanceReport report_;
};

}  // namespace

arrow::Result<MaintenanceReport> RewriteDeletes(const TablePtr& table,
                                                const RewriteDeletesOptions& options) {
  return DeleteRewrite(table, options).Run();
}

}  // namespace floe::iceberg
