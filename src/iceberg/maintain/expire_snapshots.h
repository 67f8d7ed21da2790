#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "iceberg/maintain/report.h"

namespace floe::iceberg {

struct ExpireSnapshotsOptions {
  /// Snapshots older than this go; nullopt: than history.expire.max-snapshot-age-ms (5
  /// days) ago.
  std::optional<int64_t> older_than_ms;
  /// Of each branch as many stay; nullopt: history.expire.min-snapshots-to-keep (1).
  std::optional<int32_t> retain_last;
  /// These go whatever their age. A ref's own snapshot is kInvalidArgument.
  std::vector<int64_t> snapshot_ids;
  /// Removes the files that expired snapshots alone used.
  bool remove_files = true;
  bool dry_run = false;
  MaintenanceProgress progress;
};

/// Forgets snapshots, and branches and tags past their max-ref-age-ms, as the Java
/// reference's ExpireSnapshots does: branches keep what their own settings say; a
/// snapshot of no branch goes by age. kInvalidArgument when gc.enabled is false.
arrow::Result<MaintenanceReport> ExpireSnapshots(const TablePtr& table,
                                                 const ExpireSnapshotsOptions& options);

}  // namespace floe::iceberg
