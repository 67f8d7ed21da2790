#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "iceberg/expr/predicate.h"
#include "iceberg/format/row_ranges.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class MemoryPool;
}

namespace floe::iceberg {

/// What a reader did, for reports and tests. Sums over the readers it is given to.
struct FileReadCounters {
  int64_t row_groups = 0;
  int64_t row_groups_pruned_by_bounds = 0;
  int64_t row_groups_pruned_by_bloom = 0;
  int64_t row_groups_pruned_by_dictionary = 0;
  int64_t row_groups_pruned_by_pages = 0;
  int64_t rows = 0;
  int64_t rows_pruned = 0;    ///< Not read, by row group or page.
  int64_t rows_filtered = 0;  ///< Read, then dropped by the row filter.
};

/// What of a data file is wanted, for readers of every format.
struct FileReadOptions {
  static constexpr int64_t kBatchRows = 64 * 1024;
  /// The position column's name in results.
  static constexpr char kPositionColumn[] = "_pos";

  /// The columns wanted, by field id; results have exactly ToArrowSchema(*schema).
  SchemaPtr schema;
  /// Bound. Row groups and pages without a match are not read.
  PredicatePtr filter;
  /// The schema `filter` is bound to; needed when it looks at columns outside `schema`
  /// and filter_rows is set.
  SchemaPtr filter_schema;
  /// Also drop each row that does not match `filter`.
  bool filter_rows = false;
  /// The table's name mapping, for files without field ids.
  std::shared_ptr<const NameMapping> name_mapping;
  /// Values, by field id, of columns that are not in the file (identity partition
  /// columns of imported files, metadata columns). A column in the file wins.
  std::map<int32_t, Literal> constants;
  /// Appends an int64 column kPositionColumn: the row's position in the file.
  bool include_position = false;
  /// Only these rows, ascending and disjoint.
  std::optional<std::vector<RowRange>> row_ranges;
  /// Rows of a batch at most.
  int64_t batch_rows = kBatchRows;
  arrow::MemoryPool* memory_pool = nullptr;  ///< nullptr: Arrow's default.
  FileReadCounters* counters = nullptr;      ///< Outlives the reader when set.
};

}  // namespace floe::iceberg
