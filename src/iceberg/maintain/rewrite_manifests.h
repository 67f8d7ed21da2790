#pragma once

#include <cstdint>
#include <optional>

#include "arrow/result.h"
#include "iceberg/maintain/report.h"

namespace floe::iceberg {

struct RewriteManifestsOptions {
  /// nullopt: commit.manifest.target-size-bytes (8 MiB).
  std::optional<int64_t> target_bytes;
  bool dry_run = false;
  MaintenanceProgress progress;
};

/// Writes the live entries of all manifests anew, ordered by partition, so that a filter
/// on a partition source reads few of them. Files, sequence numbers and row ids stay as
/// they are.
arrow::Result<MaintenanceReport> RewriteManifests(const TablePtr& table,
                                                  const RewriteManifestsOptions& options);

}  // namespace floe::iceberg
