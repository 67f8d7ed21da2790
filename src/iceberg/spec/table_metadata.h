#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"
#include "iceberg/spec/snapshot.h"

namespace floe::iceberg {

struct SnapshotLogEntry {
  int64_t timestamp_ms = 0;
  int64_t snapshot_id = 0;
};

struct MetadataLogEntry {
  int64_t timestamp_ms = 0;
  std::string metadata_file;
};

/// A table's metadata (spec, "Table Metadata"), V1 to V3. Plain data: shared as const
/// once built; a change makes a copy.
struct TableMetadata {
  static constexpr int kFormatVersionMax = 3;

  int format_version = 2;
  std::string table_uuid;
  std::string location;
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<SchemaPtr> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpec> partition_specs;
  int32_t default_spec_id = 0;
  int32_t last_partition_id = PartitionSpec::kFirstFieldId - 1;
  std::map<std::string, std::string> properties;
  std::optional<int64_t> current_snapshot_id;
  std::vector<Snapshot> snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::vector<SortOrder> sort_orders;
  int32_t default_sort_order_id = 0;
  std::map<std::string, SnapshotRef> refs;
  int64_t next_row_id = 0;
  /// "statistics", "partition-statistics" and "encryption-keys", kept as JSON text and
  /// written back; "" where there are none.
  std::string statistics_json;
  std::string partition_statistics_json;
  std::string encryption_keys_json;

  /// The current schema; never null in parsed metadata.
  const SchemaPtr& schema() const;
  arrow::Result<SchemaPtr> SchemaById(int32_t schema_id) const;
  arrow::Result<const PartitionSpec*> SpecById(int32_t spec_id) const;
  const PartitionSpec& default_spec() const;
  /// nullptr when the table has no snapshot yet.
  const Snapshot* current_snapshot() const;
  /// kNoSuchSnapshot names the table location and the snapshots there are.
  arrow::Result<const Snapshot*> SnapshotById(int64_t snapshot_id) const;
  arrow::Result<const Snapshot*> SnapshotByRef(std::string_view ref) const;
  /// The snapshot that was current at `timestamp_ms`, by the snapshot log.
  arrow::Result<const Snapshot*> SnapshotAsOf(int64_t timestamp_ms) const;
  std::string Property(std::string_view key, std::string_view default_value) const;
};

using TableMetadataPtr = std::shared_ptr<const TableMetadata>;

/// Parses metadata.json bytes, gzip-compressed or not. kCorruptData names the field and
/// what is wrong with it; kNotSupported for a format version above kFormatVersionMax.
arrow::Result<TableMetadataPtr> ParseTableMetadata(std::string_view bytes);
/// JSON text of `metadata` for its format version.
arrow::Result<std::string> TableMetadataToJson(const TableMetadata& metadata);

}  // namespace floe::iceberg
