#include "exec/instants.h"

#include "arrow/array.h"
#include "arrow/type.h"
#include "base/error.h"

namespace floe::exec {

namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerDay = 86'400 * kNanosPerSecond;

int64_t NanosPer(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return kNanosPerSecond;
    case arrow::TimeUnit::MILLI:
      return kNanosPerMilli;
    case arrow::TimeUnit::MICRO:
      return kNanosPerMicro;
    case arrow::TimeUnit::NANO:
      return 1;
  }
  return 1;
}

}  // namespace

arrow::Result<Instants> Instants::Make(const arrow::Array& array, const char* what) {
  Instants result;
  const arrow::ArrayData& data = *array.data();
  switch (array.type_id()) {
    case arrow::Type::TIMESTAMP:
      result.nanos_per_unit_ =
          NanosPer(static_cast<const arrow::TimestampType&>(*array.type()).unit());
      result.wide_ = data.GetValues<int64_t>(1);
      break;
    case arrow::Type::DATE64:
      result.nanos_per_unit_ = kNanosPerMilli;
      result.wide_ = data.GetValues<int64_t>(1);
      break;
    case arrow::Type::INT64:
      result.wide_ = data.GetValues<int64_t>(1);
      break;
    case arrow::Type::DATE32:
      result.nanos_per_unit_ = kNanosPerDay;
      result.narrow_ = data.GetValues<int32_t>(1);
      break;
    default:
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} is of type {}; a timestamp or date is needed", what,
                       array.type()->ToString());
  }
  result.length_ = array.length();
  result.offset_ = array.offset();
  if (array.null_count() > 0) result.validity_ = array.null_bitmap_data();
  return result;
}

UnitScale::UnitScale(int64_t from_nanos, int64_t to_nanos) {
  if (from_nanos > to_nanos) {
    multiply_ = from_nanos / to_nanos;
  } else {
    divide_ = to_nanos / from_nanos;
  }
}

std::optional<int64_t> UnitScale::Ceil(int64_t value) const {
  if (divide_ != 1) {
    const int64_t quotient = value / divide_;
    return quotient + (value % divide_ > 0 ? 1 : 0);
  }
  int64_t product;
  if (!__builtin_mul_overflow(value, multiply_, &product)) return product;
  if (value > 0) return std::nullopt;
  return kMin;
}

std::optional<int64_t> UnitScale::Floor(int64_t value) const {
  if (divide_ != 1) {
    const int64_t quotient = value / divide_;
    return quotient - (value % divide_ < 0 ? 1 : 0);
  }
  int64_t product;
  if (!__builtin_mul_overflow(value, multiply_, &product)) return product;
  if (value < 0) return std::nullopt;
  return kMax;
}

}  // namespace floe::exec
