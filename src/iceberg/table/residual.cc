#include "iceberg/table/residual.h"

#include <algorithm>
#include <cmath>

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

bool IsNan(const Literal& value) {
  if (const float* f = std::get_if<float>(&value.value())) return std::isnan(*f);
  if (const double* d = std::get_if<double>(&value.value())) return std::isnan(*d);
  return false;
}

bool StartsWith(const Literal& value, const Literal& prefix) {
  return value.as<std::string>().starts_with(prefix.as<std::string>());
}

bool IsOneOf(const Literal& value, const std::vector<Literal>& literals) {
  return std::any_of(literals.begin(), literals.end(),
                     [&](const Literal& literal) { return value.Compare(literal) == 0; });
}

/// A leaf on a value that is not NULL; comparisons as EvaluateRows makes them on rows.
bool EvaluateLeaf(const Predicate& leaf, const Literal& value) {
  const std::vector<Literal>& literals = leaf.literals();
  switch (leaf.op()) {
    case Op::kIsNan:
      return IsNan(value);
    case Op::kNotNan:
      return !IsNan(value);
    case Op::kIn:
      return IsOneOf(value, literals);
    case Op::kNotIn:
      return !IsOneOf(value, literals);
    case Op::kStartsWith:
      return StartsWith(value, literals[0]);
    case Op::kNotStartsWith:
      return !StartsWith(value, literals[0]);
    case Op::kLess:
      return value.Compare(literals[0]) < 0;
    case Op::kLessEqual:
      return value.Compare(literals[0]) <= 0;
    case Op::kGreater:
      return value.Compare(literals[0]) > 0;
    case Op::kGreaterEqual:
      return value.Compare(literals[0]) >= 0;
    case Op::kEqual:
      return value.Compare(literals[0]) == 0;
    case Op::kNotEqual:
      return value.Compare(literals[0]) != 0;
    default:
      return true;
  }
}

/// Floats keep their row-wise meaning (NaN, -0.0) by being left to the row filter.
bool CanDecide(const Predicate& leaf, const Literal& value) {
  if (leaf.op() == Op::kIsNull || leaf.op() == Op::kNotNull) return true;
  TypeId id = value.type()->id();
  return value.is_null() || (id != TypeId::kFloat && id != TypeId::kDouble &&
                             leaf.type()->Equals(*value.type()));
}

PredicatePtr LeafResidual(const PredicatePtr& leaf,
                          const std::map<int32_t, Literal>& constants) {
  auto found = constants.find(leaf->field_id());
  if (found == constants.end() || !CanDecide(*leaf, found->second)) return leaf;
  const Literal& value = found->second;
  bool result = false;
  if (leaf->op() == Op::kIsNull) {
    result = value.is_null();
  } else if (leaf->op() == Op::kNotNull) {
    result = !value.is_null();
  } else if (value.is_null()) {
    return leaf;
  } else {
    result = EvaluateLeaf(*leaf, value);
  }
  return result ? Predicate::True() : Predicate::False();
}

}  // namespace

PredicatePtr ResidualFor(const PredicatePtr& bound,
                         const std::map<int32_t, Literal>& constants) {
  switch (bound->op()) {
    case Op::kTrue:
    case Op::kFalse:
      return bound;
    case Op::kNot:
      return bound;
    case Op::kAnd:
    case Op::kOr: {
      bool is_and = bound->op() == Op::kAnd;
      PredicatePtr result = is_and ? Predicate::True() : Predicate::False();
      for (const PredicatePtr& child : bound->children()) {
        PredicatePtr residual = ResidualFor(child, constants);
        Op neutral = is_and ? Op::kTrue : Op::kFalse;
        Op decisive = is_and ? Op::kFalse : Op::kTrue;
        if (residual->op() == decisive) return residual;
        if (residual->op() == neutral) continue;
        if (result->op() == neutral) {
          result = residual;
        } else {
          result =
              is_and ? Predicate::And(result, residual) : Predicate::Or(result, residual);
        }
      }
      return result;
    }
    default:
      return LeafResidual(bound, constants);
  }
}

}  // namespace floe::iceberg
