#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Which version of a table: at most one member is set; none means the current one.
struct SnapshotSelector {
  std::optional<int64_t> snapshot_id;
  std::optional<std::string> ref;   ///< A branch or tag.
  std::optional<int64_t> as_of_ms;  ///< Current at this time, in ms since the epoch.

  static SnapshotSelector Current() { return {}; }
  static SnapshotSelector ById(int64_t id) { return {id, {}, {}}; }
  static SnapshotSelector ByRef(std::string ref) { return {{}, std::move(ref), {}}; }
  static SnapshotSelector AsOf(int64_t ms) { return {{}, {}, ms}; }
};

struct ScanOptions {
  /// Top-level columns, in the order wanted; nullopt: all. Metadata columns
  /// (metadata_columns.h) may be among them.
  std::optional<std::vector<std::string>> columns;
  PredicatePtr filter = Predicate::True();  ///< Unbound.
  SnapshotSelector selector;
  /// Scan drops rows that do not match `filter`; false: only files, row groups and pages
  /// that cannot match are left out.
  bool filter_rows = true;
  /// Scan ends after this many rows.
  std::optional<int64_t> limit;
  int64_t batch_rows = ParquetReadOptions::kBatchRows;
  /// 0: the table context's.
  int threads = 0;
  /// Keep the metrics of these columns (full names) in FileScanTask::file besides those
  /// the filter looks at; nullopt: of all columns.
  std::optional<std::vector<std::string>> metrics_columns = std::vector<std::string>();
};

/// One data file to read, with all that decides what its rows are.
struct FileScanTask {
  std::shared_ptr<const DataFile> file;
  std::shared_ptr<const PartitionSpec> spec;
  int64_t sequence_number = 0;
  /// Values of columns an identity partition fixes, by field id, for files that do not
  /// hold them (spec, "Column Projection").
  std::map<int32_t, Literal> constants;
  /// Position delete files that may hold rows of `file`; or its deletion vector alone,
  /// which holds what they do.
  std::vector<std::shared_ptr<const DataFile>> position_deletes;
  /// Equality delete files that apply to `file`. Rows of a task are read right only where
  /// LoadDeletedRows, or what is built on it, says which are left.
  std::vector<std::shared_ptr<const DataFile>> equality_deletes;
  /// What of the filter is left to check, bound; True when the partition answers it.
  PredicatePtr residual;

  bool has_deletes() const {
    return !position_deletes.empty() || !equality_deletes.empty();
  }
};

/// What planning looked at.
struct ScanCounters {
  int64_t manifests = 0;
  int64_t manifests_skipped = 0;  ///< By partition summaries.
  int64_t files = 0;
  int64_t files_skipped_by_partition = 0;
  int64_t files_skipped_by_metrics = 0;
  int64_t files_kept = 0;
  int64_t bytes_kept = 0;
  int64_t rows_kept = 0;
  int64_t delete_files = 0;
};

/// A planned scan: immutable, and all that is needed to read, whatever happens to the
/// table meanwhile. Tasks are in manifest order, so the same snapshot always plans the
/// same.
struct ScanPlan {
  TablePtr table;
  std::optional<Snapshot> snapshot;  ///< nullopt: the table has no snapshot.
  /// The table schema the scan sees: the snapshot's when a snapshot id, a tag or a time
  /// was given, else the current one (as the Java reference does).
  SchemaPtr table_schema;
  SchemaPtr schema;     ///< Of the columns wanted.
  PredicatePtr filter;  ///< Bound to table_schema.
  std::vector<FileScanTask> tasks;
  ScanCounters counters;
};
using ScanPlanPtr = std::shared_ptr<const ScanPlan>;

/// Chooses the files. kNoSuchSnapshot, kNoSuchColumn, kCorruptData.
arrow::Result<ScanPlanPtr> PlanFiles(const TablePtr& table, const ScanOptions& options);

/// The name mapping of the table's property, or null.
arrow::Result<std::shared_ptr<const NameMapping>> TableNameMapping(
    const TableMetadata& metadata);

/// Positions in the file of the rows that its position deletes or its deletion vector
/// remove, ascending, distinct. Equality deletes are not looked at.
arrow::Result<std::vector<int64_t>> LoadPositionDeletes(const FileIO& io,
                                                        const FileScanTask& task);

/// Positions in the file of the rows that any delete of the task removes, ascending,
/// distinct. Delete files shared by tasks are read once while they are cached.
arrow::Result<std::vector<int64_t>> LoadDeletedRows(const Table& table,
                                                    const FileScanTask& task);

/// The rows of a file of `file_rows` rows that are left without `deleted` (ascending).
std::vector<RowRange> LiveRanges(int64_t file_rows, const std::vector<int64_t>& deleted);

/// Reads the rows of the task's file that no delete removes, whatever its format, as
/// `read` asks; its name mapping, constants and row ranges are set here. One thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadLiveRowsOf(
    const Table& table, const FileScanTask& task, FileReadOptions read);

/// Reads one task's rows as `plan.schema`: deletes applied, residual rows filtered when
/// `filter_rows`. One thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTask(
    const ScanPlan& plan, const FileScanTask& task, const ScanOptions& options);

/// Reads all tasks, files in parallel with bounded readahead, rows in task order. Closing
/// or destroying the reader stops the threads. ReadNext: one thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadPlan(
    ScanPlanPtr plan, const ScanOptions& options);

/// PlanFiles and ReadPlan.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(const TablePtr& table,
                                                              const ScanOptions& options);

}  // namespace floe::iceberg
