#include "iceberg/format/parquet/page_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "arrow/util/compression.h"
#include "base/error.h"
#include "parquet/encoding.h"
#include "parquet/exception.h"
#include "parquet/schema.h"

namespace floe::iceberg {

namespace {

constexpr int64_t kMaxPageBytes = int64_t{1} << 30;
/// Buffers beyond this are given back when a row group is done with.
constexpr int64_t kKeepBytes = int64_t{16} << 20;
constexpr int kMaxThriftDepth = 16;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "a Parquet page is damaged: {}", what);
}

/// Thrift's compact protocol, as far as page headers need it.
/// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
class CompactReader {
 public:
  explicit CompactReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  enum WireType : uint8_t {
    kStop = 0,
    kTrue = 1,
    kFalse = 2,
    kByte = 3,
    kI16 = 4,
    kI32 = 5,
    kI64 = 6,
    kDouble = 7,
    kBinary = 8,
    kList = 9,
    kSet = 10,
    kMap = 11,
    kStruct = 12,
  };

  size_t position() const { return at_; }
  bool ended() const { return ended_; }    ///< Ran out of bytes.
  bool failed() const { return failed_; }  ///< Ran out, or met what is not Thrift.

  uint8_t Byte() {
    if (at_ >= bytes_.size()) {
      ended_ = failed_ = true;
      return 0;
    }
    return bytes_[at_++];
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    failed_ = true;
    return 0;
  }

  int64_t Integer() {
    const uint64_t raw = Varint();
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }

  int32_t Int32() {
    const int64_t value = Integer();
    if (value < std::numeric_limits<int32_t>::min() ||
        value > std::numeric_limits<int32_t>::max()) {
      failed_ = true;
    }
    return static_cast<int32_t>(value);
  }

  /// The next field of a struct; kStop at its end or on failure.
  WireType Field(int16_t* id) {
    const uint8_t byte = Byte();
    const auto type = static_cast<WireType>(byte & 0x0f);
    if (failed_ || type == kStop) return kStop;
    const int delta = byte >> 4;
    *id =
        delta != 0 ? static_cast<int16_t>(*id + delta) : static_cast<int16_t>(Integer());
    return type;
  }

  void Skip(WireType type, int depth = 0) {
    if (failed_) return;
    if (depth > kMaxThriftDepth) {
      failed_ = true;
      return;
    }
    switch (type) {
      case kTrue:
      case kFalse:
        return;
      case kByte:
        Byte();
        return;
      case kI16:
      case kI32:
      case kI64:
        Varint();
        return;
      case kDouble:
        Advance(sizeof(double));
        return;
      case kBinary:
        Advance(Varint());
        return;
      case kStruct: {
        int16_t id = 0;
        for (WireType field = Field(&id); field != kStop; field = Field(&id)) {
          Skip(field, depth + 1);
        }
        return;
      }
      case kList:
      case kSet:
        return SkipList(depth);
      default:
        failed_ = true;
    }
  }

 private:
  void Advance(uint64_t size) {
    if (size > bytes_.size() - at_) {
      ended_ = failed_ = true;
      return;
    }
    at_ += size;
  }

  void SkipList(int depth) {
    const uint8_t byte = Byte();
    const auto element = static_cast<WireType>(byte & 0x0f);
    uint64_t count = byte >> 4;
    if (count == 15) count = Varint();
    for (uint64_t i = 0; i < count && !failed_; ++i) {
      // A boolean in a list is a byte of its own.
      Skip(element == kTrue || element == kFalse ? kByte : element, depth + 1);
    }
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool ended_ = false;
  bool failed_ = false;
};

using Wire = CompactReader::WireType;

/// UNKNOWN for what is no encoding: an enum may not hold other numbers.
parquet::Encoding::type ReadEncoding(CompactReader* reader) {
  const int32_t number = reader->Int32();
  if (number < 0 || number >= parquet::Encoding::UNDEFINED) {
    return parquet::Encoding::UNKNOWN;
  }
  return static_cast<parquet::Encoding::type>(number);
}

/// DataPageHeader, DictionaryPageHeader and DataPageHeaderV2, by field id.
void ReadInnerHeader(PageHeader::Type type, CompactReader* reader, PageHeader* header) {
  const bool v2 = type == PageHeader::Type::kDataV2;
  int16_t id = 0;
  for (Wire wire = reader->Field(&id); wire != Wire::kStop; wire = reader->Field(&id)) {
    if (wire == Wire::kI32 && id == 1) {
      header->value_count = reader->Int32();
    } else if (wire == Wire::kI32 && id == (v2 ? 4 : 2)) {
      header->encoding = ReadEncoding(reader);
    } else if (wire == Wire::kI32 && id == 3 && type == PageHeader::Type::kData) {
      header->level_encoding = ReadEncoding(reader);
    } else if (wire == Wire::kI32 && id == 5 && v2) {
      header->definition_size = reader->Int32();
    } else if (wire == Wire::kI32 && id == 6 && v2) {
      header->repetition_size = reader->Int32();
    } else if ((wire == Wire::kTrue || wire == Wire::kFalse) && id == 7 && v2) {
      header->compressed = wire == Wire::kTrue;
    } else {
      reader->Skip(wire);
    }
  }
}

std::span<const uint8_t> From(std::span<const uint8_t> bytes, size_t begin) {
  return bytes.subspan(std::min(begin, bytes.size()));
}

/// Levels of the encoding that parquet-mr used before RLE: most significant bit first.
uint32_t BigEndianLevel(std::span<const uint8_t> bytes, int64_t index, int bit_width) {
  uint32_t level = 0;
  for (int b = 0; b < bit_width; ++b) {
    const uint64_t bit = static_cast<uint64_t>(index) * bit_width + b;
    level = (level << 1) | ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1);
  }
  return level;
}

template <typename DType>
arrow::Status DecodeInto(parquet::Decoder* decoder, int64_t count, uint8_t* out) {
  auto* typed = dynamic_cast<parquet::TypedDecoder<DType>*>(decoder);
  if (typed == nullptr) return Corrupt("an encoding does not fit its type");
  auto* values = reinterpret_cast<typename DType::c_type*>(out);
  const int decoded = typed->Decode(values, static_cast<int>(count));
  if (decoded != count) return Corrupt("it has fewer values than it says");
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<PageHeader> PageHeader::Parse(std::span<const uint8_t> bytes,
                                            bool* complete) {
  CompactReader reader(bytes);
  PageHeader header;
  int16_t id = 0;
  int32_t type = -1;
  for (Wire wire = reader.Field(&id); wire != Wire::kStop; wire = reader.Field(&id)) {
    if (wire == Wire::kI32 && id == 1) {
      type = reader.Int32();
    } else if (wire == Wire::kI32 && id == 2) {
      header.uncompressed_size = reader.Int32();
    } else if (wire == Wire::kI32 && id == 3) {
      header.compressed_size = reader.Int32();
    } else if (wire == Wire::kStruct && id == 5) {
      ReadInnerHeader(Type::kData, &reader, &header);
    } else if (wire == Wire::kStruct && id == 7) {
      ReadInnerHeader(Type::kDictionary, &reader, &header);
    } else if (wire == Wire::kStruct && id == 8) {
      ReadInnerHeader(Type::kDataV2, &reader, &header);
    } else {
      reader.Skip(wire);
    }
  }
  *complete = !reader.ended();
  if (reader.ended()) return header;
  const bool sizes = header.uncompressed_size >= 0 && header.compressed_size >= 0 &&
                     header.uncompressed_size <= kMaxPageBytes &&
                     header.compressed_size <= kMaxPageBytes && header.value_count >= 0 &&
                     header.definition_size >= 0 && header.repetition_size >= 0;
  if (reader.failed() || type < 0 || type > static_cast<int32_t>(Type::kDataV2) ||
      !sizes) {
    return Corrupt("its header cannot be read");
  }
  header.type = static_cast<Type>(type);
  header.header_size = static_cast<int32_t>(reader.position());
  return header;
}

uint8_t* ScratchBuffer::Reserve(int64_t size) {
  if (size > capacity_) {
    const int64_t capacity = std::max<int64_t>(size, std::min(capacity_ * 2, kKeepBytes));
    data_.reset();
    data_ = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(capacity));
    capacity_ = capacity;
  }
  return data_.get();
}

void ScratchBuffer::Free() {
  data_.reset();
  capacity_ = 0;
}

DecodeScratch::DecodeScratch() = default;
DecodeScratch::~DecodeScratch() = default;

void DecodeScratch::Trim() {
  for (ScratchBuffer* buffer : {&window, &page, &dictionary, &presence, &decoded}) {
    if (buffer->capacity() > kKeepBytes) buffer->Free();
  }
}

arrow::Status DecodeScratch::Decompress(arrow::Compression::type compression,
                                        std::span<const uint8_t> in, uint8_t* out,
                                        int64_t out_size) {
  if (compression == arrow::Compression::ZSTD) {
    if (zstd_ == nullptr) zstd_.reset(ZSTD_createDCtx());
    if (zstd_ == nullptr)
      return MakeError(ErrorCode::kResourceExhausted, "out of memory");
    const size_t size = ZSTD_decompressDCtx(
        zstd_.get(), out, static_cast<size_t>(out_size), in.data(), in.size());
    if (ZSTD_isError(size)) return Corrupt(ZSTD_getErrorName(size));
    if (static_cast<int64_t>(size) != out_size) return Corrupt("it is short");
    return arrow::Status::OK();
  }
  auto found = std::find_if(codecs_.begin(), codecs_.end(),
                            [&](const auto& c) { return c.first == compression; });
  if (found == codecs_.end()) {
    std::unique_ptr<arrow::util::Codec> codec;
    try {
      codec = parquet::GetCodec(compression);
    } catch (const parquet::ParquetException& error) {
      return MakeError(ErrorCode::kNotSupported, "a Parquet page: {}", error.what());
    }
    codecs_.emplace_back(compression, std::move(codec));
    found = codecs_.end() - 1;
  }
  auto size = found->second->Decompress(static_cast<int64_t>(in.size()), in.data(),
                                        out_size, out);
  if (!size.ok()) return Corrupt(size.status().message());
  if (*size != out_size) return Corrupt("it is short");
  return arrow::Status::OK();
}

bool HybridCursor::NextRun() {
  uint32_t header = 0;
  for (int shift = 0;; shift += 7) {
    if (at_ == end_ || shift > 28) return false;
    const uint8_t byte = *at_++;
    header |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) break;
  }
  run_begin_ = run_end_;
  const int64_t left = end_ - at_;
  if (header & 1) {
    int64_t count = int64_t{header >> 1} * 8;
    int64_t bytes = int64_t{header >> 1} * bit_width_;
    if (bytes > left) {
      // Writers may leave out the padding of the last group.
      bytes = left;
      count = bit_width_ == 0 ? count : left * 8 / bit_width_;
    }
    packed_ = at_;
    at_ += bytes;
    run_end_ = run_begin_ + count;
    return true;
  }
  const int width = (bit_width_ + 7) / 8;
  if (left < width) return false;
  run_value_ = 0;
  std::memcpy(&run_value_, at_, static_cast<size_t>(width));
  at_ += width;
  packed_ = nullptr;
  run_end_ = run_begin_ + int64_t{header >> 1};
  return true;
}

uint64_t HybridCursor::TailWord(const uint8_t* from) const {
  uint64_t word = 0;
  if (from < end_) std::memcpy(&word, from, static_cast<size_t>(end_ - from));
  return word;
}

bool HybridCursor::RunAt(int64_t position, int64_t* run_end, bool* repeated,
                         uint32_t* value) {
  while (position >= run_end_) {
    if (!NextRun()) return false;
  }
  *run_end = run_end_;
  *repeated = packed_ == nullptr;
  *value = run_value_;
  return true;
}

int PlainWidth(const parquet::ColumnDescriptor& column) {
  switch (column.physical_type()) {
    case parquet::Type::INT32:
    case parquet::Type::FLOAT:
      return 4;
    case parquet::Type::INT64:
    case parquet::Type::DOUBLE:
      return 8;
    case parquet::Type::INT96:
      return 12;
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return column.type_length();
    default:
      return 0;
  }
}

PageDecoder::PageDecoder(const parquet::ColumnDescriptor& column,
                         arrow::Compression::type compression, DecodeScratch* scratch)
    : column_(column), compression_(compression), scratch_(scratch) {}

PageDecoder::~PageDecoder() = default;

arrow::Result<std::span<const uint8_t>> PageDecoder::Uncompressed(
    std::span<const uint8_t> body, int64_t size, bool compressed, ScratchBuffer* into) {
  if (!compressed || compression_ == arrow::Compression::UNCOMPRESSED) {
    if (static_cast<int64_t>(body.size()) < size) return Corrupt("it is short");
    return body.first(static_cast<size_t>(size));
  }
  uint8_t* out = into->Reserve(size);
  // Some writers leave an empty value area uncompressed rather than an empty frame.
  if (size > 0) {
    ARROW_RETURN_NOT_OK(scratch_->Decompress(compression_, body, out, size));
  }
  return std::span<const uint8_t>(out, static_cast<size_t>(size));
}

arrow::Status PageDecoder::OpenDictionary(const PageHeader& header,
                                          std::span<const uint8_t> body) {
  if (header.encoding != parquet::Encoding::PLAIN &&
      header.encoding != parquet::Encoding::PLAIN_DICTIONARY) {
    return Corrupt("a dictionary is not in a plain encoding");
  }
  if (has_dictionary_) return Corrupt("a column chunk has two dictionaries");
  ARROW_ASSIGN_OR_RAISE(std::span<const uint8_t> bytes,
                        Uncompressed(body, header.uncompressed_size, header.compressed,
                                     &scratch_->dictionary));
  if (bytes.data() != scratch_->dictionary.data() && !bytes.empty()) {
    uint8_t* copy = scratch_->dictionary.Reserve(static_cast<int64_t>(bytes.size()));
    std::memcpy(copy, bytes.data(), bytes.size());
    bytes = {copy, bytes.size()};
  }
  has_dictionary_ = true;
  dictionary_size_ = header.value_count;
  if (column_.physical_type() != parquet::Type::BYTE_ARRAY) {
    const int width = PlainWidth(column_);
    if (width == 0 || static_cast<int64_t>(bytes.size()) / width < dictionary_size_) {
      return Corrupt("a dictionary is shorter than it says");
    }
    return arrow::Status::OK();
  }
  if (static_cast<int64_t>(bytes.size() / sizeof(uint32_t)) < dictionary_size_) {
    return Corrupt("a dictionary is shorter than it says");
  }
  scratch_->entries.resize(static_cast<size_t>(dictionary_size_));
  for (std::string_view& entry : scratch_->entries) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return Corrupt("a dictionary value is cut off");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes = bytes.subspan(sizeof(size));
    if (bytes.size() < size) return Corrupt("a dictionary value is cut off");
    entry = {reinterpret_cast<const char*>(bytes.data()), size};
    bytes = bytes.subspan(size);
  }
  return arrow::Status::OK();
}

arrow::Status PageDecoder::ReadLevels(std::span<const uint8_t> levels, bool bit_packed,
                                      DataPage* page) {
  const uint32_t max_level = static_cast<uint32_t>(column_.max_definition_level());
  const int bit_width = std::bit_width(max_level);
  const int64_t rows = page->row_count;
  if (bit_packed) {
    if (static_cast<int64_t>(levels.size()) * 8 / bit_width < rows) {
      return Corrupt("its levels are cut off");
    }
    uint8_t* presence = scratch_->presence.Reserve(rows);
    page->present_count = 0;
    for (int64_t i = 0; i < rows; ++i) {
      presence[i] = BigEndianLevel(levels, i, bit_width) == max_level ? 1 : 0;
      page->present_count += presence[i];
    }
    page->presence = presence;
    return arrow::Status::OK();
  }
  HybridCursor cursor(levels, bit_width);
  int64_t run_end = 0;
  bool repeated = false;
  uint32_t value = 0;
  page->present_count = rows;
  if (rows == 0) return arrow::Status::OK();
  if (!cursor.RunAt(0, &run_end, &repeated, &value)) return Corrupt("it has no levels");
  if (repeated && value == max_level && run_end >= rows) return arrow::Status::OK();
  uint8_t* presence = scratch_->presence.Reserve(rows);
  page->present_count = 0;
  for (int64_t at = 0; at < rows;) {
    if (!cursor.RunAt(at, &run_end, &repeated, &value)) {
      return Corrupt("its levels are cut off");
    }
    const int64_t end = std::min(run_end, rows);
    if (repeated) {
      const uint8_t present = value == max_level ? 1 : 0;
      std::memset(presence + at, present, static_cast<size_t>(end - at));
      page->present_count += present * (end - at);
      at = end;
      continue;
    }
    for (; at < end; ++at) {
      cursor.At(at, &value);
      presence[at] = value == max_level ? 1 : 0;
      page->present_count += presence[at];
    }
  }
  page->presence = presence;
  return arrow::Status::OK();
}

arrow::Result<DataPage> PageDecoder::OpenData(const PageHeader& header,
                                              std::span<const uint8_t> body) {
  DataPage page;
  page.row_count = page.present_count = header.value_count;
  page.encoding = header.encoding;
  const bool has_levels = column_.max_definition_level() > 0;
  if (header.type == PageHeader::Type::kDataV2) {
    const int64_t levels = int64_t{header.repetition_size} + header.definition_size;
    if (levels > static_cast<int64_t>(body.size()) || levels > header.uncompressed_size) {
      return Corrupt("its levels are longer than it is");
    }
    if (has_levels) {
      ARROW_RETURN_NOT_OK(
          ReadLevels(body.subspan(static_cast<size_t>(header.repetition_size),
                                  static_cast<size_t>(header.definition_size)),
                     /*bit_packed=*/false, &page));
    }
    ARROW_ASSIGN_OR_RAISE(
        page.values, Uncompressed(body.subspan(static_cast<size_t>(levels)),
                                  header.uncompressed_size - levels, header.compressed,
                                  &scratch_->page));
    return page;
  }
  ARROW_ASSIGN_OR_RAISE(
      std::span<const uint8_t> bytes,
      Uncompressed(body, header.uncompressed_size, true, &scratch_->page));
  if (has_levels && header.level_encoding == parquet::Encoding::BIT_PACKED) {
    const int bit_width =
        std::bit_width(static_cast<uint32_t>(column_.max_definition_level()));
    const size_t size = (static_cast<size_t>(page.row_count) * bit_width + 7) / 8;
    if (bytes.size() < size) return Corrupt("its levels are cut off");
    ARROW_RETURN_NOT_OK(ReadLevels(bytes.first(size), /*bit_packed=*/true, &page));
    bytes = From(bytes, size);
  } else if (has_levels) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return Corrupt("it has no levels");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes = bytes.subspan(sizeof(size));
    if (bytes.size() < size) return Corrupt("its levels are longer than it is");
    ARROW_RETURN_NOT_OK(ReadLevels(bytes.first(size), /*bit_packed=*/false, &page));
    bytes = bytes.subspan(size);
  }
  page.values = bytes;
  return page;
}

arrow::Result<const uint8_t*> PageDecoder::DecodeAll(const DataPage& page) {
  const parquet::Type::type type = column_.physical_type();
  const int64_t count = page.present_count;
  try {
    decoder_ = parquet::MakeDecoder(type, page.encoding, &column_);
    // Some decoders count NULLs, which are not stored, in what they are told.
    decoder_->SetData(static_cast<int>(count), page.values.data(),
                      static_cast<int>(page.values.size()));
    const int width = PlainWidth(column_);
    constexpr int64_t kByteArraySize = sizeof(parquet::ByteArray);
    uint8_t* out =
        scratch_->decoded.Reserve(count * std::max<int64_t>(width, kByteArraySize) + 1);
    arrow::Status status;
    switch (type) {
      case parquet::Type::INT32:
        status = DecodeInto<parquet::Int32Type>(decoder_.get(), count, out);
        break;
      case parquet::Type::INT64:
        status = DecodeInto<parquet::Int64Type>(decoder_.get(), count, out);
        break;
      case parquet::Type::FLOAT:
        status = DecodeInto<parquet::FloatType>(decoder_.get(), count, out);
        break;
      case parquet::Type::DOUBLE:
        status = DecodeInto<parquet::DoubleType>(decoder_.get(), count, out);
        break;
      case parquet::Type::BYTE_ARRAY:
        status = DecodeInto<parquet::ByteArrayType>(decoder_.get(), count, out);
        break;
      case parquet::Type::FIXED_LEN_BYTE_ARRAY: {
        std::vector<parquet::FixedLenByteArray> values(static_cast<size_t>(count));
        status = DecodeInto<parquet::FLBAType>(decoder_.get(), count,
                                               reinterpret_cast<uint8_t*>(values.data()));
        for (int64_t i = 0; status.ok() && i < count; ++i) {
          std::memcpy(out + i * width, values[static_cast<size_t>(i)].ptr,
                      static_cast<size_t>(width));
        }
        break;
      }
      default:
        status = Corrupt("an encoding does not fit its type");
    }
    ARROW_RETURN_NOT_OK(status);
    return out;
  } catch (const parquet::ParquetException& error) {
    return Corrupt(error.what());
  }
}

}  // namespace floe::iceberg
