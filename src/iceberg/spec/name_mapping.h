#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg {

/// One field of a name mapping (spec, "Column Projection"): the names under which files
/// without field ids may hold the field.
struct MappedField {
  std::vector<std::string> names;
  int32_t field_id = -1;  ///< -1: a mapped struct without an id of its own.
  std::vector<MappedField> fields;
};

/// A table's "schema.name-mapping.default" property.
struct NameMapping {
  static constexpr char kProperty[] = "schema.name-mapping.default";

  std::vector<MappedField> fields;

  static arrow::Result<NameMapping> FromJsonText(std::string_view json);
  std::string ToJsonText() const;
};

}  // namespace floe::iceberg
