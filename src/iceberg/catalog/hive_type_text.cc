#include "iceberg/catalog/hive_type_text.h"

#include <fmt/format.h>

namespace floe::iceberg {
namespace {

std::string StructText(const Type& type, HiveZonedTime zoned_time) {
  std::string text = "struct<";
  for (const NestedField& field : type.fields()) {
    if (&field != &type.fields().front()) text += ',';
    text += field.name + ':' + HiveTypeText(*field.type, zoned_time);
  }
  return text + '>';
}

}  // namespace

std::string HiveTypeText(const Type& type, HiveZonedTime zoned_time) {
  switch (type.id()) {
    case TypeId::kBoolean:
      return "boolean";
    case TypeId::kInt:
      return "int";
    case TypeId::kLong:
      return "bigint";
    case TypeId::kFloat:
      return "float";
    case TypeId::kDouble:
      return "double";
    case TypeId::kDecimal:
      return fmt::format("decimal({},{})", type.precision(), type.scale());
    case TypeId::kDate:
      return "date";
    case TypeId::kTimestamp:
    case TypeId::kTimestampNs:
      return "timestamp";
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs:
      return zoned_time == HiveZonedTime::kPlain ? "timestamp"
                                                 : "timestamp with local time zone";
    case TypeId::kTime:
    case TypeId::kString:
    case TypeId::kUuid:
      return "string";
    case TypeId::kFixed:
    case TypeId::kBinary:
    case TypeId::kVariant:
    case TypeId::kGeometry:
    case TypeId::kGeography:
      return "binary";
    case TypeId::kUnknown:
      return "void";
    case TypeId::kStruct:
      return StructText(type, zoned_time);
    case TypeId::kList:
      return fmt::format("array<{}>", HiveTypeText(*type.element().type, zoned_time));
    case TypeId::kMap:
      return fmt::format("map<{},{}>", HiveTypeText(*type.key().type, zoned_time),
                         HiveTypeText(*type.value().type, zoned_time));
  }
  return "binary";
}

}  // namespace floe::iceberg
