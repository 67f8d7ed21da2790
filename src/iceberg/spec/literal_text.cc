#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/hex.h"
#include "iceberg/spec/date_time.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/literal_json.h"

namespace floe::iceberg {
namespace {

template <typename T>
arrow::Result<T> NumberFromText(const Type& type, std::string_view text) {
  T value{};
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' is not a value of type {}", text,
                     type.ToString());
  }
  return value;
}

arrow::Result<Literal> DecimalFromText(TypePtr type, std::string_view text) {
  arrow::Decimal128 value;
  int32_t precision = 0;
  int32_t scale = 0;
  if (!arrow::Decimal128::FromString(text, &value, &precision, &scale).ok()) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' is not a decimal number", text);
  }
  if (scale != type->scale()) {
    auto rescaled = value.Rescale(scale, type->scale());
    if (!rescaled.ok()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' has more digits than type {} can hold", text,
                       type->ToString());
    }
    value = *rescaled;
  }
  if (!value.FitsInPrecision(type->precision())) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' is out of the range of type {}",
                     text, type->ToString());
  }
  return Literal(std::move(type), value);
}

arrow::Result<std::string> UuidFromText(std::string_view text) {
  static constexpr size_t kTextLength = 36;
  std::string digits;
  bool well_formed = text.size() == kTextLength;
  for (size_t i = 0; well_formed && i < text.size(); ++i) {
    const bool dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_place != (text[i] == '-')) well_formed = false;
    if (!dash_place) digits.push_back(text[i]);
  }
  if (well_formed) {
    auto bytes = HexDecode(digits);
    if (bytes.ok()) return bytes;
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' is not a UUID; write it as f79c3e09-677c-4bbd-a479-3f349cb785e7",
                   text);
}

std::string UuidToText(std::string_view bytes) {
  std::string text = HexEncode(bytes);
  for (const size_t place : {8, 13, 18, 23}) {
    if (place < text.size()) text.insert(place, 1, '-');
  }
  return text;
}

arrow::Result<Literal> HexLiteral(TypePtr type, std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(std::string bytes, HexDecode(text));
  if (type->id() == TypeId::kFixed &&
      bytes.size() != static_cast<size_t>(type->length())) {
    return MakeError(ErrorCode::kInvalidArgument, "{} bytes are no value of type {}",
                     bytes.size(), type->ToString());
  }
  return Literal(std::move(type), std::move(bytes));
}

arrow::Result<Literal> BooleanFromText(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower == "true") return Literal::Boolean(true);
  if (lower == "false") return Literal::Boolean(false);
  return MakeError(ErrorCode::kInvalidArgument, "'{}' is neither true nor false", text);
}

int64_t UnitsPerSecond(TypeId id) {
  return id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs ? kNanosPerSecond
                                                                    : kMicrosPerSecond;
}

bool HasZone(TypeId id) {
  return id == TypeId::kTimestampTz || id == TypeId::kTimestampTzNs;
}

arrow::Result<Literal> TemporalFromText(TypePtr type, std::string_view text,
                                        ZoneRule zone) {
  switch (type->id()) {
    case TypeId::kDate: {
      ARROW_ASSIGN_OR_RAISE(const int32_t days, DateFromText(text));
      return Literal(std::move(type), days);
    }
    case TypeId::kTime: {
      ARROW_ASSIGN_OR_RAISE(const int64_t micros, TimeFromText(text, kMicrosPerSecond));
      return Literal(std::move(type), micros);
    }
    default: {
      ARROW_ASSIGN_OR_RAISE(const int64_t value,
                            TimestampFromText(text, UnitsPerSecond(type->id()), zone));
      return Literal(std::move(type), value);
    }
  }
}

std::string TemporalToText(const Literal& literal, bool fixed_fraction) {
  const TypeId id = literal.type()->id();
  if (id == TypeId::kDate) return DateToText(literal.as<int32_t>());
  if (id == TypeId::kTime) {
    return TimeToText(literal.as<int64_t>(), kMicrosPerSecond, fixed_fraction);
  }
  return TimestampToText(literal.as<int64_t>(), UnitsPerSecond(id), HasZone(id),
                         fixed_fraction);
}

bool IsTemporal(TypeId id) { return id >= TypeId::kDate && id <= TypeId::kTimestampTzNs; }

}  // namespace

arrow::Result<Literal> Literal::FromText(TypePtr type, std::string_view text) {
  switch (type->id()) {
    case TypeId::kBoolean:
      return BooleanFromText(text);
    case TypeId::kInt: {
      ARROW_ASSIGN_OR_RAISE(const auto value, NumberFromText<int32_t>(*type, text));
      return Literal(std::move(type), value);
    }
    case TypeId::kLong: {
      ARROW_ASSIGN_OR_RAISE(const auto value, NumberFromText<int64_t>(*type, text));
      return Literal(std::move(type), value);
    }
    case TypeId::kFloat: {
      ARROW_ASSIGN_OR_RAISE(const auto value, NumberFromText<float>(*type, text));
      return Literal(std::move(type), value);
    }
    case TypeId::kDouble: {
      ARROW_ASSIGN_OR_RAISE(const auto value, NumberFromText<double>(*type, text));
      return Literal(std::move(type), value);
    }
    case TypeId::kDecimal:
      return DecimalFromText(std::move(type), text);
    case TypeId::kString:
      return Literal(std::move(type), std::string(text));
    case TypeId::kUuid: {
      ARROW_ASSIGN_OR_RAISE(std::string bytes, UuidFromText(text));
      return Literal(std::move(type), std::move(bytes));
    }
    case TypeId::kFixed:
    case TypeId::kBinary:
      if (text.size() >= 3 && text.starts_with("x'") && text.ends_with('\'')) {
        text = text.substr(2, text.size() - 3);
      }
      return HexLiteral(std::move(type), text);
    default:
      break;
  }
  if (IsTemporal(type->id())) {
    const ZoneRule zone =
        HasZone(type->id()) ? ZoneRule::kOptional : ZoneRule::kForbidden;
    return TemporalFromText(std::move(type), text, zone);
  }
  return MakeError(ErrorCode::kInvalidArgument, "a value of type {} cannot be written",
                   type->ToString());
}

arrow::Result<Literal> Literal::FromJsonText(TypePtr type, std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const nlohmann::json value, ParseJson(json, "a literal"));
  return LiteralFromJson(std::move(type), value);
}

arrow::Result<std::string> Literal::ToJsonText() const {
  ARROW_ASSIGN_OR_RAISE(const nlohmann::json value, LiteralToJson(*this));
  return DumpJson(value, "a literal");
}

arrow::Result<Literal> LiteralFromJson(TypePtr type, const nlohmann::json& value) {
  if (value.is_null()) return Literal::Null(std::move(type));
  const auto mismatch = [&] {
    return MakeError(ErrorCode::kCorruptData, "JSON {} is no value of type {}",
                     value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                     type->ToString());
  };
  switch (type->id()) {
    case TypeId::kBoolean:
      if (!value.is_boolean()) return mismatch();
      return Literal::Boolean(value.get<bool>());
    case TypeId::kInt: {
      const auto number = JsonToInt(value);
      if (!number) return mismatch();
      return Literal(std::move(type), *number);
    }
    case TypeId::kLong: {
      const auto number = JsonToLong(value);
      if (!number) return mismatch();
      return Literal(std::move(type), *number);
    }
    case TypeId::kFloat:
      if (!value.is_number()) return mismatch();
      return Literal(std::move(type), static_cast<float>(value.get<double>()));
    case TypeId::kDouble:
      if (!value.is_number()) return mismatch();
      return Literal(std::move(type), value.get<double>());
    default:
      break;
  }
  if (!value.is_string()) return mismatch();
  const std::string& text = value.get_ref<const std::string&>();
  if (IsTemporal(type->id())) {
    const ZoneRule zone =
        HasZone(type->id()) ? ZoneRule::kRequired : ZoneRule::kForbidden;
    return TemporalFromText(std::move(type), text, zone);
  }
  if (type->id() == TypeId::kFixed || type->id() == TypeId::kBinary) {
    return HexLiteral(std::move(type), text);
  }
  return Literal::FromText(std::move(type), text);
}

arrow::Result<nlohmann::json> LiteralToJson(const Literal& literal) {
  if (literal.is_null()) return nlohmann::json();
  const Type& type = *literal.type();
  switch (type.id()) {
    case TypeId::kBoolean:
      return nlohmann::json(literal.as<bool>());
    case TypeId::kInt:
      return nlohmann::json(literal.as<int32_t>());
    case TypeId::kLong:
      return nlohmann::json(literal.as<int64_t>());
    case TypeId::kFloat:
    case TypeId::kDouble: {
      const double value =
          type.id() == TypeId::kFloat ? literal.as<float>() : literal.as<double>();
      if (std::isfinite(value)) return nlohmann::json(value);
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} of type {} has no JSON form in the Iceberg specification",
                       value, type.ToString());
    }
    case TypeId::kDecimal:
      return nlohmann::json(literal.as<arrow::Decimal128>().ToString(type.scale()));
    case TypeId::kString:
      return nlohmann::json(literal.as<std::string>());
    case TypeId::kUuid:
      return nlohmann::json(UuidToText(literal.as<std::string>()));
    case TypeId::kFixed:
    case TypeId::kBinary:
      return nlohmann::json(HexEncode(literal.as<std::string>()));
    default:
      break;
  }
  if (IsTemporal(type.id())) return nlohmann::json(TemporalToText(literal, true));
  return MakeError(ErrorCode::kNotSupported, "a value of type {} has no JSON form here",
                   type.ToString());
}

std::string Literal::ToString() const {
  if (is_null()) return "null";
  if (IsTemporal(type_->id())) return TemporalToText(*this, false);
  switch (type_->id()) {
    case TypeId::kBoolean:
      return as<bool>() ? "true" : "false";
    case TypeId::kInt:
      return fmt::format("{}", as<int32_t>());
    case TypeId::kLong:
      return fmt::format("{}", as<int64_t>());
    case TypeId::kFloat:
      return fmt::format("{}", as<float>());
    case TypeId::kDouble:
      return fmt::format("{}", as<double>());
    case TypeId::kDecimal:
      return as<arrow::Decimal128>().ToString(type_->scale());
    case TypeId::kString:
      return fmt::format("\"{}\"", as<std::string>());
    case TypeId::kUuid:
      return UuidToText(as<std::string>());
    default:
      return fmt::format("x'{}'", HexEncode(as<std::string>()));
  }
}

}  // namespace floe::iceberg
