#include "iceberg/spec/schema_json.h"

#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/literal_json.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

/// The default {} of a struct: its fields have their own defaults. Not NULL is all that
/// such a literal says.
constexpr bool kStructOfDefaults = true;

arrow::Result<TypePtr> TypeFromJson(const json& value, const std::string& where);

arrow::Result<std::shared_ptr<const Literal>> DefaultFromJson(const JsonObject& object,
                                                              const char* key,
                                                              const TypePtr& type) {
  const json* value = object.Find(key);
  if (value == nullptr) return std::shared_ptr<const Literal>();
  if (type->id() == TypeId::kStruct && value->is_object() && value->empty()) {
    return std::make_shared<const Literal>(type, kStructOfDefaults);
  }
  if (type->is_nested()) {
    return MakeError(
        ErrorCode::kNotSupported,
        "\"{}\" of {}: of nested types only structs may have a default, {{}}", key,
        object.where());
  }
  auto literal = LiteralFromJson(type, *value);
  if (!literal.ok()) {
    return WithContext(literal.status(), "field", object.where() + "." + key);
  }
  return std::make_shared<const Literal>(*std::move(literal));
}

arrow::Result<NestedField> FieldFromJson(const json& value, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  NestedField field;
  ARROW_ASSIGN_OR_RAISE(field.id, object.GetInt("id"));
  ARROW_ASSIGN_OR_RAISE(field.name, object.GetString("name"));
  ARROW_ASSIGN_OR_RAISE(field.required, object.GetBool("required"));
  ARROW_ASSIGN_OR_RAISE(const json* type, object.Get("type"));
  ARROW_ASSIGN_OR_RAISE(field.type,
                        TypeFromJson(*type, fmt::format("{} ('{}')", where, field.name)));
  ARROW_ASSIGN_OR_RAISE(const auto doc, object.FindString("doc"));
  field.doc = doc.value_or("");
  ARROW_ASSIGN_OR_RAISE(field.initial_default,
                        DefaultFromJson(object, "initial-default", field.type));
  ARROW_ASSIGN_OR_RAISE(field.write_default,
                        DefaultFromJson(object, "write-default", field.type));
  return field;
}

arrow::Result<std::vector<NestedField>> FieldsFromJson(const JsonObject& object) {
  ARROW_ASSIGN_OR_RAISE(const json* array, object.GetArray("fields"));
  std::vector<NestedField> fields;
  fields.reserve(array->size());
  for (size_t i = 0; i < array->size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        NestedField field,
        FieldFromJson((*array)[i], fmt::format("{}.fields[{}]", object.where(), i)));
    fields.push_back(std::move(field));
  }
  return fields;
}

arrow::Result<TypePtr> NestedFromJson(const JsonObject& object, const std::string& name) {
  if (name == "struct") {
    ARROW_ASSIGN_OR_RAISE(auto fields, FieldsFromJson(object));
    return Type::Struct(std::move(fields));
  }
  if (name == "list") {
    NestedField element;
    ARROW_ASSIGN_OR_RAISE(element.id, object.GetInt("element-id"));
    ARROW_ASSIGN_OR_RAISE(const json* type, object.Get("element"));
    ARROW_ASSIGN_OR_RAISE(element.type, TypeFromJson(*type, object.where() + ".element"));
    ARROW_ASSIGN_OR_RAISE(element.required, object.GetBool("element-required"));
    return Type::List(std::move(element));
  }
  if (name == "map") {
    NestedField key;
    NestedField value;
    ARROW_ASSIGN_OR_RAISE(key.id, object.GetInt("key-id"));
    ARROW_ASSIGN_OR_RAISE(const json* key_type, object.Get("key"));
    ARROW_ASSIGN_OR_RAISE(key.type, TypeFromJson(*key_type, object.where() + ".key"));
    ARROW_ASSIGN_OR_RAISE(value.id, object.GetInt("value-id"));
    ARROW_ASSIGN_OR_RAISE(const json* value_type, object.Get("value"));
    ARROW_ASSIGN_OR_RAISE(value.type,
                          TypeFromJson(*value_type, object.where() + ".value"));
    ARROW_ASSIGN_OR_RAISE(value.required, object.GetBool("value-required"));
    return Type::Map(std::move(key), std::move(value));
  }
  return MakeError(ErrorCode::kCorruptData,
                   "{}: a type object must be a struct, list or map, not '{}'",
                   object.where(), name);
}

arrow::Result<TypePtr> TypeFromJson(const json& value, const std::string& where) {
  if (value.is_string()) {
    auto type = Type::FromString(value.get_ref<const std::string&>());
    if (!type.ok()) return WithContext(type.status(), "field", where);
    return type;
  }
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  ARROW_ASSIGN_OR_RAISE(const std::string name, object.GetString("type"));
  return NestedFromJson(object, name);
}

json TypeToJson(const Type& type);

/// A default was parsed from JSON or checked when its field was made.
void SetDefault(const char* key, const std::shared_ptr<const Literal>& value,
                json* field) {
  if (value == nullptr) return;
  if (value->type()->id() == TypeId::kStruct) {
    (*field)[key] = json::object();
  } else if (auto literal = LiteralToJson(*value); literal.ok()) {
    (*field)[key] = *std::move(literal);
  }
}

json FieldToJson(const NestedField& field) {
  json value = {{"id", field.id},
                {"name", field.name},
                {"required", field.required},
                {"type", TypeToJson(*field.type)}};
  if (!field.doc.empty()) value["doc"] = field.doc;
  SetDefault("initial-default", field.initial_default, &value);
  SetDefault("write-default", field.write_default, &value);
  return value;
}

json TypeToJson(const Type& type) {
  switch (type.id()) {
    case TypeId::kStruct: {
      json fields = json::array();
      for (const NestedField& field : type.fields()) fields.push_back(FieldToJson(field));
      return {{"type", "struct"}, {"fields", std::move(fields)}};
    }
    case TypeId::kList:
      return {{"type", "list"},
              {"element-id", type.element().id},
              {"element", TypeToJson(*type.element().type)},
              {"element-required", type.element().required}};
    case TypeId::kMap:
      return {{"type", "map"},
              {"key-id", type.key().id},
              {"key", TypeToJson(*type.key().type)},
              {"value-id", type.value().id},
              {"value", TypeToJson(*type.value().type)},
              {"value-required", type.value().required}};
    default:
      return type.ToString();
  }
}

}  // namespace

arrow::Result<SchemaPtr> SchemaFromJson(const json& value, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, where));
  ARROW_ASSIGN_OR_RAISE(const std::string type, object.GetString("type"));
  if (type != "struct") {
    return MakeError(ErrorCode::kCorruptData, "{} must be a struct, not '{}'", where,
                     type);
  }
  ARROW_ASSIGN_OR_RAISE(auto fields, FieldsFromJson(object));
  ARROW_ASSIGN_OR_RAISE(const auto schema_id, object.FindInt("schema-id"));
  ARROW_ASSIGN_OR_RAISE(auto identifiers, object.FindIntList("identifier-field-ids"));
  auto schema = Schema::Make(std::move(fields), schema_id.value_or(Schema::kInitialId),
                             std::move(identifiers));
  if (!schema.ok()) {
    return MakeError(ErrorCode::kCorruptData, "{}: {}", where,
                     ErrorText(schema.status()));
  }
  return schema;
}

json SchemaToJson(const Schema& schema) {
  json value = TypeToJson(*schema.struct_type());
  value["schema-id"] = schema.schema_id();
  if (!schema.identifier_field_ids().empty()) {
    value["identifier-field-ids"] = schema.identifier_field_ids();
  }
  return value;
}

arrow::Result<SchemaPtr> SchemaFromJsonText(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json value, ParseJson(text, "the schema"));
  return SchemaFromJson(value, "the schema");
}

std::string SchemaToJsonText(const Schema& schema) {
  return SchemaToJson(schema).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace floe::iceberg
