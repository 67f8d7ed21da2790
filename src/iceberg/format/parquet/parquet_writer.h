#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/parquet/metrics_config.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

namespace arrow {
class MemoryPool;
class RecordBatch;
}  // namespace arrow

namespace floe::iceberg {

enum class ParquetCompression { kUncompressed, kSnappy, kGzip, kZstd, kLz4, kBrotli };

/// A bloom filter over one column.
struct BloomFilterColumn {
  static constexpr double kDefaultFpp = 0.01;
  int32_t field_id = 0;
  double false_positive_rate = kDefaultFpp;
  /// Distinct values of a row group expected; 0: as many as its rows.
  int64_t distinct_values = 0;
};

struct DataFileWriterOptions {
  static constexpr int64_t kRowGroupRows = 1024 * 1024;
  static constexpr int64_t kRowGroupBytes = int64_t{128} << 20;
  static constexpr int64_t kRowsPerPage = 8 * 1024;
  static constexpr int64_t kPageBytes = 1024 * 1024;
  static constexpr int64_t kMinRowGroupRows = 1;

  /// Field ids are written at every level. Columns of type unknown are left out of the
  /// file, as the spec says.
  SchemaPtr schema;
  std::string location;
  ParquetCompression compression = ParquetCompression::kZstd;
  int compression_level = 3;  ///< Used where the codec has levels.
  /// Measure the first batch: no compression for a column that it shrinks by less than
  /// a tenth, no dictionary for one whose values hardly repeat.
  bool adaptive_encoding = true;
  std::vector<BloomFilterColumn> bloom_filters;
  int64_t row_group_rows = kRowGroupRows;
  int64_t row_group_bytes = kRowGroupBytes;  ///< In memory, roughly.
  int64_t rows_per_page = kRowsPerPage;
  int64_t page_bytes = kPageBytes;
  MetricsConfig metrics;
  std::map<std::string, std::string> key_value_metadata;
  arrow::MemoryPool* memory_pool = nullptr;  ///< nullptr: Arrow's default.

  /// Applies the table's write.parquet.* and write.metadata.metrics.* properties
  /// (compression-codec, compression-level, row-group-size-bytes, page-size-bytes,
  /// page-row-limit, bloom-filter-enabled.column.NAME, bloom-filter-fpp.column.NAME).
  /// kInvalidConfig names the property. `schema` must be set.
  arrow::Status ApplyTableProperties(
      const std::map<std::string, std::string>& properties);
};

/// Writes one Parquet data file with Iceberg metrics. One thread. Nothing appears under
/// the location before Close succeeds; destruction without Close aborts.
class DataFileWriter {
 public:
  static arrow::Result<std::unique_ptr<DataFileWriter>> Make(
      std::shared_ptr<FileIO> io, DataFileWriterOptions options);
  ~DataFileWriter();
  DataFileWriter(const DataFileWriter&) = delete;
  DataFileWriter& operator=(const DataFileWriter&) = delete;

  /// Columns are taken by position and must have the types of ToArrowSchema(schema);
  /// names and nullability of nested fields do not matter. kInvalidArgument names the
  /// column for another type or for a NULL in a required one.
  arrow::Status Write(const arrow::RecordBatch& batch);

  int64_t rows_written() const;
  /// Bytes given to the store so far plus what the open row group holds, roughly.
  int64_t bytes_written() const;

  /// Publishes the file. spec_id, partition and sort_order_id of the result are the
  /// caller's to set.
  arrow::Result<DataFile> Close();
  arrow::Status Abort();

 private:
  class Impl;
  explicit DataFileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace floe::iceberg
