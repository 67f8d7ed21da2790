#include "iceberg/format/parquet/gather_values.h"

#include <algorithm>

#include "arrow/buffer.h"
#include "base/error.h"
#include "parquet/schema.h"
#include "parquet/types.h"

namespace floe::iceberg {

namespace {

constexpr int64_t kMinBlock = 256;
constexpr int64_t kMaxBlock = int64_t{1} << 20;
constexpr int kMaxIndexBits = 32;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "a Parquet page is damaged: {}", what);
}

arrow::Status TooLarge() {
  return MakeError(ErrorCode::kCorruptData,
                   "a Parquet value does not fit the type its column is read as");
}

/// Where the values of a page are. Each has At(k, &value, &size): the value of rank k,
/// k never decreasing; false when the page does not hold what it should.
struct FixedSource {
  const uint8_t* values;
  int64_t width;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    *value = values + k * width;
    *size = width;
    return true;
  }
};

template <int kWidth>
struct PlainSource {
  const uint8_t* values;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    *value = values + k * kWidth;
    *size = kWidth;
    return true;
  }
};

template <int kWidth>
struct DictionarySource {
  HybridCursor indices;
  const uint8_t* values;
  int64_t count;
  int64_t width;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    uint32_t index;
    if (!indices.At(k, &index) || index >= count) return false;
    const int64_t stride = kWidth > 0 ? kWidth : width;
    *value = values + index * stride;
    *size = stride;
    return true;
  }
};

struct PlainBytesSource {
  const uint8_t* at;
  const uint8_t* end;
  int64_t rank = -1;  ///< Of the value at `at`.
  uint32_t length = 0;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    while (rank < k) {
      if (rank >= 0) at += length;
      if (end - at < static_cast<int64_t>(sizeof(length))) return false;
      std::memcpy(&length, at, sizeof(length));
      at += sizeof(length);
      if (end - at < static_cast<int64_t>(length)) return false;
      ++rank;
    }
    *value = at;
    *size = length;
    return true;
  }
};

struct EntrySource {
  HybridCursor indices;
  const std::string_view* entries;
  int64_t count;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    uint32_t index;
    if (!indices.At(k, &index) || index >= count) return false;
    *value = reinterpret_cast<const uint8_t*>(entries[index].data());
    *size = static_cast<int64_t>(entries[index].size());
    return true;
  }
};

struct ByteArraySource {
  const parquet::ByteArray* values;
  bool At(int64_t k, const uint8_t** value, int64_t* size) {
    *value = values[k].ptr;
    *size = values[k].len;
    return true;
  }
};

/// The dictionary indices of a page: a byte of bit width, then the hybrid.
arrow::Result<HybridCursor> Indices(const DataPage& page, const PageDecoder& decoder) {
  if (!decoder.has_dictionary()) return Corrupt("the dictionary it refers to is missing");
  if (page.values.empty()) {
    if (page.present_count > 0) return Corrupt("it has no values");
    return HybridCursor();
  }
  const int bit_width = page.values[0];
  if (bit_width > kMaxIndexBits) return Corrupt("its indices are too wide");
  return HybridCursor(page.values.subspan(1), bit_width);
}

/// Follows the rank of values through the rows of a page, NULLs having none.
class RankCursor {
 public:
  explicit RankCursor(const uint8_t* presence) : presence_(presence) {}
  /// Whether `row` has a value, and its rank. Rows never decrease.
  bool At(int64_t row, int64_t* rank) {
    int64_t passed = 0;
    for (; row_ < row; ++row_) passed += presence_[row_];
    rank_ += passed;
    *rank = rank_;
    return presence_[row] != 0;
  }

 private:
  const uint8_t* presence_;
  int64_t row_ = 0;
  int64_t rank_ = 0;
};

/// Calls `write(slot, value, size)` for each selected row with a value; positions of the
/// others stay NULL. What `write` returns, false for a value that does not fit, ends it.
template <typename Access, typename Source, typename Write>
arrow::Status ForEachValue(const Access& access, Source* source, const DataPage& page,
                           int64_t page_row, int64_t begin, int64_t end,
                           const Write& write) {
  const uint8_t* value = nullptr;
  int64_t size = 0;
  if (page.presence == nullptr) {
    for (int64_t i = begin; i < end; ++i) {
      if (!source->At(access.row(i) - page_row, &value, &size)) {
        return Corrupt("a value is missing");
      }
      if (!write(access.slot(i), value, size)) return TooLarge();
    }
    return arrow::Status::OK();
  }
  RankCursor ranks(page.presence);
  int64_t rank = 0;
  for (int64_t i = begin; i < end; ++i) {
    if (!ranks.At(access.row(i) - page_row, &rank)) continue;
    if (!source->At(rank, &value, &size)) return Corrupt("a value is missing");
    if (!write(access.slot(i), value, size)) return TooLarge();
  }
  return arrow::Status::OK();
}

}  // namespace

int64_t RowSelection::LowerBound(int64_t begin, int64_t wanted) const {
  if (kind_ == Kind::kAll) return std::clamp(wanted, begin, size_);
  int64_t end = size_;
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    if (row(middle) < wanted) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

arrow::Result<const char*> ValueArena::Copy(std::string_view value, int64_t more) {
  const auto size = static_cast<int64_t>(value.size());
  if (size > left_ || at_ == nullptr) {
    const int64_t expected = size * std::min<int64_t>(more + 1, kMaxBlock);
    const int64_t block = std::max(size, std::clamp(expected, kMinBlock, kMaxBlock));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(block, pool_));
    at_ = reinterpret_cast<char*>(buffer->mutable_data());
    left_ = block;
    out_->AddArena(std::move(buffer));
  }
  char* copy = at_;
  if (size > 0) std::memcpy(copy, value.data(), value.size());
  at_ += size;
  left_ -= size;
  return copy;
}

template <typename Source, typename Convert>
arrow::Status ValueGatherer::WriteFixed(Source source, Convert convert,
                                        const Range& range) {
  uint8_t* const values = out_->values();
  uint8_t* const validity = out_->validity();
  const int64_t width = out_->byte_width();
  return selection_.Dispatch([&](const auto& access) {
    return ForEachValue(access, &source, range.page, range.page_row, range.begin,
                        range.end, [&](int64_t slot, const uint8_t* value, int64_t size) {
                          validity[slot] = 1;
                          return convert(value, size, values + slot * width);
                        });
  });
}

template <typename Source>
arrow::Status ValueGatherer::ConvertFrom(Source source, const Range& range) {
  using Kind = ValueConversion::Kind;
  switch (conversion_.kind) {
    case Kind::kCopy4:
      return WriteFixed(source, convert::Copy<4>{}, range);
    case Kind::kCopy8:
      return WriteFixed(source, convert::Copy<8>{}, range);
    case Kind::kCopy16:
      return WriteFixed(source, convert::Copy<16>{}, range);
    case Kind::kCopyWide:
      return WriteFixed(source, convert::CopyWide{}, range);
    case Kind::kIntToLong:
      return WriteFixed(source, convert::IntToLong{}, range);
    case Kind::kFloatToDouble:
      return WriteFixed(source, convert::FloatToDouble{}, range);
    case Kind::kScaleUp:
      return WriteFixed(source, convert::ScaleUp{conversion_.factor}, range);
    case Kind::kScaleDown:
      return WriteFixed(source, convert::ScaleDown{conversion_.factor}, range);
    case Kind::kInt96:
      return WriteFixed(source, convert::Int96{conversion_.factor}, range);
    case Kind::kDecimalInt32:
      return WriteFixed(source, convert::DecimalInt<int32_t>{}, range);
    case Kind::kDecimalInt64:
      return WriteFixed(source, convert::DecimalInt<int64_t>{}, range);
    case Kind::kDecimalBytes:
      return WriteFixed(source, convert::DecimalBytes{}, range);
    case Kind::kBytes:
    case Kind::kBool:
      break;
  }
  return MakeError(ErrorCode::kInternal, "not a fixed-width conversion");
}

arrow::Status ValueGatherer::GatherFixed(PageDecoder* decoder, const Range& range) {
  const DataPage& page = range.page;
  const int width = PlainWidth(column_);
  if (page.is_dictionary()) {
    ARROW_ASSIGN_OR_RAISE(HybridCursor indices, Indices(page, *decoder));
    const uint8_t* values = decoder->dictionary_values();
    const int64_t count = decoder->dictionary_size();
    if (width == 8) {
      return ConvertFrom(DictionarySource<8>{indices, values, count, 8}, range);
    }
    if (width == 4) {
      return ConvertFrom(DictionarySource<4>{indices, values, count, 4}, range);
    }
    return ConvertFrom(DictionarySource<0>{indices, values, count, width}, range);
  }
  const uint8_t* values = page.values.data();
  if (page.encoding != parquet::Encoding::PLAIN) {
    ARROW_ASSIGN_OR_RAISE(values, decoder->DecodeAll(page));
  } else if (static_cast<int64_t>(page.values.size()) / width < page.present_count) {
    return Corrupt("it has fewer values than it says");
  }
  if (width == 8) return ConvertFrom(PlainSource<8>{values}, range);
  if (width == 4) return ConvertFrom(PlainSource<4>{values}, range);
  return ConvertFrom(FixedSource{values, width}, range);
}

template <typename Source>
arrow::Status ValueGatherer::WriteViews(Source source, const Range& range, bool stable) {
  if (conversion_.kind == ValueConversion::Kind::kDecimalBytes) {
    return WriteFixed(source, convert::DecimalBytes{}, range);
  }
  OutputColumn::View* const views = out_->views();
  uint8_t* const validity = out_->validity();
  int64_t left = range.end - range.begin;
  arrow::Status status;
  const auto write = [&](int64_t slot, const uint8_t* value, int64_t size) {
    const char* data = reinterpret_cast<const char*>(value);
    if (!stable) {
      auto copy = arena_.Copy({data, static_cast<size_t>(size)}, --left);
      if (!copy.ok()) {
        status = copy.status();
        return false;
      }
      data = *copy;
    }
    validity[slot] = 1;
    views[slot] = {data, size};
    return true;
  };
  const arrow::Status walked = selection_.Dispatch([&](const auto& access) {
    return ForEachValue(access, &source, range.page, range.page_row, range.begin,
                        range.end, write);
  });
  ARROW_RETURN_NOT_OK(status);
  return walked;
}

arrow::Status ValueGatherer::CopyDictionary(const PageDecoder& decoder) {
  int64_t bytes = 0;
  for (const std::string_view& entry : decoder.dictionary_entries()) {
    bytes += static_cast<int64_t>(entry.size());
  }
  ARROW_ASSIGN_OR_RAISE(auto buffer,
                        arrow::AllocateBuffer(std::max<int64_t>(bytes, 1), pool_));
  char* at = reinterpret_cast<char*>(buffer->mutable_data());
  entries_.reserve(decoder.dictionary_entries().size());
  for (const std::string_view& entry : decoder.dictionary_entries()) {
    if (!entry.empty()) std::memcpy(at, entry.data(), entry.size());
    entries_.emplace_back(at, entry.size());
    at += entry.size();
  }
  out_->AddArena(std::move(buffer));
  return arrow::Status::OK();
}

arrow::Status ValueGatherer::GatherBytes(PageDecoder* decoder, const Range& range) {
  const DataPage& page = range.page;
  if (page.is_dictionary()) {
    ARROW_ASSIGN_OR_RAISE(HybridCursor indices, Indices(page, *decoder));
    const int64_t count = decoder->dictionary_size();
    // With more picks than entries, entries are copied once and shared.
    const bool shared = conversion_.kind == ValueConversion::Kind::kBytes &&
                        (!entries_.empty() || range.end - range.begin > count);
    if (shared && entries_.empty()) ARROW_RETURN_NOT_OK(CopyDictionary(*decoder));
    const std::string_view* entries =
        shared ? entries_.data() : decoder->dictionary_entries().data();
    return WriteViews(EntrySource{indices, entries, count}, range, shared);
  }
  if (page.encoding == parquet::Encoding::PLAIN) {
    const uint8_t* begin = page.values.data();
    return WriteViews(PlainBytesSource{begin, begin + page.values.size()}, range, false);
  }
  ARROW_ASSIGN_OR_RAISE(const uint8_t* values, decoder->DecodeAll(page));
  return WriteViews(ByteArraySource{reinterpret_cast<const parquet::ByteArray*>(values)},
                    range, false);
}

arrow::Status ValueGatherer::GatherBools(PageDecoder*, const Range& range) {
  const DataPage& page = range.page;
  struct PackedBits {
    const uint8_t* bits;
    uint8_t bit = 0;
    bool At(int64_t k, const uint8_t** value, int64_t* size) {
      bit = (bits[k >> 3] >> (k & 7)) & 1;
      *value = &bit;
      *size = 1;
      return true;
    }
  };
  struct HybridBits {
    HybridCursor cursor;
    uint8_t bit = 0;
    bool At(int64_t k, const uint8_t** value, int64_t* size) {
      uint32_t read;
      if (!cursor.At(k, &read)) return false;
      bit = static_cast<uint8_t>(read);
      *value = &bit;
      *size = 1;
      return true;
    }
  };
  if (page.encoding == parquet::Encoding::PLAIN) {
    if (static_cast<int64_t>(page.values.size()) * 8 < page.present_count) {
      return Corrupt("it has fewer values than it says");
    }
    return WriteFixed(PackedBits{page.values.data()}, convert::Copy<1>{}, range);
  }
  if (page.encoding != parquet::Encoding::RLE) {
    return MakeError(ErrorCode::kNotSupported, "booleans in Parquet encoding {}",
                     static_cast<int>(page.encoding));
  }
  uint32_t size = 0;
  if (page.present_count == 0) return arrow::Status::OK();
  if (page.values.size() < sizeof(size)) return Corrupt("it has no values");
  std::memcpy(&size, page.values.data(), sizeof(size));
  std::span<const uint8_t> bytes = page.values.subspan(sizeof(size));
  if (bytes.size() < size) return Corrupt("its values are cut off");
  return WriteFixed(HybridBits{HybridCursor(bytes.first(size), 1)}, convert::Copy<1>{},
                    range);
}

arrow::Status ValueGatherer::Gather(PageDecoder* decoder, const DataPage& page,
                                    int64_t page_row, int64_t begin, int64_t end) {
  const Range range{page, page_row, begin, end};
  if (conversion_.kind == ValueConversion::Kind::kBool) {
    return GatherBools(decoder, range);
  }
  if (column_.physical_type() == parquet::Type::BYTE_ARRAY) {
    return GatherBytes(decoder, range);
  }
  return GatherFixed(decoder, range);
}

arrow::Status GatherIndices(const PageDecoder& decoder, const DataPage& page,
                            const RowSelection& selection, int64_t page_row,
                            int64_t begin, int64_t end, OutputColumn* out) {
  struct IndexSource {
    HybridCursor indices;
    int64_t count;
    uint32_t index = 0;
    bool At(int64_t k, const uint8_t** value, int64_t* size) {
      if (!indices.At(k, &index) || index >= count) return false;
      *value = reinterpret_cast<const uint8_t*>(&index);
      *size = sizeof(index);
      return true;
    }
  };
  ARROW_ASSIGN_OR_RAISE(HybridCursor indices, Indices(page, decoder));
  IndexSource source{indices, decoder.dictionary_size()};
  auto* const values = reinterpret_cast<uint32_t*>(out->values());
  uint8_t* const validity = out->validity();
  return selection.Dispatch([&](const auto& access) {
    return ForEachValue(access, &source, page, page_row, begin, end,
                        [&](int64_t slot, const uint8_t*, int64_t) {
                          validity[slot] = 1;
                          values[slot] = source.index;
                          return true;
                        });
  });
}

}  // namespace floe::iceberg
