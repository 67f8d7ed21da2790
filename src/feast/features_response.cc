#include "feast/features_response.h"

#include <algorithm>

#include "base/check.h"
#include "feast/value_wire.h"

namespace floe::feast {

namespace {

// Field numbers of feast/serving/ServingService.proto and Timestamp.
constexpr int32_t kResponseMetadata = 1;
constexpr int32_t kResponseResults = 2;
constexpr int32_t kMetadataFeatureNames = 1;
constexpr int32_t kMetadataFeatureViews = 2;
constexpr int32_t kListVal = 1;
constexpr int32_t kFeatureViewName = 1;
constexpr int32_t kFeatureViewVersion = 2;
constexpr int32_t kVectorValues = 1;
constexpr int32_t kVectorStatuses = 2;
constexpr int32_t kVectorEventTimestamps = 3;
constexpr int32_t kTimestampSeconds = 1;
constexpr int32_t kTimestampNanos = 2;

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kNanosPerMicro = 1000;

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void AppendNumber(int32_t field, uint64_t value, std::string* out) {
  if (value == 0) return;
  wire::AppendTag(field, wire::kVarint, out);
  wire::AppendVarint(value, out);
}

void AppendTimestamp(int64_t micros, std::string* message) {
  message->clear();
  if (micros == FeaturesResponse::kNoTime) return;
  int64_t seconds = micros / kMicrosPerSecond;
  int64_t rest = micros % kMicrosPerSecond;
  if (rest < 0) {
    rest += kMicrosPerSecond;
    --seconds;
  }
  AppendNumber(kTimestampSeconds, static_cast<uint64_t>(seconds), message);
  AppendNumber(kTimestampNanos, static_cast<uint64_t>(rest * kNanosPerMicro), message);
}

}  // namespace

void FeaturesResponse::AddFeatureView(std::string_view name, int32_t version) {
  if (std::find(known_views_.begin(), known_views_.end(), name) != known_views_.end()) {
    return;
  }
  known_views_.emplace_back(name);
  std::string view;
  if (!name.empty()) wire::AppendBytes(kFeatureViewName, name, &view);
  AppendNumber(kFeatureViewVersion, static_cast<uint64_t>(int64_t{version}), &view);
  wire::AppendBytes(kMetadataFeatureViews, view, &feature_views_);
}

void FeaturesResponse::SetRows(std::span<const FieldStatus> statuses,
                               std::span<const int64_t> event_ts) {
  FLOE_CHECK(statuses.size() == row_count_ && event_ts.size() == row_count_);
  row_fields_.clear();
  if (row_count_ == 0) return;
  wire::AppendBytes(
      kVectorStatuses,
      std::string_view(reinterpret_cast<const char*>(statuses.data()), statuses.size()),
      &row_fields_);
  std::string timestamp;
  for (size_t row = 0; row < row_count_; ++row) {
    if (row == 0 || event_ts[row] != event_ts[row - 1]) {
      AppendTimestamp(event_ts[row], &timestamp);
    }
    wire::AppendBytes(kVectorEventTimestamps, timestamp, &row_fields_);
  }
}

void FeaturesResponse::AddColumn(std::string_view name,
                                 std::span<const std::string_view> values) {
  FLOE_CHECK(values.size() == row_count_);
  wire::AppendBytes(kListVal, name, &names_);
  size_t size = row_fields_.size();
  for (std::string_view value : values) {
    size += 1 + VarintSize(value.size()) + value.size();
  }
  wire::AppendTag(kResponseResults, wire::kLengthDelimited, &message_);
  wire::AppendVarint(size, &message_);
  for (std::string_view value : values) {
    wire::AppendBytes(kVectorValues, value, &message_);
  }
  message_.append(row_fields_);
}

std::string FeaturesResponse::Finish() const {
  std::string metadata;
  wire::AppendBytes(kMetadataFeatureNames, names_, &metadata);
  metadata.append(feature_views_);
  std::string message;
  wire::AppendBytes(kResponseMetadata, metadata, &message);
  message.append(message_);
  return message;
}

}  // namespace floe::feast
