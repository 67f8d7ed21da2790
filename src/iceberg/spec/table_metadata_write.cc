#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/metadata_json.h"
#include "iceberg/spec/schema_json.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

arrow::Status CheckWritable(const TableMetadata& metadata) {
  if (metadata.format_version < 1 ||
      metadata.format_version > TableMetadata::kFormatVersionMax) {
    return MakeError(ErrorCode::kNotSupported,
                     "table metadata of format version {} cannot be written",
                     metadata.format_version);
  }
  ARROW_RETURN_NOT_OK(metadata.SchemaById(metadata.current_schema_id).status());
  return metadata.SpecById(metadata.default_spec_id).status();
}

void AddSchemasAndSpecs(const TableMetadata& metadata, json* value) {
  json schemas = json::array();
  for (const SchemaPtr& schema : metadata.schemas) {
    schemas.push_back(SchemaToJson(*schema));
  }
  json specs = json::array();
  for (const PartitionSpec& spec : metadata.partition_specs) {
    specs.push_back(PartitionSpecToJson(spec));
  }
  json orders = json::array();
  for (const SortOrder& order : metadata.sort_orders) {
    orders.push_back(SortOrderToJson(order));
  }
  (*value)["schemas"] = std::move(schemas);
  (*value)["current-schema-id"] = metadata.current_schema_id;
  (*value)["partition-specs"] = std::move(specs);
  (*value)["default-spec-id"] = metadata.default_spec_id;
  (*value)["last-partition-id"] = metadata.last_partition_id;
  (*value)["sort-orders"] = std::move(orders);
  (*value)["default-sort-order-id"] = metadata.default_sort_order_id;
  if (metadata.format_version == 1) {
    // What readers of the first version look for.
    (*value)["schema"] = SchemaToJson(*metadata.schema());
    (*value)["partition-spec"] = PartitionFieldsToJson(metadata.default_spec());
  }
}

void AddHistory(const TableMetadata& metadata, json* value) {
  json snapshots = json::array();
  for (const Snapshot& snapshot : metadata.snapshots) {
    snapshots.push_back(SnapshotToJson(snapshot, metadata.format_version));
  }
  json snapshot_log = json::array();
  for (const SnapshotLogEntry& entry : metadata.snapshot_log) {
    snapshot_log.push_back(
        {{"timestamp-ms", entry.timestamp_ms}, {"snapshot-id", entry.snapshot_id}});
  }
  json metadata_log = json::array();
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    metadata_log.push_back(
        {{"timestamp-ms", entry.timestamp_ms}, {"metadata-file", entry.metadata_file}});
  }
  json refs = json::object();
  for (const auto& [name, ref] : metadata.refs) refs[name] = SnapshotRefToJson(ref);
  if (metadata.current_snapshot_id) {
    (*value)["current-snapshot-id"] = *metadata.current_snapshot_id;
  }
  (*value)["refs"] = std::move(refs);
  (*value)["snapshots"] = std::move(snapshots);
  (*value)["snapshot-log"] = std::move(snapshot_log);
  (*value)["metadata-log"] = std::move(metadata_log);
}

arrow::Status AddKeptText(const std::string& text, const char* key, json* value) {
  if (text.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE((*value)[key], ParseJson(text, key));
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<json> TableMetadataToJsonValue(const TableMetadata& metadata) {
  ARROW_RETURN_NOT_OK(CheckWritable(metadata));
  json value = {{"format-version", metadata.format_version},
                {"location", metadata.location},
                {"last-updated-ms", metadata.last_updated_ms},
                {"last-column-id", metadata.last_column_id},
                {"properties", metadata.properties}};
  if (!metadata.table_uuid.empty()) value["table-uuid"] = metadata.table_uuid;
  if (metadata.format_version > 1) {
    value["last-sequence-number"] = metadata.last_sequence_number;
  }
  if (metadata.format_version >= 3) value["next-row-id"] = metadata.next_row_id;
  AddSchemasAndSpecs(metadata, &value);
  AddHistory(metadata, &value);
  ARROW_RETURN_NOT_OK(AddKeptText(metadata.statistics_json, "statistics", &value));
  ARROW_RETURN_NOT_OK(
      AddKeptText(metadata.partition_statistics_json, "partition-statistics", &value));
  ARROW_RETURN_NOT_OK(
      AddKeptText(metadata.encryption_keys_json, "encryption-keys", &value));
  return value;
}

arrow::Result<std::string> TableMetadataToJson(const TableMetadata& metadata) {
  ARROW_ASSIGN_OR_RAISE(const json value, TableMetadataToJsonValue(metadata));
  return DumpJson(value, "table metadata");
}

}  // namespace floe::iceberg
