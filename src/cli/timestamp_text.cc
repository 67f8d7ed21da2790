#include "cli/timestamp_text.h"

#include <charconv>
#include <limits>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/spec/literal.h"

namespace floe::cli {

std::string TimestampText(int64_t timestamp_ms) {
  std::string text =
      arrow::TimestampScalar(timestamp_ms, arrow::TimeUnit::MILLI, "UTC").ToString();
  if (text.size() > 10) text[10] = 'T';
  return text;
}

arrow::Result<int64_t> ParseTimestampMicros(std::string_view text) {
  const auto literal = iceberg::Literal::FromText(iceberg::Type::TimestampTz(), text);
  if (literal.ok()) return literal->as<int64_t>();
  const auto naive = iceberg::Literal::FromText(iceberg::Type::Timestamp(), text);
  if (naive.ok()) return naive->as<int64_t>();
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' is no time; write one like 2026-11-22T10:00:00Z or 2026-11-22",
                   text);
}

arrow::Result<int64_t> ParseDurationMicros(std::string_view text) {
  int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(parsed.ptr, text.data() + text.size() - parsed.ptr);
  const int64_t seconds = unit == "s"   ? 1
                          : unit == "m" ? 60
                          : unit == "h" ? 3600
                          : unit == "d" ? 86'400
                          : unit == "w" ? 7 * 86'400
                                        : 0;
  const int64_t unit_us = seconds * 1'000'000;
  if (parsed.ec != std::errc() || unit_us == 0 || count < 0 ||
      count > std::numeric_limits<int64_t>::max() / unit_us) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is no duration; write a number and s, m, h, d or w, e.g. 7d",
                     text);
  }
  return count * unit_us;
}

}  // namespace floe::cli
