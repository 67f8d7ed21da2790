#include "iceberg/avro/schema.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/lru_cache.h"

namespace floe::iceberg::avro {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr int64_t kMaxNodes = 1 << 16;
constexpr int64_t kMaxFixedBytes = 1 << 20;
constexpr size_t kMaxJsonBytes = 64 << 20;
/// The manifests of a table are written with few schemas, and reading one's JSON takes as
/// long as the entries of a small manifest.
constexpr int64_t kCacheBytes = 16 << 20;
/// What a parsed schema and its text cost by a byte of the text.
constexpr int64_t kBytesPerTextByte = 5;

struct PrimitiveName {
  std::string_view name;
  Kind kind;
  int64_t min_bytes;
};

constexpr PrimitiveName kPrimitives[] = {
    {"null", Kind::kNull, 0},   {"boolean", Kind::kBoolean, 1},
    {"int", Kind::kInt, 1},     {"long", Kind::kLong, 1},
    {"float", Kind::kFloat, 4}, {"double", Kind::kDouble, 8},
    {"bytes", Kind::kBytes, 1}, {"string", Kind::kString, 1},
};

bool NestsTooDeep(std::string_view text) {
  // A level of an Avro schema takes at most a type object, a fields array, a field
  // object and a union.
  constexpr int kMaxJsonDepth = 4 * kMaxDepth;
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

class Parser {
 public:
  arrow::Result<SchemaPtr> Parse(const json& value, const std::string& space) {
    if (value.is_string()) return Named(value.get_ref<const std::string&>(), space);
    if (value.is_array()) return Union(value, space);
    if (!value.is_object()) return Bad("a type must be a name, an array or an object");
    const auto type = value.find("type");
    if (type == value.end()) return Bad("a type object has no \"type\"");
    if (!type->is_string()) return Parse(*type, space);
    const std::string& name = type->get_ref<const std::string&>();
    if (name == "record" || name == "error") return Record(value, space);
    if (name == "array" || name == "map") return Repeated(value, name == "map", space);
    if (name == "fixed") return Fixed(value, space);
    if (name == "enum") return Enum(value, space);
    ARROW_ASSIGN_OR_RAISE(SchemaPtr named, Named(name, space));
    auto schema = std::make_shared<Schema>(*named);
    ReadAttributes(value, schema.get());
    return schema;
  }

 private:
  static arrow::Status Bad(std::string_view message) {
    return MakeError(ErrorCode::kCorruptData, "Avro schema: {}", message);
  }

  static std::optional<int64_t> Number(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    return found->get<int64_t>();
  }

  static int32_t Id(const json& object, const char* key) {
    const auto number = Number(object, key);
    return number && *number >= 0 && *number <= INT32_MAX ? static_cast<int32_t>(*number)
                                                          : kNoId;
  }

  static std::string Text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  }

  static void ReadAttributes(const json& object, Schema* schema) {
    schema->logical_type = Text(object, "logicalType");
    schema->precision = static_cast<int32_t>(
        std::clamp<int64_t>(Number(object, "precision").value_or(0), 0, 1000));
    schema->scale = static_cast<int32_t>(
        std::clamp<int64_t>(Number(object, "scale").value_or(0), 0, 1000));
    const auto utc = object.find("adjust-to-utc");
    schema->adjust_to_utc = utc != object.end() && utc->is_boolean() && utc->get<bool>();
    schema->element_id = Id(object, "element-id");
    schema->key_id = Id(object, "key-id");
    schema->value_id = Id(object, "value-id");
  }

  /// Takes `child` into the bounds of `schema`.
  static arrow::Status Nest(const Schema& child, Schema* schema) {
    schema->depth = std::max(schema->depth, child.depth + 1);
    schema->node_count += child.node_count;
    if (schema->depth > kMaxDepth) return Bad("nests too deep");
    if (schema->node_count > kMaxNodes) return Bad("is too large");
    return arrow::Status::OK();
  }

  arrow::Result<SchemaPtr> Named(const std::string& name, const std::string& space) {
    for (const PrimitiveName& primitive : kPrimitives) {
      if (primitive.name != name) continue;
      auto schema = std::make_shared<Schema>();
      schema->kind = primitive.kind;
      schema->min_encoded_bytes = primitive.min_bytes;
      return schema;
    }
    auto found = named_.find(space.empty() ? name : space + "." + name);
    if (found == named_.end()) found = named_.find(name);
    if (found == named_.end()) return Bad(fmt::format("there is no type '{}'", name));
    if (found->second == nullptr) {
      return MakeError(ErrorCode::kNotSupported,
                       "Avro schema: the type '{}' contains itself", name);
    }
    return found->second;
  }

  /// The full name of a definition; `space` becomes its namespace.
  arrow::Result<std::string> Define(const json& object, std::string* space) {
    const std::string name = Text(object, "name");
    if (name.empty()) return Bad("a named type has no \"name\"");
    std::string full = name;
    if (const size_t dot = name.rfind('.'); dot != std::string::npos) {
      *space = name.substr(0, dot);
    } else {
      const std::string own = Text(object, "namespace");
      if (!own.empty()) *space = own;
      if (!space->empty()) full = *space + "." + name;
    }
    if (!named_.emplace(full, nullptr).second) {
      return Bad(fmt::format("the type '{}' is defined twice", full));
    }
    return full;
  }

  arrow::Result<SchemaPtr> Record(const json& object, std::string space) {
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::kRecord;
    ARROW_ASSIGN_OR_RAISE(schema->name, Define(object, &space));
    ReadAttributes(object, schema.get());
    const auto fields = object.find("fields");
    if (fields == object.end() || !fields->is_array()) {
      return Bad(fmt::format("the record '{}' has no fields array", schema->name));
    }
    schema->fields.reserve(fields->size());
    for (const json& item : *fields) {
      if (!item.is_object() || item.find("type") == item.end()) {
        return Bad(fmt::format("a field of '{}' has no type", schema->name));
      }
      Field field;
      field.name = Text(item, "name");
      field.field_id = Id(item, "field-id");
      ARROW_ASSIGN_OR_RAISE(field.type, Parse(item.at("type"), space));
      ARROW_RETURN_NOT_OK(Nest(*field.type, schema.get()));
      schema->min_encoded_bytes += field.type->min_encoded_bytes;
      schema->fields.push_back(std::move(field));
    }
    named_[schema->name] = schema;
    return schema;
  }

  arrow::Result<SchemaPtr> Repeated(const json& object, bool is_map,
                                    const std::string& space) {
    auto schema = std::make_shared<Schema>();
    schema->kind = is_map ? Kind::kMap : Kind::kArray;
    schema->min_encoded_bytes = 1;
    ReadAttributes(object, schema.get());
    const auto items = object.find(is_map ? "values" : "items");
    if (items == object.end()) return Bad("an array or map has no type of its items");
    ARROW_ASSIGN_OR_RAISE(schema->items, Parse(*items, space));
    ARROW_RETURN_NOT_OK(Nest(*schema->items, schema.get()));
    if (schema->items->min_encoded_bytes == 0) {
      // Their number could not be bounded by the bytes left to read.
      return MakeError(ErrorCode::kNotSupported,
                       "Avro schema: an array or map of items that take no bytes");
    }
    return schema;
  }

  arrow::Result<SchemaPtr> Union(const json& array, const std::string& space) {
    if (array.empty()) return Bad("a union has no branches");
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::kUnion;
    schema->min_encoded_bytes = 1;
    for (const json& item : array) {
      ARROW_ASSIGN_OR_RAISE(SchemaPtr branch, Parse(item, space));
      ARROW_RETURN_NOT_OK(Nest(*branch, schema.get()));
      schema->branches.push_back(std::move(branch));
    }
    return schema;
  }

  arrow::Result<SchemaPtr> Fixed(const json& object, std::string space) {
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::kFixed;
    ARROW_ASSIGN_OR_RAISE(schema->name, Define(object, &space));
    ReadAttributes(object, schema.get());
    const auto size = Number(object, "size");
    if (!size || *size < 0 || *size > kMaxFixedBytes) {
      return Bad(fmt::format("the fixed '{}' must have a size of 0 to {} bytes",
                             schema->name, kMaxFixedBytes));
    }
    schema->size = *size;
    schema->min_encoded_bytes = *size;
    named_[schema->name] = schema;
    return schema;
  }

  arrow::Result<SchemaPtr> Enum(const json& object, std::string space) {
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::kEnum;
    ARROW_ASSIGN_OR_RAISE(schema->name, Define(object, &space));
    const auto symbols = object.find("symbols");
    if (symbols == object.end() || !symbols->is_array()) {
      return Bad(fmt::format("the enum '{}' has no symbols", schema->name));
    }
    schema->size = static_cast<int64_t>(symbols->size());
    schema->min_encoded_bytes = 1;
    named_[schema->name] = schema;
    return schema;
  }

  std::map<std::string, SchemaPtr> named_;
};

arrow::Result<SchemaPtr> ParseAnew(std::string_view text) {
  if (text.size() > kMaxJsonBytes || NestsTooDeep(text)) {
    return MakeError(ErrorCode::kCorruptData,
                     "Avro schema: {} bytes of JSON are too large or nest too deep",
                     text.size());
  }
  json value;
  try {
    value = json::parse(text.begin(), text.end());
  } catch (const json::exception& error) {
    return MakeError(ErrorCode::kCorruptData, "Avro schema: not JSON: {}", error.what());
  }
  return Parser().Parse(value, "");
}

}  // namespace

const Schema* Schema::NonNull(int* branch) const {
  *branch = -1;
  if (kind != Kind::kUnion) return this;
  if (branches.size() != 2) return nullptr;
  for (int i = 0; i < 2; ++i) {
    if (branches[1 - i]->kind == Kind::kNull && branches[i]->kind != Kind::kNull) {
      *branch = i;
      return branches[i].get();
    }
  }
  return nullptr;
}

arrow::Result<SchemaPtr> ParseSchema(std::string_view text) {
  static auto& cache = *new LruCache<Schema>(kCacheBytes);
  return cache.GetOrLoad(
      std::string(text), [&]() -> arrow::Result<LruCache<Schema>::Loaded> {
        ARROW_ASSIGN_OR_RAISE(SchemaPtr schema, ParseAnew(text));
        const auto bytes = static_cast<int64_t>(text.size());
        return LruCache<Schema>::Loaded{std::move(schema), bytes * kBytesPerTextByte};
      });
}

}  // namespace floe::iceberg::avro
