#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "arrow/array.h"
#include "arrow/array/array_nested.h"
#include "arrow/buffer.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "iceberg/expr/bound_predicate.h"
#include "iceberg/expr/evaluator.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;
using ArrayPtr = std::shared_ptr<arrow::Array>;

/// One byte a row: 1 where the predicate is true.
using Mask = std::vector<uint8_t>;

std::string FieldIdText(const arrow::Field& field) {
  if (field.metadata() == nullptr) return "";
  const int index = field.metadata()->FindKey(kFieldIdKey);
  return index < 0 ? "" : field.metadata()->value(index);
}

/// The path of child indexes to the field with an id, through structs.
bool FindById(const arrow::FieldVector& fields, const std::string& id,
              std::vector<int>* path) {
  for (size_t i = 0; i < fields.size(); ++i) {
    path->push_back(static_cast<int>(i));
    if (FieldIdText(*fields[i]) == id) return true;
    if (fields[i]->type()->id() == arrow::Type::STRUCT &&
        FindById(fields[i]->type()->fields(), id, path)) {
      return true;
    }
    path->pop_back();
  }
  return false;
}

/// The same by dotted name, of fields without an id. A name may hold dots itself.
bool FindByName(const arrow::FieldVector& fields, std::string_view name,
                std::vector<int>* path) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& field_name = fields[i]->name();
    path->push_back(static_cast<int>(i));
    if (field_name == name && FieldIdText(*fields[i]).empty()) return true;
    if (name.starts_with(field_name + ".") &&
        fields[i]->type()->id() == arrow::Type::STRUCT &&
        FindByName(fields[i]->type()->fields(), name.substr(field_name.size() + 1),
                   path)) {
      return true;
    }
    path->pop_back();
  }
  return false;
}

arrow::Result<ArrayPtr> FindColumn(const Predicate& leaf,
                                   const arrow::RecordBatch& batch) {
  std::vector<int> path;
  const arrow::FieldVector& fields = batch.schema()->fields();
  if (!FindById(fields, std::to_string(leaf.field_id()), &path) &&
      !FindByName(fields, leaf.column(), &path)) {
    return MakeError(ErrorCode::kInternal,
                     "the rows to filter have no column '{}' (field id {})",
                     leaf.column(), leaf.field_id());
  }
  ArrayPtr array = batch.column(path[0]);
  for (size_t i = 1; i < path.size(); ++i) {
    // Flattened: a child is NULL where its parent is.
    ARROW_ASSIGN_OR_RAISE(
        array, static_cast<const arrow::StructArray&>(*array).GetFlattenedField(path[i]));
  }
  return array;
}

template <typename Array, typename Test>
void SetWhere(const Array& array, const Test& test, Mask* mask) {
  const int64_t length = array.length();
  const bool has_nulls = array.null_count() > 0;
  for (int64_t i = 0; i < length; ++i) {
    (*mask)[static_cast<size_t>(i)] =
        (!has_nulls || array.IsValid(i)) && test(array.GetView(i));
  }
}

/// `T` is what the array's GetView gives; `convert` takes it from a literal.
template <typename T, typename Array, typename Convert>
void CompareRows(const Predicate& leaf, const Array& array, const Convert& convert,
                 Mask* mask) {
  const std::vector<Literal>& literals = leaf.literals();
  const T first = convert(literals[0]);
  switch (leaf.op()) {
    case Op::kLess:
      return SetWhere(array, [&](const T& v) { return v < first; }, mask);
    case Op::kLessEqual:
      return SetWhere(array, [&](const T& v) { return v <= first; }, mask);
    case Op::kGreater:
      return SetWhere(array, [&](const T& v) { return v > first; }, mask);
    case Op::kGreaterEqual:
      return SetWhere(array, [&](const T& v) { return v >= first; }, mask);
    case Op::kEqual:
      return SetWhere(array, [&](const T& v) { return v == first; }, mask);
    case Op::kNotEqual:
      return SetWhere(array, [&](const T& v) { return v != first; }, mask);
    default:
      break;
  }
  std::unordered_set<T> values;
  for (const Literal& literal : literals) values.insert(convert(literal));
  const bool wanted = leaf.op() == Op::kIn;
  SetWhere(array, [&](const T& v) { return (values.count(v) > 0) == wanted; }, mask);
}

template <typename T, typename Array>
void CompareNumbers(const Predicate& leaf, const Array& array, Mask* mask) {
  CompareRows<T>(
      leaf, array, [](const Literal& literal) { return literal.as<T>(); }, mask);
}

template <typename Array>
void CompareTexts(const Predicate& leaf, const Array& array, Mask* mask) {
  using View = std::string_view;
  const View prefix = leaf.literals()[0].as<std::string>();
  if (leaf.op() == Op::kStartsWith) {
    return SetWhere(array, [&](View v) { return v.starts_with(prefix); }, mask);
  }
  if (leaf.op() == Op::kNotStartsWith) {
    return SetWhere(array, [&](View v) { return !v.starts_with(prefix); }, mask);
  }
  CompareRows<View>(
      leaf, array, [](const Literal& literal) { return View(literal.as<std::string>()); },
      mask);
}

/// Types whose comparison is not worth its own loop: through literals.
void CompareDecimals(const Predicate& leaf, const arrow::Decimal128Array& array,
                     Mask* mask) {
  for (int64_t i = 0; i < array.length(); ++i) {
    (*mask)[static_cast<size_t>(i)] =
        array.IsValid(i) &&
        LeafMatches(leaf, Literal(leaf.type(), arrow::Decimal128(array.GetValue(i))));
  }
}

arrow::Status TypeMismatch(const Predicate& leaf, const arrow::Array& array) {
  return MakeError(ErrorCode::kInternal,
                   "column '{}' to filter is {}, the filter is bound to type {}",
                   leaf.column(), array.type()->ToString(), leaf.type()->ToString());
}

arrow::Status CompareColumn(const Predicate& leaf, const arrow::Array& array,
                            Mask* mask) {
  ARROW_ASSIGN_OR_RAISE(const auto expected, ToArrowType(*leaf.type()));
  if (!array.type()->Equals(*expected)) return TypeMismatch(leaf, array);
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      CompareNumbers<bool>(leaf, static_cast<const arrow::BooleanArray&>(array), mask);
      break;
    case arrow::Type::INT32:
      CompareNumbers<int32_t>(leaf, static_cast<const arrow::Int32Array&>(array), mask);
      break;
    case arrow::Type::DATE32:
      CompareNumbers<int32_t>(leaf, static_cast<const arrow::Date32Array&>(array), mask);
      break;
    case arrow::Type::INT64:
      CompareNumbers<int64_t>(leaf, static_cast<const arrow::Int64Array&>(array), mask);
      break;
    case arrow::Type::TIME64:
      CompareNumbers<int64_t>(leaf, static_cast<const arrow::Time64Array&>(array), mask);
      break;
    case arrow::Type::TIMESTAMP:
      CompareNumbers<int64_t>(leaf, static_cast<const arrow::TimestampArray&>(array),
                              mask);
      break;
    case arrow::Type::FLOAT:
      CompareNumbers<float>(leaf, static_cast<const arrow::FloatArray&>(array), mask);
      break;
    case arrow::Type::DOUBLE:
      CompareNumbers<double>(leaf, static_cast<const arrow::DoubleArray&>(array), mask);
      break;
    case arrow::Type::STRING:
      CompareTexts(leaf, static_cast<const arrow::StringArray&>(array), mask);
      break;
    case arrow::Type::BINARY:
      CompareTexts(leaf, static_cast<const arrow::BinaryArray&>(array), mask);
      break;
    case arrow::Type::FIXED_SIZE_BINARY:
      CompareTexts(leaf, static_cast<const arrow::FixedSizeBinaryArray&>(array), mask);
      break;
    case arrow::Type::DECIMAL128:
      CompareDecimals(leaf, static_cast<const arrow::Decimal128Array&>(array), mask);
      break;
    default:
      return TypeMismatch(leaf, array);
  }
  return arrow::Status::OK();
}

arrow::Status SetNans(const Predicate& leaf, const arrow::Array& array, Mask* mask) {
  const auto is_nan = [](auto value) { return std::isnan(value); };
  if (array.type_id() == arrow::Type::FLOAT) {
    SetWhere(static_cast<const arrow::FloatArray&>(array), is_nan, mask);
  } else if (array.type_id() == arrow::Type::DOUBLE) {
    SetWhere(static_cast<const arrow::DoubleArray&>(array), is_nan, mask);
  } else {
    return TypeMismatch(leaf, array);
  }
  return arrow::Status::OK();
}

void Negate(Mask* mask) {
  for (uint8_t& value : *mask) value = value == 0;
}

arrow::Result<Mask> EvaluateLeaf(const Predicate& leaf, const arrow::RecordBatch& batch) {
  Mask mask(static_cast<size_t>(batch.num_rows()));
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr array, FindColumn(leaf, batch));
  switch (leaf.op()) {
    case Op::kIsNull:
    case Op::kNotNull:
      for (int64_t i = 0; i < array->length(); ++i) {
        mask[static_cast<size_t>(i)] = array->IsNull(i) == (leaf.op() == Op::kIsNull);
      }
      return mask;
    case Op::kIsNan:
    case Op::kNotNan:
      ARROW_RETURN_NOT_OK(SetNans(leaf, *array, &mask));
      if (leaf.op() == Op::kNotNan) Negate(&mask);
      return mask;
    default:
      ARROW_RETURN_NOT_OK(CompareColumn(leaf, *array, &mask));
      return mask;
  }
}

arrow::Result<Mask> Evaluate(const Predicate& bound, const arrow::RecordBatch& batch) {
  const auto rows = static_cast<size_t>(batch.num_rows());
  switch (bound.op()) {
    case Op::kTrue:
      return Mask(rows, 1);
    case Op::kFalse:
      return Mask(rows, 0);
    case Op::kNot:
      return MakeError(ErrorCode::kInternal,
                       "rows are filtered by a predicate not bound");
    case Op::kAnd:
    case Op::kOr: {
      ARROW_ASSIGN_OR_RAISE(Mask left, Evaluate(*bound.children()[0], batch));
      const uint8_t decided = bound.op() == Op::kOr;
      // Where the left side decides every row the right one need not be looked at.
      if (std::all_of(left.begin(), left.end(),
                      [decided](uint8_t value) { return value == decided; })) {
        return left;
      }
      ARROW_ASSIGN_OR_RAISE(const Mask right, Evaluate(*bound.children()[1], batch));
      for (size_t i = 0; i < rows; ++i) {
        left[i] = decided ? left[i] | right[i] : left[i] & right[i];
      }
      return left;
    }
    default:
      return EvaluateLeaf(bound, batch);
  }
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::BooleanArray>> EvaluateRows(
    const Predicate& bound, const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(const Mask mask, Evaluate(bound, batch));
  ARROW_ASSIGN_OR_RAISE(auto bits, arrow::AllocateEmptyBitmap(batch.num_rows()));
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0)
      arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(i));
  }
  return std::make_shared<arrow::BooleanArray>(batch.num_rows(), std::move(bits));
}

}  // namespace floe::iceberg
