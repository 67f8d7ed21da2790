#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "iceberg/expr/bound_predicate.h"
#include "iceberg/expr/predicate.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

/// Where a literal lies among a type's values.
struct Placement {
  enum class Kind {
    kExact,    ///< It is `value`.
    kBetween,  ///< Above `value`, below the next one.
    kBelow,    ///< Below every value.
    kAbove,    ///< Above every value.
  };
  Kind kind = Kind::kExact;
  Literal value;
};

std::optional<double> NumberOf(const Literal& literal) {
  switch (literal.type()->id()) {
    case TypeId::kInt:
      return literal.as<int32_t>();
    case TypeId::kLong:
      return static_cast<double>(literal.as<int64_t>());
    case TypeId::kFloat:
      return literal.as<float>();
    case TypeId::kDouble:
      return literal.as<double>();
    case TypeId::kDecimal:
      return literal.as<arrow::Decimal128>().ToDouble(literal.type()->scale());
    default:
      return std::nullopt;
  }
}

/// A number that is no value of an integer type.
Placement PlaceAmongIntegers(double number, const TypePtr& type) {
  const bool is_int = type->id() == TypeId::kInt;
  const double end = is_int ? 0x1p31 : 0x1p63;
  if (number >= end) return {Placement::Kind::kAbove, {}};
  if (number < -end) return {Placement::Kind::kBelow, {}};
  const double floor = std::floor(number);
  return {Placement::Kind::kBetween, is_int ? Literal(type, static_cast<int32_t>(floor))
                                            : Literal(type, static_cast<int64_t>(floor))};
}

/// A number that is no value of a floating type: a long that is rounded, or one beyond
/// the finite floats.
Placement PlaceAmongFloats(double number, const TypePtr& type) {
  if (type->id() == TypeId::kDouble) return {Placement::Kind::kExact, {type, number}};
  const auto narrow = static_cast<float>(number);
  if (!std::isinf(narrow)) return {Placement::Kind::kExact, {type, narrow}};
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return {Placement::Kind::kBetween, {type, number > 0 ? kMax : -kInfinity}};
}

/// Nanoseconds since the epoch, for dates and timestamps.
std::optional<__int128> InstantOf(const Literal& literal) {
  constexpr __int128 kNanosPerDay = __int128{86'400} * 1'000'000'000;
  constexpr __int128 kNanosPerMicro = 1000;
  switch (literal.type()->id()) {
    case TypeId::kDate:
      return literal.as<int32_t>() * kNanosPerDay;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return literal.as<int64_t>() * kNanosPerMicro;
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return literal.as<int64_t>();
    default:
      return std::nullopt;
  }
}

std::optional<Placement> PlaceAmongInstants(__int128 nanos, const TypePtr& type) {
  __int128 unit = 1;
  switch (type->id()) {
    case TypeId::kDate:
      unit = __int128{86'400} * 1'000'000'000;
      break;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      unit = 1000;
      break;
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      break;
    default:
      return std::nullopt;
  }
  const __int128 floor = nanos / unit - (nanos % unit < 0 ? 1 : 0);
  const bool is_date = type->id() == TypeId::kDate;
  const __int128 max =
      is_date ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  if (floor > max) return Placement{Placement::Kind::kAbove, {}};
  if (floor < -max - 1) return Placement{Placement::Kind::kBelow, {}};
  return Placement{Placement::Kind::kBetween,
                   is_date ? Literal(type, static_cast<int32_t>(floor))
                           : Literal(type, static_cast<int64_t>(floor))};
}

bool IsNanLiteral(const Literal& literal) {
  const auto number = literal.is_null() ? std::nullopt : NumberOf(literal);
  return number && std::isnan(*number);
}

arrow::Result<Placement> Place(const Literal& literal, const TypePtr& type) {
  auto exact = literal.CastTo(type);
  if (exact.ok()) return Placement{Placement::Kind::kExact, *std::move(exact)};
  if (const auto number = NumberOf(literal)) {
    if (type->id() == TypeId::kInt || type->id() == TypeId::kLong) {
      return PlaceAmongIntegers(*number, type);
    }
    if (type->id() == TypeId::kFloat || type->id() == TypeId::kDouble) {
      return PlaceAmongFloats(*number, type);
    }
  } else if (const auto instant = InstantOf(literal)) {
    if (const auto placement = PlaceAmongInstants(*instant, type)) return *placement;
  }
  return exact.status();
}

/// A column found in the schema.
struct Column {
  const NestedField* field = nullptr;
  bool top_level = false;
};

/// Whether field `id` is below `field` through structs only.
bool IsInStructs(const NestedField& field, int32_t id) {
  if (field.id == id) return true;
  if (field.type->id() != TypeId::kStruct) return false;
  return std::any_of(field.type->fields().begin(), field.type->fields().end(),
                     [id](const NestedField& child) { return IsInStructs(child, id); });
}

arrow::Result<Column> Resolve(const std::string& name, const Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(const NestedField* field, schema.GetField(name));
  Column column{field, false};
  for (const NestedField& top : schema.fields()) {
    if (top.id == field->id) column.top_level = true;
    if (IsInStructs(top, field->id)) return column;
  }
  return MakeError(
      ErrorCode::kInvalidArgument,
      "cannot filter on '{}': it is inside a list or map and has many values "
      "per row",
      name);
}

class Binder {
 public:
  explicit Binder(const Schema& schema) : schema_(schema) {}

  arrow::Result<PredicatePtr> Bind(const PredicatePtr& predicate, bool negated) {
    switch (predicate->op()) {
      case Op::kTrue:
        return negated ? Predicate::False() : Predicate::True();
      case Op::kFalse:
        return negated ? Predicate::True() : Predicate::False();
      case Op::kNot:
        return Bind(predicate->children()[0], !negated);
      case Op::kAnd:
      case Op::kOr: {
        ARROW_ASSIGN_OR_RAISE(auto left, Bind(predicate->children()[0], negated));
        ARROW_ASSIGN_OR_RAISE(auto right, Bind(predicate->children()[1], negated));
        // De Morgan.
        return (predicate->op() == Op::kAnd) != negated
                   ? Predicate::And(std::move(left), std::move(right))
                   : Predicate::Or(std::move(left), std::move(right));
      }
      default:
        return BindLeaf(*predicate, negated);
    }
  }

 private:
  arrow::Result<PredicatePtr> BindLeaf(const Predicate& leaf, bool negated) {
    ARROW_ASSIGN_OR_RAISE(const Column column, Resolve(leaf.column(), schema_));
    leaf_ = &leaf;
    column_ = column;
    const Op op = negated ? NegatedOp(leaf.op()) : leaf.op();
    switch (op) {
      case Op::kIsNull:
        if (column.top_level && column.field->required) return Predicate::False();
        return Make(op, {});
      case Op::kNotNull:
        return NotNull();
      case Op::kIsNan:
      case Op::kNotNan:
        if (!IsFloating()) return BadOperation("IS NAN");
        return Make(op, {});
      default:
        break;
    }
    if (column.field->type->is_nested()) return BadOperation("a comparison");
    ARROW_ASSIGN_OR_RAISE(auto bound, BindLiterals(op));
    const bool is_range = op == Op::kLess || op == Op::kLessEqual || op == Op::kGreater ||
                          op == Op::kGreaterEqual;
    if (negated && is_range && IsFloating() && !leaf.literals()[0].is_null()) {
      // NaN is on neither side, so it is where the positive comparison does not hold.
      return Predicate::Or(std::move(bound), Make(Op::kIsNan, {}));
    }
    return bound;
  }

  arrow::Result<PredicatePtr> BindLiterals(Op op) {
    for (const Literal& literal : leaf_->literals()) {
      if (!IsNanLiteral(literal)) continue;
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' is compared with NaN; use IS NAN or IS NOT NAN",
                       leaf_->column());
    }
    switch (op) {
      case Op::kIn:
      case Op::kNotIn:
        return BindSet(op);
      case Op::kStartsWith:
      case Op::kNotStartsWith:
        return BindPrefix(op);
      default:
        return BindComparison(op);
    }
  }

  arrow::Result<PredicatePtr> BindComparison(Op op) {
    const Literal& literal = leaf_->literals()[0];
    if (literal.is_null()) return Predicate::False();
    ARROW_ASSIGN_OR_RAISE(const Placement place, PlaceLiteral(literal));
    if (place.kind == Placement::Kind::kExact) return Make(op, {place.value});
    if (op == Op::kEqual) return Predicate::False();
    if (op == Op::kNotEqual) return NotNull();
    const bool is_below = op == Op::kLess || op == Op::kLessEqual;
    switch (place.kind) {
      case Placement::Kind::kBetween:
        return Make(is_below ? Op::kLessEqual : Op::kGreater, {place.value});
      case Placement::Kind::kAbove:
        return is_below ? NotNull() : Predicate::False();
      default:
        return is_below ? Predicate::False() : NotNull();
    }
  }

  arrow::Result<PredicatePtr> BindSet(Op op) {
    if (leaf_->literals().empty()) {
      return op == Op::kIn ? Predicate::False() : Predicate::True();
    }
    std::vector<Literal> values;
    for (const Literal& literal : leaf_->literals()) {
      if (literal.is_null()) {
        // x NOT IN (.., NULL) is never true; x IN (.., NULL) as without it.
        if (op == Op::kNotIn) return Predicate::False();
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(Placement place, PlaceLiteral(literal));
      if (place.kind == Placement::Kind::kExact) values.push_back(std::move(place.value));
    }
    std::sort(values.begin(), values.end(),
              [](const Literal& a, const Literal& b) { return a.Compare(b) < 0; });
    values.erase(
        std::unique(values.begin(), values.end(),
                    [](const Literal& a, const Literal& b) { return a.Compare(b) == 0; }),
        values.end());
    if (values.empty()) return op == Op::kIn ? Predicate::False() : NotNull();
    return Make(op, std::move(values));
  }

  arrow::Result<PredicatePtr> BindPrefix(Op op) {
    const Literal& literal = leaf_->literals()[0];
    const TypeId id = column_.field->type->id();
    if (id != TypeId::kString && id != TypeId::kBinary) return BadOperation("LIKE");
    if (literal.is_null()) return Predicate::False();
    if (!std::holds_alternative<std::string>(literal.value()))
      return BadOperation("LIKE");
    const std::string& prefix = literal.as<std::string>();
    if (prefix.empty()) return op == Op::kStartsWith ? NotNull() : Predicate::False();
    return Make(op, {Literal(column_.field->type, prefix)});
  }

  arrow::Result<Placement> PlaceLiteral(const Literal& literal) const {
    auto place = Place(literal, column_.field->type);
    if (place.ok()) return place;
    return MakeError(ErrorCode::kInvalidArgument,
                     "cannot compare column '{}' of type {} with {}: {}", leaf_->column(),
                     column_.field->type->ToString(), literal.ToString(),
                     place.status().message());
  }

  bool IsFloating() const {
    const TypeId id = column_.field->type->id();
    return id == TypeId::kFloat || id == TypeId::kDouble;
  }

  arrow::Status BadOperation(std::string_view what) const {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} does not apply to column '{}' of type {}", what, leaf_->column(),
                     column_.field->type->ToString());
  }

  PredicatePtr NotNull() const {
    if (column_.top_level && column_.field->required) return Predicate::True();
    return Make(Op::kNotNull, {});
  }

  PredicatePtr Make(Op op, std::vector<Literal> literals) const {
    return BoundPredicate::Leaf(op, leaf_->column(), column_.field->id,
                                column_.field->type, std::move(literals));
  }

  const Schema& schema_;
  const Predicate* leaf_ = nullptr;
  Column column_;
};

}  // namespace

arrow::Result<PredicatePtr> Bind(const PredicatePtr& predicate, const Schema& schema) {
  return Binder(schema).Bind(predicate, false);
}

}  // namespace floe::iceberg
