#pragma once

#include <memory>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// What of a file's live rows a rewrite reads.
struct LiveRowsOptions {
  SchemaPtr schema;  ///< Columns of the table.
  /// Adds the columns of row_lineage.h, filled for every row (format 3).
  bool with_lineage = false;
  /// Adds an int64 column at the end: the row's position in the file.
  bool with_positions = false;
};

/// Reads the rows of `task` that no delete removes, in file order, whether they match the
/// plan's filter or not. One thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadLiveRows(
    const ScanPlan& plan, const FileScanTask& task, const LiveRowsOptions& options);

/// The delete files of `task` that are about its data file alone: its deletion vector and
/// file-scoped position deletes.
std::vector<std::shared_ptr<const DataFile>> OwnDeletes(const FileScanTask& task);

}  // namespace floe::iceberg
