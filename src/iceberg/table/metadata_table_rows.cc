#include "iceberg/table/metadata_table_rows.h"

#include <algorithm>
#include <set>

#include "arrow/type.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

std::shared_ptr<arrow::DataType> Time() {
  return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
}

Cell TimeCell(int64_t milliseconds) { return milliseconds * kMicrosPerMilli; }

}  // namespace

arrow::Result<MetadataTableRows> SnapshotRows(const Table& table) {
  MetadataTableRows answer;
  answer.schema =
      arrow::schema({arrow::field("committed_at", Time(), false),
                     arrow::field("snapshot_id", arrow::int64(), false),
                     arrow::field("parent_id", arrow::int64()),
                     arrow::field("operation", arrow::utf8()),
                     arrow::field("manifest_list", arrow::utf8()),
                     arrow::field("summary", arrow::map(arrow::utf8(), arrow::utf8()))});
  for (const Snapshot& snapshot : table.metadata()->snapshots) {
    Cell::Parts summary;
    for (const auto& [key, value] : snapshot.summary) {
      // A column of its own, as in the Java reference.
      if (key != "operation") summary.push_back(Cell::Parts{key, value});
    }
    Cell operation, manifest_list;
    if (!snapshot.operation().empty()) operation = snapshot.operation();
    if (!snapshot.manifest_list.empty()) manifest_list = snapshot.manifest_list;
    answer.rows.push_back({TimeCell(snapshot.timestamp_ms), snapshot.snapshot_id,
                           snapshot.parent_snapshot_id, std::move(operation),
                           std::move(manifest_list), std::move(summary)});
  }
  return answer;
}

arrow::Result<MetadataTableRows> HistoryRows(const Table& table) {
  MetadataTableRows answer;
  answer.schema =
      arrow::schema({arrow::field("made_current_at", Time(), false),
                     arrow::field("snapshot_id", arrow::int64(), false),
                     arrow::field("parent_id", arrow::int64()),
                     arrow::field("is_current_ancestor", arrow::boolean(), false)});
  const TableMetadata& metadata = *table.metadata();
  std::set<int64_t> ancestors;
  for (const Snapshot* snapshot : AncestorsOf(metadata, metadata.current_snapshot())) {
    ancestors.insert(snapshot->snapshot_id);
  }
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    Cell parent;
    const auto snapshot = metadata.SnapshotById(entry.snapshot_id);
    if (snapshot.ok()) parent = Cell((*snapshot)->parent_snapshot_id);
    answer.rows.push_back({TimeCell(entry.timestamp_ms), entry.snapshot_id,
                           std::move(parent), ancestors.contains(entry.snapshot_id)});
  }
  return answer;
}

arrow::Result<MetadataTableRows> RefRows(const Table& table) {
  MetadataTableRows answer;
  answer.schema = arrow::schema({arrow::field("name", arrow::utf8(), false),
                                 arrow::field("type", arrow::utf8(), false),
                                 arrow::field("snapshot_id", arrow::int64(), false),
                                 arrow::field("max_reference_age_in_ms", arrow::int64()),
                                 arrow::field("min_snapshots_to_keep", arrow::int32()),
                                 arrow::field("max_snapshot_age_in_ms", arrow::int64())});
  for (const auto& [name, ref] : table.metadata()->refs) {
    answer.rows.push_back({name, ref.type == RefType::kTag ? "TAG" : "BRANCH",
                           ref.snapshot_id, ref.max_ref_age_ms, ref.min_snapshots_to_keep,
                           ref.max_snapshot_age_ms});
  }
  return answer;
}

arrow::Result<MetadataTableRows> MetadataLogRows(const Table& table) {
  MetadataTableRows answer;
  answer.schema = arrow::schema({arrow::field("timestamp", Time(), false),
                                 arrow::field("file", arrow::utf8(), false),
                                 arrow::field("latest_snapshot_id", arrow::int64()),
                                 arrow::field("latest_schema_id", arrow::int32()),
                                 arrow::field("latest_sequence_number", arrow::int64())});
  const TableMetadata& metadata = *table.metadata();
  std::vector<MetadataLogEntry> log = metadata.metadata_log;
  log.push_back({metadata.last_updated_ms, table.metadata_location()});
  for (const MetadataLogEntry& entry : log) {
    Cell snapshot_id, schema_id, sequence_number;
    // Nothing was current before the first commit, and expired snapshots are unknown.
    if (const auto snapshot = metadata.SnapshotAsOf(entry.timestamp_ms); snapshot.ok()) {
      snapshot_id = (*snapshot)->snapshot_id;
      schema_id = Cell((*snapshot)->schema_id);
      sequence_number = (*snapshot)->sequence_number;
    }
    answer.rows.push_back({TimeCell(entry.timestamp_ms), entry.metadata_file,
                           std::move(snapshot_id), std::move(schema_id),
                           std::move(sequence_number)});
  }
  return answer;
}

}  // namespace floe::iceberg
