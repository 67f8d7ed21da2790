#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "iceberg/spec/date_time.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {
namespace {

arrow::Status CannotCast(const Literal& from, const Type& to) {
  return MakeError(ErrorCode::kInvalidArgument, "{} of type {} is no value of type {}",
                   from.ToString(), from.type()->ToString(), to.ToString());
}

std::optional<int64_t> WholeNumber(const Literal& from) {
  switch (from.type()->id()) {
    case TypeId::kInt:
      return from.as<int32_t>();
    case TypeId::kLong:
      return from.as<int64_t>();
    case TypeId::kFloat:
    case TypeId::kDouble: {
      const double value =
          from.type()->id() == TypeId::kFloat ? from.as<float>() : from.as<double>();
      // 2^63 is the first double above the range; its negative is inside.
      if (!(value >= -0x1p63 && value < 0x1p63) || value != std::trunc(value)) {
        return std::nullopt;
      }
      return static_cast<int64_t>(value);
    }
    case TypeId::kDecimal: {
      auto whole = from.as<arrow::Decimal128>().Rescale(from.type()->scale(), 0);
      if (!whole.ok()) return std::nullopt;
      auto value = whole->ToInteger<int64_t>();
      if (!value.ok()) return std::nullopt;
      return *value;
    }
    default:
      return std::nullopt;
  }
}

arrow::Result<Literal> CastToWhole(const Literal& from, const TypePtr& to) {
  const auto value = WholeNumber(from);
  if (!value) return CannotCast(from, *to);
  if (to->id() == TypeId::kLong) return Literal(to, *value);
  if (*value > std::numeric_limits<int32_t>::max() ||
      *value < std::numeric_limits<int32_t>::min()) {
    return CannotCast(from, *to);
  }
  return Literal(to, static_cast<int32_t>(*value));
}

arrow::Result<Literal> CastToFloating(const Literal& from, const TypePtr& to) {
  double value = 0;
  switch (from.type()->id()) {
    case TypeId::kFloat:
      value = from.as<float>();
      break;
    case TypeId::kDouble:
      value = from.as<double>();
      break;
    case TypeId::kDecimal:
      value = from.as<arrow::Decimal128>().ToDouble(from.type()->scale());
      break;
    case TypeId::kInt:
    case TypeId::kLong: {
      const int64_t whole = *WholeNumber(from);
      value = static_cast<double>(whole);
      const double narrowed =
          to->id() == TypeId::kFloat ? static_cast<float>(value) : value;
      if (narrowed >= 0x1p63 || static_cast<int64_t>(narrowed) != whole) {
        return CannotCast(from, *to);
      }
      break;
    }
    default:
      return CannotCast(from, *to);
  }
  if (to->id() == TypeId::kDouble) return Literal(to, value);
  const auto narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) return CannotCast(from, *to);
  return Literal(to, narrow);
}

arrow::Result<Literal> CastToDecimal(const Literal& from, const TypePtr& to) {
  switch (from.type()->id()) {
    case TypeId::kInt:
    case TypeId::kLong:
      return Literal::FromText(to, fmt::format("{}", *WholeNumber(from)));
    case TypeId::kFloat:
      return Literal::FromText(to, fmt::format("{}", from.as<float>()));
    case TypeId::kDouble:
      return Literal::FromText(to, fmt::format("{}", from.as<double>()));
    case TypeId::kDecimal:
      return Literal::FromText(
          to, from.as<arrow::Decimal128>().ToString(from.type()->scale()));
    default:
      return CannotCast(from, *to);
  }
}

/// Nanoseconds since the epoch of a date or timestamp, in 128 bits.
std::optional<__int128> EpochNanos(const Literal& from) {
  switch (from.type()->id()) {
    case TypeId::kDate:
      return static_cast<__int128>(from.as<int32_t>()) * kSecondsPerDay * kNanosPerSecond;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return static_cast<__int128>(from.as<int64_t>()) * 1000;
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return from.as<int64_t>();
    default:
      return std::nullopt;
  }
}

arrow::Result<Literal> CastToInstant(const Literal& from, const TypePtr& to) {
  const auto nanos = EpochNanos(from);
  if (!nanos) return CannotCast(from, *to);
  __int128 unit = 1;
  if (to->id() == TypeId::kDate) {
    unit = static_cast<__int128>(kSecondsPerDay) * kNanosPerSecond;
  } else if (to->id() == TypeId::kTimestamp || to->id() == TypeId::kTimestampTz) {
    unit = 1000;
  }
  const __int128 value = *nanos / unit;
  if (value * unit != *nanos || value > std::numeric_limits<int64_t>::max() ||
      value < std::numeric_limits<int64_t>::min()) {
    return CannotCast(from, *to);
  }
  if (to->id() != TypeId::kDate) return Literal(to, static_cast<int64_t>(value));
  // Timestamps span fewer days than 32 bits count.
  return Literal(to, static_cast<int32_t>(value));
}

arrow::Result<Literal> CastToBytes(const Literal& from, const TypePtr& to) {
  const TypeId id = from.type()->id();
  if (id != TypeId::kUuid && id != TypeId::kFixed && id != TypeId::kBinary) {
    return CannotCast(from, *to);
  }
  const std::string& bytes = from.as<std::string>();
  const size_t length = to->id() == TypeId::kUuid    ? 16
                        : to->id() == TypeId::kFixed ? static_cast<size_t>(to->length())
                                                     : bytes.size();
  if (bytes.size() != length) return CannotCast(from, *to);
  return Literal(to, bytes);
}

}  // namespace

arrow::Result<Literal> Literal::CastTo(const TypePtr& type) const {
  if (is_null()) return Null(type);
  if (type_->Equals(*type)) return *this;
  if (type_->id() == TypeId::kString) {
    const std::string& text = as<std::string>();
    const bool to_bytes = type->id() == TypeId::kFixed || type->id() == TypeId::kBinary;
    // Plain text could be meant as the bytes or as their hexadecimal digits.
    if (to_bytes && !text.starts_with("x'")) return CannotCast(*this, *type);
    return FromText(type, text);
  }
  switch (type->id()) {
    case TypeId::kInt:
    case TypeId::kLong:
      return CastToWhole(*this, type);
    case TypeId::kFloat:
    case TypeId::kDouble:
      return CastToFloating(*this, type);
    case TypeId::kDecimal:
      return CastToDecimal(*this, type);
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return CastToInstant(*this, type);
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      return CastToBytes(*this, type);
    default:
      return CannotCast(*this, *type);
  }
}

}  // namespace floe::iceberg
