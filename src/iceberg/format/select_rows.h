#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/format/row_ranges.h"

namespace floe::iceberg {

/// The rows of `ranges` (ascending, disjoint, positions in `column`), each run copied at
/// once: where deletes leave most rows, a fraction of what a filter by a mask takes.
/// nullptr for a type that is not copied so (nested ones, booleans, dictionaries).
arrow::Result<std::shared_ptr<arrow::Array>> SelectRows(
    const arrow::Array& column, const std::vector<RowRange>& ranges,
    arrow::MemoryPool* pool);

}  // namespace floe::iceberg
