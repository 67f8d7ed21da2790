#include "iceberg/format/parquet/parquet_file.h"

#include <algorithm>

#include "arrow/io/interfaces.h"
#include "base/error.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/key_column.h"
#include "iceberg/format/parquet/parquet_bounds.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "io/prefetch.h"
#include "parquet/bloom_filter.h"
#include "parquet/bloom_filter_reader.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

/// The index and bloom filter readers keep a reference to the properties they are given.
const parquet::ReaderProperties& KeptReaderProperties() {
  static const parquet::ReaderProperties properties =
      parquet::default_reader_properties();
  return properties;
}

/// A parsed footer against its serialized size, roughly (measured on wide files).
constexpr int64_t kFooterExpansion = 6;
constexpr int64_t kFileCost = 4096;
/// What is read of a remote file's end at once: most footers, and small files whole.
constexpr int64_t kTailBytes = 256 << 10;
/// Indexes and bloom filters of a remote file are read at once up to so many bytes.
constexpr int64_t kIndexBytesMax = 8 << 20;

arrow::Status Corrupt(const std::string& location, const std::string& what) {
  return MakeError(ErrorCode::kCorruptData, "the Parquet file '{}' is damaged: {}",
                   location, what);
}

/// Pages must follow each other within the row group and lie within the file.
arrow::Status CheckOffsetIndex(const ParquetFile& file, int row_group, int column,
                               const parquet::OffsetIndex& index) {
  const int64_t rows = file.row_group_rows(row_group);
  int64_t previous = -1;
  for (const parquet::PageLocation& page : index.page_locations()) {
    const bool starts_right =
        previous < 0 ? page.first_row_index == 0 : page.first_row_index > previous;
    if (!starts_right || page.first_row_index >= std::max<int64_t>(rows, 1)) {
      return Corrupt(
          file.location(),
          fmt::format("the offset index of column {} in row group {} has pages "
                      "out of order",
                      column, row_group));
    }
    if (page.offset < 0 || page.compressed_page_size <= 0 ||
        page.offset > file.file_size() - page.compressed_page_size) {
      return Corrupt(
          file.location(),
          fmt::format("a page of column {} in row group {} lies outside the file", column,
                      row_group));
    }
    previous = page.first_row_index;
  }
  if (rows > 0 && index.page_locations().empty()) {
    return Corrupt(file.location(),
                   fmt::format("the offset index of column {} in row group {} is empty",
                               column, row_group));
  }
  return arrow::Status::OK();
}

}  // namespace

/// What was read beside one column chunk, each part on first use.
struct ParquetFile::ChunkIndexes {
  std::mutex mutex;
  bool has_offset_index = false;
  bool has_column_index = false;
  bool has_bloom_filter = false;
  std::shared_ptr<parquet::OffsetIndex> offset_index;
  std::shared_ptr<parquet::ColumnIndex> column_index;
  std::shared_ptr<const parquet::BloomFilter> bloom_filter;
};

ParquetFile::~ParquetFile() = default;

ParquetFileCache& ParquetFile::ProcessCache() {
  // Never destroyed: files may be in use by threads that outlive main.
  static ParquetFileCache* cache = new ParquetFileCache(kCacheBytes);
  return *cache;
}

arrow::Result<ParquetFilePtr> ParquetFile::Open(const FileIO& io,
                                                const std::string& location,
                                                int64_t file_size,
                                                ParquetFileCache* cache) {
  if (cache == nullptr) return Load(io, location, file_size);
  // The size tells files apart that took each other's place under one name.
  if (file_size < 0) {
    ARROW_ASSIGN_OR_RAISE(file_size, io.FileSize(location));
  }
  const std::string key = fmt::format("{}#{}", io.CacheName(location), file_size);
  return cache->GetOrLoad(key, [&]() -> arrow::Result<ParquetFileCache::Loaded> {
    ARROW_ASSIGN_OR_RAISE(ParquetFilePtr file, Load(io, location, file_size));
    const int64_t cost = file->CacheCost();
    return ParquetFileCache::Loaded{std::move(file), cost};
  });
}

arrow::Result<ParquetFilePtr> ParquetFile::Load(const FileIO& io,
                                                const std::string& location,
                                                int64_t file_size) {
  std::shared_ptr<ParquetFile> file(new ParquetFile());
  file->location_ = location;
  ARROW_ASSIGN_OR_RAISE(file->input_, io.OpenInput(location, file_size));
  ARROW_ASSIGN_OR_RAISE(file->file_size_, file->input_->GetSize());
  if (file_size >= 0 && file->file_size_ != file_size) {
    return Corrupt(location, fmt::format("it has {} bytes, its manifest says {}",
                                         file->file_size_, file_size));
  }
  const int64_t tail = std::min(file->file_size_, kTailBytes);
  ARROW_ASSIGN_OR_RAISE(file->input_,
                        PrefetchRanges(file->input_, {{file->file_size_ - tail, tail}}));
  ARROW_RETURN_NOT_OK(GuardParquet(location, [&]() -> arrow::Status {
    auto reader = parquet::ParquetFileReader::Open(file->input_);
    file->metadata_ = reader->metadata();
    ARROW_RETURN_NOT_OK(file->ReadRowGroups());
    ARROW_ASSIGN_OR_RAISE(file->own_fields_,
                          ParquetFileSchema(*file->metadata_->schema(), nullptr));
    return arrow::Status::OK();
  }));
  return file;
}

arrow::Status ParquetFile::ReadRowGroups() {
  int64_t rows = 0;
  row_group_starts_.push_back(0);
  for (int i = 0; i < metadata_->num_row_groups(); ++i) {
    row_groups_.push_back(metadata_->RowGroup(i));
    const parquet::RowGroupMetaData& group = *row_groups_.back();
    if (group.num_rows() < 0 || __builtin_add_overflow(rows, group.num_rows(), &rows)) {
      return Corrupt(location_,
                     fmt::format("row group {} has {} rows", i, group.num_rows()));
    }
    if (group.num_columns() != metadata_->num_columns()) {
      return Corrupt(location_,
                     fmt::format("row group {} has {} columns, the schema {}", i,
                                 group.num_columns(), metadata_->num_columns()));
    }
    row_group_starts_.push_back(rows);
  }
  if (rows != metadata_->num_rows()) {
    return Corrupt(location_,
                   fmt::format("its row groups have {} rows, its footer says {}", rows,
                               metadata_->num_rows()));
  }
  return arrow::Status::OK();
}

int64_t ParquetFile::CacheCost() const {
  int64_t cost =
      kFileCost + kFooterExpansion * metadata_->size() + PrefetchedBytes(*input_);
  // Indexes and filters are counted at once, though they are read when needed.
  for (const auto& group : row_groups_) {
    for (int column = 0; column < group->num_columns(); ++column) {
      const auto chunk = group->ColumnChunk(column);
      if (const auto location = chunk->GetColumnIndexLocation()) {
        cost += 2 * location->length;
      }
      if (const auto location = chunk->GetOffsetIndexLocation()) {
        cost += 2 * location->length;
      }
      cost += chunk->bloom_filter_length().value_or(0);
    }
  }
  return cost;
}

int ParquetFile::column_count() const { return metadata_->num_columns(); }

const parquet::RowGroupMetaData& ParquetFile::row_group(int index) const {
  return *row_groups_[static_cast<size_t>(index)];
}

const parquet::ColumnDescriptor* ParquetFile::column(int column) const {
  return metadata_->schema()->Column(column);
}

arrow::Result<std::shared_ptr<const FileSchema>> ParquetFile::Fields(
    const NameMapping* mapping) const {
  if (own_fields_->has_own_ids() || mapping == nullptr) return own_fields_;
  return GuardParquet(location_,
                      [&] { return ParquetFileSchema(*metadata_->schema(), mapping); });
}

ParquetFile::ChunkIndexes& ParquetFile::Chunk(int row_group, int column) const {
  const int64_t key = int64_t{row_group} * column_count() + column;
  std::unique_lock<std::mutex> lock(mutex_);
  std::unique_ptr<ChunkIndexes>& chunk = chunks_[key];
  if (chunk == nullptr) chunk = std::make_unique<ChunkIndexes>();
  return *chunk;
}

int64_t ParquetFile::IndexesBegin() const {
  int64_t begin = file_size_;
  const auto take = [&](int64_t offset) {
    // Some writers scatter them between the row groups: those are read one by one.
    if (offset > file_size_ - kIndexBytesMax) begin = std::min(begin, offset);
  };
  for (const auto& group : row_groups_) {
    for (int column = 0; column < group->num_columns(); ++column) {
      const auto chunk = group->ColumnChunk(column);
      if (const auto location = chunk->GetColumnIndexLocation()) take(location->offset);
      if (const auto location = chunk->GetOffsetIndexLocation()) take(location->offset);
      if (const auto offset = chunk->bloom_filter_offset()) take(*offset);
    }
  }
  return std::max<int64_t>(begin, 0);
}

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> ParquetFile::IndexInput()
    const {
  if (!IsRemoteInput(*input_)) return input_;
  std::lock_guard<std::mutex> lock(index_mutex_);
  if (index_input_ == nullptr) {
    const int64_t begin = IndexesBegin();
    ARROW_ASSIGN_OR_RAISE(index_input_,
                          PrefetchRanges(input_, {{begin, file_size_ - begin}}));
  }
  return index_input_;
}

arrow::Result<std::shared_ptr<parquet::OffsetIndex>> ParquetFile::OffsetIndex(
    int row_group, int column) const {
  ChunkIndexes& chunk = Chunk(row_group, column);
  std::unique_lock<std::mutex> lock(chunk.mutex);
  if (chunk.has_offset_index) return chunk.offset_index;
  ARROW_RETURN_NOT_OK(GuardParquet(location_, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto input, IndexInput());
    auto reader =
        parquet::PageIndexReader::Make(input.get(), metadata_, KeptReaderProperties());
    auto group = reader->RowGroup(row_group);
    std::shared_ptr<parquet::OffsetIndex> index;
    if (group != nullptr) index = group->GetOffsetIndex(column);
    if (index != nullptr) {
      ARROW_RETURN_NOT_OK(CheckOffsetIndex(*this, row_group, column, *index));
    }
    chunk.offset_index = std::move(index);
    return arrow::Status::OK();
  }));
  chunk.has_offset_index = true;
  return chunk.offset_index;
}

arrow::Result<std::shared_ptr<parquet::ColumnIndex>> ParquetFile::ColumnIndex(
    int row_group, int column) const {
  ChunkIndexes& chunk = Chunk(row_group, column);
  std::unique_lock<std::mutex> lock(chunk.mutex);
  if (chunk.has_column_index) return chunk.column_index;
  ARROW_RETURN_NOT_OK(GuardParquet(location_, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto input, IndexInput());
    auto reader =
        parquet::PageIndexReader::Make(input.get(), metadata_, KeptReaderProperties());
    auto group = reader->RowGroup(row_group);
    if (group != nullptr) chunk.column_index = group->GetColumnIndex(column);
    return arrow::Status::OK();
  }));
  chunk.has_column_index = true;
  return chunk.column_index;
}

arrow::Result<std::shared_ptr<const parquet::BloomFilter>> ParquetFile::BloomFilter(
    int row_group, int column) const {
  ChunkIndexes& chunk = Chunk(row_group, column);
  std::unique_lock<std::mutex> lock(chunk.mutex);
  if (chunk.has_bloom_filter) return chunk.bloom_filter;
  ARROW_RETURN_NOT_OK(GuardParquet(location_, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto input, IndexInput());
    auto reader =
        parquet::BloomFilterReader::Make(input, metadata_, KeptReaderProperties());
    auto group = reader->RowGroup(row_group);
    if (group != nullptr) chunk.bloom_filter = group->GetColumnBloomFilter(column);
    return arrow::Status::OK();
  }));
  chunk.has_bloom_filter = true;
  return chunk.bloom_filter;
}

ColumnBounds ParquetFile::RowGroupBounds(int row_group_index, int column_index,
                                         const TypePtr& type) const {
  // Statistics only save work: what cannot be read of them bounds nothing.
  try {
    const auto chunk = row_group(row_group_index).ColumnChunk(column_index);
    return ChunkBounds(*chunk, *column(column_index), type);
  } catch (const parquet::ParquetException&) {
    return ColumnBounds{};
  }
}

arrow::Result<std::vector<ColumnBounds>> ParquetFile::PageBounds(
    int row_group, int column_index, const TypePtr& type) const {
  std::vector<ColumnBounds> bounds;
  const parquet::ColumnDescriptor& descriptor = *column(column_index);
  if (descriptor.max_repetition_level() > 0) return bounds;
  ARROW_ASSIGN_OR_RAISE(const auto offsets, OffsetIndex(row_group, column_index));
  if (offsets == nullptr) return bounds;
  ARROW_ASSIGN_OR_RAISE(const auto index, ColumnIndex(row_group, column_index));
  if (index == nullptr) return bounds;
  const auto& pages = offsets->page_locations();
  const size_t count = pages.size();
  if (index->null_pages().size() != count ||
      index->encoded_min_values().size() != count ||
      index->encoded_max_values().size() != count ||
      (index->has_null_counts() && index->null_counts().size() != count)) {
    return Corrupt(location_, fmt::format("the page indexes of column {} in row group {} "
                                          "differ in length",
                                          column_index, row_group));
  }
  const bool ordered = descriptor.can_use_min_max();
  bounds.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t end =
        i + 1 < count ? pages[i + 1].first_row_index : row_group_rows(row_group);
    bounds[i].value_count = end - pages[i].first_row_index;
    if (index->has_null_counts()) bounds[i].null_count = index->null_counts()[i];
    if (index->null_pages()[i]) {
      bounds[i].null_count = bounds[i].value_count;
    } else if (ordered) {
      bounds[i].lower = DecodeBound(descriptor, index->encoded_min_values()[i], type,
                                    BoundSide::kLower);
      bounds[i].upper = DecodeBound(descriptor, index->encoded_max_values()[i], type,
                                    BoundSide::kUpper);
    }
  }
  return bounds;
}

arrow::Result<std::shared_ptr<const KeyColumn>> ParquetFile::Keys(int column) const {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto found = key_columns_.find(column);
    if (found != key_columns_.end()) return found->second;
  }
  // Two threads may make it at once: they make the same.
  ARROW_ASSIGN_OR_RAISE(auto made, KeyColumn::Make(*this, column));
  std::unique_lock<std::mutex> lock(mutex_);
  return key_columns_.emplace(column, std::move(made)).first->second;
}

}  // namespace floe::iceberg
