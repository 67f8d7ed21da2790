#include "io/iso_time.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace floe {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                   "Thu", "Fri", "Sat"};
constexpr int64_t kMillisPerSecond = 1000;

/// `count` digits at the front of `text`, which is shortened; -1 when there are not.
int TakeDigits(std::string_view* text, size_t count) {
  if (text->size() < count) return -1;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(count);
  return value;
}

bool Take(std::string_view* text, std::string_view expected) {
  if (!text->starts_with(expected)) return false;
  text->remove_prefix(expected.size());
  return true;
}

std::optional<int64_t> Millis(int year, int month, int day, int hour, int minute,
                              int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // A leap second counts as the one after it.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds =
      ((int64_t{days} * 24 + hour) * 60 + minute) * 60 + int64_t{second};
  return seconds * kMillisPerSecond;
}

/// "03:04:05"; false when it is not.
bool TakeTime(std::string_view* text, int* hour, int* minute, int* second) {
  *hour = TakeDigits(text, 2);
  if (!Take(text, ":")) return false;
  *minute = TakeDigits(text, 2);
  if (!Take(text, ":")) return false;
  *second = TakeDigits(text, 2);
  return *hour >= 0 && *minute >= 0 && *second >= 0;
}

}  // namespace

std::optional<int64_t> ParseIsoTimeMillis(std::string_view text) {
  const int year = TakeDigits(&text, 4);
  if (!Take(&text, "-")) return std::nullopt;
  const int month = TakeDigits(&text, 2);
  if (!Take(&text, "-")) return std::nullopt;
  const int day = TakeDigits(&text, 2);
  int hour = 0, minute = 0, second = 0;
  if (year < 0 || month < 0 || day < 0 || !Take(&text, "T") ||
      !TakeTime(&text, &hour, &minute, &second)) {
    return std::nullopt;
  }
  int64_t fraction_ms = 0;
  if (Take(&text, ".")) {
    for (int64_t unit = 100; !text.empty() && text[0] >= '0' && text[0] <= '9';
         unit /= 10, text.remove_prefix(1)) {
      fraction_ms += unit * (text[0] - '0');
    }
  }
  if (text != "Z" && text != "+00:00") return std::nullopt;
  const auto millis = Millis(year, month, day, hour, minute, second);
  if (!millis.has_value()) return std::nullopt;
  return *millis + fraction_ms;
}

std::string HttpDate(int64_t now_ms) {
  const std::chrono::sys_seconds now{std::chrono::seconds(now_ms / kMillisPerSecond)};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
      kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
      kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::optional<int64_t> ParseHttpDateMillis(std::string_view text) {
  const size_t comma = text.find(", ");
  if (comma == std::string_view::npos) return std::nullopt;
  text.remove_prefix(comma + 2);
  const int day = TakeDigits(&text, 2);
  if (!Take(&text, " ")) return std::nullopt;
  int month = -1;
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (text.starts_with(kMonths[i])) month = static_cast<int>(i) + 1;
  }
  if (month < 0) return std::nullopt;
  text.remove_prefix(3);
  if (!Take(&text, " ")) return std::nullopt;
  const int year = TakeDigits(&text, 4);
  int hour = 0, minute = 0, second = 0;
  if (day < 0 || year < 0 || !Take(&text, " ") ||
      !TakeTime(&text, &hour, &minute, &second) || text != " GMT") {
    return std::nullopt;
  }
  return Millis(year, month, day, hour, minute, second);
}

}  // namespace floe
