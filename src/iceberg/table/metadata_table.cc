#include "iceberg/table/metadata_table.h"

#include <algorithm>
#include <functional>
#include <map>

#include "arrow/array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/join.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/table/metadata_table_rows.h"
#include "iceberg/table/scan_plan.h"

namespace floe::iceberg {
namespace {

using Snapshots = std::vector<const Snapshot*>;

/// How a metadata table is made.
struct MetadataTable {
  enum class Scope {
    kTable,         ///< Of the metadata file.
    kSnapshot,      ///< Of one snapshot.
    kAllSnapshots,  ///< Of all that the table has.
  };
  Scope scope;
  std::function<arrow::Result<MetadataTableRows>(const Table&, const Snapshots&)> rows;
};

MetadataTable OfTable(arrow::Result<MetadataTableRows> (*rows)(const Table&)) {
  return {MetadataTable::Scope::kTable,
          [rows](const Table& table, const Snapshots&) { return rows(table); }};
}

MetadataTable OfEntries(MetadataTable::Scope scope, EntryChoice choice) {
  return {scope, [choice](const Table& table, const Snapshots& snapshots) {
            return EntryRows(table, snapshots, choice);
          }};
}

MetadataTable OfManifests(MetadataTable::Scope scope) {
  return {scope, [scope](const Table& table, const Snapshots& snapshots) {
            return ManifestRows(table, snapshots,
                                scope == MetadataTable::Scope::kAllSnapshots);
          }};
}

const std::map<std::string, MetadataTable, std::less<>>& Tables() {
  using Scope = MetadataTable::Scope;
  constexpr EntryChoice kFiles{}, kData{.deletes = false}, kDeletes{.data = false},
      kEntries{.as_entries = true};
  static const auto& tables = *new std::map<std::string, MetadataTable, std::less<>>{
      {"snapshots", OfTable(SnapshotRows)},
      {"history", OfTable(HistoryRows)},
      {"refs", OfTable(RefRows)},
      {"metadata_log_entries", OfTable(MetadataLogRows)},
      {"manifests", OfManifests(Scope::kSnapshot)},
      {"files", OfEntries(Scope::kSnapshot, kFiles)},
      {"data_files", OfEntries(Scope::kSnapshot, kData)},
      {"delete_files", OfEntries(Scope::kSnapshot, kDeletes)},
      {"entries", OfEntries(Scope::kSnapshot, kEntries)},
      {"partitions", {Scope::kSnapshot, PartitionRows}},
      {"all_manifests", OfManifests(Scope::kAllSnapshots)},
      {"all_files", OfEntries(Scope::kAllSnapshots, kFiles)},
      {"all_data_files", OfEntries(Scope::kAllSnapshots, kData)},
      {"all_delete_files", OfEntries(Scope::kAllSnapshots, kDeletes)},
      {"all_entries", OfEntries(Scope::kAllSnapshots, kEntries)},
  };
  return tables;
}

arrow::Result<Snapshots> SnapshotsOf(const Table& table, MetadataTable::Scope scope,
                                     const std::string& name,
                                     const SnapshotSelector& selector) {
  const TableMetadata& metadata = *table.metadata();
  Snapshots snapshots;
  if (scope == MetadataTable::Scope::kSnapshot) {
    ARROW_ASSIGN_OR_RAISE(const auto selected, SelectSnapshot(metadata, selector));
    if (selected.first != nullptr) snapshots.push_back(selected.first);
    return snapshots;
  }
  if (selector.snapshot_id || selector.ref || selector.as_of_ms) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' of table '{}' is of all its snapshots; it takes no snapshot, "
                     "ref or time",
                     name, table.name());
  }
  for (const Snapshot& snapshot : metadata.snapshots) snapshots.push_back(&snapshot);
  return snapshots;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> FilterBatch(
    std::shared_ptr<arrow::RecordBatch> batch, const PredicatePtr& filter) {
  if (filter == nullptr || filter->op() == Predicate::Op::kTrue) return batch;
  // Ids are made for the occasion: a filter finds its columns by them.
  ARROW_ASSIGN_OR_RAISE(
      const SchemaPtr schema,
      FromArrowSchema(*batch->schema(), TableMetadata::kFormatVersionMax));
  ARROW_ASSIGN_OR_RAISE(const PredicatePtr bound, Bind(filter, *schema));
  ARROW_ASSIGN_OR_RAISE(const auto arrow_schema, ToArrowSchema(*schema));
  ARROW_ASSIGN_OR_RAISE(
      const auto mask,
      EvaluateRows(*bound, *arrow::RecordBatch::Make(arrow_schema, batch->num_rows(),
                                                     batch->columns())));
  ARROW_ASSIGN_OR_RAISE(const arrow::Datum kept, arrow::compute::Filter(batch, mask));
  return kept.record_batch();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SelectBatch(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::string& name,
    const std::vector<std::string>& columns) {
  std::vector<int> indices;
  for (const std::string& column : columns) {
    const int index = batch->schema()->GetFieldIndex(column);
    if (index < 0) {
      return MakeError(ErrorCode::kNoSuchColumn, "'{}' has no column '{}'; it has {}",
                       name, column, JoinText(batch->schema()->field_names(), ", "));
    }
    indices.push_back(index);
  }
  return batch->SelectColumns(indices);
}

}  // namespace

const std::vector<std::string>& MetadataTableNames() {
  static const auto& names = *new std::vector<std::string>([] {
    std::vector<std::string> all;
    for (const auto& [name, table] : Tables()) all.push_back(name);
    return all;
  }());
  return names;
}

bool IsMetadataTable(std::string_view name) { return Tables().contains(name); }

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ScanMetadataTable(
    const TablePtr& table, const std::string& name, const ScanOptions& options) {
  const auto found = Tables().find(name);
  if (found == Tables().end()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "there is no metadata table '{}'; there are {}", name,
                     JoinText(MetadataTableNames(), ", "));
  }
  ARROW_ASSIGN_OR_RAISE(const Snapshots snapshots,
                        SnapshotsOf(*table, found->second.scope, name, options.selector));
  auto rows = found->second.rows(*table, snapshots);
  if (!rows.ok()) return WithContext(rows.status(), "table", table->name());
  ARROW_ASSIGN_OR_RAISE(auto batch, ToRecordBatch(rows->schema, rows->rows));
  ARROW_ASSIGN_OR_RAISE(batch, FilterBatch(std::move(batch), options.filter));
  if (options.columns) {
    ARROW_ASSIGN_OR_RAISE(batch, SelectBatch(batch, name, *options.columns));
  }
  if (options.limit) batch = batch->Slice(0, std::max<int64_t>(*options.limit, 0));
  return arrow::RecordBatchReader::Make({batch}, batch->schema());
}

arrow::Result<ScanTarget> LoadScanTarget(std::shared_ptr<Catalog> catalog,
                                         const TableIdentifier& identifier) {
  auto table = Table::Load(catalog, identifier);
  if (table.ok()) return ScanTarget{*std::move(table), ""};
  // One level for the namespace must be left.
  if (!IsError(table.status(), ErrorCode::kNoSuchTable) ||
      !IsMetadataTable(identifier.name) || identifier.levels.size() < 2) {
    return table.status();
  }
  TableIdentifier base = identifier;
  base.name = base.levels.back();
  base.levels.pop_back();
  ARROW_ASSIGN_OR_RAISE(auto about, Table::Load(std::move(catalog), base));
  return ScanTarget{std::move(about), identifier.name};
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
    const ScanTarget& target, const ScanOptions& options) {
  if (target.metadata_table.empty()) return Scan(target.table, options);
  return ScanMetadataTable(target.table, target.metadata_table, options);
}

}  // namespace floe::iceberg
