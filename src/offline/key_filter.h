#pragma once

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/expr/predicate.h"
#include "offline/bound_source.h"

namespace floe::offline {

/// An unbound predicate on `column` that every value equal to one of `keys` satisfies: by
/// a set where `distinct` (may be null) holds the keys, else by their bounds. False when
/// no value of the column's type can equal any key; True for types without a useful
/// order here.
arrow::Result<iceberg::PredicatePtr> KeyPredicate(const SourceColumn& column,
                                                  const arrow::ChunkedArray& keys,
                                                  const arrow::Array* distinct);

}  // namespace floe::offline
