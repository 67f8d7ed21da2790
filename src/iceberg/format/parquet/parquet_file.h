#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "base/lru_cache.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/row_ranges.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

namespace arrow::io {
class RandomAccessFile;
}
namespace parquet {
class BloomFilter;
class ColumnIndex;
class ColumnDescriptor;
class FileMetaData;
class OffsetIndex;
class RowGroupMetaData;
}  // namespace parquet

namespace floe::iceberg {

class FileSchema;
struct KeyColumn;
class ParquetFile;
using ParquetFilePtr = std::shared_ptr<const ParquetFile>;
using ParquetFileCache = LruCache<ParquetFile>;

/// An opened Parquet file: its input, its parsed footer and what was loaded of its
/// indexes and bloom filters so far (each is read once and kept). Immutable to callers;
/// thread-safe. Column indexes below are leaf ordinals of the file.
class ParquetFile {
 public:
  /// The cache every reader of the process shares, bounded by kCacheBytes.
  static constexpr int64_t kCacheBytes = int64_t{512} << 20;
  static ParquetFileCache& ProcessCache();

  /// Opens through `cache`, or without one when it is null. `file_size` is the manifest's
  /// (checked), or negative when unknown. kCorruptData names the file and what is wrong.
  static arrow::Result<ParquetFilePtr> Open(const FileIO& io, const std::string& location,
                                            int64_t file_size,
                                            ParquetFileCache* cache = &ProcessCache());

  ~ParquetFile();

  const std::string& location() const { return location_; }
  const std::shared_ptr<arrow::io::RandomAccessFile>& input() const { return input_; }
  const std::shared_ptr<parquet::FileMetaData>& metadata() const { return metadata_; }
  int64_t file_size() const { return file_size_; }
  int64_t row_count() const { return row_group_starts_.back(); }
  int row_group_count() const { return static_cast<int>(row_group_starts_.size()) - 1; }
  int column_count() const;
  /// Position in the file of the row group's first row; row_count() for
  /// row_group_count().
  int64_t row_group_start(int row_group) const { return row_group_starts_[row_group]; }
  int64_t row_group_rows(int row_group) const {
    return row_group_starts_[row_group + 1] - row_group_starts_[row_group];
  }
  const parquet::RowGroupMetaData& row_group(int index) const;
  const parquet::ColumnDescriptor* column(int column) const;

  /// The tree of the file's fields with Iceberg ids: the file's own, or, where it has
  /// none at all, those of `mapping` (may be null: then no column is found).
  arrow::Result<std::shared_ptr<const FileSchema>> Fields(
      const NameMapping* mapping) const;

  /// Null when the file has none. Read on first use.
  arrow::Result<std::shared_ptr<parquet::OffsetIndex>> OffsetIndex(int row_group,
                                                                   int column) const;
  arrow::Result<std::shared_ptr<parquet::ColumnIndex>> ColumnIndex(int row_group,
                                                                   int column) const;
  arrow::Result<std::shared_ptr<const parquet::BloomFilter>> BloomFilter(
      int row_group, int column) const;

  /// What the footer's statistics say of a column chunk, as values of `type` (the type
  /// in the table; a promoted one is converted). Unset where the file says nothing that
  /// can be trusted.
  ColumnBounds RowGroupBounds(int row_group, int column, const TypePtr& type) const;

  /// The same per data page, from the column index; empty when there is none.
  arrow::Result<std::vector<ColumnBounds>> PageBounds(int row_group, int column,
                                                      const TypePtr& type) const;

  /// What LookupKeys needs to know of a string or binary column; made on first use.
  arrow::Result<std::shared_ptr<const KeyColumn>> Keys(int column) const;

 private:
  struct ChunkIndexes;

  ParquetFile() = default;
  static arrow::Result<ParquetFilePtr> Load(const FileIO& io, const std::string& location,
                                            int64_t file_size);
  arrow::Status ReadRowGroups();
  int64_t CacheCost() const;
  ChunkIndexes& Chunk(int row_group, int column) const;
  /// The input to read indexes and bloom filters from; of a remote file with all of them,
  /// where they lie together.
  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> IndexInput() const;
  int64_t IndexesBegin() const;

  std::string location_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  int64_t file_size_ = 0;
  std::vector<int64_t> row_group_starts_;
  std::vector<std::unique_ptr<parquet::RowGroupMetaData>> row_groups_;
  std::shared_ptr<const FileSchema> own_fields_;
  mutable std::mutex index_mutex_;
  mutable std::shared_ptr<arrow::io::RandomAccessFile> index_input_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<int64_t, std::unique_ptr<ChunkIndexes>> chunks_;
  mutable std::unordered_map<int, std::shared_ptr<const KeyColumn>> key_columns_;
};

}  // namespace floe::iceberg
