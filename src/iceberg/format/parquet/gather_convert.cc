#include "iceberg/format/parquet/gather_convert.h"

#include <memory>

#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "parquet/schema.h"
#include "parquet/types.h"

namespace floe::iceberg {

namespace {

using arrow::Type;
using Kind = ValueConversion::Kind;

int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
  constexpr int64_t kUnits[] = {1, 1'000, 1'000'000, 1'000'000'000};
  return kUnits[static_cast<int>(unit)];
}

std::optional<int64_t> UnitsPerSecond(parquet::LogicalType::TimeUnit::unit unit) {
  switch (unit) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return 1'000;
    case parquet::LogicalType::TimeUnit::MICROS:
      return 1'000'000;
    case parquet::LogicalType::TimeUnit::NANOS:
      return 1'000'000'000;
    default:
      return std::nullopt;
  }
}

std::optional<ValueConversion> FromUnits(int64_t file, int64_t wanted) {
  if (file == wanted) return ValueConversion{Kind::kCopy8, 8, 1};
  if (file < wanted) return ValueConversion{Kind::kScaleUp, 8, wanted / file};
  return ValueConversion{Kind::kScaleDown, 8, file / wanted};
}

bool IsSignedInteger(const parquet::LogicalType& logical) {
  return logical.is_none() ||
         (logical.is_int() &&
          static_cast<const parquet::IntLogicalType&>(logical).is_signed());
}

std::optional<ValueConversion> FromInt32(const parquet::ColumnDescriptor& column,
                                         const arrow::DataType& type) {
  const parquet::LogicalType& logical = *column.logical_type();
  if (type.id() == Type::DATE32 && logical.is_date()) {
    return ValueConversion{Kind::kCopy4, 4};
  }
  if (!IsSignedInteger(logical)) return std::nullopt;
  if (type.id() == Type::INT32) return ValueConversion{Kind::kCopy4, 4};
  if (type.id() == Type::INT64) return ValueConversion{Kind::kIntToLong, 8};
  return std::nullopt;
}

std::optional<ValueConversion> FromInt64(const parquet::ColumnDescriptor& column,
                                         const arrow::DataType& type) {
  const parquet::LogicalType& logical = *column.logical_type();
  if (type.id() == Type::TIMESTAMP && logical.is_timestamp()) {
    const auto file = UnitsPerSecond(
        static_cast<const parquet::TimestampLogicalType&>(logical).time_unit());
    if (!file) return std::nullopt;
    return FromUnits(
        *file, UnitsPerSecond(static_cast<const arrow::TimestampType&>(type).unit()));
  }
  if (type.id() == Type::TIME64 && logical.is_time()) {
    const auto file =
        UnitsPerSecond(static_cast<const parquet::TimeLogicalType&>(logical).time_unit());
    if (!file) return std::nullopt;
    return FromUnits(*file,
                     UnitsPerSecond(static_cast<const arrow::Time64Type&>(type).unit()));
  }
  if (type.id() == Type::INT64 && IsSignedInteger(logical)) {
    return ValueConversion{Kind::kCopy8, 8};
  }
  return std::nullopt;
}

std::optional<ValueConversion> FromDecimal(const parquet::ColumnDescriptor& column,
                                           const arrow::DataType& type) {
  constexpr int kWidth = 16;
  const auto& logical =
      static_cast<const parquet::DecimalLogicalType&>(*column.logical_type());
  if (type.id() != Type::DECIMAL128) return std::nullopt;
  const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
  if (logical.scale() != decimal.scale() || logical.precision() > decimal.precision()) {
    return std::nullopt;
  }
  switch (column.physical_type()) {
    case parquet::Type::INT32:
      return ValueConversion{Kind::kDecimalInt32, kWidth};
    case parquet::Type::INT64:
      return ValueConversion{Kind::kDecimalInt64, kWidth};
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      if (column.type_length() < 1 || column.type_length() > kWidth) return std::nullopt;
      return ValueConversion{Kind::kDecimalBytes, kWidth};
    case parquet::Type::BYTE_ARRAY:
      return ValueConversion{Kind::kDecimalBytes, kWidth};
    default:
      return std::nullopt;
  }
}

bool IsVariable(const arrow::DataType& type) {
  return arrow::is_base_binary_like(type.id());
}

}  // namespace

std::optional<ValueConversion> ValueConversion::Make(
    const parquet::ColumnDescriptor& column, const arrow::DataType& type) {
  if (type.id() == Type::EXTENSION) {
    return Make(column, *static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  const parquet::LogicalType& logical = *column.logical_type();
  if (logical.is_decimal()) return FromDecimal(column, type);
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      if (type.id() == Type::BOOL) return ValueConversion{Kind::kBool, 1};
      return std::nullopt;
    case parquet::Type::INT32:
      return FromInt32(column, type);
    case parquet::Type::INT64:
      return FromInt64(column, type);
    case parquet::Type::INT96:
      if (type.id() != Type::TIMESTAMP) return std::nullopt;
      return ValueConversion{
          Kind::kInt96, 8,
          UnitsPerSecond(arrow::TimeUnit::NANO) /
              UnitsPerSecond(static_cast<const arrow::TimestampType&>(type).unit())};
    case parquet::Type::FLOAT:
      if (type.id() == Type::FLOAT) return ValueConversion{Kind::kCopy4, 4};
      if (type.id() == Type::DOUBLE) return ValueConversion{Kind::kFloatToDouble, 8};
      return std::nullopt;
    case parquet::Type::DOUBLE:
      if (type.id() == Type::DOUBLE) return ValueConversion{Kind::kCopy8, 8};
      return std::nullopt;
    case parquet::Type::BYTE_ARRAY:
      if (IsVariable(type)) return ValueConversion{Kind::kBytes, 0};
      return std::nullopt;
    case parquet::Type::FIXED_LEN_BYTE_ARRAY: {
      if (type.id() != Type::FIXED_SIZE_BINARY || logical.is_float16()) {
        return std::nullopt;
      }
      const int width = static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width();
      if (width != column.type_length() || width <= 0) return std::nullopt;
      return ValueConversion{width == 16 ? Kind::kCopy16 : Kind::kCopyWide, width};
    }
    default:
      return std::nullopt;
  }
}

}  // namespace floe::iceberg
