#include "io/property_reader.h"

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace floe {

std::optional<std::string> PropertyReader::Text(
    std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const auto found = properties_.find(std::string(key));
    if (found != properties_.end() && !found->second.empty()) return found->second;
  }
  return std::nullopt;
}

arrow::Result<bool> PropertyReader::Bool(std::string_view key, bool otherwise) const {
  const auto text = Text(key);
  if (!text.has_value()) return otherwise;
  for (const char* yes : {"true", "True", "TRUE", "1", "yes", "on"}) {
    if (*text == yes) return true;
  }
  for (const char* no : {"false", "False", "FALSE", "0", "no", "off"}) {
    if (*text == no) return false;
  }
  return MakeError(ErrorCode::kInvalidConfig, "'{}' must be true or false", key);
}

arrow::Result<int64_t> PropertyReader::Integer(std::string_view key, int64_t otherwise,
                                               int64_t least, int64_t most) const {
  const auto text = Text(key);
  if (!text.has_value()) return otherwise;
  int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "'{}' must be a whole number from {} to {}", key, least, most);
  }
  return value;
}

arrow::Result<int64_t> PropertyReader::SecondsAsMillis(std::string_view key,
                                                       int64_t otherwise_ms) const {
  constexpr double kMillis = 1000;
  constexpr double kSecondsMax = 24 * 3600;
  const auto text = Text(key);
  if (!text.has_value()) return otherwise_ms;
  double seconds = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, seconds);
  // Written so that a NaN is refused too.
  if (error != std::errc() || stop != end || !(seconds > 0 && seconds <= kSecondsMax)) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "'{}' must be a number of seconds above 0 and of at most a day",
                     key);
  }
  return std::max<int64_t>(1, std::llround(seconds * kMillis));
}

}  // namespace floe
