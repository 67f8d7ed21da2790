#pragma once

#include <nlohmann/json_fwd.hpp>

#include "iceberg/expr/predicate.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// A bound predicate in the REST specification's form, in which every row that matches
/// `bound` matches too: what the form cannot say (binary values, NaN) is left out.
nlohmann::json PredicateToJson(const Predicate& bound, const Schema& schema);

}  // namespace floe::iceberg
