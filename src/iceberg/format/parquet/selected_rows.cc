#include "iceberg/format/parquet/selected_rows.h"

#include <limits>

#include "arrow/array.h"
#include "arrow/record_batch.h"

namespace floe::iceberg {

arrow::Result<bool> SelectedRowsReader::CanRead(const ParquetFile& file, int row_group,
                                                const ColumnProjection& projection) {
  if (file.row_group_rows(row_group) > std::numeric_limits<uint32_t>::max()) return false;
  for (const ProjectedColumn& column : projection.columns()) {
    if (column.source == nullptr) continue;
    if (!column.source->is_leaf() ||
        !RowGroupColumns::CanRead(file, column.source->column, *column.type)) {
      return false;
    }
    ARROW_ASSIGN_OR_RAISE(const auto index,
                          file.OffsetIndex(row_group, column.source->column));
    if (index == nullptr) return false;
  }
  return true;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SelectedRowsReader::Read(
    const ColumnProjection& projection, std::span<const uint32_t> rows) {
  std::vector<int> leaves;
  for (const ProjectedColumn& column : projection.columns()) {
    if (column.source != nullptr) leaves.push_back(column.source->column);
  }
  ARROW_RETURN_NOT_OK(columns_.WillReadRows(leaves, rows));
  arrow::ArrayVector arrays;
  for (const ProjectedColumn& column : projection.columns()) {
    arrays.emplace_back();
    if (column.source == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(arrays.back(),
                          columns_.ReadRows(column.source->column, column.type, rows));
  }
  return projection.Assemble(std::move(arrays), static_cast<int64_t>(rows.size()), pool_);
}

}  // namespace floe::iceberg
