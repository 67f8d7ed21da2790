#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// The ancestors of `newest`, itself first, as far as the table still has them.
std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata,
                                         const Snapshot* newest);

bool IsAncestor(const TableMetadata& metadata, const Snapshot* newest, int64_t ancestor);

/// The snapshots committed after `start` (nullopt: since the table was empty) up to
/// `newest`, newest first. kCommitConflict when `start` is no ancestor the table still
/// has: what happened since cannot be known.
arrow::Result<std::vector<const Snapshot*>> SnapshotsSince(const TableMetadata& metadata,
                                                           const Snapshot* newest,
                                                           std::optional<int64_t> start);

/// Entries of a manifest, deleted ones included, with all metrics.
arrow::Result<std::vector<ManifestEntry>> ReadAllEntries(const Table& table,
                                                         const ManifestFile& manifest);

/// The entries that `snapshot` itself added or deleted.
arrow::Result<std::vector<ManifestEntry>> ChangesOf(const Table& table,
                                                    const Snapshot& snapshot,
                                                    ManifestContent content,
                                                    EntryStatus status);

/// The one data file a position delete file or vector is about, where it says so.
std::optional<std::string> DataFileOfDeletes(const DataFile& deletes);

}  // namespace floe::iceberg
