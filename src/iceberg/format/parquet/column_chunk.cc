#include "iceberg/format/parquet/column_chunk.h"

#include <algorithm>
#include <string>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/array_dict.h"
#include "arrow/array/concatenate.h"
#include "arrow/buffer.h"
#include "arrow/chunked_array.h"
#include "arrow/io/interfaces.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "base/error.h"
#include "iceberg/format/parquet/gather_values.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "io/mapped_pages.h"
#include "io/prefetch.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"

namespace floe::iceberg {

namespace {

/// Enough for most headers; those with long statistics are read again with more.
constexpr int64_t kHeaderBytes = 16 << 10;
constexpr int64_t kMaxHeaderBytes = 16 << 20;
/// With an offset index a chunk is read in full where that much of it is needed.
constexpr int64_t kWholeChunkFraction = 2;
constexpr size_t kIdleScratches = 64;
/// A release costs a system call and later page faults; small reads keep their pages.
constexpr int64_t kMinRelease = 1 << 20;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "a column chunk is damaged: {}", what);
}

bool IsFlatColumn(const parquet::ColumnDescriptor& column) {
  return column.max_repetition_level() == 0;
}

}  // namespace

DecodeScratchPool::DecodeScratchPool() = default;
DecodeScratchPool::~DecodeScratchPool() = default;

std::unique_ptr<DecodeScratch> DecodeScratchPool::Acquire() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.empty()) return std::make_unique<DecodeScratch>();
  std::unique_ptr<DecodeScratch> scratch = std::move(idle_.back());
  idle_.pop_back();
  return scratch;
}

void DecodeScratchPool::Release(std::unique_ptr<DecodeScratch> scratch) {
  scratch->Trim();
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < kIdleScratches) idle_.push_back(std::move(scratch));
}

bool RowGroupColumns::CanRead(const ParquetFile& file, int column,
                              const arrow::DataType& type) {
  const parquet::ColumnDescriptor* descriptor = file.column(column);
  return IsFlatColumn(*descriptor) && OutputColumn::IsFlat(type) &&
         ValueConversion::Make(*descriptor, type).has_value() &&
         !file.metadata()->is_encryption_algorithm_set();
}

RowGroupColumns::RowGroupColumns(ParquetFilePtr file, int row_group,
                                 DecodeScratchPool* scratch, arrow::MemoryPool* pool)
    : file_(std::move(file)),
      row_group_(row_group),
      scratch_pool_(scratch),
      scratch_(scratch == nullptr ? std::make_unique<DecodeScratch>()
                                  : scratch->Acquire()),
      pool_(pool == nullptr ? arrow::default_memory_pool() : pool) {}

RowGroupColumns::~RowGroupColumns() {
  ReleaseMapped(kMinRelease);
  if (scratch_pool_ != nullptr) scratch_pool_->Release(std::move(scratch_));
}

int64_t RowGroupColumns::row_count() const { return file_->row_group_rows(row_group_); }

arrow::Result<RowGroupColumns::Chunk> RowGroupColumns::Locate(int column) const {
  const auto metadata = file_->row_group(row_group_).ColumnChunk(column);
  Chunk chunk;
  chunk.column = file_->column(column);
  chunk.compression = metadata->compression();
  chunk.begin = metadata->data_page_offset();
  // Some writers give 0, and the dictionary at the place of the first data page.
  if (metadata->has_dictionary_page() && metadata->dictionary_page_offset() > 0) {
    chunk.begin = std::min(chunk.begin, metadata->dictionary_page_offset());
  }
  const int64_t size = metadata->total_compressed_size();
  if (chunk.begin < 0 || size < 0 || size > file_->file_size() - chunk.begin) {
    return Corrupt("it lies outside the file");
  }
  chunk.end = chunk.begin + size;
  if (!metadata->file_path().empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "a column chunk in another file ('{}') is not read",
                     metadata->file_path());
  }
  if (metadata->crypto_metadata() != nullptr) {
    return MakeError(ErrorCode::kNotSupported, "an encrypted column chunk is not read");
  }
  if (metadata->GetOffsetIndexLocation().has_value()) {
    ARROW_ASSIGN_OR_RAISE(chunk.index, file_->OffsetIndex(row_group_, column));
  }
  return chunk;
}

void RowGroupColumns::WillRead(const std::vector<int>& columns) {
  std::vector<PlannedRange> ranges;
  for (int column : columns) {
    auto chunk = Locate(column);
    // A chunk that cannot be read is reported when it is asked for.
    if (chunk.ok()) ranges.push_back({chunk->begin, chunk->end});
  }
  PlanRanges(std::move(ranges));
}

arrow::Status RowGroupColumns::WillReadRows(const std::vector<int>& columns,
                                            std::span<const uint32_t> rows) {
  if (!IsRemoteInput(*file_->input()) || rows.empty()) return arrow::Status::OK();
  std::vector<PlannedRange> ranges;
  for (int column : columns) {
    ARROW_ASSIGN_OR_RAISE(const Chunk chunk, Locate(column));
    AddPagesOf(chunk, rows, &ranges);
  }
  PlanRanges(std::move(ranges));
  return arrow::Status::OK();
}

void RowGroupColumns::AddPagesOf(const Chunk& chunk, std::span<const uint32_t> rows,
                                 std::vector<PlannedRange>* ranges) {
  if (chunk.index == nullptr || chunk.index->page_locations().empty()) {
    ranges->push_back({chunk.begin, chunk.end});
    return;
  }
  const std::vector<parquet::PageLocation>& pages = chunk.index->page_locations();
  // Locations that lie outside the chunk are reported when they are read.
  const auto add = [&](int64_t begin, int64_t end) {
    begin = std::clamp(begin, chunk.begin, chunk.end);
    end = std::clamp(end, chunk.begin, chunk.end);
    if (begin < end) ranges->push_back({begin, end});
  };
  add(chunk.begin, pages[0].offset);
  auto row = rows.begin();
  for (size_t i = 0; i < pages.size() && row != rows.end(); ++i) {
    const bool is_last = i + 1 == pages.size();
    const auto stop =
        is_last ? rows.end() : std::partition_point(row, rows.end(), [&](uint32_t r) {
          return int64_t{r} < pages[i + 1].first_row_index;
        });
    if (stop != row) {
      add(pages[i].offset, pages[i].offset + pages[i].compressed_page_size);
    }
    row = stop;
  }
}

void RowGroupColumns::PlanRanges(std::vector<PlannedRange> ranges) {
  planned_.clear();
  std::sort(
      ranges.begin(), ranges.end(),
      [](const PlannedRange& a, const PlannedRange& b) { return a.begin < b.begin; });
  for (const PlannedRange& range : ranges) {
    if (!planned_.empty() && range.begin - planned_.back().end <= kCoalesceGap) {
      planned_.back().end = std::max(planned_.back().end, range.end);
    } else {
      planned_.push_back(range);
    }
  }
}

int64_t RowGroupColumns::PlannedEnd(int64_t at, int64_t otherwise) const {
  for (const PlannedRange& range : planned_) {
    if (at >= range.begin && at < range.end) return std::max(range.end, otherwise);
  }
  return otherwise;
}

arrow::Result<arrow::io::RandomAccessFile*> RowGroupColumns::InputFor(int64_t begin,
                                                                      int64_t least_end,
                                                                      int64_t* end) {
  const auto holds = [&](const PlannedRange& range) {
    return begin >= range.begin && least_end <= range.end;
  };
  auto held = std::find_if(ahead_ranges_.begin(), ahead_ranges_.end(), holds);
  if (held == ahead_ranges_.end() && IsRemoteInput(*file_->input())) {
    const auto planned = std::find_if(planned_.begin(), planned_.end(), holds);
    if (planned != planned_.end()) {
      ARROW_RETURN_NOT_OK(FetchAhead(begin, least_end, *planned));
      held = std::find_if(ahead_ranges_.begin(), ahead_ranges_.end(), holds);
    }
  }
  if (held == ahead_ranges_.end()) return file_->input().get();
  *end = std::min(*end, held->end);
  return ahead_.get();
}

arrow::Status RowGroupColumns::FetchAhead(int64_t begin, int64_t least_end,
                                          const PlannedRange& planned) {
  // All that is planned, or as much from here on as may be held.
  int64_t bytes = 0;
  for (const PlannedRange& range : planned_) bytes += range.end - range.begin;
  std::vector<PlannedRange> next = planned_;
  if (bytes > kAheadBytes) {
    next = {{begin, std::max(least_end, std::min(planned.end, begin + kAheadBytes))}};
  }
  std::vector<arrow::io::ReadRange> wanted;
  for (const PlannedRange& range : next) {
    wanted.push_back({range.begin, range.end - range.begin});
  }
  // What was held before makes room first.
  ahead_ranges_.clear();
  ahead_.reset();
  ARROW_ASSIGN_OR_RAISE(ahead_, PrefetchRanges(file_->input(), std::move(wanted)));
  ahead_ranges_ = std::move(next);
  return arrow::Status::OK();
}

arrow::Result<std::span<const uint8_t>> RowGroupColumns::Fetch(int64_t begin,
                                                               int64_t length,
                                                               int64_t ahead_end) {
  const auto size = static_cast<size_t>(length);
  if (begin >= window_begin_ && begin + length <= window_end_) {
    const uint8_t* base = mapped_ != nullptr ? mapped_->data() : scratch_->window.data();
    return std::span<const uint8_t>(base + (begin - window_begin_), size);
  }
  const bool mapped = file_->input()->supports_zero_copy();
  int64_t end = mapped
                    ? begin + length
                    : std::max(begin + length, std::min(ahead_end, begin + kReadBytes));
  window_begin_ = window_end_ = 0;
  int64_t got = 0;
  arrow::io::RandomAccessFile* input = file_->input().get();
  if (mapped) {
    ARROW_ASSIGN_OR_RAISE(mapped_, input->ReadAt(begin, end - begin));
    got = mapped_->size();
    touched_begin_ = touched_bytes_ == 0 ? begin : std::min(touched_begin_, begin);
    touched_end_ = touched_bytes_ == 0 ? end : std::max(touched_end_, end);
    touched_bytes_ += got;
  } else {
    ARROW_ASSIGN_OR_RAISE(input, InputFor(begin, begin + length, &end));
    ARROW_ASSIGN_OR_RAISE(
        got, input->ReadAt(begin, end - begin, scratch_->window.Reserve(end - begin)));
  }
  if (got != end - begin) return Corrupt("the file ends before it");
  ++counters_.reads;
  counters_.bytes_read += got;
  window_begin_ = begin;
  window_end_ = end;
  const uint8_t* base = mapped ? mapped_->data() : scratch_->window.data();
  return std::span<const uint8_t>(base, size);
}

void RowGroupColumns::ReleaseMapped(int64_t least) {
  if (touched_bytes_ < least) return;
  ReleaseInputPages(*file_->input(), touched_begin_, touched_end_);
  touched_bytes_ = 0;
}

arrow::Result<PageHeader> RowGroupColumns::FetchHeader(int64_t at, int64_t chunk_end,
                                                       int64_t ahead_end) {
  for (int64_t length = kHeaderBytes;; length *= 8) {
    const int64_t available = std::min(length, chunk_end - at);
    ARROW_ASSIGN_OR_RAISE(std::span<const uint8_t> bytes,
                          Fetch(at, available, ahead_end));
    bool complete = false;
    ARROW_ASSIGN_OR_RAISE(const PageHeader header, PageHeader::Parse(bytes, &complete));
    if (complete) {
      if (header.compressed_size > chunk_end - at - header.header_size) {
        return Corrupt("a page passes its end");
      }
      return header;
    }
    if (available == chunk_end - at || length >= kMaxHeaderBytes) {
      return Corrupt("a page header does not end");
    }
  }
}

arrow::Result<RowGroupColumns::Page> RowGroupColumns::FetchPage(int64_t at,
                                                                int64_t chunk_end,
                                                                int64_t ahead_end) {
  Page page;
  ARROW_ASSIGN_OR_RAISE(page.header, FetchHeader(at, chunk_end, ahead_end));
  ARROW_ASSIGN_OR_RAISE(page.body, Fetch(at + page.header.header_size,
                                         page.header.compressed_size, ahead_end));
  return page;
}

template <typename Gatherer>
arrow::Status RowGroupColumns::WalkPages(const Chunk& chunk,
                                         const RowSelection& selection,
                                         PageDecoder* decoder, Gatherer&& gather) {
  const int64_t ahead = PlannedEnd(chunk.begin, chunk.end);
  int64_t at = chunk.begin;
  int64_t page_row = 0;
  for (int64_t i = 0; i < selection.size();) {
    if (at >= chunk.end) return Corrupt("it has fewer rows than its row group");
    ARROW_ASSIGN_OR_RAISE(const PageHeader header, FetchHeader(at, chunk.end, ahead));
    const int64_t body = at + header.header_size;
    at = body + header.compressed_size;
    if (header.type == PageHeader::Type::kDictionary) {
      ARROW_ASSIGN_OR_RAISE(auto bytes, Fetch(body, header.compressed_size, ahead));
      ARROW_RETURN_NOT_OK(decoder->OpenDictionary(header, bytes));
    }
    if (!header.is_data()) continue;
    const int64_t page_end = page_row + header.value_count;
    if (selection.row(i) >= page_end) {
      ++counters_.pages_skipped;
    } else {
      ARROW_ASSIGN_OR_RAISE(auto bytes, Fetch(body, header.compressed_size, ahead));
      ARROW_ASSIGN_OR_RAISE(const DataPage page, decoder->OpenData(header, bytes));
      ++counters_.pages_decoded;
      const int64_t end = selection.LowerBound(i, page_end);
      ARROW_RETURN_NOT_OK(gather(page, page_row, i, end));
      i = end;
    }
    page_row = page_end;
  }
  return arrow::Status::OK();
}

template <typename Gatherer>
arrow::Status RowGroupColumns::SeekPages(const Chunk& chunk,
                                         const RowSelection& selection,
                                         PageDecoder* decoder, Gatherer&& gather) {
  const std::vector<parquet::PageLocation>& pages = chunk.index->page_locations();
  struct Wanted {
    size_t page;
    int64_t begin, end;  ///< Of the selection.
  };
  std::vector<Wanted> wanted;
  const int64_t dictionary_end = std::clamp(pages[0].offset, chunk.begin, chunk.end);
  int64_t bytes = dictionary_end - chunk.begin;
  for (int64_t i = 0; i < selection.size();) {
    const int64_t row = selection.row(i);
    const auto after = std::upper_bound(pages.begin(), pages.end(), row,
                                        [](int64_t r, const parquet::PageLocation& page) {
                                          return r < page.first_row_index;
                                        });
    if (after == pages.begin()) return Corrupt("its offset index does not begin at 0");
    const int64_t page_end = after == pages.end() ? row_count() : after->first_row_index;
    const int64_t end = selection.LowerBound(i, page_end);
    if (end == i) return Corrupt("its offset index is not in order");
    wanted.push_back({static_cast<size_t>(after - pages.begin()) - 1, i, end});
    bytes += wanted.back().page < pages.size() ? (after - 1)->compressed_page_size : 0;
    i = end;
  }
  counters_.pages_skipped += static_cast<int64_t>(pages.size() - wanted.size());
  const bool whole = bytes >= (chunk.end - chunk.begin) / kWholeChunkFraction;
  const int64_t whole_end = whole ? PlannedEnd(chunk.begin, chunk.end) : 0;
  // The end of the run of wanted pages, from the w-th on, that lie close together.
  const auto run_end = [&](size_t w, int64_t from) {
    if (whole) return whole_end;
    int64_t end = from;
    for (; w < wanted.size(); ++w) {
      const parquet::PageLocation& page = pages[wanted[w].page];
      if (page.offset - end > kCoalesceGap) break;
      end = std::min(page.offset + page.compressed_page_size, chunk.end);
    }
    return end;
  };
  if (dictionary_end > chunk.begin) {
    ARROW_ASSIGN_OR_RAISE(const Page page, FetchPage(chunk.begin, dictionary_end,
                                                     run_end(0, dictionary_end)));
    if (page.header.type == PageHeader::Type::kDictionary) {
      ARROW_RETURN_NOT_OK(decoder->OpenDictionary(page.header, page.body));
    }
  }
  for (size_t w = 0; w < wanted.size(); ++w) {
    const parquet::PageLocation& location = pages[wanted[w].page];
    if (location.offset < chunk.begin || location.offset >= chunk.end ||
        location.compressed_page_size <= 0 ||
        location.compressed_page_size > chunk.end - location.offset) {
      return Corrupt("its offset index points outside it");
    }
    const int64_t location_end = location.offset + location.compressed_page_size;
    ARROW_ASSIGN_OR_RAISE(const Page fetched, FetchPage(location.offset, location_end,
                                                        run_end(w, location.offset)));
    if (!fetched.header.is_data()) return Corrupt("its offset index names no data page");
    ARROW_ASSIGN_OR_RAISE(const DataPage page,
                          decoder->OpenData(fetched.header, fetched.body));
    ++counters_.pages_decoded;
    const int64_t last_row = selection.row(wanted[w].end - 1);
    if (last_row - location.first_row_index >= page.row_count) {
      return Corrupt("a page has fewer rows than its offset index says");
    }
    ARROW_RETURN_NOT_OK(
        gather(page, location.first_row_index, wanted[w].begin, wanted[w].end));
  }
  return arrow::Status::OK();
}

template <typename Gatherer>
arrow::Status RowGroupColumns::VisitPages(const Chunk& chunk,
                                          const RowSelection& selection,
                                          PageDecoder* decoder, Gatherer&& gather) {
  if (selection.size() == 0) return arrow::Status::OK();
  if (selection.row(selection.size() - 1) >= row_count()) {
    return MakeError(ErrorCode::kInternal, "row {} of a row group of {}",
                     selection.row(selection.size() - 1), row_count());
  }
  if (chunk.index != nullptr && !chunk.index->page_locations().empty()) {
    return SeekPages(chunk, selection, decoder, gather);
  }
  return WalkPages(chunk, selection, decoder, gather);
}

arrow::Status RowGroupColumns::GatherInto(int column, const RowSelection& selection,
                                          OutputColumn* out) {
  const auto body = [&]() -> arrow::Status {
    const parquet::ColumnDescriptor& descriptor = *file_->column(column);
    const auto conversion = ValueConversion::Make(descriptor, *out->type());
    if (!conversion || !IsFlatColumn(descriptor)) {
      return MakeError(ErrorCode::kNotSupported,
                       "Parquet column '{}' cannot be read as {} page by page",
                       descriptor.path()->ToDotString(), out->type()->ToString());
    }
    ARROW_ASSIGN_OR_RAISE(const Chunk chunk, Locate(column));
    PageDecoder decoder(descriptor, chunk.compression, scratch_.get());
    ValueGatherer gatherer(descriptor, *conversion, selection, out, pool_);
    return VisitPages(
        chunk, selection, &decoder,
        [&](const DataPage& page, int64_t page_row, int64_t begin, int64_t end) {
          return gatherer.Gather(&decoder, page, page_row, begin, end);
        });
  };
  const arrow::Status status = GuardParquet(file_->location(), body);
  if (status.ok()) return status;
  return WithContext(status, "column", file_->column(column)->path()->ToDotString());
}

arrow::Result<std::shared_ptr<arrow::Array>> RowGroupColumns::ReadSelected(
    int column, const std::shared_ptr<arrow::DataType>& type,
    const RowSelection& selection) {
  ARROW_ASSIGN_OR_RAISE(auto out, OutputColumn::Make(type, selection.size(), pool_));
  ARROW_RETURN_NOT_OK(GatherInto(column, selection, out.get()));
  ARROW_ASSIGN_OR_RAISE(auto chunks, out->Finish());
  if (chunks->num_chunks() == 1) return chunks->chunk(0);
  return MakeError(ErrorCode::kResourceExhausted,
                   "column '{}' of a row group is too large for {}",
                   file_->column(column)->path()->ToDotString(), type->ToString());
}

arrow::Result<std::shared_ptr<arrow::Array>> RowGroupColumns::ReadDictionary(
    int column, const std::shared_ptr<arrow::DataType>& type) {
  const parquet::ColumnDescriptor& descriptor = *file_->column(column);
  ARROW_ASSIGN_OR_RAISE(const Chunk chunk, Locate(column));
  PageDecoder decoder(descriptor, chunk.compression, scratch_.get());
  const RowSelection all = RowSelection::All(row_count());
  ARROW_ASSIGN_OR_RAISE(auto indices,
                        OutputColumn::Make(arrow::int32(), row_count(), pool_));
  bool only_dictionary = true;
  const auto gather = [&](const DataPage& page, int64_t page_row, int64_t begin,
                          int64_t end) -> arrow::Status {
    only_dictionary &= page.is_dictionary() && decoder.has_dictionary();
    if (!only_dictionary) return MakeError(ErrorCode::kNotSupported, "not a dictionary");
    return GatherIndices(decoder, page, all, page_row, begin, end, indices.get());
  };
  const arrow::Status status = VisitPages(chunk, all, &decoder, gather);
  if (!only_dictionary) return nullptr;
  ARROW_RETURN_NOT_OK(status);
  if (!decoder.has_dictionary()) return nullptr;
  const int64_t count = decoder.dictionary_size();
  ARROW_ASSIGN_OR_RAISE(auto values, OutputColumn::Make(type, count, pool_));
  for (int64_t i = 0; i < count; ++i) {
    const std::string_view entry = decoder.dictionary_entries()[static_cast<size_t>(i)];
    values->views()[i] = {entry.data(), static_cast<int64_t>(entry.size())};
    values->validity()[i] = 1;
  }
  ARROW_ASSIGN_OR_RAISE(auto value_chunks, values->Finish());
  ARROW_ASSIGN_OR_RAISE(auto index_chunks, indices->Finish());
  if (value_chunks->num_chunks() != 1) return nullptr;
  return arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int32(), type),
                                            index_chunks->chunk(0),
                                            value_chunks->chunk(0));
}

arrow::Result<std::shared_ptr<arrow::Array>> RowGroupColumns::Read(
    int column, const std::shared_ptr<arrow::DataType>& type, bool keep_dictionary) {
  if (keep_dictionary && arrow::is_base_binary_like(type->id()) &&
      CanRead(*file_, column, *type) &&
      file_->column(column)->physical_type() == parquet::Type::BYTE_ARRAY &&
      file_->row_group(row_group_).ColumnChunk(column)->has_dictionary_page()) {
    auto dictionary =
        GuardParquet(file_->location(), [&] { return ReadDictionary(column, type); });
    if (!dictionary.ok() || *dictionary != nullptr) return dictionary;
  }
  return ReadSelected(column, type, RowSelection::All(row_count()));
}

arrow::Result<std::shared_ptr<arrow::Array>> RowGroupColumns::ReadRows(
    int column, const std::shared_ptr<arrow::DataType>& type,
    std::span<const uint32_t> rows) {
  return ReadSelected(column, type, RowSelection::Rows(rows));
}

arrow::Status RowGroupColumns::Gather(int column, std::span<const RowPick> picks,
                                      OutputColumn* out) {
  return GatherInto(column, RowSelection::Picks(picks), out);
}

}  // namespace floe::iceberg
