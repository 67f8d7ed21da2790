#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "arrow/result.h"
#include "iceberg/spec/type.h"

namespace arrow {
class DataType;
}  // namespace arrow

namespace floe::feast {

/// Feast's value types, numbered as feast.ValueType in Python and feast.types.ValueType
/// in protobuf number them.
enum class ValueType : int32_t {
  kUnknown = 0,
  kBytes = 1,
  kString = 2,
  kInt32 = 3,
  kInt64 = 4,
  kDouble = 5,
  kFloat = 6,
  kBool = 7,
  kUnixTimestamp = 8,
  kBytesList = 11,
  kStringList = 12,
  kInt32List = 13,
  kInt64List = 14,
  kDoubleList = 15,
  kFloatList = 16,
  kBoolList = 17,
  kUnixTimestampList = 18,
  kNull = 19,
  kMap = 20,
  kMapList = 21,
  kBytesSet = 22,
  kStringSet = 23,
  kInt32Set = 24,
  kInt64Set = 25,
  kDoubleSet = 26,
  kFloatSet = 27,
  kBoolSet = 28,
  kUnixTimestampSet = 29,
  kPdfBytes = 30,
  kImageBytes = 31,
  kJson = 32,
  kJsonList = 33,
  kStruct = 34,
  kStructList = 35,
  kUuid = 36,
  kTimeUuid = 37,
  kUuidList = 38,
  kTimeUuidList = 39,
  kUuidSet = 40,
  kTimeUuidSet = 41,
  kValueList = 42,
  kValueSet = 43,
  kDecimal = 44,
  kDecimalList = 45,
  kDecimalSet = 46,
  kScalarMap = 47,
  kZonedTimestamp = 48,
};

/// How a value, or an element of a list or set, is stored in a column.
enum class ValueStorage {
  kBoolean,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kString,  ///< Strings, JSON, UUIDs and decimals: the very text Feast holds.
  kBytes,
  kTimestamp,  ///< timestamptz, microseconds; Feast's own seconds times a million.
  kZonedText,  ///< RFC 9557 text: "2026-11-22T10:00:00Z[Europe/Paris]".
  /// Serialized feast.types.Value: maps, structs, nested lists and sets. Tables keep them
  /// as JSON text (value_json.h).
  kMessage,
};

/// What there is to know of one value type.
struct ValueTypeInfo {
  ValueType type;
  std::string_view name;  ///< As in Python, e.g. "INT64_LIST".
  ValueStorage storage;
  bool is_repeated;     ///< A list or a set: stored as a list of `storage`.
  int32_t proto_field;  ///< Its field of the oneof of feast.types.Value.
};

/// nullptr for a number that is no value type, and for UNKNOWN and NULL, which no column
/// can have.
const ValueTypeInfo* FindValueType(ValueType type);
/// The same; kNotSupported naming the type instead of nullptr.
arrow::Result<const ValueTypeInfo*> GetValueType(ValueType type);
/// e.g. "INT64_LIST"; "UNKNOWN", "NULL" or "<number>" for those without a column.
std::string_view ValueTypeName(ValueType type);
/// By name, "INT64" or "int64"; kInvalidArgument naming the nearest one.
arrow::Result<ValueType> ValueTypeFromName(std::string_view name);

/// The Arrow type of a column that holds `type` exactly. Lists name their element
/// "element", as Iceberg does.
///
/// | Feast | Arrow | Iceberg |
/// |---|---|---|
/// | BOOL, INT32, INT64, FLOAT, DOUBLE | the same width | boolean, int, long, float,
/// double | | STRING, JSON, UUID, TIME_UUID, DECIMAL | utf8, the text unchanged | string
/// | | BYTES, PDF_BYTES, IMAGE_BYTES | binary | binary | | UNIX_TIMESTAMP | timestamp[us,
/// UTC] | timestamptz | | ZONED_TIMESTAMP | utf8, RFC 9557 | string | | lists and sets of
/// those | list of those | list of those | | MAP, STRUCT, SCALAR_MAP, VALUE_LIST,
/// VALUE_SET, MAP_LIST, STRUCT_LIST | binary: the serialized feast.types.Value | string |
///
/// The last row is Floe's own encoding: what those hold has a type per value, which no
/// Iceberg type can say. In memory they are protobuf's deterministic serialization, in
/// tables JSON text (value_json.h); tables with binary columns of messages are read and
/// written on as they are.
arrow::Result<std::shared_ptr<arrow::DataType>> ToArrowType(ValueType type);

/// The Iceberg type of such a column; element ids are taken from `*next_id` upwards.
arrow::Result<iceberg::TypePtr> ToIcebergType(ValueType type, int32_t* next_id);

/// Whether a table's column keeps messages of `type` as JSON text (a string column), or
/// as bytes (a binary one): the two forms of the last row above.
bool KeepsJson(ValueType type, const iceberg::Type& column);
bool KeepsMessages(ValueType type, const iceberg::Type& column);

/// The value type a source column of an Arrow or Iceberg type is inferred to have: as
/// Feast infers it where Feast can (integers up to 32 bits signed -> INT32, strings ->
/// STRING, timestamps and dates -> UNIX_TIMESTAMP, decimals -> DECIMAL, uuid -> UUID,
/// map<string, ..> -> MAP, other maps -> SCALAR_MAP, struct -> STRUCT, list<list> ->
/// VALUE_LIST...). kNotSupported names the type.
arrow::Result<ValueType> InferValueType(const arrow::DataType& type);
arrow::Result<ValueType> InferValueType(const iceberg::Type& type);

/// Whether a column stored for `from` can be read as `to` without loss or change: the
/// same type, int32 -> int64, float -> double, and types with the same storage.
bool IsStorageCompatible(ValueType from, ValueType to);

}  // namespace floe::feast
