#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "pit/case_file.h"

namespace floe::pit {

/// The answer of a point-in-time case with an entity frame, by the definition: for each
/// entity row a walk over all rows of each view's table. Quadratic and obviously right.
arrow::Result<std::shared_ptr<arrow::Table>> NaiveAnswer(const CaseFile& question);

/// The rows of a pull_latest case, in the order of the table.
arrow::Result<std::shared_ptr<arrow::Table>> NaiveLatest(const CaseFile& question);

}  // namespace floe::pit
