#pragma once

#include <map>
#include <string>

#include "arrow/result.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/table.h"

namespace arrow {
class RecordBatchReader;
}  // namespace arrow

namespace floe::iceberg {

/// Replaces all rows of a table by those of `reader`, and its columns by theirs
/// (MatchColumns), in one commit: readers see the old table or the new one. The snapshots
/// before stay, with their schemas. Rows that others add meanwhile are replaced too; a
/// schema changed meanwhile is kCommitConflict. On failure the table is unchanged and the
/// files are removed (kept on kCommitStateUnknown).
arrow::Result<TablePtr> ReplaceRows(
    const TablePtr& table, arrow::RecordBatchReader& reader,
    const TableWriterOptions& options = {},
    const std::map<std::string, std::string>& summary = {});

}  // namespace floe::iceberg
