#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace floe::feast {

/// feast.serving.FieldStatus.
enum class FieldStatus : uint8_t {
  kInvalid = 0,
  kPresent = 1,
  kNullValue = 2,
  kNotFound = 3,
  kOutsideMaxAge = 4,
};

/// Builds the bytes of a feast.serving.GetOnlineFeaturesResponse without a message object
/// in between: what a Feast client parses. Not thread-safe.
class FeaturesResponse {
 public:
  /// Stands for a row without a time: the empty Timestamp.
  static constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();

  explicit FeaturesResponse(size_t row_count) : row_count_(row_count) {}

  /// Names a feature view's version in the metadata; once per name, later ones are
  /// ignored.
  void AddFeatureView(std::string_view name, int32_t version);

  /// Status and event time (microseconds) of each row, for the columns added next.
  void SetRows(std::span<const FieldStatus> statuses, std::span<const int64_t> event_ts);

  /// A column named `name`: per row a serialized feast.types.Value, empty for none.
  void AddColumn(std::string_view name, std::span<const std::string_view> values);

  /// The message, byte for byte as protobuf would write it.
  std::string Finish() const;

 private:
  size_t row_count_;
  std::string names_;          ///< FeatureList.
  std::string feature_views_;  ///< Of GetOnlineFeaturesResponseMetadata.
  std::vector<std::string> known_views_;
  std::string row_fields_;  ///< What the columns of one view end with.
  std::string message_;     ///< The columns so far.
};

}  // namespace floe::feast
