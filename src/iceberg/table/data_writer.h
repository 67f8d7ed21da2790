#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

struct TableWriterOptions {
  /// Files open at once; those written to least recently are closed when there would be
  /// more.
  static constexpr int kMaxOpenFiles = 64;
  /// Rows held in memory, in bytes: by files open and, where the table has a sort order,
  /// until they are sorted.
  static constexpr int64_t kMaxBufferedBytes = int64_t{512} << 20;

  int max_open_files = kMaxOpenFiles;
  int64_t max_buffered_bytes = kMaxBufferedBytes;
  /// Batches also have the columns of row_lineage.h, as rewritten rows keep their ids.
  bool keeps_row_lineage = false;
  /// Rows are sorted within each file; nullopt: by the table's default order.
  std::optional<SortOrder> sort_order;
  /// Overrides table properties (write.parquet.*, write.target-file-size-bytes, ...).
  std::map<std::string, std::string> properties;
};

/// Writes rows as data files of a table, split by partition and by
/// write.target-file-size-bytes, sorted where there is a sort order (each file by itself,
/// as far as max_buffered_bytes reach). Files are closed, and so synced, several at a
/// time. Nothing of the table changes until the files are
/// committed (AppendFiles). Not thread-safe; destruction without Close deletes the files.
class TableWriter {
 public:
  /// kNotSupported when the default spec has an unknown transform.
  static arrow::Result<std::unique_ptr<TableWriter>> Make(
      TablePtr table, TableWriterOptions options = {});
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  /// Columns are matched by name, in any order, and cast where nothing is lost. A missing
  /// optional column is NULL. kInvalidArgument names an unknown column and the nearest
  /// one, a missing required one, a NULL in a required one, a value that does not fit.
  arrow::Status Write(const arrow::RecordBatch& batch);

  int64_t rows_written() const;

  /// Closes all files and hands them over.
  arrow::Result<std::vector<DataFile>> Close();
  /// Deletes everything written.
  arrow::Status Abort();

 private:
  class Impl;
  explicit TableWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// `batch` as columns of `schema`, by the rules of TableWriter::Write.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> ConformBatch(
    const arrow::RecordBatch& batch, const Schema& schema);

/// Writes all of `reader` and appends it in one snapshot. On failure the table is
/// unchanged and the files are removed (kept on kCommitStateUnknown). An empty reader
/// commits nothing and returns the table as it was.
arrow::Result<TablePtr> AppendBatches(
    const TablePtr& table, arrow::RecordBatchReader& reader,
    const TableWriterOptions& options = {},
    const std::map<std::string, std::string>& summary = {});

}  // namespace floe::iceberg
