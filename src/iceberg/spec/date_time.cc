#include "iceberg/spec/date_time.h"

#include <cstdlib>
#include <limits>
#include <optional>

#include "base/error.h"

namespace floe::iceberg {
namespace {

bool IsLeapYear(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t DaysInMonth(int64_t year, int32_t month) {
  static constexpr int32_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}

/// Reads ISO 8601 pieces from the front of a text.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }

  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  /// A number of `min_digits` to `max_digits` digits.
  std::optional<int64_t> TakeNumber(size_t min_digits, size_t max_digits) {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < max_digits && digits < text_.size() && text_[digits] >= '0' &&
           text_[digits] <= '9') {
      value = value * 10 + (text_[digits] - '0');
      ++digits;
    }
    if (digits < min_digits) return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }

  std::optional<int64_t> TakeDate() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    const auto year = TakeNumber(4, 9);
    if (!year || !Take('-')) return std::nullopt;
    const auto month = TakeNumber(2, 2);
    if (!month || *month < 1 || *month > 12 || !Take('-')) return std::nullopt;
    const auto day = TakeNumber(2, 2);
    const int64_t signed_year = negative ? -*year : *year;
    const auto month32 = static_cast<int32_t>(*month);
    if (!day || *day < 1 || *day > DaysInMonth(signed_year, month32)) return std::nullopt;
    return DaysFromCivil({signed_year, month32, static_cast<int32_t>(*day)});
  }

  /// "hh:mm[:ss[.fraction]]" as units since midnight.
  std::optional<int64_t> TakeTime(int64_t units_per_second) {
    const auto hour = TakeNumber(2, 2);
    if (!hour || *hour > 23 || !Take(':')) return std::nullopt;
    const auto minute = TakeNumber(2, 2);
    if (!minute || *minute > 59) return std::nullopt;
    int64_t units = (*hour * 3600 + *minute * 60) * units_per_second;
    if (!Take(':')) return units;
    const auto second = TakeNumber(2, 2);
    if (!second || *second > 59) return std::nullopt;
    units += *second * units_per_second;
    if (!Take('.')) return units;
    const auto fraction = TakeFraction(units_per_second);
    if (!fraction) return std::nullopt;
    return units + *fraction;
  }

  /// "Z", "+hh:mm" or "-hh:mm" as seconds east of UTC.
  std::optional<int64_t> TakeZone() {
    if (Take('Z') || Take('z')) return 0;
    const bool negative = Take('-');
    if (!negative && !Take('+')) return std::nullopt;
    const auto hour = TakeNumber(2, 2);
    if (!hour || *hour > 18 || !Take(':')) return std::nullopt;
    const auto minute = TakeNumber(2, 2);
    if (!minute || *minute > 59) return std::nullopt;
    const int64_t seconds = *hour * 3600 + *minute * 60;
    return negative ? -seconds : seconds;
  }

 private:
  std::optional<int64_t> TakeFraction(int64_t units_per_second) {
    int64_t unit = units_per_second;
    int64_t value = 0;
    size_t digits = 0;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      const int64_t digit = text_.front() - '0';
      text_.remove_prefix(1);
      ++digits;
      unit /= 10;
      if (unit == 0 && digit != 0) return std::nullopt;
      value += digit * unit;
    }
    if (digits == 0) return std::nullopt;
    return value;
  }

  std::string_view text_;
};

arrow::Status BadText(std::string_view text, const char* what, const char* form) {
  return MakeError(ErrorCode::kInvalidArgument, "'{}' is not {}; write it as {}", text,
                   what, form);
}

std::string FractionText(int64_t fraction, int64_t units_per_second, bool fixed) {
  if (fraction == 0 && !fixed) return "";
  std::string text = units_per_second == kMicrosPerSecond
                         ? fmt::format(".{:06}", fraction)
                         : fmt::format(".{:09}", fraction);
  while (!fixed && text.back() == '0') text.pop_back();
  return text;
}

}  // namespace

CivilDate CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = FloorDiv(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const auto month =
      static_cast<int32_t>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

int64_t DaysFromCivil(const CivilDate& date) {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t shifted_month = date.month > 2 ? date.month - 3 : date.month + 9;
  const int64_t day_of_year = (153 * shifted_month + 2) / 5 + date.day - 1;
  const int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

std::string DateToText(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  const char* sign = date.year < 0 ? "-" : date.year > 9999 ? "+" : "";
  return fmt::format("{}{:04}-{:02}-{:02}", sign, std::abs(date.year), date.month,
                     date.day);
}

std::string TimeToText(int64_t value, int64_t units_per_second, bool fixed_fraction) {
  const int64_t seconds = FloorDiv(value, units_per_second);
  return fmt::format(
      "{:02}:{:02}:{:02}{}", seconds / 3600, seconds / 60 % 60, seconds % 60,
      FractionText(value - seconds * units_per_second, units_per_second, fixed_fraction));
}

std::string TimestampToText(int64_t value, int64_t units_per_second, bool utc,
                            bool fixed_fraction) {
  const int64_t units_per_day = kSecondsPerDay * units_per_second;
  const int64_t days = FloorDiv(value, units_per_day);
  // The remainder is taken of unsigned values: days * units_per_day may leave the range.
  const auto rest = static_cast<int64_t>(static_cast<uint64_t>(value) -
                                         static_cast<uint64_t>(days) *
                                             static_cast<uint64_t>(units_per_day));
  return DateToText(days) + "T" + TimeToText(rest, units_per_second, fixed_fraction) +
         (utc ? "+00:00" : "");
}

arrow::Result<int32_t> DateFromText(std::string_view text) {
  TextCursor cursor(text);
  const auto days = cursor.TakeDate();
  if (!days || !cursor.at_end() || *days > std::numeric_limits<int32_t>::max() ||
      *days < std::numeric_limits<int32_t>::min()) {
    return BadText(text, "a date", "2026-11-22");
  }
  return static_cast<int32_t>(*days);
}

arrow::Result<int64_t> TimeFromText(std::string_view text, int64_t units_per_second) {
  TextCursor cursor(text);
  const auto units = cursor.TakeTime(units_per_second);
  if (!units || !cursor.at_end()) return BadText(text, "a time", "10:00:00.000000");
  return *units;
}

arrow::Result<int64_t> TimestampFromText(std::string_view text, int64_t units_per_second,
                                         ZoneRule zone) {
  const char* form = zone == ZoneRule::kForbidden ? "2026-11-22T10:00:00.000000"
                                                  : "2026-11-22T10:00:00.000000+00:00";
  TextCursor cursor(text);
  const auto days = cursor.TakeDate();
  if (!days) return BadText(text, "a timestamp", form);
  int64_t time = 0;
  if (cursor.Take('T') || cursor.Take('t') || cursor.Take(' ')) {
    const auto parsed = cursor.TakeTime(units_per_second);
    if (!parsed) return BadText(text, "a timestamp of this precision", form);
    time = *parsed;
  }
  int64_t offset = 0;
  if (!cursor.at_end()) {
    const auto parsed = cursor.TakeZone();
    if (!parsed || !cursor.at_end()) return BadText(text, "a timestamp", form);
    if (zone == ZoneRule::kForbidden) {
      return BadText(text, "a timestamp without time zone", form);
    }
    offset = *parsed;
  } else if (zone == ZoneRule::kRequired) {
    return BadText(text, "a timestamp with time zone", form);
  }
  const int64_t seconds = *days * kSecondsPerDay - offset;
  // In 128 bits: the first representable second has its fraction below the limit.
  const __int128 value = static_cast<__int128>(seconds) * units_per_second + time;
  if (value > std::numeric_limits<int64_t>::max() ||
      value < std::numeric_limits<int64_t>::min()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "timestamp '{}' is outside the range of 64-bit {}seconds", text,
                     units_per_second == kMicrosPerSecond ? "micro" : "nano");
  }
  return static_cast<int64_t>(value);
}

}  // namespace floe::iceberg
