#include "iceberg/expr/predicate.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "iceberg/expr/bound_predicate.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

std::string_view OpText(Op op) {
  switch (op) {
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kEqual:
      return "=";
    case Op::kNotEqual:
      return "!=";
    case Op::kIn:
      return "IN";
    case Op::kNotIn:
      return "NOT IN";
    case Op::kStartsWith:
      return "STARTS WITH";
    case Op::kNotStartsWith:
      return "NOT STARTS WITH";
    case Op::kIsNull:
      return "IS NULL";
    case Op::kNotNull:
      return "IS NOT NULL";
    case Op::kIsNan:
      return "IS NAN";
    case Op::kNotNan:
      return "IS NOT NAN";
    default:
      return "";
  }
}

bool IsNan(const Literal& value) {
  if (const auto* number = std::get_if<float>(&value.value())) return std::isnan(*number);
  if (const auto* number = std::get_if<double>(&value.value()))
    return std::isnan(*number);
  return false;
}

std::optional<double> AsDouble(const Literal& value) {
  if (const auto* number = std::get_if<float>(&value.value())) return *number;
  if (const auto* number = std::get_if<double>(&value.value())) return *number;
  return std::nullopt;
}

std::optional<int64_t> AsInteger(const Literal& value) {
  if (const auto* number = std::get_if<int32_t>(&value.value())) return *number;
  if (const auto* number = std::get_if<int64_t>(&value.value())) return *number;
  return std::nullopt;
}

bool StartsWith(const Literal& value, const Literal& prefix) {
  const auto* text = std::get_if<std::string>(&value.value());
  return text != nullptr && text->starts_with(prefix.as<std::string>());
}

}  // namespace

PredicatePtr Predicate::True() {
  static const Ptr* instance = [] {
    auto* predicate = new Predicate();
    predicate->is_bound_ = true;
    return new Ptr(predicate);
  }();
  return *instance;
}

PredicatePtr Predicate::False() {
  static const Ptr* instance = [] {
    auto* predicate = new Predicate();
    predicate->op_ = Op::kFalse;
    predicate->is_bound_ = true;
    return new Ptr(predicate);
  }();
  return *instance;
}

PredicatePtr Predicate::And(Ptr left, Ptr right) {
  if (left->op_ == Op::kFalse || right->op_ == Op::kTrue) return left;
  if (right->op_ == Op::kFalse || left->op_ == Op::kTrue) return right;
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = Op::kAnd;
  result->is_bound_ = left->is_bound_ && right->is_bound_;
  result->children_ = {std::move(left), std::move(right)};
  return result;
}

PredicatePtr Predicate::Or(Ptr left, Ptr right) {
  if (left->op_ == Op::kTrue || right->op_ == Op::kFalse) return left;
  if (right->op_ == Op::kTrue || left->op_ == Op::kFalse) return right;
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = Op::kOr;
  result->is_bound_ = left->is_bound_ && right->is_bound_;
  result->children_ = {std::move(left), std::move(right)};
  return result;
}

PredicatePtr Predicate::Not(Ptr child) {
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = Op::kNot;
  result->children_ = {std::move(child)};
  return result;
}

PredicatePtr Predicate::Unary(Op op, std::string column) {
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = op;
  result->column_ = std::move(column);
  return result;
}

PredicatePtr Predicate::Compare(Op op, std::string column, Literal literal) {
  std::vector<Literal> literals;
  literals.push_back(std::move(literal));
  return Set(op, std::move(column), std::move(literals));
}

PredicatePtr Predicate::Set(Op op, std::string column, std::vector<Literal> literals) {
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = op;
  result->column_ = std::move(column);
  result->literals_ = std::move(literals);
  return result;
}

std::string Predicate::ToString() const {
  switch (op_) {
    case Op::kTrue:
      return "TRUE";
    case Op::kFalse:
      return "FALSE";
    case Op::kAnd:
      return "(" + children_[0]->ToString() + " AND " + children_[1]->ToString() + ")";
    case Op::kOr:
      return "(" + children_[0]->ToString() + " OR " + children_[1]->ToString() + ")";
    case Op::kNot:
      return "NOT " + children_[0]->ToString();
    default:
      break;
  }
  std::string text = column_ + " " + std::string(OpText(op_));
  if (op_ == Op::kIn || op_ == Op::kNotIn) {
    std::string list;
    for (const Literal& literal : literals_) {
      list += (list.empty() ? "" : ", ") + literal.ToString();
    }
    return text + " (" + list + ")";
  }
  return literals_.empty() ? text : text + " " + literals_[0].ToString();
}

PredicatePtr BoundPredicate::Leaf(Op op, std::string column, int32_t field_id,
                                  TypePtr type, std::vector<Literal> literals) {
  std::shared_ptr<Predicate> result(new Predicate());
  result->op_ = op;
  result->column_ = std::move(column);
  result->field_id_ = field_id;
  result->type_ = std::move(type);
  result->literals_ = std::move(literals);
  result->is_bound_ = true;
  return result;
}

Op NegatedOp(Op op) {
  switch (op) {
    case Op::kIsNull:
      return Op::kNotNull;
    case Op::kNotNull:
      return Op::kIsNull;
    case Op::kIsNan:
      return Op::kNotNan;
    case Op::kNotNan:
      return Op::kIsNan;
    case Op::kLess:
      return Op::kGreaterEqual;
    case Op::kLessEqual:
      return Op::kGreater;
    case Op::kGreater:
      return Op::kLessEqual;
    case Op::kGreaterEqual:
      return Op::kLess;
    case Op::kEqual:
      return Op::kNotEqual;
    case Op::kNotEqual:
      return Op::kEqual;
    case Op::kIn:
      return Op::kNotIn;
    case Op::kNotIn:
      return Op::kIn;
    case Op::kStartsWith:
      return Op::kNotStartsWith;
    case Op::kNotStartsWith:
      return Op::kStartsWith;
    default:
      FLOE_CHECK(false && "not a leaf");
      return op;
  }
}

std::optional<int> CompareValues(const Literal& a, const Literal& b) {
  if (a.is_null() || b.is_null() || IsNan(a) || IsNan(b)) return std::nullopt;
  if (const auto left = AsDouble(a)) {
    const auto right = AsDouble(b);
    if (!right) return std::nullopt;
    return *left < *right ? -1 : *left > *right ? 1 : 0;
  }
  if (const auto left = AsInteger(a)) {
    const auto right = AsInteger(b);
    if (!right) return std::nullopt;
    return *left < *right ? -1 : *left > *right ? 1 : 0;
  }
  if (a.value().index() != b.value().index()) return std::nullopt;
  if (const auto* left = std::get_if<bool>(&a.value())) {
    return static_cast<int>(*left) - static_cast<int>(b.as<bool>());
  }
  if (const auto* left = std::get_if<arrow::Decimal128>(&a.value())) {
    const auto& right = b.as<arrow::Decimal128>();
    return *left < right ? -1 : *left > right ? 1 : 0;
  }
  const int order = a.as<std::string>().compare(b.as<std::string>());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool LeafMatches(const Predicate& leaf, const Literal& value) {
  switch (leaf.op()) {
    case Op::kTrue:
      return true;
    case Op::kFalse:
      return false;
    case Op::kIsNull:
      return value.is_null();
    case Op::kNotNull:
      return !value.is_null();
    case Op::kIsNan:
      return IsNan(value);
    case Op::kNotNan:
      return !IsNan(value);
    default:
      break;
  }
  if (value.is_null()) return false;
  if (leaf.op() == Op::kStartsWith) return StartsWith(value, leaf.literals()[0]);
  if (leaf.op() == Op::kNotStartsWith) return !StartsWith(value, leaf.literals()[0]);
  if (leaf.op() == Op::kIn || leaf.op() == Op::kNotIn) {
    const bool found = std::any_of(
        leaf.literals().begin(), leaf.literals().end(),
        [&](const Literal& literal) { return CompareValues(value, literal) == 0; });
    return found == (leaf.op() == Op::kIn);
  }
  const std::optional<int> order = CompareValues(value, leaf.literals()[0]);
  if (!order) return leaf.op() == Op::kNotEqual;
  switch (leaf.op()) {
    case Op::kLess:
      return *order < 0;
    case Op::kLessEqual:
      return *order <= 0;
    case Op::kGreater:
      return *order > 0;
    case Op::kGreaterEqual:
      return *order >= 0;
    case Op::kEqual:
      return *order == 0;
    default:
      return *order != 0;
  }
}

std::vector<int32_t> ReferencedFieldIds(const Predicate& bound) {
  std::vector<int32_t> ids;
  if (bound.field_id() > 0) ids.push_back(bound.field_id());
  for (const PredicatePtr& child : bound.children()) {
    const std::vector<int32_t> below = ReferencedFieldIds(*child);
    ids.insert(ids.end(), below.begin(), below.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace floe::iceberg
