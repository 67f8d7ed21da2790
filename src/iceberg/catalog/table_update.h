#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// The changes a commit is made of: the REST catalog specification's TableUpdate.
namespace update {

struct AssignUuid {
  std::string uuid;
};
struct UpgradeFormatVersion {
  int format_version = 2;
};
/// Gets the id of an equal schema the table has, or a new one.
struct AddSchema {
  SchemaPtr schema;
};
struct SetCurrentSchema {
  static constexpr int32_t kLastAdded = -1;
  int32_t schema_id = kLastAdded;
};
/// Gets the id of an equivalent spec the table has, or a new one.
struct AddSpec {
  PartitionSpec spec;
};
struct SetDefaultSpec {
  static constexpr int32_t kLastAdded = -1;
  int32_t spec_id = kLastAdded;
};
struct AddSortOrder {
  SortOrder sort_order;
};
struct SetDefaultSortOrder {
  static constexpr int32_t kLastAdded = -1;
  int32_t sort_order_id = kLastAdded;
};
struct AddSnapshot {
  Snapshot snapshot;
};
struct SetSnapshotRef {
  std::string name;
  SnapshotRef ref;
};
struct RemoveSnapshots {
  std::vector<int64_t> snapshot_ids;
};
struct RemoveSnapshotRef {
  std::string name;
};
struct SetProperties {
  std::map<std::string, std::string> updates;
};
struct RemoveProperties {
  std::vector<std::string> removals;
};
struct SetLocation {
  std::string location;
};
/// A statistics file of a snapshot, in place of the one it had: the specification's
/// "Table Statistics" or "Partition Statistics" object as JSON text.
struct SetStatistics {
  int64_t snapshot_id = 0;
  std::string json;
};
struct RemoveStatistics {
  int64_t snapshot_id = 0;
};
struct SetPartitionStatistics {
  int64_t snapshot_id = 0;
  std::string json;
};
struct RemovePartitionStatistics {
  int64_t snapshot_id = 0;
};
/// Neither the current one nor one that a snapshot names.
struct RemoveSchemas {
  std::vector<int32_t> schema_ids;
};
/// Not the default one; the caller knows that no manifest uses them.
struct RemovePartitionSpecs {
  std::vector<int32_t> spec_ids;
};

}  // namespace update

using TableUpdate =
    std::variant<update::AssignUuid, update::UpgradeFormatVersion, update::AddSchema,
                 update::SetCurrentSchema, update::AddSpec, update::SetDefaultSpec,
                 update::AddSortOrder, update::SetDefaultSortOrder, update::AddSnapshot,
                 update::SetSnapshotRef, update::RemoveSnapshots,
                 update::RemoveSnapshotRef, update::SetProperties,
                 update::RemoveProperties, update::SetLocation, update::SetStatistics,
                 update::RemoveStatistics, update::SetPartitionStatistics,
                 update::RemovePartitionStatistics, update::RemoveSchemas,
                 update::RemovePartitionSpecs>;

/// What must hold of the table for a commit to apply: the REST catalog specification's
/// TableRequirement.
namespace requirement {

struct AssertCreate {};
struct AssertTableUuid {
  std::string uuid;
};
struct AssertRefSnapshotId {
  std::string ref;
  /// Absent: the ref must not exist.
  std::optional<int64_t> snapshot_id;
};
struct AssertLastAssignedFieldId {
  int32_t last_assigned_field_id = 0;
};
struct AssertCurrentSchemaId {
  int32_t current_schema_id = 0;
};
struct AssertLastAssignedPartitionId {
  int32_t last_assigned_partition_id = 0;
};
struct AssertDefaultSpecId {
  int32_t default_spec_id = 0;
};
struct AssertDefaultSortOrderId {
  int32_t default_sort_order_id = 0;
};

}  // namespace requirement

using TableRequirement =
    std::variant<requirement::AssertCreate, requirement::AssertTableUuid,
                 requirement::AssertRefSnapshotId, requirement::AssertLastAssignedFieldId,
                 requirement::AssertCurrentSchemaId,
                 requirement::AssertLastAssignedPartitionId,
                 requirement::AssertDefaultSpecId, requirement::AssertDefaultSortOrderId>;

struct CreateTableRequest;

/// The metadata of a table that does not exist yet. kInvalidArgument names what is wrong
/// with the request.
arrow::Result<TableMetadata> NewTableMetadata(const CreateTableRequest& request,
                                              const std::string& location,
                                              const std::string& uuid, int64_t now_ms);

/// What ApplyUpdates adds to `base`: the id of an equal schema or order it has, or the
/// next; the equal spec, or `spec` with the ids of it and its fields. Updates that may go
/// to a REST server carry these, since servers take the ids they are given.
int32_t AddedSchemaId(const TableMetadata& base, const Schema& schema);
arrow::Result<PartitionSpec> AddedSpec(const TableMetadata& base, PartitionSpec spec);
int32_t AddedSortOrderId(const TableMetadata& base, const SortOrder& order);

/// `base` with `updates` applied in order: checks each, keeps ids, the snapshot log, the
/// metadata log (bounded by write.metadata.previous-versions-max) and the sequence
/// number. `base_location` is the file `base` came from. kInvalidArgument names the
/// update that does not fit; kCommitConflict a snapshot whose numbers another commit
/// took.
arrow::Result<TableMetadata> ApplyUpdates(const TableMetadata& base,
                                          const std::string& base_location,
                                          const std::vector<TableUpdate>& updates,
                                          int64_t now_ms);

/// kCommitConflict names the requirement that does not hold. `base` is null when the
/// table does not exist.
arrow::Status CheckRequirements(const TableMetadata* base,
                                const std::vector<TableRequirement>& requirements);

}  // namespace floe::iceberg
