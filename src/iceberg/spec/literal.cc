#include "iceberg/spec/literal.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "iceberg/spec/date_time.h"

namespace floe::iceberg {
namespace {

constexpr size_t kDecimalBytesMax = 16;

template <typename T>
T LoadLittleEndian(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

template <typename T>
std::string StoreLittleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

arrow::Status BadLength(const Type& type, std::string_view bytes) {
  return MakeError(ErrorCode::kCorruptData, "{} bytes cannot hold a value of type {}",
                   bytes.size(), type.ToString());
}

arrow::Result<Literal> LongFromBytes(TypePtr type, std::string_view bytes) {
  if (bytes.size() == 8) {
    return Literal(std::move(type), LoadLittleEndian<int64_t>(bytes));
  }
  if (bytes.size() != 4) return BadLength(*type, bytes);
  const int64_t narrow = LoadLittleEndian<int32_t>(bytes);
  int64_t units_per_day = 0;
  switch (type->id()) {
    case TypeId::kLong:
      return Literal(std::move(type), narrow);
    case TypeId::kTimestamp:
      units_per_day = kSecondsPerDay * kMicrosPerSecond;
      break;
    case TypeId::kTimestampNs:
      units_per_day = kSecondsPerDay * kNanosPerSecond;
      break;
    default:
      return BadLength(*type, bytes);
  }
  // The column was a date when the bytes were written.
  int64_t value = 0;
  if (__builtin_mul_overflow(narrow, units_per_day, &value)) {
    return MakeError(ErrorCode::kCorruptData, "date {} does not fit type {}",
                     DateToText(narrow), type->ToString());
  }
  return Literal(std::move(type), value);
}

arrow::Result<Literal> DecimalFromBytes(TypePtr type, std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kDecimalBytesMax) return BadLength(*type, bytes);
  ARROW_ASSIGN_OR_RAISE(auto decimal, arrow::Decimal128::FromBigEndian(
                                          reinterpret_cast<const uint8_t*>(bytes.data()),
                                          static_cast<int32_t>(bytes.size())));
  return Literal(std::move(type), decimal);
}

int Sign(int value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

template <typename T>
int CompareOrdered(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

template <typename T>
int CompareFloating(T left, T right) {
  const bool left_nan = std::isnan(left);
  const bool right_nan = std::isnan(right);
  if (left_nan || right_nan) return static_cast<int>(left_nan) - right_nan;
  if (left == right) {
    return static_cast<int>(std::signbit(right)) - static_cast<int>(std::signbit(left));
  }
  return left < right ? -1 : 1;
}

}  // namespace

arrow::Result<Literal> Literal::FromBytes(TypePtr type, std::string_view bytes) {
  switch (type->id()) {
    case TypeId::kBoolean:
      if (bytes.size() != 1) return BadLength(*type, bytes);
      return Literal(std::move(type), bytes[0] != 0);
    case TypeId::kInt:
    case TypeId::kDate:
      if (bytes.size() != 4) return BadLength(*type, bytes);
      return Literal(std::move(type), LoadLittleEndian<int32_t>(bytes));
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return LongFromBytes(std::move(type), bytes);
    case TypeId::kFloat:
      if (bytes.size() != 4) return BadLength(*type, bytes);
      return Literal(std::move(type), LoadLittleEndian<float>(bytes));
    case TypeId::kDouble:
      if (bytes.size() == 4) {
        return Literal(std::move(type),
                       static_cast<double>(LoadLittleEndian<float>(bytes)));
      }
      if (bytes.size() != 8) return BadLength(*type, bytes);
      return Literal(std::move(type), LoadLittleEndian<double>(bytes));
    case TypeId::kDecimal:
      return DecimalFromBytes(std::move(type), bytes);
    case TypeId::kUuid:
      if (bytes.size() != 16) return BadLength(*type, bytes);
      break;
    case TypeId::kFixed:
      // A truncated bound of a fixed is shorter than the type.
      if (bytes.size() > static_cast<size_t>(type->length())) {
        return BadLength(*type, bytes);
      }
      break;
    case TypeId::kString:
    case TypeId::kBinary:
    case TypeId::kVariant:
    case TypeId::kGeometry:
    case TypeId::kGeography:
      break;
    default:
      return MakeError(ErrorCode::kNotSupported, "type {} has no single-value bytes",
                       type->ToString());
  }
  return Literal(std::move(type), std::string(bytes));
}

arrow::Result<std::string> Literal::ToBytes() const {
  struct Visitor {
    const Type& type;
    arrow::Result<std::string> operator()(std::monostate) const {
      return MakeError(ErrorCode::kInvalidArgument,
                       "NULL of type {} has no single-value bytes", type.ToString());
    }
    arrow::Result<std::string> operator()(bool value) const {
      return std::string(1, value ? '\1' : '\0');
    }
    arrow::Result<std::string> operator()(const arrow::Decimal128& value) const {
      return DecimalToMinimalBytes(value);
    }
    arrow::Result<std::string> operator()(const std::string& value) const {
      return value;
    }
    arrow::Result<std::string> operator()(int32_t value) const {
      return StoreLittleEndian(value);
    }
    arrow::Result<std::string> operator()(int64_t value) const {
      return StoreLittleEndian(value);
    }
    arrow::Result<std::string> operator()(float value) const {
      return StoreLittleEndian(value);
    }
    arrow::Result<std::string> operator()(double value) const {
      return StoreLittleEndian(value);
    }
  };
  return std::visit(Visitor{*type_}, value_);
}

std::string DecimalToMinimalBytes(const arrow::Decimal128& value) {
  const auto high = static_cast<uint64_t>(value.high_bits());
  const uint64_t low = value.low_bits();
  std::string bytes(kDecimalBytesMax, '\0');
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(high >> (56 - 8 * i));
    bytes[i + 8] = static_cast<char>(low >> (56 - 8 * i));
  }
  // A leading byte is dropped when it only repeats the sign of the byte after it.
  size_t start = 0;
  while (start + 1 < bytes.size()) {
    const char sign = static_cast<unsigned char>(bytes[start + 1]) & 0x80 ? '\xff' : '\0';
    if (bytes[start] != sign) break;
    ++start;
  }
  return bytes.substr(start);
}

int Literal::Compare(const Literal& other) const {
  if (value_.index() != other.value_.index()) {
    return value_.index() < other.value_.index() ? -1 : 1;
  }
  struct Visitor {
    const Value& right;
    int operator()(std::monostate) const { return 0; }
    int operator()(float left) const {
      return CompareFloating(left, std::get<float>(right));
    }
    int operator()(double left) const {
      return CompareFloating(left, std::get<double>(right));
    }
    int operator()(const std::string& left) const {
      return Sign(left.compare(std::get<std::string>(right)));
    }
    int operator()(bool left) const {
      return CompareOrdered(left, std::get<bool>(right));
    }
    int operator()(int32_t left) const {
      return CompareOrdered(left, std::get<int32_t>(right));
    }
    int operator()(int64_t left) const {
      return CompareOrdered(left, std::get<int64_t>(right));
    }
    int operator()(const arrow::Decimal128& left) const {
      return CompareOrdered(left, std::get<arrow::Decimal128>(right));
    }
  };
  return std::visit(Visitor{other.value_}, value_);
}

bool Literal::operator==(const Literal& other) const {
  return type_->Equals(*other.type_) && value_.index() == other.value_.index() &&
         Compare(other) == 0;
}

}  // namespace floe::iceberg
