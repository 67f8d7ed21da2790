#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/maintain/report.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {

struct CompactOptions {
  static constexpr int64_t kMinInputFiles = 5;
  static constexpr int64_t kMaxGroupBytes = int64_t{4} << 30;
  /// Of a sorted compaction, whose groups are sorted in memory.
  static constexpr int64_t kMaxSortedGroupBytes = int64_t{512} << 20;

  /// Only files that may hold such rows (unbound).
  PredicatePtr filter = Predicate::True();
  /// nullopt: write.target-file-size-bytes (512 MiB).
  std::optional<int64_t> target_file_bytes;
  /// A group of so many files is worth rewriting, whatever their size.
  int64_t min_input_files = kMinInputFiles;
  /// A file with so many delete files is rewritten, however large it is.
  int64_t delete_file_threshold = 1;
  /// Rewrites every file.
  bool rewrite_all = false;
  /// Rewrites every file, sorted: by these columns; empty: by the table's sort order.
  std::optional<std::vector<SortColumn>> sort_by;
  bool dry_run = false;
  MaintenanceProgress progress;
};

/// Writes the live rows of small files, and of files with deletes, into files of about
/// the target size, partition by partition (Java's rewrite-data-files). Each group of
/// files is a commit of its own; row ids stay (format 3), and so do data sequence
/// numbers, so equality deletes that come meanwhile still apply. A group whose files
/// another writer changed meanwhile is left out and counted as "conflicts".
arrow::Result<MaintenanceReport> CompactFiles(const TablePtr& table,
                                              const CompactOptions& options);

}  // namespace floe::iceberg
