#pragma once

#include <optional>
#include <string>
#include <vector>

#include "iceberg/expr/predicate.h"

namespace floe::iceberg {

/// Makes bound leaves; for Bind and for projections onto partitions.
class BoundPredicate {
 public:
  static PredicatePtr Leaf(Predicate::Op op, std::string column, int32_t field_id,
                           TypePtr type, std::vector<Literal> literals);
};

/// The op that holds exactly where `op` does not, for values that are neither NULL nor
/// NaN. FLOE_CHECKs that `op` is a leaf's.
Predicate::Op NegatedOp(Predicate::Op op);

/// Order of two values of one column for comparing them as SQL does: 0.0 equals -0.0.
/// nullopt where they have no order: NULL, NaN, different kinds.
std::optional<int> CompareValues(const Literal& a, const Literal& b);

/// Whether a leaf holds for one value (of the column, NULL included).
bool LeafMatches(const Predicate& leaf, const Literal& value);

}  // namespace floe::iceberg
