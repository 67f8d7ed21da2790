#include "iceberg/format/avro/avro_fields.h"

#include <string>
#include <utility>

#include "arrow/type.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

using arrow::TimeUnit;
using avro::Kind;

constexpr int64_t kUuidBytes = 16;
constexpr int32_t kMaxDecimalDigits = 38;

std::shared_ptr<arrow::DataType> TimestampOf(TimeUnit::type unit, bool is_utc) {
  return is_utc ? arrow::timestamp(unit, "UTC") : arrow::timestamp(unit);
}

std::shared_ptr<arrow::DataType> LongType(const avro::Schema& schema) {
  const std::string& logical = schema.logical_type;
  if (logical == "time-micros") return arrow::time64(TimeUnit::MICRO);
  if (logical == "timestamp-millis") {
    return TimestampOf(TimeUnit::MILLI, schema.adjust_to_utc);
  }
  if (logical == "timestamp-micros") {
    return TimestampOf(TimeUnit::MICRO, schema.adjust_to_utc);
  }
  if (logical == "timestamp-nanos") {
    return TimestampOf(TimeUnit::NANO, schema.adjust_to_utc);
  }
  if (logical == "local-timestamp-millis") return arrow::timestamp(TimeUnit::MILLI);
  if (logical == "local-timestamp-micros") return arrow::timestamp(TimeUnit::MICRO);
  if (logical == "local-timestamp-nanos") return arrow::timestamp(TimeUnit::NANO);
  return arrow::int64();
}

std::shared_ptr<arrow::DataType> BytesType(const avro::Schema& schema) {
  if (schema.logical_type == "decimal" && schema.precision >= 1 &&
      schema.precision <= kMaxDecimalDigits && schema.scale >= 0 &&
      schema.scale <= schema.precision) {
    return arrow::decimal128(schema.precision, schema.scale);
  }
  if (schema.kind == Kind::kBytes) return arrow::binary();
  if (schema.logical_type == "uuid" && schema.size == kUuidBytes) {
    return arrow::fixed_size_binary(kUuidBytes);
  }
  return arrow::fixed_size_binary(static_cast<int32_t>(schema.size));
}

/// nullptr for a type whose values cannot be read.
std::shared_ptr<arrow::DataType> LeafType(const avro::Schema& schema) {
  switch (schema.kind) {
    case Kind::kBoolean:
      return arrow::boolean();
    case Kind::kInt:
      if (schema.logical_type == "date") return arrow::date32();
      if (schema.logical_type == "time-millis") return arrow::time32(TimeUnit::MILLI);
      return arrow::int32();
    case Kind::kLong:
      return LongType(schema);
    case Kind::kFloat:
      return arrow::float32();
    case Kind::kDouble:
      return arrow::float64();
    case Kind::kString:
      return arrow::utf8();
    case Kind::kBytes:
    case Kind::kFixed:
      return BytesType(schema);
    default:
      return nullptr;
  }
}

class Converter {
 public:
  FileField Convert(const std::string& name, int32_t field_id,
                    const avro::Schema& schema) {
    FileField field;
    field.name = name;
    field.field_id = field_id;
    int branch = -1;
    const avro::Schema* value = schema.NonNull(&branch);
    std::shared_ptr<arrow::DataType> type = arrow::null();
    if (value == nullptr || !IsNested(*value)) {
      field.column = next_leaf_++;
      if (value != nullptr && LeafType(*value) != nullptr) type = LeafType(*value);
    } else if (value->kind == Kind::kRecord) {
      type = ConvertRecord(*value, &field);
    } else if (IsAvroPairs(*value)) {
      const avro::Field& key = value->items->fields[0];
      const avro::Field& item = value->items->fields[1];
      field.children.push_back(Convert(key.name, key.field_id, *key.type));
      field.children.push_back(Convert(item.name, item.field_id, *item.type));
      type = MapOf(field.children);
    } else if (value->kind == Kind::kMap) {
      avro::Schema key;
      key.kind = Kind::kString;
      field.children.push_back(Convert("key", value->key_id, key));
      field.children.push_back(Convert("value", value->value_id, *value->items));
      type = MapOf(field.children);
    } else {
      field.children.push_back(Convert("element", value->element_id, *value->items));
      type = arrow::list(field.children[0].field);
    }
    field.field = arrow::field(name, std::move(type), branch >= 0 || value == nullptr);
    return field;
  }

 private:
  static bool IsNested(const avro::Schema& schema) {
    return schema.kind == Kind::kRecord || schema.kind == Kind::kArray ||
           schema.kind == Kind::kMap;
  }

  std::shared_ptr<arrow::DataType> ConvertRecord(const avro::Schema& record,
                                                 FileField* field) {
    arrow::FieldVector children;
    for (const avro::Field& child : record.fields) {
      field->children.push_back(Convert(child.name, child.field_id, *child.type));
      children.push_back(field->children.back().field);
    }
    return arrow::struct_(std::move(children));
  }

  static std::shared_ptr<arrow::DataType> MapOf(const std::vector<FileField>& children) {
    return std::make_shared<arrow::MapType>(children[0].field->WithNullable(false),
                                            children[1].field);
  }

  int next_leaf_ = 0;
};

}  // namespace

bool IsAvroPairs(const avro::Schema& schema) {
  return schema.kind == Kind::kArray && schema.logical_type == "map" &&
         schema.items->kind == Kind::kRecord && schema.items->fields.size() == 2;
}

arrow::Result<std::vector<FileField>> AvroFileFields(const avro::Schema& schema) {
  if (schema.kind != Kind::kRecord) {
    return MakeError(ErrorCode::kCorruptData, "its Avro schema is no record");
  }
  Converter converter;
  std::vector<FileField> fields;
  for (const avro::Field& field : schema.fields) {
    fields.push_back(converter.Convert(field.name, field.field_id, *field.type));
  }
  return fields;
}

}  // namespace floe::iceberg
