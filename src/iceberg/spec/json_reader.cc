#include "iceberg/spec/json_reader.h"

#include <limits>
#include <utility>

#include "base/error.h"

namespace floe::iceberg {
namespace {

/// Offset of the bracket that nests deeper than kMaxJsonDepth, if one does. Looked for
/// before parsing: the readers of a parsed document recurse.
std::optional<size_t> FindTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return std::nullopt;
}

}  // namespace

arrow::Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what) {
  if (const auto offset = FindTooDeep(text)) {
    return MakeError(ErrorCode::kCorruptData,
                     "{} nests deeper than {} levels at byte {} of the JSON", what,
                     kMaxJsonDepth, *offset);
  }
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::exception& error) {
    return MakeError(ErrorCode::kCorruptData, "{} is not JSON: {}", what, error.what());
  }
}

arrow::Result<std::string> DumpJson(const nlohmann::json& value, std::string_view what) {
  try {
    return value.dump();
  } catch (const nlohmann::json::exception& error) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} cannot be written as JSON, its text must be UTF-8: {}", what,
                     error.what());
  }
}

std::optional<int64_t> JsonToLong(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  return std::nullopt;
}

std::optional<int32_t> JsonToInt(const nlohmann::json& value) {
  const auto number = JsonToLong(value);
  if (!number || *number > std::numeric_limits<int32_t>::max() ||
      *number < std::numeric_limits<int32_t>::min()) {
    return std::nullopt;
  }
  return static_cast<int32_t>(*number);
}

arrow::Result<JsonObject> JsonObject::Make(const nlohmann::json& value,
                                           std::string where) {
  if (!value.is_object()) {
    return MakeError(ErrorCode::kCorruptData, "{} must be a JSON object, not {}", where,
                     value.type_name());
  }
  return JsonObject(&value, std::move(where));
}

const nlohmann::json* JsonObject::Find(const char* key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

arrow::Result<const nlohmann::json*> JsonObject::Get(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) {
    return MakeError(ErrorCode::kCorruptData, "{} has no \"{}\"", where_, key);
  }
  return value;
}

arrow::Status JsonObject::WrongType(const char* key, const char* expected) const {
  return MakeError(ErrorCode::kCorruptData, "\"{}\" of {} must be {}, not {}", key,
                   where_, expected, Find(key)->type_name());
}

arrow::Result<int32_t> JsonObject::GetInt(const char* key) const {
  ARROW_RETURN_NOT_OK(Get(key).status());
  ARROW_ASSIGN_OR_RAISE(auto value, FindInt(key));
  return *value;
}

arrow::Result<int64_t> JsonObject::GetLong(const char* key) const {
  ARROW_RETURN_NOT_OK(Get(key).status());
  ARROW_ASSIGN_OR_RAISE(auto value, FindLong(key));
  return *value;
}

arrow::Result<bool> JsonObject::GetBool(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const nlohmann::json* value, Get(key));
  if (!value->is_boolean()) return WrongType(key, "true or false");
  return value->get<bool>();
}

arrow::Result<std::string> JsonObject::GetString(const char* key) const {
  ARROW_RETURN_NOT_OK(Get(key).status());
  ARROW_ASSIGN_OR_RAISE(auto value, FindString(key));
  return std::move(*value);
}

arrow::Result<const nlohmann::json*> JsonObject::GetArray(const char* key) const {
  ARROW_RETURN_NOT_OK(Get(key).status());
  return FindArray(key);
}

arrow::Result<std::optional<int32_t>> JsonObject::FindInt(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return std::optional<int32_t>();
  const auto number = JsonToInt(*value);
  if (!number) return WrongType(key, "a 32-bit whole number");
  return number;
}

arrow::Result<std::optional<int64_t>> JsonObject::FindLong(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return std::optional<int64_t>();
  const auto number = JsonToLong(*value);
  if (!number) return WrongType(key, "a 64-bit whole number");
  return number;
}

arrow::Result<std::optional<std::string>> JsonObject::FindString(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return WrongType(key, "a string");
  return std::optional<std::string>(value->get_ref<const std::string&>());
}

arrow::Result<const nlohmann::json*> JsonObject::FindArray(const char* key) const {
  const nlohmann::json* value = Find(key);
  if (value != nullptr && !value->is_array()) return WrongType(key, "an array");
  return value;
}

arrow::Result<std::vector<int32_t>> JsonObject::FindIntList(const char* key) const {
  std::vector<int32_t> numbers;
  ARROW_ASSIGN_OR_RAISE(const nlohmann::json* array, FindArray(key));
  if (array == nullptr) return numbers;
  for (const nlohmann::json& item : *array) {
    const auto number = JsonToInt(item);
    if (!number) return WrongType(key, "an array of 32-bit whole numbers");
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace floe::iceberg
