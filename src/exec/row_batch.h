#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"

namespace floe::exec {

/// A column of a join by type, known before any data is.
struct KeyColumnType {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
};

/// Rows of one unit of storage (a row group, or a piece of one), as the kernels see them.
struct RowBatch {
  /// Where the rows are. The caller numbers units densely from 0 so that a later write
  /// has the higher number: between rows equal in timestamp and created timestamp the
  /// higher (unit, row) wins.
  uint32_t unit = 0;
  uint32_t first_row = 0;  ///< Row number, within the unit, of the arrays' first value.
  int64_t length = 0;
  std::vector<std::shared_ptr<arrow::Array>> keys;  ///< May be dictionaries.
  std::shared_ptr<arrow::Array> timestamps;  ///< Timestamp, date or int64 microseconds.
  std::shared_ptr<arrow::Array> created;     ///< Null when the view has none.
  /// One bit a row, least significant first; a clear bit hides the row (a deleted row, a
  /// row a filter drops). Null: all rows count.
  std::shared_ptr<arrow::Buffer> live;
};

}  // namespace floe::exec
