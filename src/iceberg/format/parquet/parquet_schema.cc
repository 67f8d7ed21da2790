#include "iceberg/format/parquet/parquet_schema.h"

#include "arrow/array.h"
#include "arrow/array/array_nested.h"
#include "arrow/type.h"
#include "base/error.h"
#include "parquet/exception.h"
#include "parquet/schema.h"
#include "parquet/types.h"

namespace floe::iceberg {
namespace {

using parquet::LogicalType;
using parquet::Repetition;
using parquet::schema::GroupNode;
using parquet::schema::NodePtr;
using parquet::schema::NodeVector;
using parquet::schema::PrimitiveNode;

constexpr int kUuidBytes = 16;
constexpr int32_t kMaxInt32Precision = 9;
constexpr int32_t kMaxInt64Precision = 18;

/// How a primitive type is stored.
struct Storage {
  std::shared_ptr<const LogicalType> logical = LogicalType::None();
  parquet::Type::type physical = parquet::Type::BOOLEAN;
  int length = -1;
};

Storage DecimalStorage(const Type& type) {
  auto logical = LogicalType::Decimal(type.precision(), type.scale());
  if (type.precision() <= kMaxInt32Precision) return {logical, parquet::Type::INT32, -1};
  if (type.precision() <= kMaxInt64Precision) return {logical, parquet::Type::INT64, -1};
  return {logical, parquet::Type::FIXED_LEN_BYTE_ARRAY,
          arrow::DecimalType::DecimalSize(type.precision())};
}

arrow::Result<Storage> StorageOf(const NestedField& field) {
  using Unit = LogicalType::TimeUnit;
  const auto timestamp = [](bool utc, Unit::unit unit) {
    return Storage{LogicalType::Timestamp(utc, unit), parquet::Type::INT64, -1};
  };
  switch (field.type->id()) {
    case TypeId::kBoolean:
      return Storage{LogicalType::None(), parquet::Type::BOOLEAN, -1};
    case TypeId::kInt:
      return Storage{LogicalType::None(), parquet::Type::INT32, -1};
    case TypeId::kLong:
      return Storage{LogicalType::None(), parquet::Type::INT64, -1};
    case TypeId::kFloat:
      return Storage{LogicalType::None(), parquet::Type::FLOAT, -1};
    case TypeId::kDouble:
      return Storage{LogicalType::None(), parquet::Type::DOUBLE, -1};
    case TypeId::kDecimal:
      return DecimalStorage(*field.type);
    case TypeId::kDate:
      return Storage{LogicalType::Date(), parquet::Type::INT32, -1};
    case TypeId::kTime:
      return Storage{LogicalType::Time(false, Unit::MICROS), parquet::Type::INT64, -1};
    case TypeId::kTimestamp:
      return timestamp(false, Unit::MICROS);
    case TypeId::kTimestampTz:
      return timestamp(true, Unit::MICROS);
    case TypeId::kTimestampNs:
      return timestamp(false, Unit::NANOS);
    case TypeId::kTimestampTzNs:
      return timestamp(true, Unit::NANOS);
    case TypeId::kString:
      return Storage{LogicalType::String(), parquet::Type::BYTE_ARRAY, -1};
    case TypeId::kUuid:
      return Storage{LogicalType::UUID(), parquet::Type::FIXED_LEN_BYTE_ARRAY,
                     kUuidBytes};
    case TypeId::kFixed:
      return Storage{LogicalType::None(), parquet::Type::FIXED_LEN_BYTE_ARRAY,
                     field.type->length()};
    case TypeId::kBinary:
      return Storage{LogicalType::None(), parquet::Type::BYTE_ARRAY, -1};
    default:
      return MakeError(ErrorCode::kNotSupported,
                       "column '{}' is of type {}, which Floe does not write to Parquet",
                       field.name, field.type->ToString());
  }
}

arrow::Result<NodePtr> ToNode(const NestedField& field);

arrow::Result<NodePtr> ToGroup(const NestedField& field, Repetition::type repetition) {
  NodeVector children;
  for (const NestedField& child : field.type->fields()) {
    ARROW_ASSIGN_OR_RAISE(auto node, ToNode(child));
    children.push_back(std::move(node));
  }
  if (children.empty()) {
    return MakeError(
        ErrorCode::kNotSupported,
        "column '{}' is a struct without fields, which Parquet cannot store; "
        "add a field to it",
        field.name);
  }
  switch (field.type->id()) {
    case TypeId::kList: {
      auto list = GroupNode::Make("list", Repetition::REPEATED, children);
      return GroupNode::Make(field.name, repetition, {list}, LogicalType::List(),
                             field.id);
    }
    case TypeId::kMap: {
      auto entries = GroupNode::Make("key_value", Repetition::REPEATED, children);
      return GroupNode::Make(field.name, repetition, {entries}, LogicalType::Map(),
                             field.id);
    }
    default:
      return GroupNode::Make(field.name, repetition, children,
                             parquet::ConvertedType::NONE, field.id);
  }
}

arrow::Result<NodePtr> ToNode(const NestedField& field) {
  const Repetition::type repetition =
      field.required ? Repetition::REQUIRED : Repetition::OPTIONAL;
  if (field.type->is_nested()) return ToGroup(field, repetition);
  ARROW_ASSIGN_OR_RAISE(const Storage storage, StorageOf(field));
  return PrimitiveNode::Make(field.name, repetition, storage.logical, storage.physical,
                             storage.length, field.id);
}

/// A NULL of `child` where its parent is not NULL.
bool HasOwnNull(const arrow::Array& child, const arrow::Array* parent) {
  if (child.null_count() == 0) return false;
  if (parent == nullptr || parent->null_count() == 0) return true;
  for (int64_t i = 0; i < child.length(); ++i) {
    if (child.IsNull(i) && parent->IsValid(i)) return true;
  }
  return false;
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> Conform(
    const std::shared_ptr<arrow::ArrayData>& data,
    const std::shared_ptr<arrow::DataType>& type, const NestedField& field) {
  const auto mismatch = [&] {
    return MakeError(ErrorCode::kInvalidArgument, "column '{}' is {}, expected {}",
                     field.name, data->type->ToString(), type->ToString());
  };
  if (data->type->id() != type->id()) return mismatch();
  if (!field.type->is_nested()) {
    if (!data->type->Equals(*type)) return mismatch();
    return data;
  }
  auto result = data->Copy();
  result->type = type;
  const std::vector<NestedField>& fields = field.type->fields();
  if (field.type->id() == TypeId::kMap) {
    // Arrow keeps keys and values in a struct of their own.
    auto entries = data->child_data[0]->Copy();
    entries->type = type->field(0)->type();
    for (size_t i = 0; i < fields.size(); ++i) {
      const int child = static_cast<int>(i);
      ARROW_ASSIGN_OR_RAISE(entries->child_data[i],
                            Conform(entries->child_data[i],
                                    entries->type->field(child)->type(), fields[i]));
    }
    result->child_data[0] = std::move(entries);
    return result;
  }
  if (data->child_data.size() != fields.size()) return mismatch();
  for (size_t i = 0; i < fields.size(); ++i) {
    const int child = static_cast<int>(i);
    ARROW_ASSIGN_OR_RAISE(
        result->child_data[i],
        Conform(data->child_data[i], type->field(child)->type(), fields[i]));
  }
  return result;
}

arrow::Status CheckRequired(const arrow::Array& array, const arrow::Array* parent,
                            const NestedField& field) {
  if (field.required && HasOwnNull(array, parent)) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "column '{}' is required but has a NULL; give it a value or make the "
        "column optional",
        field.name);
  }
  const std::vector<NestedField>& fields = field.type->fields();
  switch (field.type->id()) {
    case TypeId::kStruct: {
      const auto& structs = static_cast<const arrow::StructArray&>(array);
      for (size_t i = 0; i < fields.size(); ++i) {
        ARROW_RETURN_NOT_OK(
            CheckRequired(*structs.field(static_cast<int>(i)), &array, fields[i]));
      }
      return arrow::Status::OK();
    }
    case TypeId::kList: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      const auto used = list.values()->Slice(
          list.value_offset(0), list.value_offset(list.length()) - list.value_offset(0));
      return CheckRequired(*used, nullptr, fields[0]);
    }
    case TypeId::kMap: {
      const auto& map = static_cast<const arrow::MapArray&>(array);
      const int64_t begin = map.value_offset(0);
      const int64_t length = map.value_offset(map.length()) - begin;
      ARROW_RETURN_NOT_OK(
          CheckRequired(*map.keys()->Slice(begin, length), nullptr, fields[0]));
      return CheckRequired(*map.items()->Slice(begin, length), nullptr, fields[1]);
    }
    default:
      return arrow::Status::OK();
  }
}

}  // namespace

arrow::Result<std::shared_ptr<GroupNode>> ToParquetSchema(const Schema& schema) {
  NodeVector nodes;
  for (const NestedField& field : schema.fields()) {
    if (field.type->id() == TypeId::kUnknown) continue;
    try {
      ARROW_ASSIGN_OR_RAISE(auto node, ToNode(field));
      nodes.push_back(std::move(node));
    } catch (const parquet::ParquetException& error) {
      return MakeError(ErrorCode::kNotSupported, "Parquet cannot store column '{}': {}",
                       field.name, error.what());
    }
  }
  if (nodes.empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "the schema has no column that Parquet can store");
  }
  return std::static_pointer_cast<GroupNode>(
      GroupNode::Make("table", Repetition::REQUIRED, nodes));
}

arrow::Result<std::shared_ptr<arrow::Array>> ConformArray(
    const std::shared_ptr<arrow::Array>& array,
    const std::shared_ptr<arrow::DataType>& type, const NestedField& field) {
  ARROW_ASSIGN_OR_RAISE(auto data, Conform(array->data(), type, field));
  auto result = arrow::MakeArray(std::move(data));
  ARROW_RETURN_NOT_OK(CheckRequired(*result, nullptr, field));
  return result;
}

}  // namespace floe::iceberg
