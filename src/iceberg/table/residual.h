#pragma once

#include <cstdint>
#include <map>

#include "iceberg/expr/predicate.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {

/// What is left of `bound` for rows in which the columns of `constants` (by field id)
/// have these values: True, False, or a bound predicate over the other columns.
PredicatePtr ResidualFor(const PredicatePtr& bound,
                         const std::map<int32_t, Literal>& constants);

}  // namespace floe::iceberg
