#pragma once

#include <memory>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/row_pick.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/gather_output.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/spec/schema.h"
#include "online/file_index.h"
#include "online/read_deadline.h"

namespace floe::online {

/// A column to read: a table's field, in the type wanted.
struct WantedColumn {
  iceberg::NestedField field;
  std::shared_ptr<arrow::DataType> type;
};

/// Reads some rows of one data file, by position. One thread.
class FileRows {
 public:
  FileRows(iceberg::ParquetFilePtr file, const IndexedFile& indexed,
           const FileIndex& index, iceberg::DecodeScratchPool* scratch)
      : file_(std::move(file)), indexed_(indexed), index_(index), scratch_(scratch) {}

  /// Puts columns[i]'s values at `picks` (rows of the file, ascending, may repeat) into
  /// outputs[i].
  arrow::Status Gather(std::span<const WantedColumn> columns,
                       std::span<const RowPick> picks,
                       std::span<iceberg::OutputColumn* const> outputs,
                       const ReadDeadline& deadline);

 private:
  /// Any column: lists, and those the file lacks or holds in an odd form.
  arrow::Status GatherGeneral(const WantedColumn& column, std::span<const RowPick> picks,
                              iceberg::OutputColumn* output);

  iceberg::ParquetFilePtr file_;
  const IndexedFile& indexed_;
  const FileIndex& index_;
  iceberg::DecodeScratchPool* scratch_;
};

}  // namespace floe::online
