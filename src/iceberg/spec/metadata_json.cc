#include "iceberg/spec/metadata_json.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

/// The columns a transform is of: "source-id", or V3's "source-ids".
arrow::Result<std::vector<int32_t>> SourceIdsFromJson(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(auto ids, object.FindIntList("source-ids"));
  if (ids.empty()) {
    if (!object.Has("source-id")) {
      return MakeError(ErrorCode::kCorruptData, "{} has no \"source-id\"",
                       object.where());
    }
    ARROW_ASSIGN_OR_RAISE(ids.emplace_back(), object.GetInt("source-id"));
  }
  return ids;
}

/// A transform of several columns is none that this version applies: it is held as an
/// unknown one, whose text ends with the columns' ids, and written back as it was read.
std::string TextWithSources(const std::string& transform,
                            const std::vector<int32_t>& source_ids) {
  std::string text = transform + "(";
  for (const int32_t id : source_ids) {
    if (text.back() != '(') text += ",";
    text += std::to_string(id);
  }
  return text + ")";
}

arrow::Result<Transform> TransformFromJson(const JsonObject& object,
                                           const std::vector<int32_t>& source_ids) {
  ARROW_ASSIGN_OR_RAISE(std::string text, object.GetString("transform"));
  if (source_ids.size() > 1) text = TextWithSources(text, source_ids);
  auto transform = Transform::FromString(text);
  if (!transform.ok()) {
    return MakeError(ErrorCode::kCorruptData, "{}: {}", object.where(),
                     ErrorText(transform.status()));
  }
  return transform;
}

/// Sets "transform" and "source-id" or "source-ids" of `value`.
void SetTransform(const Transform& transform, int32_t source_id, json* value) {
  const std::string& text = transform.ToString();
  (*value)["transform"] = text;
  const size_t open = text.rfind('(');
  if (transform.kind() != Transform::Kind::kUnknown || !text.ends_with(')') ||
      open == std::string::npos) {
    (*value)["source-id"] = source_id;
    return;
  }
  std::vector<int32_t> ids;
  std::string_view list(text);
  list = list.substr(open + 1, text.size() - open - 2);
  while (!list.empty()) {
    int32_t id = 0;
    const auto parsed = std::from_chars(list.data(), list.data() + list.size(), id);
    if (parsed.ec != std::errc()) break;
    ids.push_back(id);
    list.remove_prefix(static_cast<size_t>(parsed.ptr - list.data()));
    if (list.starts_with(',')) list.remove_prefix(1);
  }
  if (ids.size() < 2 || !list.empty()) {
    (*value)["source-id"] = source_id;
    return;
  }
  (*value)["transform"] = text.substr(0, open);
  (*value)["source-ids"] = ids;
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
    ARROW_ASSIGN_OR_RAISE(const auto source_ids, SourceIdsFromJson(object));
    field.source_id = source_ids.front();
    ARROW_ASSIGN_OR_RAISE(field.name, object.GetString("name"));
    ARROW_ASSIGN_OR_RAISE(field.transform, TransformFromJson(object, source_ids));
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
    json value = {{"field-id", field.field_id}, {"name", field.name}};
    SetTransform(field.transform, field.source_id, &value);
    fields.push_back(std::move(value));
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
    ARROW_ASSIGN_OR_RAISE(const auto source_ids, SourceIdsFromJson(item));
    field.source_id = source_ids.front();
    ARROW_ASSIGN_OR_RAISE(field.transform, TransformFromJson(item, source_ids));
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
    json value = {{"direction", ascending ? "asc" : "desc"},
                  {"null-order", nulls_first ? "nulls-first" : "nulls-last"}};
    SetTransform(field.transform, field.source_id, &value);
    fields.push_back(std::move(value));
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
