#pragma once

#include <utility>
#include <vector>

#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

// The parts of PlanFiles, for scans that look at several snapshots.

/// The snapshot (null: none yet) and the schema that a scan of it sees.
arrow::Result<std::pair<const Snapshot*, SchemaPtr>> SelectSnapshot(
    const TableMetadata& metadata, const SnapshotSelector& selector);

/// As PlanFiles, of `snapshot` (null: an empty table) seen by `schema`;
/// `options.selector` is not looked at.
arrow::Result<ScanPlanPtr> PlanSnapshot(const TablePtr& table, const Snapshot* snapshot,
                                        const SchemaPtr& schema,
                                        const ScanOptions& options);

/// Plans the data files that `snapshots` added, without deletes.
arrow::Result<ScanPlanPtr> PlanAddedFiles(const TablePtr& table,
                                          const std::vector<const Snapshot*>& snapshots,
                                          const SchemaPtr& schema,
                                          const ScanOptions& options);

}  // namespace floe::iceberg
