#pragma once

#include "arrow/result.h"
#include "iceberg/spec/schema.h"
#include "iceberg/table/table.h"
#include "iceberg/table/update_schema.h"

namespace arrow {
class Schema;
}  // namespace arrow

namespace floe::iceberg {

/// `table` with a column for each of `rows`' top-level columns: those it lacks are added
/// (optional), those of a narrower type widened where IsPromotionAllowed says (Java's
/// unionByNameWith, at the top level). Columns that `rows` lack stay. Commits nothing
/// where nothing is missing. A column of a type that does not fit is left to the writer,
/// which names it.
arrow::Result<TablePtr> AddMissingColumns(const TablePtr& table,
                                          const arrow::Schema& rows);

/// The changes that give `table` exactly the columns of `rows`, in their order: columns
/// of the same name keep their ids where their type is the same or can be promoted.
arrow::Result<UpdateSchema> MatchColumns(const TablePtr& table,
                                         const arrow::Schema& rows);

}  // namespace floe::iceberg
