#include "feast/value_type.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "base/error.h"

namespace floe::feast {

namespace {

using S = ValueStorage;
using T = ValueType;

constexpr auto kTypes = std::to_array<ValueTypeInfo>({
    {T::kBytes, "BYTES", S::kBytes, false, 1},
    {T::kString, "STRING", S::kString, false, 2},
    {T::kInt32, "INT32", S::kInt32, false, 3},
    {T::kInt64, "INT64", S::kInt64, false, 4},
    {T::kDouble, "DOUBLE", S::kDouble, false, 5},
    {T::kFloat, "FLOAT", S::kFloat, false, 6},
    {T::kBool, "BOOL", S::kBoolean, false, 7},
    {T::kUnixTimestamp, "UNIX_TIMESTAMP", S::kTimestamp, false, 8},
    {T::kBytesList, "BYTES_LIST", S::kBytes, true, 11},
    {T::kStringList, "STRING_LIST", S::kString, true, 12},
    {T::kInt32List, "INT32_LIST", S::kInt32, true, 13},
    {T::kInt64List, "INT64_LIST", S::kInt64, true, 14},
    {T::kDoubleList, "DOUBLE_LIST", S::kDouble, true, 15},
    {T::kFloatList, "FLOAT_LIST", S::kFloat, true, 16},
    {T::kBoolList, "BOOL_LIST", S::kBoolean, true, 17},
    {T::kUnixTimestampList, "UNIX_TIMESTAMP_LIST", S::kTimestamp, true, 18},
    {T::kMap, "MAP", S::kMessage, false, 20},
    {T::kMapList, "MAP_LIST", S::kMessage, false, 21},
    {T::kBytesSet, "BYTES_SET", S::kBytes, true, 22},
    {T::kStringSet, "STRING_SET", S::kString, true, 23},
    {T::kInt32Set, "INT32_SET", S::kInt32, true, 24},
    {T::kInt64Set, "INT64_SET", S::kInt64, true, 25},
    {T::kDoubleSet, "DOUBLE_SET", S::kDouble, true, 26},
    {T::kFloatSet, "FLOAT_SET", S::kFloat, true, 27},
    {T::kBoolSet, "BOOL_SET", S::kBoolean, true, 28},
    {T::kUnixTimestampSet, "UNIX_TIMESTAMP_SET", S::kTimestamp, true, 29},
    {T::kPdfBytes, "PDF_BYTES", S::kBytes, false, 1},
    {T::kImageBytes, "IMAGE_BYTES", S::kBytes, false, 1},
    {T::kJson, "JSON", S::kString, false, 32},
    {T::kJsonList, "JSON_LIST", S::kString, true, 33},
    {T::kStruct, "STRUCT", S::kMessage, false, 34},
    {T::kStructList, "STRUCT_LIST", S::kMessage, false, 35},
    {T::kUuid, "UUID", S::kString, false, 36},
    {T::kTimeUuid, "TIME_UUID", S::kString, false, 37},
    {T::kUuidList, "UUID_LIST", S::kString, true, 38},
    {T::kTimeUuidList, "TIME_UUID_LIST", S::kString, true, 39},
    {T::kUuidSet, "UUID_SET", S::kString, true, 40},
    {T::kTimeUuidSet, "TIME_UUID_SET", S::kString, true, 41},
    {T::kValueList, "VALUE_LIST", S::kMessage, false, 42},
    {T::kValueSet, "VALUE_SET", S::kMessage, false, 43},
    {T::kDecimal, "DECIMAL", S::kString, false, 44},
    {T::kDecimalList, "DECIMAL_LIST", S::kString, true, 45},
    {T::kDecimalSet, "DECIMAL_SET", S::kString, true, 46},
    {T::kScalarMap, "SCALAR_MAP", S::kMessage, false, 47},
    {T::kZonedTimestamp, "ZONED_TIMESTAMP", S::kZonedText, false, 48},
});

/// The list type whose elements are of a scalar type; kUnknown where Feast has none.
ValueType ListOf(ValueType element) {
  switch (element) {
    case T::kBytes:
      return T::kBytesList;
    case T::kString:
      return T::kStringList;
    case T::kInt32:
      return T::kInt32List;
    case T::kInt64:
      return T::kInt64List;
    case T::kDouble:
      return T::kDoubleList;
    case T::kFloat:
      return T::kFloatList;
    case T::kBool:
      return T::kBoolList;
    case T::kUnixTimestamp:
      return T::kUnixTimestampList;
    case T::kUuid:
      return T::kUuidList;
    case T::kDecimal:
      return T::kDecimalList;
    case T::kMap:
      return T::kMapList;
    case T::kStruct:
      return T::kStructList;
    default:
      return T::kUnknown;
  }
}

std::shared_ptr<arrow::DataType> ArrowElement(ValueStorage storage) {
  switch (storage) {
    case S::kBoolean:
      return arrow::boolean();
    case S::kInt32:
      return arrow::int32();
    case S::kInt64:
      return arrow::int64();
    case S::kFloat:
      return arrow::float32();
    case S::kDouble:
      return arrow::float64();
    case S::kString:
    case S::kZonedText:
      return arrow::utf8();
    case S::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case S::kBytes:
    case S::kMessage:
      return arrow::binary();
  }
  return nullptr;
}

iceberg::TypePtr IcebergElement(ValueStorage storage) {
  using iceberg::Type;
  switch (storage) {
    case S::kBoolean:
      return Type::Boolean();
    case S::kInt32:
      return Type::Int();
    case S::kInt64:
      return Type::Long();
    case S::kFloat:
      return Type::Float();
    case S::kDouble:
      return Type::Double();
    case S::kString:
    case S::kZonedText:
      return Type::String();
    case S::kMessage:
      return Type::String();
    case S::kTimestamp:
      return Type::TimestampTz();
    case S::kBytes:
      return Type::Binary();
  }
  return nullptr;
}

arrow::Status NoValueType(std::string_view type) {
  return MakeError(ErrorCode::kNotSupported,
                   "no Feast value type stands for a column of type {}; cast the column, "
                   "or leave it out of the feature view",
                   type);
}

}  // namespace

const ValueTypeInfo* FindValueType(ValueType type) {
  auto found = std::find_if(kTypes.begin(), kTypes.end(),
                            [&](const ValueTypeInfo& info) { return info.type == type; });
  return found == kTypes.end() ? nullptr : &*found;
}

arrow::Result<const ValueTypeInfo*> GetValueType(ValueType type) {
  if (const ValueTypeInfo* info = FindValueType(type)) return info;
  return MakeError(ErrorCode::kNotSupported,
                   "a column cannot have the Feast value type {} ({}); give the field a "
                   "concrete dtype",
                   ValueTypeName(type), static_cast<int32_t>(type));
}

std::string_view ValueTypeName(ValueType type) {
  if (const ValueTypeInfo* info = FindValueType(type)) return info->name;
  if (type == ValueType::kNull) return "NULL";
  return type == ValueType::kUnknown ? "UNKNOWN" : "of no known number";
}

arrow::Result<ValueType> ValueTypeFromName(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : static_cast<char>(c);
  });
  std::vector<std::string> names;
  for (const ValueTypeInfo& info : kTypes) {
    if (info.name == upper) return info.type;
    names.emplace_back(info.name);
  }
  const std::string nearest = NearestName(upper, names);
  return MakeError(ErrorCode::kInvalidArgument, "'{}' is not a Feast value type{}", name,
                   nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

arrow::Result<std::shared_ptr<arrow::DataType>> ToArrowType(ValueType type) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  std::shared_ptr<arrow::DataType> element = ArrowElement(info->storage);
  if (!info->is_repeated) return element;
  return arrow::list(arrow::field("element", std::move(element)));
}

arrow::Result<iceberg::TypePtr> ToIcebergType(ValueType type, int32_t* next_id) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  iceberg::TypePtr element = IcebergElement(info->storage);
  if (!info->is_repeated) return element;
  return iceberg::Type::List(
      iceberg::NestedField::Optional((*next_id)++, "element", std::move(element)));
}

arrow::Result<ValueType> InferValueType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return T::kBool;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
      return T::kInt32;
    case arrow::Type::INT64:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
      return T::kInt64;
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return T::kFloat;
    case arrow::Type::DOUBLE:
      return T::kDouble;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return T::kString;
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
      return T::kBytes;
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return T::kUnixTimestamp;
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return T::kDecimal;
    case arrow::Type::DICTIONARY:
      return InferValueType(
          *static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::EXTENSION: {
      const auto& extension = static_cast<const arrow::ExtensionType&>(type);
      if (extension.extension_name() == "arrow.uuid") return T::kUuid;
      if (extension.extension_name() == "arrow.json") return T::kJson;
      return InferValueType(*extension.storage_type());
    }
    case arrow::Type::STRUCT:
      return T::kStruct;
    case arrow::Type::MAP: {
      ARROW_ASSIGN_OR_RAISE(
          ValueType key,
          InferValueType(*static_cast<const arrow::MapType&>(type).key_type()));
      return key == T::kString ? T::kMap : T::kScalarMap;
    }
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: {
      ARROW_ASSIGN_OR_RAISE(ValueType element, InferValueType(*type.field(0)->type()));
      if (const ValueType list = ListOf(element); list != T::kUnknown) return list;
      if (element == T::kJson) return T::kJsonList;
      if (FindValueType(element)->is_repeated || element == T::kValueList) {
        return T::kValueList;
      }
      break;
    }
    default:
      break;
  }
  return NoValueType(type.ToString());
}

arrow::Result<ValueType> InferValueType(const iceberg::Type& type) {
  using iceberg::TypeId;
  switch (type.id()) {
    case TypeId::kBoolean:
      return T::kBool;
    case TypeId::kInt:
      return T::kInt32;
    case TypeId::kLong:
      return T::kInt64;
    case TypeId::kFloat:
      return T::kFloat;
    case TypeId::kDouble:
      return T::kDouble;
    case TypeId::kDecimal:
      return T::kDecimal;
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return T::kUnixTimestamp;
    case TypeId::kString:
      return T::kString;
    case TypeId::kUuid:
      return T::kUuid;
    case TypeId::kFixed:
    case TypeId::kBinary:
      return T::kBytes;
    case TypeId::kStruct:
      return T::kStruct;
    case TypeId::kMap:
      return type.key().type->id() == TypeId::kString ? T::kMap : T::kScalarMap;
    case TypeId::kList: {
      ARROW_ASSIGN_OR_RAISE(ValueType element, InferValueType(*type.element().type));
      if (const ValueType list = ListOf(element); list != T::kUnknown) return list;
      if (FindValueType(element)->is_repeated || element == T::kValueList) {
        return T::kValueList;
      }
      break;
    }
    default:
      break;
  }
  return NoValueType(type.ToString());
}

bool KeepsJson(ValueType type, const iceberg::Type& column) {
  const ValueTypeInfo* info = FindValueType(type);
  return info != nullptr && info->storage == S::kMessage &&
         column.id() == iceberg::TypeId::kString;
}

bool KeepsMessages(ValueType type, const iceberg::Type& column) {
  const ValueTypeInfo* info = FindValueType(type);
  return info != nullptr && info->storage == S::kMessage &&
         column.id() == iceberg::TypeId::kBinary;
}

bool IsStorageCompatible(ValueType from, ValueType to) {
  const ValueTypeInfo* a = FindValueType(from);
  const ValueTypeInfo* b = FindValueType(to);
  if (a == nullptr || b == nullptr) return false;
  if (a->type == b->type) return true;
  // A message says itself which type it holds, so it cannot be read as another.
  if (a->is_repeated != b->is_repeated || a->storage == S::kMessage) return false;
  if (a->storage == b->storage) return true;
  return (a->storage == S::kInt32 && b->storage == S::kInt64) ||
         (a->storage == S::kFloat && b->storage == S::kDouble);
}

}  // namespace floe::feast
