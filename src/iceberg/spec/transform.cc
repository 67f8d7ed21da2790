#include "iceberg/spec/transform.h"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/date_time.h"

namespace floe::iceberg {
namespace {

constexpr int32_t kEpochYear = 1970;

/// The number of "name[number]"; nullopt when `text` has another form.
std::optional<int32_t> Parameter(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || text.size() < name.size() + 3) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  int32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

bool IsTimestamp(TypeId id) {
  return id >= TypeId::kTimestamp && id <= TypeId::kTimestampTzNs;
}

bool CanBucket(TypeId id) {
  return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDecimal ||
         id == TypeId::kDate || id == TypeId::kTime || IsTimestamp(id) ||
         id == TypeId::kString || id == TypeId::kUuid || id == TypeId::kFixed ||
         id == TypeId::kBinary;
}

bool CanTruncate(TypeId id) {
  return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDecimal ||
         id == TypeId::kString || id == TypeId::kBinary;
}

bool IsApplicable(Transform::Kind kind, const Type& source) {
  const TypeId id = source.id();
  switch (kind) {
    case Transform::Kind::kIdentity:
      return source.is_primitive() && id != TypeId::kVariant && id != TypeId::kGeometry &&
             id != TypeId::kGeography;
    case Transform::Kind::kBucket:
      return CanBucket(id);
    case Transform::Kind::kTruncate:
      return CanTruncate(id);
    case Transform::Kind::kYear:
    case Transform::Kind::kMonth:
    case Transform::Kind::kDay:
      return id == TypeId::kDate || IsTimestamp(id);
    case Transform::Kind::kHour:
      return IsTimestamp(id);
    case Transform::Kind::kVoid:
    case Transform::Kind::kUnknown:
      return true;
  }
  return false;
}

/// Truncation rounds down; at the lowest values it wraps, as the Java reference does.
template <typename Signed, typename Unsigned>
Signed TruncateWhole(Signed value, int32_t width) {
  const Signed rest = static_cast<Signed>(((value % width) + width) % width);
  return static_cast<Signed>(static_cast<Unsigned>(value) - static_cast<Unsigned>(rest));
}

arrow::Decimal128 TruncateDecimal(const arrow::Decimal128& value, int32_t width) {
  const arrow::Decimal128 divisor(width);
  const arrow::Decimal128 rest = ((value % divisor) + divisor) % divisor;
  return value - rest;
}

/// The first `count` code points.
std::string TruncateText(const std::string& text, int32_t count) {
  int32_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_code_point = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_code_point && ++seen > count) return text.substr(0, i);
  }
  return text;
}

arrow::Result<Literal> Truncate(const Literal& value, int32_t width) {
  const TypePtr& type = value.type();
  switch (type->id()) {
    case TypeId::kInt:
      // The sum inside may leave 32 bits, never 64.
      return Literal(type, static_cast<int32_t>(TruncateWhole<int64_t, uint64_t>(
                               value.as<int32_t>(), width)));
    case TypeId::kLong:
      return Literal(type, TruncateWhole<int64_t, uint64_t>(value.as<int64_t>(), width));
    case TypeId::kDecimal:
      return Literal(type, TruncateDecimal(value.as<arrow::Decimal128>(), width));
    case TypeId::kString:
      return Literal(type, TruncateText(value.as<std::string>(), width));
    default:
      return Literal(type, value.as<std::string>().substr(0, static_cast<size_t>(width)));
  }
}

int64_t EpochSeconds(const Literal& value) {
  switch (value.type()->id()) {
    case TypeId::kDate:
      return value.as<int32_t>() * kSecondsPerDay;
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return FloorDiv(value.as<int64_t>(), kNanosPerSecond);
    default:
      return FloorDiv(value.as<int64_t>(), kMicrosPerSecond);
  }
}

int64_t TimePart(Transform::Kind kind, int64_t seconds) {
  if (kind == Transform::Kind::kHour) return FloorDiv(seconds, kSecondsPerHour);
  const int64_t days = FloorDiv(seconds, kSecondsPerDay);
  if (kind == Transform::Kind::kDay) return days;
  const CivilDate date = CivilFromDays(days);
  if (kind == Transform::Kind::kYear) return date.year - kEpochYear;
  return (date.year - kEpochYear) * 12 + date.month - 1;
}

}  // namespace

Transform Transform::Bucket(int32_t bucket_count) {
  return Transform(Kind::kBucket, bucket_count, fmt::format("bucket[{}]", bucket_count));
}

Transform Transform::Truncate(int32_t width) {
  return Transform(Kind::kTruncate, width, fmt::format("truncate[{}]", width));
}

arrow::Result<Transform> Transform::FromString(std::string_view text) {
  for (const Transform& plain : {Identity(), Void(), Year(), Month(), Day(), Hour()}) {
    if (plain.ToString() == text) return plain;
  }
  const auto positive = [&](int32_t parameter) {
    if (parameter > 0) return arrow::Status::OK();
    return MakeError(ErrorCode::kInvalidArgument,
                     "transform '{}': the number must be above 0", text);
  };
  if (const auto count = Parameter(text, "bucket")) {
    ARROW_RETURN_NOT_OK(positive(*count));
    return Bucket(*count);
  }
  if (const auto width = Parameter(text, "truncate")) {
    ARROW_RETURN_NOT_OK(positive(*width));
    return Truncate(*width);
  }
  if (text.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "a transform has no name");
  }
  return Transform(Kind::kUnknown, 0, std::string(text));
}

arrow::Result<TypePtr> Transform::ResultType(const TypePtr& source) const {
  if (!IsApplicable(kind_, *source)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "transform {} does not apply to type {}", text_, source->ToString());
  }
  switch (kind_) {
    case Kind::kBucket:
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
      return Type::Int();
    case Kind::kDay:
      return Type::Date();
    case Kind::kUnknown:
      return Type::Unknown();
    default:
      return source;
  }
}

arrow::Result<Literal> Transform::Apply(const Literal& value) const {
  if (kind_ == Kind::kUnknown) {
    return MakeError(ErrorCode::kNotSupported,
                     "transform '{}' is not known to this version: the table can be read "
                     "but not written through it",
                     text_);
  }
  ARROW_ASSIGN_OR_RAISE(TypePtr type, ResultType(value.type()));
  if (value.is_null() || kind_ == Kind::kVoid) return Literal::Null(std::move(type));
  switch (kind_) {
    case Kind::kIdentity:
      return value;
    case Kind::kBucket: {
      ARROW_ASSIGN_OR_RAISE(const int32_t hash, BucketHash(value));
      return Literal(std::move(type),
                     (hash & std::numeric_limits<int32_t>::max()) % parameter_);
    }
    case Kind::kTruncate:
      return iceberg::Truncate(value, parameter_);
    default:
      break;
  }
  const int64_t part = TimePart(kind_, EpochSeconds(value));
  if (part > std::numeric_limits<int32_t>::max() ||
      part < std::numeric_limits<int32_t>::min()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} of {} does not fit 32 bits", text_,
                     value.ToString());
  }
  return Literal(std::move(type), static_cast<int32_t>(part));
}

bool Transform::PreservesOrder() const {
  switch (kind_) {
    case Kind::kBucket:
    case Kind::kVoid:
    case Kind::kUnknown:
      return false;
    default:
      return true;
  }
}

}  // namespace floe::iceberg
