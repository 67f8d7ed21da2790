#include "iceberg/spec/avro_record.h"

#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace floe::iceberg {
namespace {

using avro::Kind;

/// Starts an AES GCM stream (spec, format/gcm-stream-spec.md).
constexpr std::string_view kEncryptedMagic = "AGS1";
constexpr size_t kUuidBytes = 16;
constexpr int64_t kMicrosPerMilli = 1000;

bool IsBytes(Kind kind) {
  return kind == Kind::kBytes || kind == Kind::kString || kind == Kind::kFixed;
}

bool IsWhole(Kind kind) { return kind == Kind::kInt || kind == Kind::kLong; }

bool FitsType(Kind kind, TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return kind == Kind::kBoolean;
    case TypeId::kInt:
    case TypeId::kDate:
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return IsWhole(kind);
    case TypeId::kFloat:
      return kind == Kind::kFloat;
    case TypeId::kDouble:
      return kind == Kind::kDouble || kind == Kind::kFloat;
    case TypeId::kDecimal:
      return kind == Kind::kBytes || kind == Kind::kFixed;
    default:
      return IsBytes(kind);
  }
}

/// The type of values whose own type is not known, from how they were written.
TypePtr TypeOfAvro(const avro::Schema& schema) {
  const std::string& logical = schema.logical_type;
  switch (schema.kind) {
    case Kind::kBoolean:
      return Type::Boolean();
    case Kind::kInt:
      return logical == "date" ? Type::Date() : Type::Int();
    case Kind::kLong:
      if (logical == "time-micros") return Type::Time();
      if (logical == "timestamp-micros" || logical == "timestamp-millis") {
        return schema.adjust_to_utc ? Type::TimestampTz() : Type::Timestamp();
      }
      if (logical == "timestamp-nanos") {
        return schema.adjust_to_utc ? Type::TimestampTzNs() : Type::TimestampNs();
      }
      return Type::Long();
    case Kind::kFloat:
      return Type::Float();
    case Kind::kDouble:
      return Type::Double();
    case Kind::kString:
      return Type::String();
    case Kind::kBytes:
    case Kind::kFixed:
      if (logical == "decimal") return Type::Decimal(schema.precision, schema.scale);
      if (logical == "uuid" && schema.size == kUuidBytes) return Type::Uuid();
      return schema.kind == Kind::kBytes ? Type::Binary()
                                         : Type::Fixed(static_cast<int32_t>(schema.size));
    default:
      return nullptr;
  }
}

int64_t ReadWhole(const AvroField& field, TypeId type, avro::Decoder* decoder) {
  int64_t value = decoder->ReadLong();
  int64_t factor = 1;
  const std::string& logical = field.value->logical_type;
  if (type == TypeId::kTimestamp || type == TypeId::kTimestampTz) {
    if (logical == "timestamp-millis") factor = kMicrosPerMilli;
  } else if (type == TypeId::kTimestampNs || type == TypeId::kTimestampTzNs) {
    if (logical == "timestamp-micros") factor = 1000;
  }
  if (factor != 1 && __builtin_mul_overflow(value, factor, &value)) {
    decoder->Fail("a timestamp out of range");
  }
  return value;
}

Literal ReadDecimal(const TypePtr& type, std::string_view bytes, avro::Decoder* decoder) {
  auto decimal = Literal::FromBytes(type, bytes);
  if (decimal.ok()) return *std::move(decimal);
  decoder->Fail("a decimal of no or too many bytes");
  return Literal::Null(type);
}

Literal ReadUuid(const TypePtr& type, std::string_view bytes, avro::Decoder* decoder) {
  if (bytes.size() == kUuidBytes) return Literal(type, std::string(bytes));
  auto parsed = Literal::FromText(type, bytes);
  if (parsed.ok()) return *std::move(parsed);
  decoder->Fail("a UUID of a wrong length");
  return Literal::Null(type);
}

}  // namespace

arrow::Result<avro::ContainerReader> OpenMetadataFile(std::string_view bytes) {
  if (bytes.starts_with(kEncryptedMagic)) {
    return MakeError(ErrorCode::kNotSupported,
                     "the file is encrypted (AES GCM stream), which is not supported");
  }
  return avro::ContainerReader::Open(bytes);
}

arrow::Result<std::vector<AvroField>> AvroFields(const avro::Schema& schema,
                                                 std::string_view where) {
  if (schema.kind != Kind::kRecord) {
    return MakeError(ErrorCode::kCorruptData, "{} is not written as an Avro record",
                     where);
  }
  std::vector<AvroField> fields;
  fields.reserve(schema.fields.size());
  for (const avro::Field& written : schema.fields) {
    if (written.field_id == avro::kNoId) {
      return MakeError(ErrorCode::kCorruptData,
                       "field '{}' of {} has no \"field-id\" in the Avro schema",
                       written.name, where);
    }
    AvroField field;
    field.field_id = written.field_id;
    field.whole = written.type.get();
    field.value = written.type->NonNull(&field.branch);
    fields.push_back(field);
  }
  return fields;
}

arrow::Status CheckShape(const AvroField& field, AvroShape shape) {
  const avro::Schema* value = field.value;
  bool fits = false;
  if (value != nullptr) {
    switch (shape) {
      case AvroShape::kLong:
      case AvroShape::kInt:
        fits = IsWhole(value->kind);
        break;
      case AvroShape::kBoolean:
        fits = value->kind == Kind::kBoolean;
        break;
      case AvroShape::kText:
        fits = IsBytes(value->kind);
        break;
      case AvroShape::kList:
        fits = value->kind == Kind::kArray;
        break;
      case AvroShape::kRecord:
        fits = value->kind == Kind::kRecord;
        break;
      case AvroShape::kPairs:
        fits = value->kind == Kind::kArray && value->items->kind == Kind::kRecord &&
               value->items->fields.size() == 2;
        break;
    }
  }
  if (fits) return arrow::Status::OK();
  return MakeError(ErrorCode::kCorruptData,
                   "field {} is written with another Avro type than the Iceberg "
                   "specification gives it",
                   field.field_id);
}

arrow::Result<TypePtr> ReadableAs(const AvroField& field, const TypePtr& target) {
  if (field.whole->kind == Kind::kNull) return target;
  if (target->id() == TypeId::kUnknown) {
    TypePtr type = field.value == nullptr ? nullptr : TypeOfAvro(*field.value);
    if (type != nullptr) return type;
  } else if (field.value != nullptr && FitsType(field.value->kind, target->id())) {
    return target;
  }
  return MakeError(ErrorCode::kNotSupported,
                   "partition field {} is written with an Avro type that cannot be read "
                   "as {}",
                   field.field_id, target->ToString());
}

Literal ReadLiteral(const AvroField& field, const TypePtr& type, avro::Decoder* decoder) {
  if (field.whole->kind == Kind::kNull || !ReadPresent(field, decoder)) {
    return Literal::Null(type);
  }
  switch (type->id()) {
    case TypeId::kBoolean:
      return Literal(type, decoder->ReadBoolean());
    case TypeId::kInt:
    case TypeId::kDate:
      return Literal(type, decoder->ReadInt());
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return Literal(type, ReadWhole(field, type->id(), decoder));
    case TypeId::kFloat:
      return Literal(type, decoder->ReadFloat());
    case TypeId::kDouble:
      if (field.value->kind == Kind::kFloat) {
        return Literal(type, static_cast<double>(decoder->ReadFloat()));
      }
      return Literal(type, decoder->ReadDouble());
    default:
      break;
  }
  const std::string_view bytes = field.value->kind == Kind::kFixed
                                     ? decoder->ReadRaw(field.value->size)
                                     : decoder->ReadBytes();
  if (!decoder->ok()) return Literal::Null(type);
  if (type->id() == TypeId::kDecimal) return ReadDecimal(type, bytes, decoder);
  if (type->id() == TypeId::kUuid) return ReadUuid(type, bytes, decoder);
  return Literal(type, std::string(bytes));
}

}  // namespace floe::iceberg
