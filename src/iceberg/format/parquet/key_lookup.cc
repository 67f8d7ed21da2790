#include "iceberg/format/parquet/key_lookup.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "base/error.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/key_column.h"
#include "iceberg/format/parquet/page_decoder.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "io/prefetch.h"
#include "parquet/bloom_filter.h"
#include "parquet/schema.h"
#include "parquet/xxhasher.h"

namespace floe::iceberg {
namespace {

/// Up to this many candidates are compared one by one.
constexpr size_t kFewCandidates = 4;

using Keys = std::vector<std::string_view>;
using Candidates = std::vector<int32_t>;

/// The candidates within the bounds; both are sorted.
std::span<const int32_t> Within(const KeyBounds& bounds, const Keys& keys,
                                std::span<const int32_t> candidates) {
  if (bounds.all_null) return {};
  if (!bounds.known) return candidates;
  const auto begin =
      std::lower_bound(candidates.begin(), candidates.end(), bounds.lower,
                       [&](int32_t key, const std::string& bound) {
                         return keys[static_cast<size_t>(key)] < std::string_view(bound);
                       });
  const auto end = std::upper_bound(
      begin, candidates.end(), bounds.upper, [&](const std::string& bound, int32_t key) {
        return std::string_view(bound) < keys[static_cast<size_t>(key)];
      });
  return {begin, end};
}

/// Scratch of all lookups of the process: as many as there ever were at once.
DecodeScratchPool& ScratchPool() {
  static DecodeScratchPool* pool = new DecodeScratchPool();
  return *pool;
}

class ScratchLease {
 public:
  ScratchLease() : scratch_(ScratchPool().Acquire()) {}
  ~ScratchLease() { ScratchPool().Release(std::move(scratch_)); }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;
  DecodeScratch* get() { return scratch_.get(); }

 private:
  std::unique_ptr<DecodeScratch> scratch_;
};

class Lookup {
 public:
  Lookup(const ParquetFile& file, int column, const Keys& keys,
         KeyLookupCounters* counters)
      : file_(file),
        descriptor_(*file.column(column)),
        keys_(keys),
        counters_(*counters) {}

  arrow::Result<std::vector<KeyMatch>> Run(const KeyColumn& column) {
    Candidates all(keys_.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int32_t>(i);
    for (const KeyColumn::Group& group : column.groups) {
      std::span<const int32_t> candidates = Within(group.bounds, keys_, all);
      if (candidates.empty()) continue;
      const Candidates possible = AskBloomFilter(group, candidates);
      if (!possible.empty()) ARROW_RETURN_NOT_OK(SearchGroup(group, possible));
    }
    return std::move(matches_);
  }

 private:
  Candidates AskBloomFilter(const KeyColumn::Group& group,
                            std::span<const int32_t> candidates) {
    if (group.bloom_filter == nullptr) return {candidates.begin(), candidates.end()};
    if (hashes_.empty()) {
      const parquet::XxHasher hasher;
      hashes_.reserve(keys_.size());
      for (const std::string_view key : keys_) hashes_.push_back(hasher.Hash(key));
    }
    Candidates possible;
    for (const int32_t key : candidates) {
      ++counters_.bloom_checks;
      if (!group.bloom_filter->FindHash(hashes_[static_cast<size_t>(key)])) continue;
      ++counters_.bloom_hits;
      possible.push_back(key);
    }
    return possible;
  }

  arrow::Status SearchGroup(const KeyColumn::Group& group, const Candidates& candidates) {
    std::optional<PageDecoder> decoder;
    ARROW_RETURN_NOT_OK(FetchPages(group, candidates));
    for (const KeyColumn::Page& page : group.pages) {
      const auto wanted = Within(page.bounds, keys_, candidates);
      if (wanted.empty()) continue;
      if (!decoder) {
        decoder.emplace(descriptor_, group.compression, scratch_.get());
        if (group.dictionary_size > 0) {
          ARROW_ASSIGN_OR_RAISE(dictionary_bytes_,
                                Read(group.dictionary_offset, group.dictionary_size));
          int64_t row = 0;
          ARROW_RETURN_NOT_OK(
              SearchPages(Bytes(*dictionary_bytes_), 0, {}, &row, &*decoder));
        }
      }
      ARROW_ASSIGN_OR_RAISE(const auto bytes, Read(page.offset, page.size));
      int64_t row = page.first_row;
      ARROW_RETURN_NOT_OK(SearchPages(Bytes(*bytes), page.first_row + page.row_count,
                                      wanted, &row, &*decoder));
      if (row != page.first_row + page.row_count) {
        return Corrupt(fmt::format("its keys end at row {} instead of {}", row,
                                   page.first_row + page.row_count));
      }
    }
    return arrow::Status::OK();
  }

  /// Fetches the pages that SearchGroup will read of a remote file, at once.
  arrow::Status FetchPages(const KeyColumn::Group& group, const Candidates& candidates) {
    input_ = file_.input();
    if (!IsRemoteInput(*input_)) return arrow::Status::OK();
    std::vector<arrow::io::ReadRange> ranges;
    if (group.dictionary_size > 0) {
      ranges.push_back({group.dictionary_offset, group.dictionary_size});
    }
    for (const KeyColumn::Page& page : group.pages) {
      if (!Within(page.bounds, keys_, candidates).empty()) {
        ranges.push_back({page.offset, page.size});
      }
    }
    return PrefetchRanges(input_, std::move(ranges)).Value(&input_);
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t offset, int64_t size) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, input_->ReadAt(offset, size));
    if (buffer->size() != size) {
      return Corrupt(fmt::format("it ends before byte {}", offset + size));
    }
    return buffer;
  }

  static std::span<const uint8_t> Bytes(const arrow::Buffer& buffer) {
    return {buffer.data(), static_cast<size_t>(buffer.size())};
  }

  /// Walks whole pages; `*row` is the position of the next row and may not pass `end`.
  arrow::Status SearchPages(std::span<const uint8_t> bytes, int64_t end,
                            std::span<const int32_t> wanted, int64_t* row,
                            PageDecoder* decoder) {
    while (!bytes.empty()) {
      bool complete = false;
      ARROW_ASSIGN_OR_RAISE(const PageHeader header, PageHeader::Parse(bytes, &complete));
      const auto header_size = static_cast<size_t>(header.header_size);
      const auto body_size = static_cast<size_t>(header.compressed_size);
      if (!complete || header_size + body_size > bytes.size()) {
        return Corrupt("a page of its keys is cut off");
      }
      const auto body = bytes.subspan(header_size, body_size);
      bytes = bytes.subspan(header_size + body_size);
      if (header.type == PageHeader::Type::kDictionary) {
        ARROW_RETURN_NOT_OK(decoder->OpenDictionary(header, body));
      } else if (header.is_data()) {
        ARROW_ASSIGN_OR_RAISE(const DataPage page, decoder->OpenData(header, body));
        if (page.row_count > end - *row) return Corrupt("a page has too many rows");
        ARROW_RETURN_NOT_OK(SearchPage(page, *row, wanted, decoder));
        *row += page.row_count;
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status SearchPage(const DataPage& page, int64_t first_row,
                           std::span<const int32_t> wanted, PageDecoder* decoder) {
    ++counters_.pages_read;
    if (page.is_dictionary()) return SearchDictionary(page, first_row, wanted, *decoder);
    if (page.encoding != parquet::Encoding::PLAIN) {
      ARROW_ASSIGN_OR_RAISE(const uint8_t* decoded, decoder->DecodeAll(page));
      const auto* values = reinterpret_cast<const parquet::ByteArray*>(decoded);
      ForEachPresent(page, [&](int64_t row) {
        const parquet::ByteArray& value = *values++;
        Compare({reinterpret_cast<const char*>(value.ptr), value.len}, first_row + row,
                wanted);
        return true;
      });
      return arrow::Status::OK();
    }
    const uint8_t* at = page.values.data();
    const uint8_t* const stop = at + page.values.size();
    const bool intact = ForEachPresent(page, [&](int64_t row) {
      uint32_t size = 0;
      if (stop - at < static_cast<int64_t>(sizeof(size))) return false;
      std::memcpy(&size, at, sizeof(size));
      at += sizeof(size);
      if (stop - at < static_cast<int64_t>(size)) return false;
      Compare({reinterpret_cast<const char*>(at), size}, first_row + row, wanted);
      at += size;
      return true;
    });
    return intact ? arrow::Status::OK() : Corrupt("a key is cut off");
  }

  /// Finds the wanted entries first, then the rows that refer to them.
  arrow::Status SearchDictionary(const DataPage& page, int64_t first_row,
                                 std::span<const int32_t> wanted,
                                 const PageDecoder& decoder) {
    const auto& entries = decoder.dictionary_entries();
    if (!decoder.has_dictionary() || page.values.empty()) {
      return page.present_count == 0 ? arrow::Status::OK()
                                     : Corrupt("a page of its keys has no dictionary");
    }
    const int bit_width = page.values[0];
    constexpr int kMaxIndexBits = 32;
    if (bit_width > kMaxIndexBits) return Corrupt("dictionary indexes are too wide");
    HybridCursor indexes(page.values.subspan(1), bit_width);
    int64_t position = 0;
    const bool intact = ForEachPresent(page, [&](int64_t row) {
      uint32_t index = 0;
      if (!indexes.At(position++, &index) || index >= entries.size()) return false;
      Compare(entries[index], first_row + row, wanted);
      return true;
    });
    return intact ? arrow::Status::OK() : Corrupt("a dictionary index is out of range");
  }

  /// Calls `visit` with the number within the page of each row that has a value, until
  /// it returns false.
  template <typename Visit>
  bool ForEachPresent(const DataPage& page, const Visit& visit) {
    for (int64_t row = 0; row < page.row_count; ++row) {
      if (page.presence != nullptr && page.presence[row] == 0) continue;
      if (!visit(row)) return false;
    }
    return true;
  }

  void Compare(std::string_view value, int64_t row, std::span<const int32_t> wanted) {
    if (wanted.size() <= kFewCandidates) {
      for (const int32_t key : wanted) {
        if (keys_[static_cast<size_t>(key)] == value) matches_.push_back({key, row});
      }
      return;
    }
    const auto found = std::lower_bound(wanted.begin(), wanted.end(), value,
                                        [&](int32_t key, std::string_view v) {
                                          return keys_[static_cast<size_t>(key)] < v;
                                        });
    if (found != wanted.end() && keys_[static_cast<size_t>(*found)] == value) {
      matches_.push_back({*found, row});
    }
  }

  arrow::Status Corrupt(const std::string& what) const {
    return MakeError(ErrorCode::kCorruptData, "the Parquet file '{}' is damaged: {}",
                     file_.location(), what);
  }

  const ParquetFile& file_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
  const parquet::ColumnDescriptor& descriptor_;
  const Keys& keys_;
  KeyLookupCounters& counters_;
  ScratchLease scratch_;
  std::shared_ptr<arrow::Buffer> dictionary_bytes_;
  std::vector<uint64_t> hashes_;
  std::vector<KeyMatch> matches_;
};

}  // namespace

arrow::Result<std::vector<KeyMatch>> LookupKeys(const ParquetFile& file, int column,
                                                const std::vector<std::string_view>& keys,
                                                KeyLookupCounters* counters) {
  if (column < 0 || column >= file.column_count()) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' has no column {}",
                     file.location(), column);
  }
  if (keys.empty()) return std::vector<KeyMatch>{};
  KeyLookupCounters unused;
  ARROW_ASSIGN_OR_RAISE(const auto key_column, file.Keys(column));
  return GuardParquet(file.location(), [&] {
    return Lookup(file, column, keys, counters != nullptr ? counters : &unused)
        .Run(*key_column);
  });
}

}  // namespace floe::iceberg
