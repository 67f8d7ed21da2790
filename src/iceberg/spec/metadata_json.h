#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// Spec Appendix C, JSON of the parts of table metadata, for the parsers of this folder
/// and of the catalogs. `where` names the part in errors, e.g. "snapshots[3]".
arrow::Result<PartitionSpec> PartitionSpecFromJson(const nlohmann::json& value,
                                                   const std::string& where);
nlohmann::json PartitionSpecToJson(const PartitionSpec& spec);
/// The fields alone: what V1 metadata and manifests keep as "partition-spec". Fields
/// without an id get ids in order from PartitionSpec::kFirstFieldId.
arrow::Result<std::vector<PartitionField>> PartitionFieldsFromJson(
    const nlohmann::json& value, const std::string& where);
nlohmann::json PartitionFieldsToJson(const PartitionSpec& spec);

arrow::Result<SortOrder> SortOrderFromJson(const nlohmann::json& value,
                                           const std::string& where);
nlohmann::json SortOrderToJson(const SortOrder& order);

arrow::Result<Snapshot> SnapshotFromJson(const nlohmann::json& value,
                                         const std::string& where, int format_version);
nlohmann::json SnapshotToJson(const Snapshot& snapshot, int format_version);

arrow::Result<SnapshotRef> SnapshotRefFromJson(const nlohmann::json& value,
                                               const std::string& where);
nlohmann::json SnapshotRefToJson(const SnapshotRef& ref);

/// As ParseTableMetadata and TableMetadataToJson, for JSON inside other JSON.
arrow::Result<TableMetadataPtr> TableMetadataFromJson(const nlohmann::json& value);
arrow::Result<nlohmann::json> TableMetadataToJsonValue(const TableMetadata& metadata);

}  // namespace floe::iceberg
