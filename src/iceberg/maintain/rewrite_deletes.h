#pragma once

#include <cstdint>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/maintain/report.h"

namespace floe::iceberg {

struct RewriteDeletesOptions {
  PredicatePtr filter = Predicate::True();  ///< Only data files that may match.
  /// Data files with so many delete files get one.
  int64_t min_delete_files = 2;
  bool dry_run = false;
  MaintenanceProgress progress;
};

/// Gives each data file one delete file (format 2) or deletion vector (format 3) in place
/// of the several that apply to it; what equality deletes remove is named by position,
/// too. Delete files that apply to nothing any more are removed. One commit.
arrow::Result<MaintenanceReport> RewriteDeletes(const TablePtr& table,
                                                const RewriteDeletesOptions& options);

}  // namespace floe::iceberg
