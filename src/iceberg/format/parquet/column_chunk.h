#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/row_pick.h"
#include "iceberg/format/parquet/gather_output.h"
#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

struct DecodeScratch;

/// Decompression contexts and buffers, reused from row group to row group: what bounds
/// the memory of a scan to a few buffers per thread and keeps them warm. Make one per
/// scan and let its threads share it. Thread-safe.
class DecodeScratchPool {
 public:
  DecodeScratchPool();
  ~DecodeScratchPool();
  std::unique_ptr<DecodeScratch> Acquire();
  void Release(std::unique_ptr<DecodeScratch> scratch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<DecodeScratch>> idle_;
};

/// Columns of one row group, decoded page by page without building what is not asked for.
/// Flat leaf columns only (also leaves of structs): see CanRead. Use ReadDataFile for the
/// rest. Columns are leaf ordinals of the file, rows are numbered within the row group.
/// `type` is the type wanted; a file's narrower type is promoted as Iceberg allows (int
/// to long, float to double, decimal precision, finer time units), exactly or with an
/// error.
///
/// Pages are found by the offset index where the file has one, else by walking headers;
/// only pages that hold wanted rows are decompressed. One thread at a time.
class RowGroupColumns {
 public:
  /// Whether `column` can be read as `type` by this class.
  static bool CanRead(const ParquetFile& file, int column, const arrow::DataType& type);

  /// `scratch` outlives this object; null makes a private one.
  RowGroupColumns(ParquetFilePtr file, int row_group,
                  DecodeScratchPool* scratch = nullptr,
                  arrow::MemoryPool* pool = nullptr);
  ~RowGroupColumns();

  int64_t row_count() const;

  /// Says which columns will be asked for, in this order, so that neighbouring chunks are
  /// fetched in one read (gaps up to kCoalesceGap, reads up to kCoalesceBytes). Optional;
  /// for remote stores and many small columns.
  void WillRead(std::vector<int> columns);
  static constexpr int64_t kCoalesceGap = 64 << 10;
  static constexpr int64_t kCoalesceBytes = 8 << 20;

  /// The whole column. A string or binary column whose pages are all dictionary-encoded
  /// comes as dictionary<int32, type> when `keep_dictionary`.
  arrow::Result<std::shared_ptr<arrow::Array>> Read(
      int column, const std::shared_ptr<arrow::DataType>& type,
      bool keep_dictionary = false);

  /// The values at `rows` (ascending, may repeat), compact.
  arrow::Result<std::shared_ptr<arrow::Array>> ReadRows(
      int column, const std::shared_ptr<arrow::DataType>& type,
      std::span<const uint32_t> rows);

  /// Writes the value at each pick's row to the pick's position of `out`; `picks` are
  /// ascending by row (rows may repeat). out->type() is the type wanted.
  arrow::Status Gather(int column, std::span<const RowPick> picks, OutputColumn* out);

  /// Bytes fetched and pages decompressed so far, for tests and reports.
  struct Counters {
    int64_t bytes_read = 0;
    int64_t reads = 0;
    int64_t pages_decoded = 0;
    int64_t pages_skipped = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  class Chunk;
  ParquetFilePtr file_;
  int row_group_;
  DecodeScratchPool* scratch_pool_;
  std::unique_ptr<DecodeScratch> scratch_;
  arrow::MemoryPool* pool_;
  std::vector<int> planned_;
  Counters counters_;
};

}  // namespace floe::iceberg
