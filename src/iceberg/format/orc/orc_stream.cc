#include "iceberg/format/orc/orc_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/util/compression.h"
#include "base/error.h"

namespace floe::iceberg::orc {
namespace {

constexpr size_t kHeaderBytes = 3;
/// zlib's window for raw deflate data, without header and checksum.
constexpr int kRawWindowBits = -MAX_WBITS;

arrow::Status CutOff() {
  return MakeError(ErrorCode::kCorruptData, "ORC file: a stream is cut off");
}

arrow::Status BrokenChunk() {
  return MakeError(ErrorCode::kCorruptData, "ORC file: a compressed chunk is broken");
}

arrow::Result<int64_t> Inflate(std::string_view compressed, char* out, int64_t size) {
  z_stream stream = {};
  if (inflateInit2(&stream, kRawWindowBits) != Z_OK) {
    return MakeError(ErrorCode::kResourceExhausted, "zlib has no memory to start");
  }
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = static_cast<uInt>(size);
  const int state = inflate(&stream, Z_FINISH);
  const auto written = size - static_cast<int64_t>(stream.avail_out);
  inflateEnd(&stream);
  if (state != Z_STREAM_END) return BrokenChunk();
  return written;
}

/// Arrow's own codec wants to know how much there is to be.
arrow::Result<int64_t> Unzstd(std::string_view compressed, char* out, int64_t size) {
  const size_t written = ZSTD_decompress(out, static_cast<size_t>(size),
                                         compressed.data(), compressed.size());
  if (ZSTD_isError(written)) return BrokenChunk();
  return static_cast<int64_t>(written);
}

arrow::Compression::type ArrowCodec(Compression compression) {
  switch (compression) {
    case Compression::kSnappy:
      return arrow::Compression::SNAPPY;
    case Compression::kLz4:
      return arrow::Compression::LZ4;
    default:
      return arrow::Compression::BROTLI;
  }
}

/// Snappy data start with their decompressed length; Arrow's codec trusts it.
arrow::Status CheckSnappyLength(std::string_view compressed, int64_t limit) {
  uint64_t length = 0;
  for (size_t i = 0; i < compressed.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(compressed[i]);
    length |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      return length <= static_cast<uint64_t>(limit) ? arrow::Status::OK() : BrokenChunk();
    }
  }
  return BrokenChunk();
}

}  // namespace

ByteStream::ByteStream(std::shared_ptr<arrow::Buffer> bytes, Compression compression,
                       int64_t block_size)
    : bytes_(std::move(bytes)), compression_(compression), block_size_(block_size) {
  left_ = static_cast<std::string_view>(*bytes_);
  if (compression_ == Compression::kNone) std::swap(left_, chunk_);
}

ByteStream::~ByteStream() = default;
ByteStream::ByteStream(ByteStream&& other) noexcept = default;

arrow::Status ByteStream::NextChunk() {
  while (chunk_.empty()) {
    if (left_.size() < kHeaderBytes) return CutOff();
    uint32_t header = 0;
    for (size_t i = 0; i < kHeaderBytes; ++i) {
      header |= static_cast<uint32_t>(static_cast<unsigned char>(left_[i])) << (8 * i);
    }
    const size_t length = header >> 1;
    left_.remove_prefix(kHeaderBytes);
    if (length > left_.size()) return CutOff();
    const std::string_view stored = left_.substr(0, length);
    left_.remove_prefix(length);
    if ((header & 1) != 0) {
      chunk_ = stored;
    } else {
      ARROW_ASSIGN_OR_RAISE(chunk_, Decompress(stored));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::string_view> ByteStream::Decompress(std::string_view compressed) {
  if (buffer_ == nullptr) {
    buffer_ = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(block_size_));
  }
  int64_t size = 0;
  if (compression_ == Compression::kZlib) {
    ARROW_ASSIGN_OR_RAISE(size, Inflate(compressed, buffer_.get(), block_size_));
  } else if (compression_ == Compression::kZstd) {
    ARROW_ASSIGN_OR_RAISE(size, Unzstd(compressed, buffer_.get(), block_size_));
  } else {
    if (compression_ == Compression::kSnappy) {
      ARROW_RETURN_NOT_OK(CheckSnappyLength(compressed, block_size_));
    }
    if (codec_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(codec_, arrow::util::Codec::Create(ArrowCodec(compression_)));
    }
    const auto written =
        codec_->Decompress(static_cast<int64_t>(compressed.size()),
                           reinterpret_cast<const uint8_t*>(compressed.data()),
                           block_size_, reinterpret_cast<uint8_t*>(buffer_.get()));
    if (!written.ok()) return BrokenChunk();
    size = *written;
  }
  return std::string_view(buffer_.get(), static_cast<size_t>(size));
}

arrow::Result<std::string_view> ByteStream::ReadSome(int64_t max_size) {
  if (chunk_.empty()) ARROW_RETURN_NOT_OK(NextChunk());
  const std::string_view some = chunk_.substr(0, static_cast<size_t>(max_size));
  chunk_.remove_prefix(some.size());
  return some;
}

arrow::Status ByteStream::ReadInto(char* out, int64_t size) {
  while (size > 0) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view some, ReadSome(size));
    std::memcpy(out, some.data(), some.size());
    out += some.size();
    size -= static_cast<int64_t>(some.size());
  }
  return arrow::Status::OK();
}

arrow::Result<uint64_t> ByteStream::ReadVarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t byte, ReadByte());
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  return MakeError(ErrorCode::kCorruptData, "ORC file: a number above 64 bits");
}

arrow::Result<std::string> ByteStream::ReadAll(int64_t max_size) {
  std::string all;
  while (!AtEnd()) {
    if (chunk_.empty()) ARROW_RETURN_NOT_OK(NextChunk());
    if (static_cast<int64_t>(all.size() + chunk_.size()) > max_size) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "ORC file: metadata of more than {} bytes", max_size);
    }
    all += chunk_;
    chunk_ = {};
  }
  return all;
}

}  // namespace floe::iceberg::orc
