#include "feast/zoned_text.h"

#include "base/error.h"
#include "iceberg/spec/date_time.h"

namespace floe::feast {

namespace {

constexpr int64_t kMinSeconds = -62167219200;  // 0000-01-01T00:00:00Z
constexpr int64_t kMaxSeconds = 253402300799;  // 9999-12-31T23:59:59Z
constexpr size_t kSecondsTextSize = sizeof("2026-11-22T10:00:00") - 1;

}  // namespace

arrow::Result<std::string> ZonedToText(const ZonedInstant& instant) {
  if (instant.seconds < kMinSeconds || instant.seconds > kMaxSeconds) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a zoned timestamp of {} seconds is outside the years 0000 to 9999",
                     instant.seconds);
  }
  if (instant.zone.find_first_of("[]") != std::string::npos) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' is not a time zone's name",
                     instant.zone);
  }
  std::string text = iceberg::TimestampToText(instant.seconds * iceberg::kMicrosPerSecond,
                                              iceberg::kMicrosPerSecond, false, false);
  text.resize(kSecondsTextSize);
  text += 'Z';
  if (!instant.zone.empty()) text += '[' + instant.zone + ']';
  return text;
}

arrow::Result<ZonedInstant> ZonedFromText(std::string_view text) {
  ZonedInstant instant;
  const size_t bracket = text.find('[');
  if (bracket != std::string_view::npos) {
    if (text.back() != ']') {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' is not a zoned timestamp such as "
                       "2026-11-22T10:00:00Z[Europe/Paris]",
                       text);
    }
    instant.zone = text.substr(bracket + 1, text.size() - bracket - 2);
  }
  ARROW_ASSIGN_OR_RAISE(
      int64_t micros,
      iceberg::TimestampFromText(text.substr(0, bracket), iceberg::kMicrosPerSecond,
                                 iceberg::ZoneRule::kRequired));
  instant.seconds = iceberg::FloorDiv(micros, iceberg::kMicrosPerSecond);
  return instant;
}

}  // namespace floe::feast
