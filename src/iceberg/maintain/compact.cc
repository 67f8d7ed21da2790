#include "iceberg/maintain/compact.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "arrow/record_batch.h"
#include "base/error.h"
#include "iceberg/table/conflict_check.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/delete_writer.h"
#include "iceberg/table/live_rows.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/sort_rows.h"

namespace floe::iceberg {
namespace {

constexpr int kLineageVersion = 3;
constexpr int64_t kDefaultTargetBytes = int64_t{512} << 20;
constexpr char kTargetProperty[] = "write.target-file-size-bytes";
/// Files within these shares of the target are as they should be.
constexpr double kMinShare = 0.75;
constexpr double kMaxShare = 1.8;

using Tasks = std::vector<const FileScanTask*>;

arrow::Result<int64_t> TargetBytes(const TableMetadata& metadata,
                                   const CompactOptions& options) {
  if (options.target_file_bytes) return *options.target_file_bytes;
  std::string text = metadata.Property(kTargetProperty, "");
  if (text.empty()) return kDefaultTargetBytes;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0) return value;
  return MakeError(ErrorCode::kInvalidConfig,
                   "table property {} is '{}': expected a number of bytes above 0",
                   kTargetProperty, text);
}

class Compaction {
 public:
  Compaction(TablePtr table, const CompactOptions& options)
      : table_(std::move(table)), options_(options) {}

  arrow::Result<MaintenanceReport> Run() {
    const TableMetadata& metadata = *table_->metadata();
    ARROW_ASSIGN_OR_RAISE(target_bytes_, TargetBytes(metadata, options_));
    ARROW_RETURN_NOT_OK(ChooseOrder(metadata));
    ScanOptions scan;
    scan.filter = options_.filter;
    ARROW_ASSIGN_OR_RAISE(plan_, PlanFiles(table_, scan));
    ARROW_ASSIGN_OR_RAISE(std::vector<Tasks> groups, ChooseGroups());
    report_.action = "compact";
    report_.is_dry_run = options_.dry_run;
    report_.table = table_;
    for (const char* count : {"groups", "rewritten_files", "rewritten_bytes",
                              "added_files", "added_bytes", "conflicts"}) {
      report_.counts[count] = 0;
    }
    int64_t done = 0;
    for (const Tasks& group : groups) {
      ARROW_RETURN_NOT_OK(WithContext(Rewrite(group), "table", table_->name()));
      if (options_.progress) {
        options_.progress("compacting", ++done, static_cast<int64_t>(groups.size()));
      }
    }
    return report_;
  }

 private:
  arrow::Status ChooseOrder(const TableMetadata& metadata) {
    ARROW_ASSIGN_OR_RAISE(SortOrder own, SortOrderById(metadata.sort_orders,
                                                       metadata.default_sort_order_id));
    order_ = own;
    if (!options_.sort_by) return arrow::Status::OK();
    if (options_.sort_by->empty() && own.fields.empty()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "table '{}' has no sort order: name the columns to sort by",
                       table_->name());
    }
    if (options_.sort_by->empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(order_, MakeSortOrder(*metadata.schema(), *options_.sort_by));
    for (const SortOrder& known : metadata.sort_orders) {
      if (known.fields == order_.fields) order_ = known;
    }
    return arrow::Status::OK();
  }

  bool IsCandidate(const FileScanTask& task) const {
    const DataFile& file = *task.file;
    auto deletes =
        static_cast<int64_t>(task.position_deletes.size() + task.equality_deletes.size());
    auto size = static_cast<double>(file.file_size_bytes);
    auto target = static_cast<double>(target_bytes_);
    return options_.rewrite_all || options_.sort_by.has_value() ||
           file.spec_id != table_->metadata()->default_spec_id ||
           deletes >= options_.delete_file_threshold || size < target * kMinShare ||
           size > target * kMaxShare;
  }

  bool IsWorthwhile(const Tasks& group) const {
    if (group.empty()) return false;
    if (options_.rewrite_all || options_.sort_by.has_value()) return true;
    if (static_cast<int64_t>(group.size()) >= options_.min_input_files) return true;
    int64_t bytes = 0;
    for (const FileScanTask* task : group) {
      auto deletes = static_cast<int64_t>(task->position_deletes.size() +
                                          task->equality_deletes.size());
      bool has_many = deletes > 0 && deletes >= options_.delete_file_threshold;
      bool is_of_old_spec = task->file->spec_id != table_->metadata()->default_spec_id;
      auto size = static_cast<double>(task->file->file_size_bytes);
      bool is_too_large = size > static_cast<double>(target_bytes_) * kMaxShare;
      if (has_many || is_of_old_spec || is_too_large) return true;
      bytes += task->file->file_size_bytes;
    }
    return group.size() > 1 && bytes > target_bytes_;
  }

  /// Candidates of each partition in manifest order, cut where a group gets too large.
  arrow::Result<std::vector<Tasks>> ChooseGroups() const {
    int64_t max_bytes = order_.fields.empty() ? CompactOptions::kMaxGroupBytes
                                              : CompactOptions::kMaxSortedGroupBytes;
    std::map<std::string, Tasks> partitions;
    for (const FileScanTask& task : plan_->tasks) {
      if (!IsCandidate(task)) continue;
      ARROW_ASSIGN_OR_RAISE(std::string partition, PartitionIdentity(*task.file));
      partitions[partition].push_back(&task);
    }
    std::vector<Tasks> groups;
    for (auto& [partition, tasks] : partitions) {
      Tasks group;
      int64_t bytes = 0;
      for (const FileScanTask* task : tasks) {
        if (bytes > 0 && bytes + task->file->file_size_bytes > max_bytes) {
          if (IsWorthwhile(group)) groups.push_back(group);
          group.clear();
          bytes = 0;
        }
        group.push_back(task);
        bytes += task->file->file_size_bytes;
      }
      if (IsWorthwhile(group)) groups.push_back(std::move(group));
    }
    return groups;
  }

  arrow::Result<std::vector<DataFile>> WriteGroup(const Tasks& group) const {
    TableWriterOptions write;
    write.keeps_row_lineage = table_->metadata()->format_version >= kLineageVersion;
    write.sort_order = order_;
    write.properties[kTargetProperty] = std::to_string(target_bytes_);
    LiveRowsOptions read;
    read.schema = plan_->table_schema;
    read.with_lineage = write.keeps_row_lineage;
    ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(table_, std::move(write)));
    for (const FileScanTask* task : group) {
      ARROW_ASSIGN_OR_RAISE(auto reader, ReadLiveRows(*plan_, *task, read));
      while (true) {
        ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
        if (batch == nullptr) break;
        ARROW_RETURN_NOT_OK(writer->Write(*batch));
      }
    }
    return writer->Close();
  }

  arrow::Status Rewrite(const Tasks& group) {
    int64_t bytes = 0;
    for (const FileScanTask* task : group) bytes += task->file->file_size_bytes;
    auto count = [&] {
      ++report_.counts["groups"];
      report_.counts["rewritten_files"] += static_cast<int64_t>(group.size());
      report_.counts["rewritten_bytes"] += bytes;
    };
    if (options_.dry_run) {
      count();
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(std::vector<DataFile> added, WriteGroup(group));
    // The start of the validation is the version that was planned.
    ReplaceFiles replace(table_, ReplaceFiles::Kind::kReplace);
    for (const FileScanTask* task : group) replace.Delete(*task->file);
    for (const DataFile& file : added) replace.Append(file);
    // Equality deletes of an older partition spec would not find the rows in the new one.
    bool keeps_spec = std::all_of(group.begin(), group.end(), [&](const auto* task) {
      return task->file->spec_id == table_->metadata()->default_spec_id;
    });
    if (keeps_spec && table_->metadata()->format_version > 1) {
      replace.SetSequenceNumber(plan_->snapshot->sequence_number);
    }
    auto committed = replace.Commit();
    bool is_unknown = IsError(committed.status(), ErrorCode::kCommitStateUnknown);
    if (!committed.ok() && !is_unknown) RemoveUncommitted(*table_, added);
    if (IsError(committed.status(), ErrorCode::kCommitConflict)) {
      ++report_.counts["conflicts"];
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(report_.table, std::move(committed));
    count();
    report_.counts["added_files"] += static_cast<int64_t>(added.size());
    for (const DataFile& file : added) {
      report_.counts["added_bytes"] += file.file_size_bytes;
    }
    return arrow::Status::OK();
  }

  TablePtr table_;
  const CompactOptions& options_;
  int64_t target_bytes_ = kDefaultTargetBytes;
  SortOrder order_;
  ScanPlanPtr plan_;
  MaintenanceReport report_;
};

}  // namespace

arrow::Result<MaintenanceReport> CompactFiles(const TablePtr& table,
                                              const CompactOptions& options) {
  return Compaction(table, options).Run();
}

}  // namespace floe::iceberg
