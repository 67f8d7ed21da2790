#include "iceberg/format/parquet/metrics_config.h"

#include <cctype>
#include <charconv>

#include "base/error.h"

namespace floe::iceberg {

arrow::Result<MetricsMode> MetricsMode::FromText(std::string_view text) {
  std::string mode;
  for (const char c : text) {
    mode += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (mode == "none") return MetricsMode{Kind::kNone, 0};
  if (mode == "counts") return MetricsMode{Kind::kCounts, 0};
  if (mode == "full") return MetricsMode{Kind::kFull, 0};
  constexpr std::string_view kTruncatePrefix = "truncate(";
  if (mode.rfind(kTruncatePrefix, 0) == 0 && mode.back() == ')') {
    int32_t length = 0;
    const char* begin = mode.data() + kTruncatePrefix.size();
    const char* end = mode.data() + mode.size() - 1;
    const auto parsed = std::from_chars(begin, end, length);
    if (parsed.ec == std::errc() && parsed.ptr == end && length > 0) {
      return MetricsMode{Kind::kTruncate, length};
    }
  }
  return MakeError(ErrorCode::kInvalidConfig,
                   "'{}' is no metrics mode; use none, counts, full or truncate(N)",
                   text);
}

arrow::Result<MetricsConfig> MetricsConfig::FromProperties(
    const Schema& schema, const std::map<std::string, std::string>& properties) {
  MetricsConfig config;
  const std::string_view prefix = kColumnPrefix;
  for (const auto& [key, value] : properties) {
    const bool is_column = key.rfind(prefix, 0) == 0;
    if (!is_column && key != kDefaultProperty) continue;
    auto mode = MetricsMode::FromText(value);
    if (!mode.ok()) return WithContext(mode.status(), "property", key);
    if (!is_column) {
      config.default_mode_ = *mode;
      continue;
    }
    auto field = schema.GetField(std::string_view(key).substr(prefix.size()));
    if (!field.ok()) {
      return MakeError(ErrorCode::kInvalidConfig, "the property '{}' names no column: {}",
                       key, field.status().message());
    }
    config.modes_[(*field)->id] = *mode;
  }
  return config;
}

MetricsMode MetricsConfig::ModeOf(int32_t field_id) const {
  auto found = modes_.find(field_id);
  return found == modes_.end() ? default_mode_ : found->second;
}

}  // namespace floe::iceberg
