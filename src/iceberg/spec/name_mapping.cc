#include "iceberg/spec/name_mapping.h"

#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

arrow::Result<std::vector<MappedField>> FieldsFromJson(const json& value,
                                                       const std::string& where) {
  if (!value.is_array()) {
    return MakeError(ErrorCode::kCorruptData, "{} must be an array of mapped fields",
                     where);
  }
  std::vector<MappedField> fields;
  fields.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                          JsonObject::Make(value[i], fmt::format("{}[{}]", where, i)));
    MappedField field;
    ARROW_ASSIGN_OR_RAISE(const auto id, object.FindInt("field-id"));
    field.field_id = id.value_or(-1);
    ARROW_ASSIGN_OR_RAISE(const json* names, object.GetArray("names"));
    for (const json& name : *names) {
      if (!name.is_string()) {
        return MakeError(ErrorCode::kCorruptData, "\"names\" of {} must be strings",
                         object.where());
      }
      field.names.push_back(name.get<std::string>());
    }
    if (const json* children = object.Find("fields")) {
      ARROW_ASSIGN_OR_RAISE(field.fields,
                            FieldsFromJson(*children, object.where() + ".fields"));
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

json FieldsToJson(const std::vector<MappedField>& fields) {
  json array = json::array();
  for (const MappedField& field : fields) {
    json value = {{"names", field.names}};
    if (field.field_id >= 0) value["field-id"] = field.field_id;
    if (!field.fields.empty()) value["fields"] = FieldsToJson(field.fields);
    array.push_back(std::move(value));
  }
  return array;
}

}  // namespace

arrow::Result<NameMapping> NameMapping::FromJsonText(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json value, ParseJson(text, kProperty));
  NameMapping mapping;
  ARROW_ASSIGN_OR_RAISE(mapping.fields, FieldsFromJson(value, kProperty));
  return mapping;
}

std::string NameMapping::ToJsonText() const {
  return FieldsToJson(fields).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace floe::iceberg
