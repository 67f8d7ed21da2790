#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/table/cell_rows.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// A metadata table's columns, and its rows for a snapshot (null: the table has none, or
/// the rows are of no one snapshot).
struct MetadataTableRows {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<CellRow> rows;
};

// metadata_table_rows.cc: what the table metadata alone says.
arrow::Result<MetadataTableRows> SnapshotRows(const Table& table);
arrow::Result<MetadataTableRows> HistoryRows(const Table& table);
arrow::Result<MetadataTableRows> RefRows(const Table& table);
arrow::Result<MetadataTableRows> MetadataLogRows(const Table& table);

// metadata_table_files.cc: what manifest lists and manifests say.

/// Which entries of manifests become rows.
struct EntryChoice {
  bool data = true;
  bool deletes = true;
  /// Rows are entries, deleted ones too; else live files.
  bool as_entries = false;
};

/// `with_snapshot`: a column for the snapshot that lists the manifest.
arrow::Result<MetadataTableRows> ManifestRows(
    const Table& table, const std::vector<const Snapshot*>& snapshots,
    bool with_snapshot);
/// Manifests that several snapshots list are read once.
arrow::Result<MetadataTableRows> EntryRows(const Table& table,
                                           const std::vector<const Snapshot*>& snapshots,
                                           const EntryChoice& choice);
arrow::Result<MetadataTableRows> PartitionRows(
    const Table& table, const std::vector<const Snapshot*>& snapshots);

}  // namespace floe::iceberg
