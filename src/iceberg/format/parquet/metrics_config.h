#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// Which metrics a writer keeps of a column.
struct MetricsMode {
  enum class Kind { kNone, kCounts, kTruncate, kFull };
  static constexpr int32_t kDefaultTruncateLength = 16;

  Kind kind = Kind::kTruncate;
  int32_t length = kDefaultTruncateLength;  ///< Characters or bytes, of kTruncate.

  /// "none", "counts", "full" or "truncate(N)".
  static arrow::Result<MetricsMode> FromText(std::string_view text);
  bool operator==(const MetricsMode& other) const = default;
};

/// The table properties write.metadata.metrics.default and .column.NAME.
class MetricsConfig {
 public:
  static constexpr char kDefaultProperty[] = "write.metadata.metrics.default";
  static constexpr char kColumnPrefix[] = "write.metadata.metrics.column.";

  MetricsConfig() = default;
  /// kInvalidConfig names the property. Columns are full names; one the schema does not
  /// have is an error.
  static arrow::Result<MetricsConfig> FromProperties(
      const Schema& schema, const std::map<std::string, std::string>& properties);

  MetricsMode ModeOf(int32_t field_id) const;

 private:
  MetricsMode default_mode_;
  std::map<int32_t, MetricsMode> modes_;
};

}  // namespace floe::iceberg
