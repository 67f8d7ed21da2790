#include "iceberg/expr/evaluator.h"

#include <algorithm>
#include <cmath>

#include "iceberg/expr/bound_predicate.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

bool IsNan(const std::optional<Literal>& bound) {
  if (!bound) return false;
  if (const auto* number = std::get_if<float>(&bound->value()))
    return std::isnan(*number);
  if (const auto* number = std::get_if<double>(&bound->value()))
    return std::isnan(*number);
  return false;
}

bool AllNull(const ColumnBounds& bounds) {
  return bounds.value_count && bounds.null_count &&
         *bounds.null_count >= *bounds.value_count;
}

bool AllNan(const ColumnBounds& bounds) {
  return bounds.value_count && bounds.nan_count &&
         *bounds.nan_count >= *bounds.value_count;
}

/// No value is left to compare: all are NULL or NaN.
bool NothingComparable(const ColumnBounds& bounds) {
  if (AllNull(bounds)) return true;
  return bounds.value_count && bounds.nan_count &&
         *bounds.nan_count + bounds.null_count.value_or(0) >= *bounds.value_count;
}

/// Whether every value is known to be at least / at most where `literal` is.
bool LowerIs(const ColumnBounds& bounds, const Literal& literal, bool (*test)(int)) {
  if (!bounds.lower) return false;
  const auto order = CompareValues(*bounds.lower, literal);
  return order && test(*order);
}

bool UpperIs(const ColumnBounds& bounds, const Literal& literal, bool (*test)(int)) {
  if (!bounds.upper) return false;
  const auto order = CompareValues(*bounds.upper, literal);
  return order && test(*order);
}

bool IsNegative(int order) { return order < 0; }
bool IsPositive(int order) { return order > 0; }
bool IsNotNegative(int order) { return order >= 0; }
bool IsNotPositive(int order) { return order <= 0; }

bool IsOutside(const ColumnBounds& bounds, const Literal& literal) {
  return LowerIs(bounds, literal, IsPositive) || UpperIs(bounds, literal, IsNegative);
}

const std::string* TextOf(const std::optional<Literal>& bound) {
  return bound ? std::get_if<std::string>(&bound->value()) : nullptr;
}

bool PrefixMayMatch(const ColumnBounds& bounds, const std::string& prefix) {
  const std::string* lower = TextOf(bounds.lower);
  if (lower != nullptr && lower->compare(0, prefix.size(), prefix) > 0) return false;
  const std::string* upper = TextOf(bounds.upper);
  return upper == nullptr || upper->compare(0, prefix.size(), prefix) >= 0;
}

bool AllHavePrefix(const ColumnBounds& bounds, const std::string& prefix) {
  const std::string* lower = TextOf(bounds.lower);
  const std::string* upper = TextOf(bounds.upper);
  return lower != nullptr && upper != nullptr && lower->starts_with(prefix) &&
         upper->starts_with(prefix);
}

bool ComparisonMayMatch(const Predicate& leaf, const ColumnBounds& bounds) {
  const std::vector<Literal>& literals = leaf.literals();
  switch (leaf.op()) {
    case Op::kLess:
      return !LowerIs(bounds, literals[0], IsNotNegative);
    case Op::kLessEqual:
      return !LowerIs(bounds, literals[0], IsPositive);
    case Op::kGreater:
      return !UpperIs(bounds, literals[0], IsNotPositive);
    case Op::kGreaterEqual:
      return !UpperIs(bounds, literals[0], IsNegative);
    case Op::kEqual:
      return !IsOutside(bounds, literals[0]);
    case Op::kIn:
      return !std::all_of(literals.begin(), literals.end(), [&](const Literal& literal) {
        return IsOutside(bounds, literal);
      });
    case Op::kStartsWith:
      return PrefixMayMatch(bounds, literals[0].as<std::string>());
    default:
      return true;
  }
}

bool LeafMayMatch(const Predicate& leaf, ColumnBounds bounds) {
  // Some writers put NaN into bounds, where it says nothing of the other values.
  if (IsNan(bounds.lower)) bounds.lower.reset();
  if (IsNan(bounds.upper)) bounds.upper.reset();
  switch (leaf.op()) {
    case Op::kIsNull:
      return bounds.null_count != 0;
    case Op::kNotNull:
      return !AllNull(bounds);
    case Op::kIsNan:
      return bounds.nan_count != 0 && !AllNull(bounds);
    case Op::kNotNan:
      return !AllNan(bounds);
    case Op::kNotEqual:
    case Op::kNotIn:
      // NaN differs from every literal, and bounds may be truncated.
      return !AllNull(bounds);
    case Op::kNotStartsWith:
      return !AllNull(bounds) &&
             !AllHavePrefix(bounds, leaf.literals()[0].as<std::string>());
    default:
      return !NothingComparable(bounds) && ComparisonMayMatch(leaf, bounds);
  }
}

std::optional<Literal> BoundOf(const TypePtr& type,
                               const std::optional<std::string>& bytes) {
  if (!bytes) return std::nullopt;
  // A bound that cannot be read (another writer's truncated fixed) bounds nothing.
  auto literal = Literal::FromBytes(type, *bytes);
  if (!literal.ok()) return std::nullopt;
  return *std::move(literal);
}

ColumnBounds SummaryBounds(const PartitionFieldSummary& summary, const TypePtr& type) {
  ColumnBounds bounds;
  bounds.lower = BoundOf(type, summary.lower_bound);
  bounds.upper = BoundOf(type, summary.upper_bound);
  if (!summary.contains_null) bounds.null_count = 0;
  if (summary.contains_nan == false) bounds.nan_count = 0;
  const bool is_floating = type->id() == TypeId::kFloat || type->id() == TypeId::kDouble;
  if (summary.lower_bound || !summary.contains_null) return bounds;
  // No bound at all: the partitions are all NULL, unless NaN hides among them.
  if (!is_floating || summary.contains_nan == false) {
    bounds.value_count = 1;
    bounds.null_count = 1;
  }
  return bounds;
}

int FieldIndex(const PartitionSpec& spec, int32_t field_id) {
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    if (spec.fields[i].field_id == field_id) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

bool MayMatch(const Predicate& bound, const BoundsLookup& bounds) {
  switch (bound.op()) {
    case Op::kTrue:
    case Op::kNot:
      return true;
    case Op::kFalse:
      return false;
    case Op::kAnd:
      return MayMatch(*bound.children()[0], bounds) &&
             MayMatch(*bound.children()[1], bounds);
    case Op::kOr:
      return MayMatch(*bound.children()[0], bounds) ||
             MayMatch(*bound.children()[1], bounds);
    default:
      return LeafMayMatch(bound, bounds(bound.field_id(), bound.type()));
  }
}

BoundsLookup FileBounds(const DataFile& file) {
  return [&file](int32_t field_id, const TypePtr& type) {
    ColumnBounds bounds;
    const ColumnMetrics* metrics = file.FindMetrics(field_id);
    if (metrics == nullptr) return bounds;
    bounds.value_count = metrics->value_count;
    bounds.null_count = metrics->null_count;
    bounds.nan_count = metrics->nan_count;
    if (type->is_nested()) return bounds;
    bounds.lower = BoundOf(type, metrics->lower_bound);
    bounds.upper = BoundOf(type, metrics->upper_bound);
    return bounds;
  };
}

bool PartitionMayMatch(const Predicate& projected, const PartitionSpec& spec,
                       const std::vector<Literal>& partition) {
  switch (projected.op()) {
    case Op::kAnd:
      return PartitionMayMatch(*projected.children()[0], spec, partition) &&
             PartitionMayMatch(*projected.children()[1], spec, partition);
    case Op::kOr:
      return PartitionMayMatch(*projected.children()[0], spec, partition) ||
             PartitionMayMatch(*projected.children()[1], spec, partition);
    case Op::kTrue:
    case Op::kNot:
      return true;
    case Op::kFalse:
      return false;
    default: {
      const int index = FieldIndex(spec, projected.field_id());
      if (index < 0 || static_cast<size_t>(index) >= partition.size()) return true;
      return LeafMatches(projected, partition[static_cast<size_t>(index)]);
    }
  }
}

bool ManifestMayMatch(const Predicate& projected, const PartitionSpec& spec,
                      const Type& partition_type,
                      const std::vector<PartitionFieldSummary>& summaries) {
  // V1 manifests may come without summaries.
  if (summaries.size() != spec.fields.size()) return true;
  return MayMatch(projected, [&](int32_t field_id, const TypePtr&) {
    const int index = FieldIndex(spec, field_id);
    if (index < 0 || static_cast<size_t>(index) >= partition_type.fields().size()) {
      return ColumnBounds{};
    }
    const auto i = static_cast<size_t>(index);
    return SummaryBounds(summaries[i], partition_type.fields()[i].type);
  });
}

}  // namespace floe::iceberg
