#include "offline/key_filter.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "arrow/array.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/api_aggregate.h"
#include "arrow/compute/cast.h"
#include "arrow/datum.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "offline/compute_kernels.h"

namespace floe::offline {
namespace {

using iceberg::Literal;
using iceberg::Predicate;
using iceberg::PredicatePtr;
using iceberg::TypeId;

/// The Arrow type that keys are brought to for pruning on a column, or null when the
/// pair is not pruned by key.
std::shared_ptr<arrow::DataType> CommonType(TypeId column, const arrow::DataType& key) {
  const bool integer = arrow::is_integer(key.id()) && key.id() != arrow::Type::UINT64;
  const bool text =
      key.id() == arrow::Type::STRING || key.id() == arrow::Type::LARGE_STRING;
  const bool bytes =
      key.id() == arrow::Type::BINARY || key.id() == arrow::Type::LARGE_BINARY;
  if (integer && (column == TypeId::kInt || column == TypeId::kLong)) {
    return arrow::int64();
  }
  if (text && column == TypeId::kString) return arrow::utf8();
  if (bytes && column == TypeId::kBinary) return arrow::binary();
  return nullptr;
}

/// The value as the column's literal; nullopt when the column cannot hold it.
std::optional<Literal> KeyLiteral(const iceberg::TypePtr& type,
                                  const arrow::Scalar& value) {
  if (type->id() == TypeId::kString || type->id() == TypeId::kBinary) {
    const auto& bytes = static_cast<const arrow::BaseBinaryScalar&>(value).value;
    return Literal(type, bytes->ToString());
  }
  const int64_t integer = static_cast<const arrow::Int64Scalar&>(value).value;
  if (type->id() == TypeId::kLong) return Literal::Long(integer);
  if (integer < std::numeric_limits<int32_t>::min() ||
      integer > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  return Literal::Int(static_cast<int32_t>(integer));
}

arrow::Result<PredicatePtr> SetPredicate(const SourceColumn& column,
                                         const arrow::Array& distinct,
                                         const std::shared_ptr<arrow::DataType>& common) {
  ARROW_ASSIGN_OR_RAISE(arrow::Datum cast, arrow::compute::Cast(distinct, common));
  const std::shared_ptr<arrow::Array> keys = cast.make_array();
  std::vector<Literal> literals;
  for (int64_t i = 0; i < keys->length(); ++i) {
    if (keys->IsNull(i)) continue;
    ARROW_ASSIGN_OR_RAISE(auto scalar, keys->GetScalar(i));
    if (auto literal = KeyLiteral(column.field->type, *scalar)) {
      literals.push_back(std::move(*literal));
    }
  }
  if (literals.empty()) return Predicate::False();
  return Predicate::Set(Predicate::Op::kIn, column.field->name, std::move(literals));
}

/// min and max of `keys` as `common`; nullopt when all are NULL.
arrow::Result<std::optional<
    std::pair<std::shared_ptr<arrow::Scalar>, std::shared_ptr<arrow::Scalar>>>>
Extremes(const arrow::ChunkedArray& keys,
         const std::shared_ptr<arrow::DataType>& common) {
  ARROW_RETURN_NOT_OK(RegisterComputeKernels());
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum result,
      arrow::compute::MinMax(arrow::Datum(
          std::make_shared<arrow::ChunkedArray>(keys.chunks(), keys.type()))));
  const auto& pair = static_cast<const arrow::StructScalar&>(*result.scalar());
  if (!pair.value[0]->is_valid) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(arrow::Datum low, arrow::compute::Cast(pair.value[0], common));
  ARROW_ASSIGN_OR_RAISE(arrow::Datum high, arrow::compute::Cast(pair.value[1], common));
  return std::make_pair(low.scalar(), high.scalar());
}

}  // namespace

arrow::Result<PredicatePtr> KeyPredicate(const SourceColumn& column,
                                         const arrow::ChunkedArray& keys,
                                         const arrow::Array* distinct) {
  const iceberg::TypePtr& type = column.field->type;
  std::shared_ptr<arrow::DataType> common = CommonType(type->id(), *keys.type());
  if (common == nullptr) return Predicate::True();
  if (distinct != nullptr) return SetPredicate(column, *distinct, common);
  ARROW_ASSIGN_OR_RAISE(auto extremes, Extremes(keys, common));
  if (!extremes) return Predicate::False();
  // A bound that the column's type cannot hold lies beyond all its values, on its side.
  std::optional<Literal> low = KeyLiteral(type, *extremes->first);
  std::optional<Literal> high = KeyLiteral(type, *extremes->second);
  PredicatePtr predicate = Predicate::True();
  const std::string& name = column.field->name;
  if (low) predicate = Predicate::Compare(Predicate::Op::kGreaterEqual, name, *low);
  if (high) {
    predicate = Predicate::And(
        std::move(predicate), Predicate::Compare(Predicate::Op::kLessEqual, name, *high));
  }
  return predicate;
}

}  // namespace floe::offline
