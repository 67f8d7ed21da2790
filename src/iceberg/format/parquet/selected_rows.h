#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "arrow/result.h"
#include "iceberg/format/column_projection.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

/// Reads chosen rows of one row group, decompressing only the pages they lie in.
class SelectedRowsReader {
 public:
  /// Whether every column of `projection` that the file has is a flat one, with an offset
  /// index, that the page decoder reads.
  static arrow::Result<bool> CanRead(const ParquetFile& file, int row_group,
                                     const ColumnProjection& projection);

  SelectedRowsReader(ParquetFilePtr file, int row_group, DecodeScratchPool* scratch,
                     arrow::MemoryPool* pool)
      : columns_(std::move(file), row_group, scratch, pool), pool_(pool) {}

  /// The table's columns at `rows`, numbered within the row group, ascending.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Read(
      const ColumnProjection& projection, std::span<const uint32_t> rows);

 private:
  RowGroupColumns columns_;
  arrow::MemoryPool* pool_;
};

}  // namespace floe::iceberg
