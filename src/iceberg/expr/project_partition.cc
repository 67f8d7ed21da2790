#include <limits>

#include "iceberg/expr/bound_predicate.h"
#include "iceberg/expr/evaluator.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;
using Kind = Transform::Kind;

/// The neighbour of a value of an integer-like type: one below or above; nullopt for
/// other types or at the end of the range.
std::optional<Literal> Neighbour(const Literal& value, int step) {
  if (const auto* number = std::get_if<int32_t>(&value.value())) {
    int32_t next = 0;
    if (__builtin_add_overflow(*number, step, &next)) return std::nullopt;
    return Literal(value.type(), next);
  }
  if (const auto* number = std::get_if<int64_t>(&value.value())) {
    int64_t next = 0;
    if (__builtin_add_overflow(*number, int64_t{step}, &next)) return std::nullopt;
    return Literal(value.type(), next);
  }
  if (const auto* number = std::get_if<arrow::Decimal128>(&value.value())) {
    return Literal(value.type(), *number + arrow::Decimal128(step));
  }
  return std::nullopt;
}

bool IsTime(const Transform& transform) {
  switch (transform.kind()) {
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kDay:
    case Kind::kHour:
      return true;
    default:
      return false;
  }
}

size_t CharacterCount(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

/// Projects leaves over one partition field. Results are true for the partition of every
/// row the leaf is true for.
class FieldProjection {
 public:
  FieldProjection(const PartitionField& field, TypePtr type)
      : field_(field), type_(std::move(type)) {}

  PredicatePtr Project(const Predicate& leaf) const {
    switch (field_.transform.kind()) {
      case Kind::kVoid:
      case Kind::kUnknown:
        return Predicate::True();
      case Kind::kIdentity:
        return Make(leaf.op(), leaf.literals());
      default:
        break;
    }
    switch (leaf.op()) {
      case Op::kIsNull:
      case Op::kNotNull:
        return Make(leaf.op(), {});
      case Op::kIsNan:
      case Op::kNotNan:
        return Predicate::True();
      case Op::kEqual:
      case Op::kIn:
        return ProjectSet(leaf);
      default:
        break;
    }
    if (field_.transform.kind() == Kind::kBucket) return NotNull();
    switch (leaf.op()) {
      case Op::kLess:
        return ProjectUpper(Neighbour(leaf.literals()[0], -1), leaf.literals()[0]);
      case Op::kLessEqual:
        return ProjectUpper(std::nullopt, leaf.literals()[0]);
      case Op::kGreater:
        return ProjectLower(Neighbour(leaf.literals()[0], 1), leaf.literals()[0]);
      case Op::kGreaterEqual:
        return ProjectLower(std::nullopt, leaf.literals()[0]);
      case Op::kStartsWith:
      case Op::kNotStartsWith:
        return ProjectPrefix(leaf);
      default:
        return NotNull();
    }
  }

 private:
  PredicatePtr Make(Op op, std::vector<Literal> literals) const {
    return BoundPredicate::Leaf(op, field_.name, field_.field_id, type_,
                                std::move(literals));
  }

  /// Where a comparison is true its value is not NULL, nor is the partition's.
  PredicatePtr NotNull() const { return Make(Op::kNotNull, {}); }

  std::optional<Literal> Apply(const Literal& value) const {
    auto result = field_.transform.Apply(value);
    if (!result.ok() || result->is_null()) return std::nullopt;
    return *std::move(result);
  }

  /// Early writers rounded times before 1970 toward it, so a partition of such rows may
  /// be numbered one too high (Java reference, fixInclusiveTimeProjection).
  std::optional<Literal> MisroundedTwin(const Literal& partition) const {
    if (!IsTime(field_.transform)) return std::nullopt;
    const auto* number = std::get_if<int32_t>(&partition.value());
    if (number == nullptr || *number >= 0) return std::nullopt;
    return Neighbour(partition, 1);
  }

  PredicatePtr ProjectSet(const Predicate& leaf) const {
    std::vector<Literal> values;
    for (const Literal& literal : leaf.literals()) {
      const auto value = Apply(literal);
      if (!value) return NotNull();
      values.push_back(*value);
      if (const auto twin = MisroundedTwin(*value)) values.push_back(*twin);
    }
    return values.size() == 1 ? Make(Op::kEqual, std::move(values))
                              : Make(Op::kIn, std::move(values));
  }

  PredicatePtr ProjectUpper(const std::optional<Literal>& tight,
                            const Literal& loose) const {
    const auto value = Apply(tight ? *tight : loose);
    if (!value) return NotNull();
    const auto twin = MisroundedTwin(*value);
    PredicatePtr result = Make(Op::kLessEqual, {twin ? *twin : *value});
    if (const auto wrapped = LeastWrapped()) {
      result = Predicate::Or(std::move(result), Make(Op::kGreaterEqual, {*wrapped}));
    }
    return result;
  }

  /// Truncating the least integers wraps around to the greatest (as in the Java
  /// reference): the first partition value such a row may have.
  std::optional<Literal> LeastWrapped() const {
    if (field_.transform.kind() != Kind::kTruncate) return std::nullopt;
    const int32_t width = field_.transform.parameter();
    if (type_->id() == TypeId::kInt) {
      return Literal(type_, std::numeric_limits<int32_t>::max() - width + 1);
    }
    if (type_->id() == TypeId::kLong) {
      return Literal(type_, std::numeric_limits<int64_t>::max() - width + 1);
    }
    return std::nullopt;
  }

  PredicatePtr ProjectLower(const std::optional<Literal>& tight,
                            const Literal& loose) const {
    const Literal& bound = tight ? *tight : loose;
    const auto value = Apply(bound);
    if (!value) return NotNull();
    if (field_.transform.kind() == Kind::kTruncate &&
        CompareValues(*value, bound).value_or(1) > 0) {
      return NotNull();  // The bound itself wrapped around.
    }
    return Make(Op::kGreaterEqual, {*value});
  }

  /// Of truncate: the other transforms do not apply to text.
  PredicatePtr ProjectPrefix(const Predicate& leaf) const {
    if (field_.transform.kind() != Kind::kTruncate) return NotNull();
    const std::string& prefix = leaf.literals()[0].as<std::string>();
    const size_t length =
        leaf.type()->id() == TypeId::kString ? CharacterCount(prefix) : prefix.size();
    const auto width = static_cast<size_t>(field_.transform.parameter());
    const bool starts = leaf.op() == Op::kStartsWith;
    if (length < width) return Make(leaf.op(), leaf.literals());
    if (length == width) {
      return Make(starts ? Op::kEqual : Op::kNotEqual, leaf.literals());
    }
    const auto value = Apply(leaf.literals()[0]);
    if (!starts || !value) return NotNull();
    return Make(Op::kEqual, {*value});
  }

  const PartitionField& field_;
  const TypePtr type_;
};

arrow::Result<PredicatePtr> Project(const PredicatePtr& bound, const PartitionSpec& spec,
                                    const Type& partition_type) {
  switch (bound->op()) {
    case Op::kTrue:
    case Op::kFalse:
      return bound;
    case Op::kNot:
      return Predicate::True();
    case Op::kAnd:
    case Op::kOr: {
      ARROW_ASSIGN_OR_RAISE(auto left,
                            Project(bound->children()[0], spec, partition_type));
      ARROW_ASSIGN_OR_RAISE(auto right,
                            Project(bound->children()[1], spec, partition_type));
      return bound->op() == Op::kAnd ? Predicate::And(left, right)
                                     : Predicate::Or(left, right);
    }
    default:
      break;
  }
  PredicatePtr result = Predicate::True();
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    if (spec.fields[i].source_id != bound->field_id()) continue;
    if (i >= partition_type.fields().size()) continue;
    const FieldProjection projection(spec.fields[i], partition_type.fields()[i].type);
    result = Predicate::And(std::move(result), projection.Project(*bound));
  }
  return result;
}

}  // namespace

arrow::Result<PredicatePtr> ProjectToPartition(const PredicatePtr& bound,
                                               const Schema& schema,
                                               const PartitionSpec& spec) {
  ARROW_ASSIGN_OR_RAISE(const TypePtr partition_type, spec.PartitionType(schema));
  return Project(bound, spec, *partition_type);
}

}  // namespace floe::iceberg
