#include <algorithm>
#include <set>

#include "arrow/array/array_nested.h"
#include "arrow/array/util.h"
#include "arrow/compute/cast.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/join.h"
#include "iceberg/expr/arrow_literal.h"
#include "iceberg/table/data_writer.h"

namespace floe::iceberg {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using DataPtr = std::shared_ptr<arrow::ArrayData>;

/// The kinds of values between which a cast keeps the meaning; the safe cast then refuses
/// each value that would not fit.
enum class ValueKind {
  kBoolean,
  kInteger,
  kFloat32,
  kFloat64,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kText,
  kBytes,
  kNull,
  kOther,
};

ValueKind KindOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return ValueKind::kBoolean;
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return ValueKind::kFloat32;
    case arrow::Type::DOUBLE:
      return ValueKind::kFloat64;
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return ValueKind::kDate;
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return ValueKind::kTime;
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? ValueKind::kTimestamp
                 : ValueKind::kTimestampTz;
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return ValueKind::kText;
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
      return ValueKind::kBytes;
    case arrow::Type::NA:
      return ValueKind::kNull;
    default:
      break;
  }
  if (arrow::is_integer(type.id())) return ValueKind::kInteger;
  return arrow::is_decimal(type.id()) ? ValueKind::kDecimal : ValueKind::kOther;
}

bool IsCastAllowed(const arrow::DataType& from, const arrow::DataType& to) {
  ValueKind source = KindOf(from);
  ValueKind target = KindOf(to);
  if (source == ValueKind::kOther || target == ValueKind::kOther) return false;
  if (source == target || source == ValueKind::kNull) return true;
  switch (target) {
    case ValueKind::kFloat32:
      return source == ValueKind::kInteger;
    case ValueKind::kFloat64:
      return source == ValueKind::kInteger || source == ValueKind::kFloat32;
    case ValueKind::kDecimal:
      return source == ValueKind::kInteger;
    case ValueKind::kTimestampTz:
      // A time without a zone is taken as UTC.
      return source == ValueKind::kTimestamp;
    default:
      return false;
  }
}

arrow::Status WrongType(const std::string& path, const arrow::DataType& from,
                        const NestedField& field) {
  bool narrows = KindOf(from) == ValueKind::kFloat64;
  return MakeError(ErrorCode::kInvalidArgument, "column '{}' is {}, the table has {}: {}",
                   path, from.ToString(), field.type->ToString(),
                   narrows ? "cast it first where losing digits is meant"
                           : "give it the table's type");
}

arrow::Result<DataPtr> Conform(const ArrayPtr& array, const NestedField& field,
                               const arrow::DataType& target, const std::string& path);

arrow::Result<ArrayPtr> Cast(const ArrayPtr& array,
                             const std::shared_ptr<arrow::DataType>& target,
                             const std::string& path) {
  auto cast = arrow::compute::Cast(*array, target, arrow::compute::CastOptions::Safe());
  if (cast.ok()) return cast;
  return MakeError(ErrorCode::kInvalidArgument,
                   "column '{}' has a value that does not fit the table's type: {}", path,
                   cast.status().message());
}

arrow::Result<DataPtr> ConformStruct(const ArrayPtr& array, const NestedField& field,
                                     const arrow::DataType& target,
                                     const std::string& path) {
  const auto& source = static_cast<const arrow::StructType&>(*array->type());
  std::vector<std::string> names;
  for (const NestedField& child : field.type->fields()) names.push_back(child.name);
  for (const auto& child : source.fields()) {
    if (std::find(names.begin(), names.end(), child->name()) != names.end()) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' has a field '{}', the table has not: expected {}", path,
                     child->name(), JoinText(names, ", "));
  }
  DataPtr data = array->data()->Copy();
  data->child_data.clear();
  for (size_t i = 0; i < names.size(); ++i) {
    const NestedField& child = field.type->fields()[i];
    const auto& child_type = target.field(static_cast<int>(i))->type();
    std::string child_path = path + "." + names[i];
    int index = source.GetFieldIndex(names[i]);
    if (index >= 0) {
      ARROW_ASSIGN_OR_RAISE(DataPtr conformed,
                            Conform(arrow::MakeArray(array->data()->child_data[index]),
                                    child, *child_type, child_path));
      data->child_data.push_back(std::move(conformed));
      continue;
    }
    if (child.required) {
      return MakeError(ErrorCode::kInvalidArgument, "required field '{}' is missing",
                       child_path);
    }
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(
                                          child_type, array->length() + array->offset()));
    data->child_data.push_back(nulls->data());
  }
  return data;
}

arrow::Result<DataPtr> ConformList(ArrayPtr array, const NestedField& field,
                                   const arrow::DataType& target,
                                   const std::string& path) {
  if (array->type_id() != arrow::Type::LIST) {
    if (!arrow::is_list_like(array->type_id()) &&
        !arrow::is_list_view(array->type_id())) {
      return WrongType(path, *array->type(), field);
    }
    ARROW_ASSIGN_OR_RAISE(
        array, Cast(array, arrow::list(array->type()->field(0)->type()), path));
  }
  DataPtr data = array->data()->Copy();
  ARROW_ASSIGN_OR_RAISE(
      data->child_data[0],
      Conform(arrow::MakeArray(data->child_data[0]), field.type->element(),
              *target.field(0)->type(), path + ".element"));
  return data;
}

/// A map's children are one struct array of its keys and values.
arrow::Result<DataPtr> ConformMap(const ArrayPtr& array, const NestedField& field,
                                  const arrow::DataType& target,
                                  const std::string& path) {
  const auto& map_type = static_cast<const arrow::MapType&>(target);
  DataPtr data = array->data()->Copy();
  DataPtr entries = data->child_data[0]->Copy();
  ARROW_ASSIGN_OR_RAISE(entries->child_data[0],
                        Conform(arrow::MakeArray(entries->child_data[0]),
                                field.type->key(), *map_type.key_type(), path + ".key"));
  ARROW_ASSIGN_OR_RAISE(
      entries->child_data[1],
      Conform(arrow::MakeArray(entries->child_data[1]), field.type->value(),
              *map_type.item_type(), path + ".value"));
  entries->type = map_type.value_type();
  data->child_data[0] = std::move(entries);
  return data;
}

/// `array` as data of exactly the type `target`, which is field's.
arrow::Result<DataPtr> Conform(const ArrayPtr& array, const NestedField& field,
                               const arrow::DataType& target, const std::string& path) {
  auto target_ptr = target.GetSharedPtr();
  if (array->type_id() == arrow::Type::EXTENSION) {
    return Conform(static_cast<const arrow::ExtensionArray&>(*array).storage(), field,
                   target, path);
  }
  if (array->type_id() == arrow::Type::DICTIONARY) {
    const auto& type = static_cast<const arrow::DictionaryType&>(*array->type());
    ARROW_ASSIGN_OR_RAISE(ArrayPtr decoded, Cast(array, type.value_type(), path));
    return Conform(decoded, field, target, path);
  }
  if (array->type_id() == arrow::Type::NA) {
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(
                                          target_ptr, array->length() + array->offset()));
    return nulls->data();
  }
  DataPtr data;
  if (target.id() == arrow::Type::STRUCT && array->type_id() == arrow::Type::STRUCT) {
    ARROW_ASSIGN_OR_RAISE(data, ConformStruct(array, field, target, path));
  } else if (target.id() == arrow::Type::LIST) {
    ARROW_ASSIGN_OR_RAISE(data, ConformList(array, field, target, path));
  } else if (target.id() == arrow::Type::MAP && array->type_id() == arrow::Type::MAP) {
    ARROW_ASSIGN_OR_RAISE(data, ConformMap(array, field, target, path));
  } else if (array->type()->Equals(target)) {
    return array->data();
  } else if (IsCastAllowed(*array->type(), target)) {
    ARROW_ASSIGN_OR_RAISE(ArrayPtr cast, Cast(array, target_ptr, path));
    data = cast->data()->Copy();
  } else {
    return WrongType(path, *array->type(), field);
  }
  data->type = target_ptr;
  return data;
}

arrow::Status CheckNames(const arrow::RecordBatch& batch, const Schema& schema) {
  std::vector<std::string> names = schema.ColumnNames();
  std::set<std::string> seen;
  for (const std::string& name : batch.schema()->field_names()) {
    if (!seen.insert(name).second) {
      return MakeError(ErrorCode::kInvalidArgument, "two columns are named '{}'", name);
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    std::string nearest = NearestName(name, names);
    return MakeError(ErrorCode::kInvalidArgument,
                     "the table has no column '{}'{}; it has: {}", name,
                     nearest.empty() ? "" : fmt::format(": did you mean '{}'?", nearest),
                     JoinText(names, ", "));
  }
  return arrow::Status::OK();
}

arrow::Result<ArrayPtr> ConformColumn(const arrow::RecordBatch& batch,
                                      const NestedField& field,
                                      const std::shared_ptr<arrow::DataType>& target) {
  ArrayPtr column = batch.GetColumnByName(field.name);
  bool has_default = field.write_default != nullptr && !field.write_default->is_null();
  if (column == nullptr && has_default) {
    ARROW_ASSIGN_OR_RAISE(auto value, ToArrowScalar(*field.write_default, target));
    return arrow::MakeArrayFromScalar(*value, batch.num_rows());
  }
  if (column == nullptr && field.required) {
    return MakeError(ErrorCode::kInvalidArgument, "required column '{}' is missing",
                     field.name);
  }
  if (column == nullptr) return arrow::MakeArrayOfNull(target, batch.num_rows());
  ARROW_ASSIGN_OR_RAISE(DataPtr data, Conform(column, field, *target, field.name));
  ArrayPtr conformed = arrow::MakeArray(data);
  if (field.required && conformed->null_count() > 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "required column '{}' has {} NULL values", field.name,
                     conformed->null_count());
  }
  return conformed;
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ConformBatch(
    const arrow::RecordBatch& batch, const Schema& schema) {
  ARROW_RETURN_NOT_OK(CheckNames(batch, schema));
  ARROW_ASSIGN_OR_RAISE(auto arrow_schema, ToArrowSchema(schema));
  std::vector<ArrayPtr> columns;
  for (size_t i = 0; i < schema.fields().size(); ++i) {
    const auto& target = arrow_schema->field(static_cast<int>(i))->type();
    ARROW_ASSIGN_OR_RAISE(ArrayPtr column,
                          ConformColumn(batch, schema.fields()[i], target));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(arrow_schema, batch.num_rows(), std::move(columns));
}

}  // namespace floe::iceberg
