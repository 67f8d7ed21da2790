#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe {

/// Reads values of properties. Errors are kInvalidConfig and name the key, not the value.
class PropertyReader {
 public:
  explicit PropertyReader(const std::map<std::string, std::string>& properties)
      : properties_(properties) {}

  /// The first of `keys` that is set, to more than nothing.
  std::optional<std::string> Text(std::initializer_list<std::string_view> keys) const;
  std::optional<std::string> Text(std::string_view key) const { return Text({key}); }
  arrow::Result<bool> Bool(std::string_view key, bool otherwise) const;
  arrow::Result<int64_t> Integer(std::string_view key, int64_t otherwise, int64_t least,
                                 int64_t most) const;
  /// A number of seconds, such as "1.5", in milliseconds.
  arrow::Result<int64_t> SecondsAsMillis(std::string_view key,
                                         int64_t otherwise_ms) const;

 private:
  const std::map<std::string, std::string>& properties_;
};

}  // namespace floe
