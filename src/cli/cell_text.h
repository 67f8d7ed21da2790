#pragma once

#include <cstdint>
#include <string>

namespace arrow {
class Array;
}

namespace floe::cli {

/// Appends the value at `row` as JSON: numbers and booleans bare, NaN and infinities as
/// "NaN", "Infinity", "-Infinity"; text quoted; bytes as hex text; dates and times as ISO
/// 8601 text (Z for times with a zone); decimals as text; lists as arrays, structs as
/// objects, maps as arrays of {"key", "value"}.
void AppendJson(const arrow::Array& array, int64_t row, std::string* text);

/// The value for people: as JSON, but text without quotes and NULL as `null_text`.
std::string CellText(const arrow::Array& array, int64_t row,
                     const std::string& null_text);

}  // namespace floe::cli
