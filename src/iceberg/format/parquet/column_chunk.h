#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "arrow/util/type_fwd.h"
#include "base/row_pick.h"
#include "iceberg/format/parquet/gather_output.h"
#include "iceberg/format/parquet/page_decoder.h"
#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

class RowSelection;

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

  /// Says which columns will be read in full or nearly so, so that neighbouring chunks
  /// are fetched in one read of up to kReadBytes. Optional; without it a read ends with
  /// its column.
  void WillRead(const std::vector<int>& columns);
  /// The same for ReadRows of these rows (ascending) of each column: of a remote file
  /// the pages they lie in are fetched at once. Nothing for files that are mapped.
  arrow::Status WillReadRows(const std::vector<int>& columns,
                             std::span<const uint32_t> rows);
  /// Ranges closer than this are fetched together.
  static constexpr int64_t kCoalesceGap = 64 << 10;
  static constexpr int64_t kReadBytes = 4 << 20;
  /// Of a remote file, so much of what is planned is fetched at once.
  static constexpr int64_t kAheadBytes = 32 << 20;
  /// Of a mapped file, so much may count as this process's memory before it is released.
  static constexpr int64_t kMappedBytes = 8 << 20;

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
  /// Where a column chunk's pages are.
  struct Chunk {
    const parquet::ColumnDescriptor* column = nullptr;
    arrow::Compression::type compression = arrow::Compression::UNCOMPRESSED;
    int64_t begin = 0;  ///< Of its first page, in the file.
    int64_t end = 0;
    std::shared_ptr<parquet::OffsetIndex> index;  ///< Null: pages are found by walking.
  };
  struct PlannedRange {
    int64_t begin;
    int64_t end;
  };
  struct Page {
    PageHeader header;
    std::span<const uint8_t> body;
  };
  template <typename Gatherer>
  arrow::Status VisitPages(const Chunk& chunk, const RowSelection& selection,
                           PageDecoder* decoder, Gatherer&& gather);
  template <typename Gatherer>
  arrow::Status WalkPages(const Chunk& chunk, const RowSelection& selection,
                          PageDecoder* decoder, Gatherer&& gather);
  template <typename Gatherer>
  arrow::Status SeekPages(const Chunk& chunk, const RowSelection& selection,
                          PageDecoder* decoder, Gatherer&& gather);
  arrow::Result<Chunk> Locate(int column) const;
  arrow::Status GatherInto(int column, const RowSelection& selection, OutputColumn* out);
  arrow::Result<std::shared_ptr<arrow::Array>> ReadSelected(
      int column, const std::shared_ptr<arrow::DataType>& type,
      const RowSelection& selection);
  /// nullptr when some page is not dictionary-encoded.
  arrow::Result<std::shared_ptr<arrow::Array>> ReadDictionary(
      int column, const std::shared_ptr<arrow::DataType>& type);
  /// Bytes [begin, begin + length) of the file, valid until the next call; up to
  /// `ahead_end` may be fetched along.
  arrow::Result<std::span<const uint8_t>> Fetch(int64_t begin, int64_t length,
                                                int64_t ahead_end);
  /// The input to read bytes [begin, least_end) from. Of a remote file it holds what is
  /// planned around them, and `*end` is lowered to where that ends.
  arrow::Result<arrow::io::RandomAccessFile*> InputFor(int64_t begin, int64_t least_end,
                                                       int64_t* end);
  arrow::Status FetchAhead(int64_t begin, int64_t least_end, const PlannedRange& planned);
  void PlanRanges(std::vector<PlannedRange> ranges);
  /// Lets go of a mapped file's pages once `least` bytes of it were touched.
  void ReleaseMapped(int64_t least);
  arrow::Result<PageHeader> FetchHeader(int64_t at, int64_t chunk_end, int64_t ahead_end);
  arrow::Result<Page> FetchPage(int64_t at, int64_t chunk_end, int64_t ahead_end);
  /// How far reading on from `at` is wanted anyway.
  int64_t PlannedEnd(int64_t at, int64_t otherwise) const;

  /// The bytes of the pages that hold `rows`, and of the dictionary before them.
  static void AddPagesOf(const Chunk& chunk, std::span<const uint32_t> rows,
                         std::vector<PlannedRange>* ranges);

  ParquetFilePtr file_;
  int row_group_;
  DecodeScratchPool* scratch_pool_;
  std::unique_ptr<DecodeScratch> scratch_;
  arrow::MemoryPool* pool_;
  std::vector<PlannedRange> planned_;  ///< Ascending, disjoint.
  std::shared_ptr<arrow::io::RandomAccessFile> ahead_;
  std::vector<PlannedRange> ahead_ranges_;  ///< What ahead_ holds.
  int64_t window_begin_ = 0;                ///< What scratch_->window or mapped_ holds.
  int64_t window_end_ = 0;
  std::shared_ptr<arrow::Buffer> mapped_;
  int64_t touched_begin_ = 0;  ///< Of a mapped file, since the last release.
  int64_t touched_end_ = 0;
  int64_t touched_bytes_ = 0;
  Counters counters_;
};

}  // namespace floe::iceberg
