#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "iceberg/maintain/report.h"

namespace floe::iceberg {

struct RemoveOrphansOptions {
  /// Writers make files long before they commit them: younger files stay.
  static constexpr int64_t kMinAgeMs = int64_t{24} * 3600 * 1000;
  static constexpr int64_t kDefaultAgeMs = 3 * kMinAgeMs;

  /// Files older than this, and no younger than kMinAgeMs; nullopt: kDefaultAgeMs ago.
  std::optional<int64_t> older_than_ms;
  /// Takes younger files too, where nobody else writes.
  bool allow_recent = false;
  bool dry_run = false;
  MaintenanceProgress progress;
};

/// Removes files under the table's folders that no snapshot, metadata file or statistics
/// it has refer to. kInvalidArgument when gc.enabled is false, the age is below the
/// floor, or another table lies in the folder.
arrow::Result<MaintenanceReport> RemoveOrphanFiles(const TablePtr& table,
                                                   const RemoveOrphansOptions& options);

}  // namespace floe::iceberg
