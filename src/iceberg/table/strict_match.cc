#include "iceberg/table/strict_match.h"

#include "iceberg/expr/bound_predicate.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/table/residual.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

PredicatePtr LeafLike(const Predicate& leaf, Op op, std::vector<Literal> literals) {
  return BoundPredicate::Leaf(op, leaf.column(), leaf.field_id(), leaf.type(),
                              std::move(literals));
}

PredicatePtr LeafComplement(const Predicate& leaf) {
  switch (leaf.op()) {
    case Op::kIsNull:
      return LeafLike(leaf, Op::kNotNull, {});
    case Op::kNotNull:
      return LeafLike(leaf, Op::kIsNull, {});
    case Op::kNotNan:
      return LeafLike(leaf, Op::kIsNan, {});
    default:
      break;
  }
  PredicatePtr complement =
      Predicate::Or(LeafLike(leaf, NegatedOp(leaf.op()), leaf.literals()),
                    LeafLike(leaf, Op::kIsNull, {}));
  bool has_nan =
      leaf.type()->id() == TypeId::kFloat || leaf.type()->id() == TypeId::kDouble;
  if (!has_nan || leaf.op() == Op::kIsNan) return complement;
  return Predicate::Or(std::move(complement), LeafLike(leaf, Op::kIsNan, {}));
}

}  // namespace

PredicatePtr Complement(const PredicatePtr& bound) {
  switch (bound->op()) {
    case Op::kTrue:
      return Predicate::False();
    case Op::kFalse:
      return Predicate::True();
    case Op::kAnd:
      return Predicate::Or(Complement(bound->children()[0]),
                           Complement(bound->children()[1]));
    case Op::kOr:
      return Predicate::And(Complement(bound->children()[0]),
                            Complement(bound->children()[1]));
    case Op::kNot:
      // Binding pushed every NOT to the leaves; anything may fail one that is left.
      return Predicate::True();
    default:
      return LeafComplement(*bound);
  }
}

arrow::Result<FileMatcher> FileMatcher::Make(const PredicatePtr& bound,
                                             const Schema& schema,
                                             const PartitionSpec& spec) {
  FileMatcher matcher;
  matcher.bound_ = bound;
  matcher.complement_ = Complement(bound);
  matcher.spec_ = std::make_shared<const PartitionSpec>(spec);
  ARROW_ASSIGN_OR_RAISE(matcher.partition_type_, spec.PartitionType(schema));
  ARROW_ASSIGN_OR_RAISE(matcher.projected_, ProjectToPartition(bound, schema, spec));
  ARROW_ASSIGN_OR_RAISE(matcher.projected_complement_,
                        ProjectToPartition(matcher.complement_, schema, spec));
  return matcher;
}

std::map<int32_t, Literal> FileMatcher::IdentityValues(const DataFile& file) const {
  std::map<int32_t, Literal> values;
  for (size_t i = 0; i < spec_->fields.size() && i < file.partition.size(); ++i) {
    if (spec_->fields[i].transform.kind() != Transform::Kind::kIdentity) continue;
    values.emplace(spec_->fields[i].source_id, file.partition[i]);
  }
  return values;
}

bool FileMatcher::ManifestMayMatch(const ManifestFile& manifest) const {
  return iceberg::ManifestMayMatch(*projected_, *spec_, *partition_type_,
                                   manifest.partitions);
}

bool FileMatcher::MayMatch(const DataFile& file) const {
  if (!PartitionMayMatch(*projected_, *spec_, file.partition)) return false;
  PredicatePtr rest = ResidualFor(bound_, IdentityValues(file));
  if (rest->op() == Op::kFalse) return false;
  // Metrics of delete files are of the deletes, not of the rows they remove.
  if (file.content != FileContent::kData) return true;
  return iceberg::MayMatch(*rest, FileBounds(file));
}

bool FileMatcher::MustMatch(const DataFile& file) const {
  if (!PartitionMayMatch(*projected_complement_, *spec_, file.partition)) return true;
  PredicatePtr rest = ResidualFor(complement_, IdentityValues(file));
  if (rest->op() == Op::kFalse) return true;
  if (file.content != FileContent::kData) return false;
  return !iceberg::MayMatch(*rest, FileBounds(file));
}

}  // namespace floe::iceberg
