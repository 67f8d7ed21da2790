#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg {

/// Parses JSON text without exceptions. kCorruptData names `what` and the byte offset;
/// nesting deeper than kMaxJsonDepth is refused.
arrow::Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what);
inline constexpr int kMaxJsonDepth = 256;

/// JSON text of `value`; kInvalidArgument when a string in it is not UTF-8.
arrow::Result<std::string> DumpJson(const nlohmann::json& value, std::string_view what);

/// Strict access to the members of a JSON object: a member of another type than asked for
/// is kCorruptData naming `where` and the member. Refers to `object`; a short-lived view.
class JsonObject {
 public:
  static arrow::Result<JsonObject> Make(const nlohmann::json& value, std::string where);

  const std::string& where() const { return where_; }
  /// nullptr when the member is missing or null.
  const nlohmann::json* Find(const char* key) const;
  bool Has(const char* key) const { return Find(key) != nullptr; }
  arrow::Result<const nlohmann::json*> Get(const char* key) const;

  arrow::Result<int32_t> GetInt(const char* key) const;
  arrow::Result<int64_t> GetLong(const char* key) const;
  arrow::Result<bool> GetBool(const char* key) const;
  arrow::Result<std::string> GetString(const char* key) const;
  arrow::Result<const nlohmann::json*> GetArray(const char* key) const;

  arrow::Result<std::optional<int32_t>> FindInt(const char* key) const;
  arrow::Result<std::optional<int64_t>> FindLong(const char* key) const;
  arrow::Result<std::optional<std::string>> FindString(const char* key) const;
  /// nullptr when missing.
  arrow::Result<const nlohmann::json*> FindArray(const char* key) const;
  /// Empty when missing.
  arrow::Result<std::vector<int32_t>> FindIntList(const char* key) const;

 private:
  JsonObject(const nlohmann::json* object, std::string where)
      : object_(object), where_(std::move(where)) {}
  arrow::Status WrongType(const char* key, const char* expected) const;

  const nlohmann::json* object_;
  std::string where_;
};

/// The value as a whole number of the range; nullopt when it is anything else.
std::optional<int64_t> JsonToLong(const nlohmann::json& value);
std::optional<int32_t> JsonToInt(const nlohmann::json& value);

}  // namespace floe::iceberg
