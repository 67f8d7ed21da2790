#include "iceberg/table/residual.h"

#include "iceberg/expr/bound_predicate.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;

PredicatePtr LeafResidual(const PredicatePtr& leaf,
                          const std::map<int32_t, Literal>& constants) {
  auto found = constants.find(leaf->field_id());
  // A value of another type was written before the column was promoted: rows decide.
  bool is_known = found != constants.end() && leaf->type() != nullptr &&
                  found->second.type()->Equals(*leaf->type());
  if (!is_known) return leaf;
  return LeafMatches(*leaf, found->second) ? Predicate::True() : Predicate::False();
}

}  // namespace

PredicatePtr ResidualFor(const PredicatePtr& bound,
                         const std::map<int32_t, Literal>& constants) {
  switch (bound->op()) {
    case Op::kTrue:
    case Op::kFalse:
    case Op::kNot:
      return bound;
    case Op::kAnd:
      return Predicate::And(ResidualFor(bound->children()[0], constants),
                            ResidualFor(bound->children()[1], constants));
    case Op::kOr:
      return Predicate::Or(ResidualFor(bound->children()[0], constants),
                           ResidualFor(bound->children()[1], constants));
    default:
      return LeafResidual(bound, constants);
  }
}

}  // namespace floe::iceberg
