#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe::cli {

/// "2026-11-22T10:00:00.123Z" of milliseconds since the epoch.
std::string TimestampText(int64_t timestamp_ms);

/// Microseconds since the epoch of ISO text such as "2026-11-22", "2026-11-22 10:00:00"
/// or "2026-11-22T10:00:00+02:00"; without a zone it is UTC. kInvalidArgument shows a
/// form.
arrow::Result<int64_t> ParseTimestampMicros(std::string_view text);

/// Microseconds of a duration such as "30s", "15m", "6h", "1d", "2w"; kInvalidArgument.
arrow::Result<int64_t> ParseDurationMicros(std::string_view text);

}  // namespace floe::cli
