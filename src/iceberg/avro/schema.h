#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg::avro {

enum class Kind {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kFixed,
  kEnum,
  kArray,
  kMap,
  kRecord,
  kUnion,
};

/// An Iceberg id that a schema does not give.
inline constexpr int32_t kNoId = -1;

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

struct Field {
  std::string name;
  SchemaPtr type;
  int32_t field_id = kNoId;  ///< Iceberg's "field-id".
};

/// A node of an Avro schema (Avro specification 1.11, "Schema Declaration") with the
/// attributes Iceberg adds (spec Appendix A). Immutable once parsed; never recursive.
struct Schema {
  Kind kind = Kind::kNull;
  std::string name;                 ///< Full name of a record, enum or fixed.
  std::string logical_type;         ///< "" without one.
  std::vector<Field> fields;        ///< Of a record.
  std::vector<SchemaPtr> branches;  ///< Of a union.
  SchemaPtr items;                  ///< Of an array; the values of a map.
  int64_t size = 0;                 ///< Bytes of a fixed; symbols of an enum.
  int32_t precision = 0;            ///< Of a decimal.
  int32_t scale = 0;
  bool adjust_to_utc = false;
  int32_t element_id = kNoId;
  int32_t key_id = kNoId;
  int32_t value_id = kNoId;
  /// Fewest bytes a value takes: bounds how many can follow in a block.
  int64_t min_encoded_bytes = 0;
  /// Nodes met when a value without repetitions is walked: bounds the work of one value.
  int64_t node_count = 1;
  int depth = 1;

  /// The branch that is not null, and its place, of a union of null and one other;
  /// nullptr for another union. Any other schema is its own.
  const Schema* NonNull(int* branch) const;
};

/// Parses a schema's JSON. kCorruptData names what is wrong; kNotSupported for a
/// recursive schema. Nesting and size are bounded.
arrow::Result<SchemaPtr> ParseSchema(std::string_view json);

}  // namespace floe::iceberg::avro
