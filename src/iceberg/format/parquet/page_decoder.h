#pragma once

#include <zstd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/util/type_fwd.h"
#include "parquet/types.h"

namespace parquet {
class ColumnDescriptor;
class Decoder;
}  // namespace parquet

namespace floe::iceberg {

/// The fields Floe needs of a page header.
/// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
struct PageHeader {
  enum class Type : int32_t { kData = 0, kIndex = 1, kDictionary = 2, kDataV2 = 3 };
  Type type = Type::kData;
  int32_t header_size = 0;  ///< Bytes of the header itself.
  int32_t uncompressed_size = 0;
  int32_t compressed_size = 0;
  int32_t value_count = 0;  ///< NULLs included.
  parquet::Encoding::type encoding = parquet::Encoding::UNKNOWN;
  parquet::Encoding::type level_encoding = parquet::Encoding::RLE;
  int32_t definition_size = 0;  ///< V2: bytes of levels, never compressed.
  int32_t repetition_size = 0;
  bool compressed = true;  ///< V2 pages may say they are not.

  bool is_data() const { return type == Type::kData || type == Type::kDataV2; }

  /// Parses the header at the start of `bytes`. `*complete` false: more bytes are needed.
  /// kCorruptData for what is no header, or sizes out of range.
  static arrow::Result<PageHeader> Parse(std::span<const uint8_t> bytes, bool* complete);
};

/// Memory that grows and is never cleared, for use again and again.
class ScratchBuffer {
 public:
  /// At least `size` bytes, the old content lost.
  uint8_t* Reserve(int64_t size);
  uint8_t* data() { return data_.get(); }
  int64_t capacity() const { return capacity_; }
  void Free();

 private:
  std::unique_ptr<uint8_t[]> data_;
  int64_t capacity_ = 0;
};

/// What a thread needs to decode pages, kept warm between them. One thread at a time.
struct DecodeScratch {
  DecodeScratch();
  ~DecodeScratch();
  DecodeScratch(const DecodeScratch&) = delete;
  DecodeScratch& operator=(const DecodeScratch&) = delete;

  ScratchBuffer window;      ///< Bytes of the file.
  ScratchBuffer page;        ///< A data page, decompressed.
  ScratchBuffer dictionary;  ///< A dictionary page, decompressed.
  ScratchBuffer presence;    ///< A byte per row of a page: 1 where there is a value.
  ScratchBuffer decoded;     ///< Values of the encodings decoded a page at a time.
  std::vector<std::string_view> entries;  ///< A dictionary's byte arrays.

  /// Decompresses exactly `out_size` bytes. kCorruptData where the input is not that.
  arrow::Status Decompress(arrow::Compression::type compression,
                           std::span<const uint8_t> in, uint8_t* out, int64_t out_size);
  /// Gives back buffers that one unusual page made large.
  void Trim();

 private:
  struct ZstdDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, ZstdDeleter> zstd_;
  std::vector<std::pair<arrow::Compression::type, std::unique_ptr<arrow::util::Codec>>>
      codecs_;
};

/// Parquet's hybrid of run lengths and bit-packed values, read at ascending positions.
class HybridCursor {
 public:
  HybridCursor() = default;
  HybridCursor(std::span<const uint8_t> bytes, int bit_width)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), bit_width_(bit_width) {
    mask_ = static_cast<uint32_t>((uint64_t{1} << bit_width) - 1);
  }

  /// The value at `position`, which never decreases between calls; false past the end.
  bool At(int64_t position, uint32_t* value) {
    while (position >= run_end_) [[unlikely]] {
      if (!NextRun()) return false;
    }
    if (packed_ == nullptr) {
      *value = run_value_;
      return true;
    }
    const uint64_t bit =
        static_cast<uint64_t>(position - run_begin_) * static_cast<uint64_t>(bit_width_);
    const uint8_t* from = packed_ + (bit >> 3);
    uint64_t word = 0;
    if (end_ - from >= static_cast<int64_t>(sizeof(word))) [[likely]] {
      __builtin_memcpy(&word, from, sizeof(word));
    } else {
      word = TailWord(from);
    }
    *value = static_cast<uint32_t>(word >> (bit & 7)) & mask_;
    return true;
  }

  /// The end of the run that holds `position` and, where it is one value repeated, the
  /// value; false past the end.
  bool RunAt(int64_t position, int64_t* run_end, bool* repeated, uint32_t* value);

 private:
  bool NextRun();
  uint64_t TailWord(const uint8_t* from) const;

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  int bit_width_ = 0;
  uint32_t mask_ = 0;
  int64_t run_begin_ = 0;
  int64_t run_end_ = 0;
  const uint8_t* packed_ = nullptr;  ///< Null: run_value_ repeated.
  uint32_t run_value_ = 0;
};

/// A data page opened: which rows have values, and where those are.
struct DataPage {
  int64_t row_count = 0;
  int64_t present_count = 0;
  const uint8_t* presence = nullptr;  ///< A byte a row; null when every row has a value.
  parquet::Encoding::type encoding = parquet::Encoding::UNKNOWN;
  std::span<const uint8_t> values;
  bool is_dictionary() const {
    return encoding == parquet::Encoding::RLE_DICTIONARY ||
           encoding == parquet::Encoding::PLAIN_DICTIONARY;
  }
};

/// Opens the pages of one column chunk. Pages stay valid until the next is opened.
class PageDecoder {
 public:
  PageDecoder(const parquet::ColumnDescriptor& column,
              arrow::Compression::type compression, DecodeScratch* scratch);
  ~PageDecoder();

  arrow::Status OpenDictionary(const PageHeader& header, std::span<const uint8_t> body);
  arrow::Result<DataPage> OpenData(const PageHeader& header,
                                   std::span<const uint8_t> body);

  bool has_dictionary() const { return has_dictionary_; }
  int64_t dictionary_size() const { return dictionary_size_; }
  /// PLAIN values of fixed width, one after another.
  const uint8_t* dictionary_values() const { return scratch_->dictionary.data(); }
  const std::vector<std::string_view>& dictionary_entries() const {
    return scratch_->entries;
  }

  /// The page's present values decoded by the Parquet library, for the encodings that
  /// have no random access: fixed-width values one after another, or parquet::ByteArray
  /// for byte arrays. Valid until the next call.
  arrow::Result<const uint8_t*> DecodeAll(const DataPage& page);

 private:
  arrow::Result<std::span<const uint8_t>> Uncompressed(std::span<const uint8_t> body,
                                                       int64_t size, bool compressed,
                                                       ScratchBuffer* into);
  arrow::Status ReadLevels(std::span<const uint8_t> levels, bool bit_packed,
                           DataPage* page);

  const parquet::ColumnDescriptor& column_;
  const arrow::Compression::type compression_;
  DecodeScratch* scratch_;
  bool has_dictionary_ = false;
  int64_t dictionary_size_ = 0;
  std::unique_ptr<parquet::Decoder> decoder_;  ///< Owns what DecodeAll points to.
};

/// Bytes of one PLAIN value; 0 for byte arrays and booleans.
int PlainWidth(const parquet::ColumnDescriptor& column);

}  // namespace floe::iceberg
