#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// What happened to a table after one snapshot, up to and with another.
struct IncrementalScanOptions {
  /// `scan.selector` chooses the last snapshot; all columns are of its schema. `limit`
  /// is not for these scans.
  ScanOptions scan;
  /// Not part of the answer itself; nullopt: since the table was empty. It must be an
  /// ancestor of the last snapshot.
  std::optional<int64_t> from_snapshot_id;
};

/// Plans the files that snapshots of the operation "append" added, whatever became of
/// them (the Java reference's IncrementalAppendScan). kNoSuchSnapshot when
/// `from_snapshot_id` is no ancestor that the table still has.
arrow::Result<ScanPlanPtr> PlanAppends(const TablePtr& table,
                                       const IncrementalScanOptions& options);

/// PlanAppends and ReadPlan.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanAppends(
    const TablePtr& table, const IncrementalScanOptions& options);

/// The columns ScanChanges adds, as Spark's changelog has them.
inline constexpr char kChangeTypeColumn[] = "_change_type";        ///< INSERT or DELETE.
inline constexpr char kChangeOrdinalColumn[] = "_change_ordinal";  ///< int32, from 0.
inline constexpr char kCommitSnapshotColumn[] = "_commit_snapshot_id";  ///< int64.

/// Reads which rows each snapshot inserted and deleted, oldest snapshot first, deletes
/// of any kind included. Snapshots that only rewrote files ("replace") change nothing.
/// Rows that copy-on-write carried from one file into another are deleted from the one
/// and inserted from the other. One thread; kNoSuchSnapshot as PlanAppends;
/// kNotSupported for metadata columns.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanChanges(
    const TablePtr& table, const IncrementalScanOptions& options);

}  // namespace floe::iceberg
