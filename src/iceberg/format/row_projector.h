#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/format/column_projection.h"
#include "iceberg/format/read_options.h"

namespace floe::iceberg {

/// Turns rows as a file holds them into what a reader was asked for: selects rows,
/// filters, maps to the table's columns, adds positions. Immutable once made.
class RowProjector {
 public:
  /// kCorruptData and kNotSupported as ColumnProjection::Make.
  static arrow::Result<RowProjector> Make(const FileReadOptions& options,
                                          std::shared_ptr<const FileSchema> fields);

  /// The file's leaves that batches must have, ascending. May be empty.
  const std::vector<int>& leaf_columns() const { return projection_.leaf_columns(); }
  /// Of results: ToArrowSchema(*options.schema), and the position where asked for.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  const ColumnProjection& projection() const { return projection_; }
  /// Of the columns that the row filter looks at; nullopt when rows are not filtered.
  const std::optional<ColumnProjection>& filter_projection() const {
    return filter_projection_;
  }

  /// The rows of `ranges` (positions in the file) among those of `batch`, whose first row
  /// is at `begin`, that match the filter. Rows are chosen by ranges or a mask, applied
  /// once, to the columns asked for.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Apply(
      std::shared_ptr<arrow::RecordBatch> batch, int64_t begin,
      const std::vector<RowRange>& ranges) const;

  /// An int64 column of the positions of `ranges`.
  arrow::Result<std::shared_ptr<arrow::Array>> Positions(
      const std::vector<RowRange>& ranges) const;

 private:
  RowProjector() = default;
  /// The rows of `wanted`, all of them in the batch; no row is tested.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> KeepRanges(
      const arrow::RecordBatch& batch, int64_t begin,
      const std::vector<RowRange>& wanted) const;
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Keep(
      const arrow::RecordBatch& batch, int64_t begin,
      const std::shared_ptr<arrow::BooleanArray>& mask) const;

  PredicatePtr filter_;
  bool include_position_ = false;
  arrow::MemoryPool* pool_ = nullptr;
  FileReadCounters* counters_ = nullptr;
  std::shared_ptr<arrow::Schema> schema_;
  ColumnProjection projection_;
  std::optional<ColumnProjection> filter_projection_;
};

}  // namespace floe::iceberg
