#include "iceberg/catalog/rest/rest_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/metadata_json.h"
#include "iceberg/spec/schema_json.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

json Action(const char* action) { return {{"action", action}}; }

/// The version whose JSON holds all that the snapshot has.
int VersionOf(const Snapshot& snapshot) {
  if (snapshot.first_row_id || snapshot.added_rows || snapshot.key_id) return 3;
  return snapshot.sequence_number > 0 ? 2 : 1;
}

struct UpdateWriter {
  arrow::Result<json> operator()(const update::AssignUuid& change) const {
    json value = Action("assign-uuid");
    value["uuid"] = change.uuid;
    return value;
  }
  arrow::Result<json> operator()(const update::UpgradeFormatVersion& change) const {
    json value = Action("upgrade-format-version");
    value["format-version"] = change.format_version;
    return value;
  }
  arrow::Result<json> operator()(const update::AddSchema& change) const {
    json value = Action("add-schema");
    value["schema"] = SchemaToJson(*change.schema);
    // Not needed by newer servers, asked for by older ones.
    value["last-column-id"] = change.schema->highest_field_id();
    return value;
  }
  arrow::Result<json> operator()(const update::SetCurrentSchema& change) const {
    json value = Action("set-current-schema");
    value["schema-id"] = change.schema_id;
    return value;
  }
  arrow::Result<json> operator()(const update::AddSpec& change) const {
    json value = Action("add-spec");
    value["spec"] = PartitionSpecToJson(change.spec);
    return value;
  }
  arrow::Result<json> operator()(const update::SetDefaultSpec& change) const {
    json value = Action("set-default-spec");
    value["spec-id"] = change.spec_id;
    return value;
  }
  arrow::Result<json> operator()(const update::AddSortOrder& change) const {
    json value = Action("add-sort-order");
    value["sort-order"] = SortOrderToJson(change.sort_order);
    return value;
  }
  arrow::Result<json> operator()(const update::SetDefaultSortOrder& change) const {
    json value = Action("set-default-sort-order");
    value["sort-order-id"] = change.sort_order_id;
    return value;
  }
  arrow::Result<json> operator()(const update::AddSnapshot& change) const {
    json value = Action("add-snapshot");
    value["snapshot"] = SnapshotToJson(change.snapshot, VersionOf(change.snapshot));
    return value;
  }
  arrow::Result<json> operator()(const update::SetSnapshotRef& change) const {
    json value = SnapshotRefToJson(change.ref);
    value["action"] = "set-snapshot-ref";
    value["ref-name"] = change.name;
    return value;
  }
  arrow::Result<json> operator()(const update::RemoveSnapshots& change) const {
    json value = Action("remove-snapshots");
    value["snapshot-ids"] = change.snapshot_ids;
    return value;
  }
  arrow::Result<json> operator()(const update::RemoveSnapshotRef& change) const {
    json value = Action("remove-snapshot-ref");
    value["ref-name"] = change.name;
    return value;
  }
  arrow::Result<json> operator()(const update::SetProperties& change) const {
    json value = Action("set-properties");
    value["updates"] = change.updates;
    return value;
  }
  arrow::Result<json> operator()(const update::RemoveProperties& change) const {
    json value = Action("remove-properties");
    value["removals"] = change.removals;
    return value;
  }
  arrow::Result<json> operator()(const update::SetLocation& change) const {
    json value = Action("set-location");
    value["location"] = change.location;
    return value;
  }
  arrow::Result<json> operator()(const update::SetStatistics& change) const {
    json value = Action("set-statistics");
    value["snapshot-id"] = change.snapshot_id;
    ARROW_ASSIGN_OR_RAISE(value["statistics"], ParseJson(change.json, "statistics"));
    return value;
  }
  arrow::Result<json> operator()(const update::RemoveStatistics& change) const {
    json value = Action("remove-statistics");
    value["snapshot-id"] = change.snapshot_id;
    return value;
  }
  arrow::Result<json> operator()(const update::SetPartitionStatistics& change) const {
    json value = Action("set-partition-statistics");
    ARROW_ASSIGN_OR_RAISE(value["partition-statistics"],
                          ParseJson(change.json, "partition statistics"));
    return value;
  }
  arrow::Result<json> operator()(const update::RemovePartitionStatistics& change) const {
    json value = Action("remove-partition-statistics");
    value["snapshot-id"] = change.snapshot_id;
    return value;
  }
  arrow::Result<json> operator()(const update::RemoveSchemas& change) const {
    json value = Action("remove-schemas");
    value["schema-ids"] = change.schema_ids;
    return value;
  }
  arrow::Result<json> operator()(const update::RemovePartitionSpecs& change) const {
    json value = Action("remove-partition-specs");
    value["spec-ids"] = change.spec_ids;
    return value;
  }
};

struct RequirementWriter {
  json operator()(const requirement::AssertCreate&) const {
    return {{"type", "assert-create"}};
  }
  json operator()(const requirement::AssertTableUuid& required) const {
    return {{"type", "assert-table-uuid"}, {"uuid", required.uuid}};
  }
  json operator()(const requirement::AssertRefSnapshotId& required) const {
    json value = {{"type", "assert-ref-snapshot-id"}, {"ref", required.ref}};
    // null says that there is no such ref; it must be said.
    value["snapshot-id"] =
        required.snapshot_id ? json(*required.snapshot_id) : json(nullptr);
    return value;
  }
  json operator()(const requirement::AssertLastAssignedFieldId& required) const {
    return {{"type", "assert-last-assigned-field-id"},
            {"last-assigned-field-id", required.last_assigned_field_id}};
  }
  json operator()(const requirement::AssertCurrentSchemaId& required) const {
    return {{"type", "assert-current-schema-id"},
            {"current-schema-id", required.current_schema_id}};
  }
  json operator()(const requirement::AssertLastAssignedPartitionId& required) const {
    return {{"type", "assert-last-assigned-partition-id"},
            {"last-assigned-partition-id", required.last_assigned_partition_id}};
  }
  json operator()(const requirement::AssertDefaultSpecId& required) const {
    return {{"type", "assert-default-spec-id"},
            {"default-spec-id", required.default_spec_id}};
  }
  json operator()(const requirement::AssertDefaultSortOrderId& required) const {
    return {{"type", "assert-default-sort-order-id"},
            {"default-sort-order-id", required.default_sort_order_id}};
  }
};

}  // namespace

arrow::Result<std::string> JsonText(const json& value, const char* what) {
  if (value.is_string()) return value.get<std::string>();
  return MakeError(ErrorCode::kCorruptData, "{} must be a string, not {}", what,
                   value.type_name());
}

arrow::Result<std::map<std::string, std::string>> JsonTextMap(const json* value,
                                                              const char* what) {
  std::map<std::string, std::string> map;
  if (value == nullptr || value->is_null()) return map;
  if (!value->is_object()) {
    return MakeError(ErrorCode::kCorruptData, "{} must be an object, not {}", what,
                     value->type_name());
  }
  for (const auto& [key, item] : value->items()) {
    if (item.is_null()) continue;
    if (item.is_number() || item.is_boolean()) {
      map[key] = item.dump();
    } else {
      ARROW_ASSIGN_OR_RAISE(map[key], JsonText(item, what));
    }
  }
  return map;
}

arrow::Result<json> TableUpdateToJson(const TableUpdate& change) {
  return std::visit(UpdateWriter(), change);
}

json TableRequirementToJson(const TableRequirement& required) {
  return std::visit(RequirementWriter(), required);
}

json TableIdentifierToJson(const TableIdentifier& table) {
  return {{"namespace", table.levels}, {"name", table.name}};
}

arrow::Result<TableIdentifier> TableIdentifierFromJson(const json& value) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, "identifier"));
  TableIdentifier table;
  ARROW_ASSIGN_OR_RAISE(table.name, object.GetString("name"));
  ARROW_ASSIGN_OR_RAISE(const json* levels, object.GetArray("namespace"));
  for (const json& level : *levels) {
    ARROW_ASSIGN_OR_RAISE(std::string text, JsonText(level, "namespace"));
    table.levels.push_back(std::move(text));
  }
  return table;
}

arrow::Result<json> CommitToJson(const TableIdentifier& table,
                                 const std::vector<TableRequirement>& requirements,
                                 const std::vector<TableUpdate>& updates) {
  json value = {{"identifier", TableIdentifierToJson(table)},
                {"requirements", json::array()},
                {"updates", json::array()}};
  for (const TableRequirement& required : requirements) {
    value["requirements"].push_back(TableRequirementToJson(required));
  }
  for (const TableUpdate& change : updates) {
    ARROW_ASSIGN_OR_RAISE(json item, TableUpdateToJson(change));
    value["updates"].push_back(std::move(item));
  }
  return value;
}

arrow::Result<json> CreateToJson(const std::string& name,
                                 const CreateTableRequest& request) {
  ARROW_ASSIGN_OR_RAISE(const TableMetadata metadata,
                        NewTableMetadata(request, request.location.value_or(""), "", 0));
  json properties = request.properties;
  properties["format-version"] = std::to_string(request.format_version);
  json value = {{"name", name},
                {"schema", SchemaToJson(*metadata.schema())},
                {"partition-spec", PartitionSpecToJson(metadata.default_spec())},
                {"write-order", SortOrderToJson(metadata.sort_orders.front())},
                {"stage-create", false},
                {"properties", std::move(properties)}};
  if (request.location && !request.location->empty()) {
    value["location"] = metadata.location;
  }
  return value;
}

}  // namespace floe::iceberg
