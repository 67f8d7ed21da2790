#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// How rows of a file that keeps others are deleted.
enum class DeleteMode {
  kCopyOnWrite,  ///< The file is written again without them.
  kMergeOnRead,  ///< Position deletes (format 2) or a deletion vector (format 3).
};

struct DeleteRowsOptions {
  /// nullopt: the table's write.delete.mode (copy-on-write where unset).
  std::optional<DeleteMode> mode;
  std::map<std::string, std::string> summary;
};

struct DeleteRowsResult {
  TablePtr table;
  int64_t deleted_rows = 0;
  int64_t removed_files = 0;    ///< Whole files, not looked into where bounds say enough.
  int64_t rewritten_files = 0;  ///< Copy-on-write.
  int64_t delete_files = 0;     ///< Merge-on-read.
};

/// Deletes the rows of the main branch for which `filter` (unbound) is true, in one
/// snapshot; none where there is no such row. Files whose every row matches go as a
/// whole. When another writer was first and it matters, by write.delete.isolation-level,
/// the rows are looked for anew, as commit.retry.num-retries allow.
arrow::Result<DeleteRowsResult> DeleteRows(const TablePtr& table,
                                           const PredicatePtr& filter,
                                           const DeleteRowsOptions& options = {});

}  // namespace floe::iceberg
