#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe::iceberg {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kSecondsPerHour = 3600;
inline constexpr int64_t kSecondsPerDay = 86400;

struct CivilDate {
  int64_t year;
  int32_t month;  ///< 1 to 12.
  int32_t day;    ///< 1 to 31.
};

/// The proleptic Gregorian date of a day counted from 1970-01-01, and back (Howard
/// Hinnant, "chrono-Compatible Low-Level Date Algorithms").
CivilDate CivilFromDays(int64_t days);
int64_t DaysFromCivil(const CivilDate& date);

/// Quotient rounded towards minus infinity. `divisor` is positive.
constexpr int64_t FloorDiv(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/// ISO 8601 text. `units_per_second` is kMicrosPerSecond or kNanosPerSecond.
/// `fixed_fraction` writes all digits of the fraction, else trailing zeros are dropped.
std::string DateToText(int64_t days);
std::string TimeToText(int64_t value, int64_t units_per_second, bool fixed_fraction);
std::string TimestampToText(int64_t value, int64_t units_per_second, bool utc,
                            bool fixed_fraction);

enum class ZoneRule { kForbidden, kRequired, kOptional };

/// The inverses. The date and time of a timestamp are parted by 'T' or a blank; seconds,
/// their fraction and (where `zone` lets it) the zone may be missing; a date alone is its
/// midnight. kInvalidArgument names the text, also for a fraction finer than the unit.
arrow::Result<int32_t> DateFromText(std::string_view text);
arrow::Result<int64_t> TimeFromText(std::string_view text, int64_t units_per_second);
arrow::Result<int64_t> TimestampFromText(std::string_view text, int64_t units_per_second,
                                         ZoneRule zone);

}  // namespace floe::iceberg
