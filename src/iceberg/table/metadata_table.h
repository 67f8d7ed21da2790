#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// The tables about a table, as the Java reference names them and their columns:
/// snapshots, history, refs, metadata_log_entries; of one snapshot manifests, files,
/// data_files, delete_files, entries, partitions; of all snapshots the table has
/// all_manifests, all_files, all_data_files, all_delete_files, all_entries.
const std::vector<std::string>& MetadataTableNames();
bool IsMetadataTable(std::string_view name);

/// Reads a metadata table. Of `options`, columns, filter, selector (of those of one
/// snapshot; nothing else takes one) and limit count. The rows are made at once, in
/// memory. Entries of files are in manifest order. Errors as of Scan; kInvalidArgument
/// names the tables there are.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanMetadataTable(
    const TablePtr& table, const std::string& name, const ScanOptions& options);

/// A table and, where the name given was "table.files" or the like, the metadata table.
struct ScanTarget {
  TablePtr table;
  std::string metadata_table;  ///< "" for the table's own rows.
};

/// Loads what `name` says: a table of that name, else, where its last part is a metadata
/// table's, the table before it. kNoSuchTable as Table::Load.
arrow::Result<ScanTarget> LoadScanTarget(std::shared_ptr<Catalog> catalog,
                                         const TableIdentifier& identifier);

/// Scan or ScanMetadataTable.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(const ScanTarget& target,
                                                              const ScanOptions& options);

}  // namespace floe::iceberg
