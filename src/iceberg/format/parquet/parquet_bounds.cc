#include "iceberg/format/parquet/parquet_bounds.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "arrow/util/decimal.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"
#include "parquet/types.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMillisToMicros = 1000;
constexpr int64_t kMicrosPerDay = int64_t{86'400} * 1'000'000;
constexpr int32_t kMaxDecimalBytes = 16;

template <typename T>
std::optional<T> ReadPlain(std::string_view encoded) {
  if (encoded.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, encoded.data(), sizeof(T));
  return value;
}

std::optional<int64_t> Times(int64_t value, int64_t factor) {
  int64_t product = 0;
  if (__builtin_mul_overflow(value, factor, &product)) return std::nullopt;
  return product;
}

int64_t FloorDiv(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/// Nanoseconds per unit of a file's time or timestamp type, 0 when it is neither.
int64_t NanosPerUnit(const parquet::LogicalType& logical) {
  parquet::LogicalType::TimeUnit::unit unit;
  if (logical.is_timestamp()) {
    unit = static_cast<const parquet::TimestampLogicalType&>(logical).time_unit();
  } else if (logical.is_time()) {
    unit = static_cast<const parquet::TimeLogicalType&>(logical).time_unit();
  } else {
    return 0;
  }
  switch (unit) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return 1'000'000;
    case parquet::LogicalType::TimeUnit::MICROS:
      return 1000;
    case parquet::LogicalType::TimeUnit::NANOS:
      return 1;
    default:
      return 0;
  }
}

std::optional<int64_t> Rescale(int64_t value, int64_t from_nanos, int64_t to_nanos) {
  if (from_nanos == 0) return std::nullopt;
  if (from_nanos >= to_nanos) return Times(value, from_nanos / to_nanos);
  return FloorDiv(value, to_nanos / from_nanos);
}

bool IsUnsigned(const parquet::LogicalType& logical) {
  return logical.is_int() &&
         !static_cast<const parquet::IntLogicalType&>(logical).is_signed();
}

/// Whether the column holds plain integers (not dates, times or decimals).
bool IsPlainInteger(const parquet::LogicalType& logical) {
  return logical.is_none() || logical.is_int();
}

std::optional<Literal> IntegerBound(const parquet::LogicalType& logical, int64_t value,
                                    const TypePtr& type) {
  switch (type->id()) {
    case TypeId::kInt:
      if (!IsPlainInteger(logical) || value < std::numeric_limits<int32_t>::min() ||
          value > std::numeric_limits<int32_t>::max()) {
        return std::nullopt;
      }
      return Literal(type, static_cast<int32_t>(value));
    case TypeId::kLong:
      if (!IsPlainInteger(logical)) return std::nullopt;
      return Literal(type, value);
    case TypeId::kDate:
      if (!logical.is_date()) return std::nullopt;
      return Literal(type, static_cast<int32_t>(value));
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs: {
      const bool nanos =
          type->id() == TypeId::kTimestampNs || type->id() == TypeId::kTimestampTzNs;
      std::optional<int64_t> scaled;
      if (logical.is_date()) {
        scaled = Times(value, kMicrosPerDay);
        if (scaled && nanos) scaled = Times(*scaled, kMillisToMicros);
      } else if (logical.is_time() == (type->id() == TypeId::kTime)) {
        scaled = Rescale(value, NanosPerUnit(logical), nanos ? 1 : 1000);
      }
      if (!scaled) return std::nullopt;
      return Literal(type, *scaled);
    }
    case TypeId::kDecimal: {
      if (!logical.is_decimal()) return std::nullopt;
      const auto& decimal = static_cast<const parquet::DecimalLogicalType&>(logical);
      if (decimal.scale() != type->scale()) return std::nullopt;
      return Literal(type, arrow::Decimal128(value));
    }
    default:
      return std::nullopt;
  }
}

template <typename T>
std::optional<T> OrderedFloat(T value, BoundSide side) {
  if (std::isnan(value)) return std::nullopt;
  // Writers disagree on the sign of a zero bound: take the wider one.
  if (value == 0) return side == BoundSide::kLower ? T{-0.0} : T{0.0};
  return value;
}

std::optional<Literal> FloatBound(float value, const TypePtr& type, BoundSide side) {
  const std::optional<float> bound = OrderedFloat(value, side);
  if (!bound) return std::nullopt;
  if (type->id() == TypeId::kFloat) return Literal(type, *bound);
  if (type->id() == TypeId::kDouble) return Literal(type, static_cast<double>(*bound));
  return std::nullopt;
}

std::optional<Literal> BytesBound(const parquet::ColumnDescriptor& column,
                                  std::string_view bytes, const TypePtr& type) {
  const parquet::LogicalType& logical = *column.logical_type();
  switch (type->id()) {
    case TypeId::kString:
    case TypeId::kBinary:
      if (column.physical_type() != parquet::Type::BYTE_ARRAY || logical.is_decimal()) {
        return std::nullopt;
      }
      return Literal(type, std::string(bytes));
    case TypeId::kUuid:
    case TypeId::kFixed: {
      const size_t length =
          type->id() == TypeId::kUuid ? 16 : static_cast<size_t>(type->length());
      if (column.physical_type() != parquet::Type::FIXED_LEN_BYTE_ARRAY ||
          logical.is_decimal() || bytes.size() != length) {
        return std::nullopt;
      }
      return Literal(type, std::string(bytes));
    }
    case TypeId::kDecimal: {
      if (!logical.is_decimal() || bytes.empty() || bytes.size() > kMaxDecimalBytes) {
        return std::nullopt;
      }
      const auto& decimal = static_cast<const parquet::DecimalLogicalType&>(logical);
      if (decimal.scale() != type->scale()) return std::nullopt;
      auto value =
          arrow::Decimal128::FromBigEndian(reinterpret_cast<const uint8_t*>(bytes.data()),
                                           static_cast<int32_t>(bytes.size()));
      if (!value.ok()) return std::nullopt;
      return Literal(type, *value);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Literal> DecodeBound(const parquet::ColumnDescriptor& column,
                                   std::string_view encoded, const TypePtr& type,
                                   BoundSide side) {
  const parquet::LogicalType& logical = *column.logical_type();
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      if (type->id() != TypeId::kBoolean || encoded.size() != 1) return std::nullopt;
      return Literal(type, encoded[0] != 0);
    case parquet::Type::INT32: {
      const auto value = ReadPlain<int32_t>(encoded);
      if (!value) return std::nullopt;
      // Widened before the choice: the two have uint32_t as their common type otherwise.
      const int64_t wide =
          IsUnsigned(logical) ? int64_t{static_cast<uint32_t>(*value)} : int64_t{*value};
      return IntegerBound(logical, wide, type);
    }
    case parquet::Type::INT64: {
      const auto value = ReadPlain<int64_t>(encoded);
      if (!value || (IsUnsigned(logical) && *value < 0)) return std::nullopt;
      return IntegerBound(logical, *value, type);
    }
    case parquet::Type::FLOAT: {
      const auto value = ReadPlain<float>(encoded);
      return value ? FloatBound(*value, type, side) : std::nullopt;
    }
    case parquet::Type::DOUBLE: {
      const auto value = ReadPlain<double>(encoded);
      if (!value || type->id() != TypeId::kDouble) return std::nullopt;
      const auto bound = OrderedFloat(*value, side);
      if (!bound) return std::nullopt;
      return Literal(type, *bound);
    }
    case parquet::Type::BYTE_ARRAY:
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return BytesBound(column, encoded, type);
    default:
      return std::nullopt;
  }
}

ColumnBounds ChunkBounds(const parquet::ColumnChunkMetaData& chunk,
                         const parquet::ColumnDescriptor& column, const TypePtr& type) {
  ColumnBounds bounds;
  // Inside lists and maps counts are of elements, not of rows: they say nothing of rows.
  if (column.max_repetition_level() > 0) return bounds;
  bounds.value_count = chunk.num_values();
  if (!chunk.is_stats_set()) return bounds;
  const auto statistics = chunk.encoded_statistics();
  if (statistics == nullptr) return bounds;
  if (statistics->has_null_count) bounds.null_count = statistics->null_count;
  if (!column.can_use_min_max()) return bounds;
  if (statistics->has_min) {
    bounds.lower = DecodeBound(column, statistics->min(), type, BoundSide::kLower);
  }
  if (statistics->has_max) {
    bounds.upper = DecodeBound(column, statistics->max(), type, BoundSide::kUpper);
  }
  return bounds;
}

}  // namespace floe::iceberg
