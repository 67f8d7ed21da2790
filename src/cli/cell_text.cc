#include "cli/cell_text.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "arrow/array.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "base/hex.h"

namespace floe::cli {
namespace {

void AppendQuoted(std::string_view value, std::string* text) {
  *text += nlohmann::json(value).dump(-1, ' ', false,
                                      nlohmann::json::error_handler_t::replace);
}

void AppendFloating(double value, int digits, std::string* text) {
  if (std::isnan(value)) {
    *text += "\"NaN\"";
  } else if (std::isinf(value)) {
    *text += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  } else {
    char buffer[40];
    // The shortest digits that read back as the same value.
    for (int precision = digits; precision <= digits + 3; ++precision) {
      snprintf(buffer, sizeof(buffer), "%.*g", precision, value);
      const double back = std::strtod(buffer, nullptr);
      if (digits < 10 ? static_cast<float>(back) == static_cast<float>(value)
                      : back == value) {
        break;
      }
    }
    *text += buffer;
    // So that a reader of the text sees a floating-point number.
    if (std::string_view(buffer).find_first_of(".e") == std::string_view::npos)
      *text += ".0";
  }
}

void AppendList(const arrow::Array& values, int64_t begin, int64_t end,
                std::string* text) {
  *text += '[';
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) *text += ',';
    AppendJson(values, i, text);
  }
  *text += ']';
}

void AppendStruct(const arrow::StructArray& array, int64_t row, std::string* text) {
  *text += '{';
  for (int i = 0; i < array.num_fields(); ++i) {
    if (i > 0) *text += ',';
    AppendQuoted(array.type()->field(i)->name(), text);
    *text += ':';
    AppendJson(*array.field(i), row, text);
  }
  *text += '}';
}

// Arrow turns to exponents for small values of a large scale; people and CSV do not.
void AppendDecimal(const arrow::Decimal128Array& array, int64_t row, std::string* text) {
  const int32_t scale = static_cast<const arrow::Decimal128Type&>(*array.type()).scale();
  std::string digits = arrow::Decimal128(array.GetValue(row)).ToIntegerString();
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  if (scale > 0) {
    const auto whole_and_scale = static_cast<size_t>(scale) + 1;
    if (digits.size() < whole_and_scale) {
      digits.insert(0, whole_and_scale - digits.size(), '0');
    }
    digits.insert(digits.size() - scale, 1, '.');
  }
  AppendQuoted((negative ? "-" : "") + digits, text);
}

// Arrow prints times as "2026-11-22 10:00:00.000000Z".
void AppendTemporal(const arrow::Array& array, int64_t row, std::string* text) {
  const auto scalar = array.GetScalar(row);
  std::string value = scalar.ok() ? (*scalar)->ToString() : scalar.status().message();
  if (array.type_id() == arrow::Type::TIMESTAMP && value.size() > 10) value[10] = 'T';
  AppendQuoted(value, text);
}

}  // namespace

void AppendJson(const arrow::Array& array, int64_t row, std::string* text) {
  if (array.IsNull(row)) {
    *text += "null";
    return;
  }
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      *text +=
          static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
      return;
    case arrow::Type::INT32:
      *text += std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
      return;
    case arrow::Type::INT64:
      *text += std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
      return;
    case arrow::Type::FLOAT:
      return AppendFloating(static_cast<const arrow::FloatArray&>(array).Value(row), 6,
                            text);
    case arrow::Type::DOUBLE:
      return AppendFloating(static_cast<const arrow::DoubleArray&>(array).Value(row), 15,
                            text);
    case arrow::Type::STRING:
      return AppendQuoted(static_cast<const arrow::StringArray&>(array).GetView(row),
                          text);
    case arrow::Type::LARGE_STRING:
      return AppendQuoted(static_cast<const arrow::LargeStringArray&>(array).GetView(row),
                          text);
    case arrow::Type::BINARY:
      return AppendQuoted(
          HexEncode(static_cast<const arrow::BinaryArray&>(array).GetView(row)), text);
    case arrow::Type::FIXED_SIZE_BINARY:
      return AppendQuoted(
          HexEncode(static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row)),
          text);
    case arrow::Type::DECIMAL128:
      return AppendDecimal(static_cast<const arrow::Decimal128Array&>(array), row, text);
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      return AppendList(*list.values(), list.value_offset(row),
                        list.value_offset(row + 1), text);
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapArray&>(array);
      return AppendList(*map.values(), map.value_offset(row), map.value_offset(row + 1),
                        text);
    }
    case arrow::Type::STRUCT:
      return AppendStruct(static_cast<const arrow::StructArray&>(array), row, text);
    default:
      return AppendTemporal(array, row, text);
  }
}

std::string CellText(const arrow::Array& array, int64_t row,
                     const std::string& null_text) {
  if (array.IsNull(row)) return null_text;
  std::string text;
  AppendJson(array, row, &text);
  if (text.size() < 2 || text.front() != '"') return text;
  return nlohmann::json::parse(text).get<std::string>();
}

}  // namespace floe::cli
