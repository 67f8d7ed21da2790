#include <charconv>
#include <optional>
#include <utility>

#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "iceberg/spec/arrow_extension.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {
namespace {

constexpr int kMaxArrowDepth = 100;
constexpr char kFieldDocKey[] = "PARQUET:field_doc";
constexpr int32_t kNoFieldId = -1;

arrow::Result<std::shared_ptr<arrow::Field>> ToArrowField(const NestedField& field) {
  ARROW_ASSIGN_OR_RAISE(auto type, ToArrowType(*field.type));
  std::shared_ptr<const arrow::KeyValueMetadata> metadata =
      arrow::key_value_metadata({kFieldIdKey}, {fmt::format("{}", field.id)});
  if (const auto extension = ExtensionMetadata(*field.type)) {
    metadata = metadata->Merge(*extension);
  }
  return arrow::field(field.name, std::move(type), !field.required, std::move(metadata));
}

int32_t FieldIdOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return kNoFieldId;
  const int index = field.metadata()->FindKey(kFieldIdKey);
  if (index < 0) return kNoFieldId;
  const std::string& text = field.metadata()->value(index);
  int32_t id = kNoFieldId;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? id
                                                                             : kNoFieldId;
}

bool AllFieldsHaveIds(const arrow::FieldVector& fields, int depth) {
  if (depth > kMaxArrowDepth) return false;
  for (const auto& field : fields) {
    if (FieldIdOf(*field) < 0) return false;
    const arrow::DataType* type = field->type().get();
    arrow::FieldVector children = type->fields();
    if (type->id() == arrow::Type::MAP) {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      children = {map.key_field(), map.item_field()};
    }
    if (!AllFieldsHaveIds(children, depth + 1)) return false;
  }
  return true;
}

/// Converts Arrow fields in preorder, with their own ids or fresh ones.
class ArrowConverter {
 public:
  ArrowConverter(int format_version, bool use_own_ids)
      : format_version_(format_version), use_own_ids_(use_own_ids) {}

  arrow::Result<std::vector<NestedField>> Fields(const arrow::FieldVector& fields,
                                                 const std::string& prefix, int depth) {
    std::vector<NestedField> converted;
    converted.reserve(fields.size());
    for (const auto& field : fields) {
      ARROW_ASSIGN_OR_RAISE(auto child, Field(*field, prefix, depth));
      converted.push_back(std::move(child));
    }
    return converted;
  }

 private:
  arrow::Result<NestedField> Field(const arrow::Field& field, const std::string& prefix,
                                   int depth) {
    const std::string name = prefix.empty() ? field.name() : prefix + "." + field.name();
    if (depth > kMaxArrowDepth) {
      return MakeError(ErrorCode::kNotSupported,
                       "column '{}' nests deeper than {} levels", name, kMaxArrowDepth);
    }
    NestedField converted;
    converted.id = use_own_ids_ ? FieldIdOf(field) : ++last_id_;
    converted.name = field.name();
    converted.required = !field.nullable();
    if (field.metadata() != nullptr) {
      const int doc = field.metadata()->FindKey(kFieldDocKey);
      if (doc >= 0) converted.doc = field.metadata()->value(doc);
    }
    ARROW_ASSIGN_OR_RAISE(converted.type, Convert(*field.type(), name, depth));
    return converted;
  }

  arrow::Result<TypePtr> Convert(const arrow::DataType& type, const std::string& name,
                                 int depth) {
    switch (type.id()) {
      case arrow::Type::STRUCT: {
        ARROW_ASSIGN_OR_RAISE(auto fields, Fields(type.fields(), name, depth + 1));
        return Type::Struct(std::move(fields));
      }
      case arrow::Type::LIST:
      case arrow::Type::LARGE_LIST:
      case arrow::Type::FIXED_SIZE_LIST:
      case arrow::Type::LIST_VIEW:
      case arrow::Type::LARGE_LIST_VIEW: {
        ARROW_ASSIGN_OR_RAISE(auto element, Field(*type.field(0), name, depth + 1));
        return Type::List(std::move(element));
      }
      case arrow::Type::MAP: {
        const auto& map = static_cast<const arrow::MapType&>(type);
        ARROW_ASSIGN_OR_RAISE(auto key, Field(*map.key_field(), name, depth + 1));
        ARROW_ASSIGN_OR_RAISE(auto value, Field(*map.item_field(), name, depth + 1));
        return Type::Map(std::move(key), std::move(value));
      }
      case arrow::Type::DICTIONARY:
        return Convert(*static_cast<const arrow::DictionaryType&>(type).value_type(),
                       name, depth + 1);
      case arrow::Type::EXTENSION: {
        const auto& extension = static_cast<const arrow::ExtensionType&>(type);
        if (extension.extension_name() == "arrow.uuid") return Type::Uuid();
        return Convert(*extension.storage_type(), name, depth + 1);
      }
      default:
        return Primitive(type, name);
    }
  }

  arrow::Result<TypePtr> Primitive(const arrow::DataType& type, const std::string& name) {
    switch (type.id()) {
      case arrow::Type::BOOL:
        return Type::Boolean();
      case arrow::Type::INT8:
      case arrow::Type::INT16:
      case arrow::Type::INT32:
      case arrow::Type::UINT8:
      case arrow::Type::UINT16:
        return Type::Int();
      case arrow::Type::INT64:
      case arrow::Type::UINT32:
        return Type::Long();
      case arrow::Type::HALF_FLOAT:
      case arrow::Type::FLOAT:
        return Type::Float();
      case arrow::Type::DOUBLE:
        return Type::Double();
      case arrow::Type::DECIMAL32:
      case arrow::Type::DECIMAL64:
      case arrow::Type::DECIMAL128: {
        const auto& decimal = static_cast<const arrow::DecimalType&>(type);
        if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) break;
        return Type::Decimal(decimal.precision(), decimal.scale());
      }
      case arrow::Type::DATE32:
      case arrow::Type::DATE64:
        return Type::Date();
      case arrow::Type::TIME32:
        return Type::Time();
      case arrow::Type::TIME64:
        if (static_cast<const arrow::Time64Type&>(type).unit() != arrow::TimeUnit::MICRO)
          break;
        return Type::Time();
      case arrow::Type::TIMESTAMP:
        return Timestamp(static_cast<const arrow::TimestampType&>(type));
      case arrow::Type::STRING:
      case arrow::Type::LARGE_STRING:
      case arrow::Type::STRING_VIEW:
        return Type::String();
      case arrow::Type::BINARY:
      case arrow::Type::LARGE_BINARY:
      case arrow::Type::BINARY_VIEW:
        return Type::Binary();
      case arrow::Type::FIXED_SIZE_BINARY:
        return Type::Fixed(
            static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
      case arrow::Type::NA:
        if (format_version_ < 3) break;
        return Type::Unknown();
      default:
        break;
    }
    return MakeError(ErrorCode::kNotSupported,
                     "column '{}': Arrow type {} has no Iceberg type in format version "
                     "{}; cast the column first",
                     name, type.ToString(), format_version_);
  }

  TypePtr Timestamp(const arrow::TimestampType& type) const {
    const bool utc = !type.timezone().empty();
    if (type.unit() == arrow::TimeUnit::NANO && format_version_ >= 3) {
      return utc ? Type::TimestampTzNs() : Type::TimestampNs();
    }
    return utc ? Type::TimestampTz() : Type::Timestamp();
  }

  const int format_version_;
  const bool use_own_ids_;
  int32_t last_id_ = 0;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::DataType>> ToArrowType(const Type& type) {
  switch (type.id()) {
    case TypeId::kBoolean:
      return arrow::boolean();
    case TypeId::kInt:
      return arrow::int32();
    case TypeId::kLong:
      return arrow::int64();
    case TypeId::kFloat:
      return arrow::float32();
    case TypeId::kDouble:
      return arrow::float64();
    case TypeId::kDecimal:
      return arrow::Decimal128Type::Make(type.precision(), type.scale());
    case TypeId::kDate:
      return arrow::date32();
    case TypeId::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampTz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kTimestampNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kTimestampTzNs:
      return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case TypeId::kString:
      return arrow::utf8();
    case TypeId::kUuid:
      return arrow::fixed_size_binary(16);
    case TypeId::kFixed:
      return arrow::fixed_size_binary(type.length());
    case TypeId::kBinary:
    case TypeId::kGeometry:
    case TypeId::kGeography:
      return arrow::binary();
    case TypeId::kUnknown:
      return arrow::null();
    case TypeId::kVariant:
      return arrow::struct_(
          {arrow::field("metadata", arrow::binary(), /*nullable=*/false),
           arrow::field("value", arrow::binary(), /*nullable=*/false)});
    case TypeId::kStruct: {
      arrow::FieldVector fields;
      for (const NestedField& field : type.fields()) {
        ARROW_ASSIGN_OR_RAISE(auto child, ToArrowField(field));
        fields.push_back(std::move(child));
      }
      return arrow::struct_(std::move(fields));
    }
    case TypeId::kList: {
      ARROW_ASSIGN_OR_RAISE(auto element, ToArrowField(type.element()));
      return arrow::list(std::move(element));
    }
    case TypeId::kMap: {
      ARROW_ASSIGN_OR_RAISE(auto key, ToArrowField(type.key()));
      ARROW_ASSIGN_OR_RAISE(auto value, ToArrowField(type.value()));
      return std::make_shared<arrow::MapType>(std::move(key), std::move(value));
    }
  }
  return MakeError(ErrorCode::kInternal, "type {} has no Arrow form", type.ToString());
}

arrow::Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const Schema& schema) {
  arrow::FieldVector fields;
  fields.reserve(schema.fields().size());
  for (const NestedField& field : schema.fields()) {
    auto converted = ToArrowField(field);
    if (!converted.ok()) return WithContext(converted.status(), "column", field.name);
    fields.push_back(*std::move(converted));
  }
  return arrow::schema(std::move(fields));
}

arrow::Result<SchemaPtr> FromArrowSchema(const arrow::Schema& schema,
                                         int format_version) {
  ArrowConverter converter(format_version, AllFieldsHaveIds(schema.fields(), 0));
  ARROW_ASSIGN_OR_RAISE(auto fields, converter.Fields(schema.fields(), "", 0));
  return Schema::Make(std::move(fields));
}

}  // namespace floe::iceberg
