#include "iceberg/spec/metadata_json.h"

#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

/// "source-id", or the only one of V3's "source-ids".
arrow::Result<int32_t> SourceIdFromJson(const JsonObject& object) {
  if (object.Has("source-id")) return object.GetInt("source-id");
  ARROW_ASSIGN_OR_RAISE(const auto ids, object.FindIntList("source-ids"));
  if (ids.size() == 1) return ids[0];
  if (ids.empty()) {
    return MakeError(ErrorCode::kCorruptData, "{} has no \"source-id\"", object.where());
  }
  return MakeError(ErrorCode::kNotSupported,
                   "{}: transforms of several columns are not supported", object.where());
}

arrow::Result<Transform> TransformFromJson(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, object.GetString("transform"));
  auto transform = Transform::FromString(text);
  if (!transform.ok()) {
    return MakeError(ErrorCode::kCorruptData, "{}: {}", object.where(),
                     ErrorText(transform.status()));
  }
  return transform;
}

arrow::Result<std::string> OneOf(const JsonObject& object, const char* key,
                                 std::string_view first, std::string_view second) {
  ARROW_ASSIGN_OR_RAISE(std::string text, object.GetString(key));
  if (text == first || text == second) return text;
  return MakeError(ErrorCode::kCorruptData, "\"{}\" of {} must be {} or {}, not '{}'",
                   key, object.where(), first, second, text);
}

}  // namespace

arrow::Result<std::vector<PartitionField>> PartitionFieldsFromJson(
    const json& value, const std::string& where) {
  if (!value.is_array()) {
    return MakeError(ErrorCode::kCorruptData, "{} must be an array of partition fields",
                     where);
  }
  std::vector<PartitionField> fields;
  fields.reserve(value.size());
  size_t ids_given = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        const JsonObject object,
        JsonObject::Make(value[i], fmt::format("{}.fields[{}]", where, i)));
    PartitionField field;
    ARROW_ASSIGN_OR_RAISE(field.source_id, SourceIdFromJson(object));
    ARROW_ASSIGN_OR_RAISE(field.name, object.GetString("name"));
    ARROW_ASSIGN_OR_RAISE(field.transform, TransformFromJson(object));
    ARROW_ASSIGN_OR_RAISE(const auto id, object.FindInt("field-id"));
    ids_given += id.has_value() ? 1 : 0;
    field.field_id = id.value_or(PartitionSpec::kFirstFieldId + static_cast<int32_t>(i));
    fields.push_back(std::move(field));
  }
  if (ids_given != 0 && ids_given != fields.size()) {
    return MakeError(ErrorCode::kCorruptData,
                     "{}: some partition fields have a \"field-id\" and some have none",
                     where);
  }
  return fields;
}

arrow::Result<PartitionSpec> PartitionSpecFromJson(const json& value,
                                                   const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  PartitionSpec spec;
  ARROW_ASSIGN_OR_RAISE(spec.spec_id, object.GetInt("spec-id"));
  ARROW_ASSIGN_OR_RAISE(const json* fields, object.Get("fields"));
  ARROW_ASSIGN_OR_RAISE(spec.fields, PartitionFieldsFromJson(*fields, where));
  return spec;
}

json PartitionFieldsToJson(const PartitionSpec& spec) {
  json fields = json::array();
  for (const PartitionField& field : spec.fields) {
    fields.push_back({{"source-id", field.source_id},
                      {"field-id", field.field_id},
                      {"name", field.name},
                      {"transform", field.transform.ToString()}});
  }
  return fields;
}

json PartitionSpecToJson(const PartitionSpec& spec) {
  return {{"spec-id", spec.spec_id}, {"fields", PartitionFieldsToJson(spec)}};
}

arrow::Result<SortOrder> SortOrderFromJson(const json& value, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  SortOrder order;
  ARROW_ASSIGN_OR_RAISE(order.order_id, object.GetInt("order-id"));
  ARROW_ASSIGN_OR_RAISE(const json* fields, object.GetArray("fields"));
  for (size_t i = 0; i < fields->size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        const JsonObject item,
        JsonObject::Make((*fields)[i], fmt::format("{}.fields[{}]", where, i)));
    SortField field;
    ARROW_ASSIGN_OR_RAISE(field.source_id, SourceIdFromJson(item));
    ARROW_ASSIGN_OR_RAISE(field.transform, TransformFromJson(item));
    ARROW_ASSIGN_OR_RAISE(const std::string direction,
                          OneOf(item, "direction", "asc", "desc"));
    ARROW_ASSIGN_OR_RAISE(const std::string nulls,
                          OneOf(item, "null-order", "nulls-first", "nulls-last"));
    field.direction =
        direction == "asc" ? SortDirection::kAscending : SortDirection::kDescending;
    field.null_order =
        nulls == "nulls-first" ? NullOrder::kNullsFirst : NullOrder::kNullsLast;
    order.fields.push_back(std::move(field));
  }
  return order;
}

json SortOrderToJson(const SortOrder& order) {
  json fields = json::array();
  for (const SortField& field : order.fields) {
    const bool ascending = field.direction == SortDirection::kAscending;
    const bool nulls_first = field.null_order == NullOrder::kNullsFirst;
    fields.push_back({{"transform", field.transform.ToString()},
                      {"source-id", field.source_id},
                      {"direction", ascending ? "asc" : "desc"},
                      {"null-order", nulls_first ? "nulls-first" : "nulls-last"}});
  }
  return {{"order-id", order.order_id}, {"fields", std::move(fields)}};
}

arrow::Result<Snapshot> SnapshotFromJson(const json& value, const std::string& where,
                                         int format_version) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  Snapshot snapshot;
  ARROW_ASSIGN_OR_RAISE(snapshot.snapshot_id, object.GetLong("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.parent_snapshot_id,
                        object.FindLong("parent-snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(const auto sequence_number, object.FindLong("sequence-number"));
  snapshot.sequence_number = sequence_number.value_or(0);
  ARROW_ASSIGN_OR_RAISE(snapshot.timestamp_ms, object.GetLong("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(auto manifest_list, object.FindString("manifest-list"));
  ARROW_ASSIGN_OR_RAISE(const json* manifests, object.FindArray("manifests"));
  if (manifest_list) {
    snapshot.manifest_list = *std::move(manifest_list);
  } else if (format_version > 1 || manifests == nullptr) {
    return MakeError(ErrorCode::kCorruptData, "{} has no \"manifest-list\"", where);
  } else {
    for (const json& location : *manifests) {
      if (!location.is_string()) {
        return MakeError(ErrorCode::kCorruptData,
                         "\"manifests\" of {} must be an array of locations", where);
      }
      snapshot.manifests.push_back(location.get<std::string>());
    }
  }
  if (const json* summary = object.Find("summary")) {
    ARROW_RETURN_NOT_OK(JsonObject::Make(*summary, where + ".summary").status());
    for (const auto& [key, item] : summary->items()) {
      if (!item.is_string()) {
        return MakeError(ErrorCode::kCorruptData, "\"{}\" of {}.summary must be a string",
                         key, where);
      }
      snapshot.summary[key] = item.get<std::string>();
    }
  }
  ARROW_ASSIGN_OR_RAISE(snapshot.schema_id, object.FindInt("schema-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.first_row_id, object.FindLong("first-row-id"));
  ARROW_ASSIGN_OR_RAISE(snapshot.added_rows, object.FindLong("added-rows"));
  ARROW_ASSIGN_OR_RAISE(snapshot.key_id, object.FindString("key-id"));
  return snapshot;
}

json SnapshotToJson(const Snapshot& snapshot, int format_version) {
  json value = {{"snapshot-id", snapshot.snapshot_id},
                {"timestamp-ms", snapshot.timestamp_ms}};
  if (snapshot.parent_snapshot_id) {
    value["parent-snapshot-id"] = *snapshot.parent_snapshot_id;
  }
  if (format_version > 1) value["sequence-number"] = snapshot.sequence_number;
  if (!snapshot.manifest_list.empty()) {
    value["manifest-list"] = snapshot.manifest_list;
  } else {
    value["manifests"] = snapshot.manifests;
  }
  if (!snapshot.summary.empty()) value["summary"] = snapshot.summary;
  if (snapshot.schema_id) value["schema-id"] = *snapshot.schema_id;
  if (format_version >= 3) {
    if (snapshot.first_row_id) value["first-row-id"] = *snapshot.first_row_id;
    if (snapshot.added_rows) value["added-rows"] = *snapshot.added_rows;
    if (snapshot.key_id) value["key-id"] = *snapshot.key_id;
  }
  return value;
}

arrow::Result<SnapshotRef> SnapshotRefFromJson(const json& value,
                                               const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  SnapshotRef ref;
  ARROW_ASSIGN_OR_RAISE(ref.snapshot_id, object.GetLong("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(std::string type, object.GetString("type"));
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (type != "branch" && type != "tag") {
    return MakeError(ErrorCode::kCorruptData,
                     "\"type\" of {} must be branch or tag, not '{}'", where, type);
  }
  ref.type = type == "tag" ? RefType::kTag : RefType::kBranch;
  ARROW_ASSIGN_OR_RAISE(ref.min_snapshots_to_keep,
                        object.FindInt("min-snapshots-to-keep"));
  ARROW_ASSIGN_OR_RAISE(ref.max_snapshot_age_ms, object.FindLong("max-snapshot-age-ms"));
  ARROW_ASSIGN_OR_RAISE(ref.max_ref_age_ms, object.FindLong("max-ref-age-ms"));
  return ref;
}

json SnapshotRefToJson(const SnapshotRef& ref) {
  json value = {{"snapshot-id", ref.snapshot_id},
                {"type", ref.type == RefType::kTag ? "tag" : "branch"}};
  if (ref.min_snapshots_to_keep) {
    value["min-snapshots-to-keep"] = *ref.min_snapshots_to_keep;
  }
  if (ref.max_snapshot_age_ms) value["max-snapshot-age-ms"] = *ref.max_snapshot_age_ms;
  if (ref.max_ref_age_ms) value["max-ref-age-ms"] = *ref.max_ref_age_ms;
  return value;
}

}  // namespace floe::iceberg
