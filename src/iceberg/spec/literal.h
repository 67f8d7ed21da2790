#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "arrow/result.h"
#include "arrow/util/decimal.h"
#include "iceberg/spec/type.h"

namespace floe::iceberg {

/// A value of a primitive type, or NULL of it. A value type, cheap to move.
///
/// Held as: bool; int32_t (int, date as days); int64_t (long, time as microseconds,
/// timestamps as micro- or nanoseconds since the epoch); float; double; Decimal128
/// (unscaled); std::string (string as UTF-8; uuid, fixed, binary as raw bytes).
class Literal {
 public:
  using Value = std::variant<std::monostate, bool, int32_t, int64_t, float, double,
                             arrow::Decimal128, std::string>;

  Literal() : type_(Type::Unknown()) {}
  Literal(TypePtr type, Value value) : type_(std::move(type)), value_(std::move(value)) {}
  static Literal Null(TypePtr type) { return Literal(std::move(type), std::monostate{}); }
  static Literal Boolean(bool value) { return {Type::Boolean(), value}; }
  static Literal Int(int32_t value) { return {Type::Int(), value}; }
  static Literal Long(int64_t value) { return {Type::Long(), value}; }
  static Literal Float(float value) { return {Type::Float(), value}; }
  static Literal Double(double value) { return {Type::Double(), value}; }
  static Literal String(std::string value) { return {Type::String(), std::move(value)}; }
  static Literal Binary(std::string value) { return {Type::Binary(), std::move(value)}; }
  /// Microseconds since the epoch.
  static Literal Timestamp(int64_t micros) { return {Type::Timestamp(), micros}; }
  static Literal TimestampTz(int64_t micros) { return {Type::TimestampTz(), micros}; }

  const TypePtr& type() const { return type_; }
  const Value& value() const { return value_; }
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  template <typename T>
  const T& as() const {
    return std::get<T>(value_);
  }

  /// Spec Appendix D, binary single-value serialization. Bounds written when a column was
  /// narrower (int for a long column, float for a double one) are widened. kCorruptData
  /// when the length does not fit.
  static arrow::Result<Literal> FromBytes(TypePtr type, std::string_view bytes);
  arrow::Result<std::string> ToBytes() const;

  /// Spec Appendix D, JSON single-value serialization, as JSON text.
  static arrow::Result<Literal> FromJsonText(TypePtr type, std::string_view json);
  arrow::Result<std::string> ToJsonText() const;

  /// Parses what a person types, e.g. "2026-11-22T10:00:00", "1.5", for `type`.
  static arrow::Result<Literal> FromText(TypePtr type, std::string_view text);

  /// The same value as another type where no information is lost (int to long, int to
  /// double, text to timestamp...); kInvalidArgument otherwise. Fractions as people write
  /// them are rounded to the nearest float or double, as in the Java reference.
  arrow::Result<Literal> CastTo(const TypePtr& type) const;

  /// Order within one type: -1, 0, 1. -0.0 < +0.0; NaN above all; NULL below all. Strings
  /// and binaries by unsigned bytes.
  int Compare(const Literal& other) const;
  bool operator==(const Literal& other) const;

  /// For people: 2026-11-22, 1.50, "text", x'00ff', null.
  std::string ToString() const;

 private:
  TypePtr type_;
  Value value_;
};

/// The fewest big-endian bytes of the two's complement of an unscaled decimal.
std::string DecimalToMinimalBytes(const arrow::Decimal128& value);

}  // namespace floe::iceberg
