#include "iceberg/avro/codec.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "arrow/util/compression.h"
#include "base/error.h"

namespace floe::iceberg::avro {
namespace {

constexpr int kDeflateLevel = 6;
constexpr int kZstdLevel = 3;
/// zlib's window for raw deflate data, without header and checksum.
constexpr int kRawWindowBits = -MAX_WBITS;
constexpr int64_t kMinBuffer = 64 << 10;
/// What manifests deflate by, seldom exceeded.
constexpr int64_t kUsualRatio = 8;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "an Avro block is no {}", what);
}

/// Twice as much up to the limit; beyond it when the limit is used up.
int64_t NextCapacity(int64_t capacity) {
  return capacity < kMaxBlockBytes ? std::min(2 * capacity, kMaxBlockBytes)
                                   : kMaxBlockBytes + 1;
}

/// A thread's state for inflating: 32 KB that every block would otherwise set up anew.
libdeflate_decompressor* ThreadInflater() {
  struct Free {
    void operator()(libdeflate_decompressor* state) const {
      libdeflate_free_decompressor(state);
    }
  };
  thread_local std::unique_ptr<libdeflate_decompressor, Free> state(
      libdeflate_alloc_decompressor());
  return state.get();
}

}  // namespace

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kDeflate:
      return "deflate";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kZstandard:
      return "zstandard";
    default:
      return "null";
  }
}

arrow::Result<Codec> CodecFromName(std::string_view name) {
  for (const Codec codec :
       {Codec::kNull, Codec::kDeflate, Codec::kSnappy, Codec::kZstandard}) {
    if (CodecName(codec) == name) return codec;
  }
  return MakeError(ErrorCode::kNotSupported,
                   "the Avro codec '{}' is none of null, deflate, snappy and zstandard",
                   name);
}

arrow::Result<std::string_view> Decompressor::Decompress(std::string_view block) {
  switch (codec_) {
    case Codec::kDeflate:
      return Inflate(block);
    case Codec::kSnappy:
      return Unsnap(block);
    case Codec::kZstandard:
      return Unzstd(block);
    default:
      return block;
  }
}

arrow::Status Decompressor::Grow(int64_t size) {
  if (size <= capacity_) return arrow::Status::OK();
  if (size > kMaxBlockBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "an Avro block decompresses to more than the limit of {} bytes",
                     kMaxBlockBytes);
  }
  auto larger = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(size));
  if (capacity_ > 0) {
    std::memcpy(larger.get(), buffer_.get(), static_cast<size_t>(capacity_));
  }
  buffer_ = std::move(larger);
  capacity_ = size;
  return arrow::Status::OK();
}

arrow::Result<std::string_view> Decompressor::Inflate(std::string_view block) {
  libdeflate_decompressor* const inflater = ThreadInflater();
  if (inflater == nullptr) {
    return MakeError(ErrorCode::kResourceExhausted, "libdeflate has no memory to start");
  }
  const auto compressed = static_cast<int64_t>(block.size());
  ARROW_RETURN_NOT_OK(
      Grow(std::clamp(compressed * kUsualRatio, kMinBuffer, kMaxBlockBytes)));
  while (true) {
    size_t used = 0;
    size_t written = 0;
    const libdeflate_result result = libdeflate_deflate_decompress_ex(
        inflater, block.data(), block.size(), buffer_.get(),
        static_cast<size_t>(capacity_), &used, &written);
    if (result == LIBDEFLATE_SUCCESS) return std::string_view(buffer_.get(), written);
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return Corrupt("deflate data");
    ARROW_RETURN_NOT_OK(Grow(NextCapacity(capacity_)));
  }
}

arrow::Result<std::string_view> Decompressor::Unsnap(std::string_view block) {
  constexpr size_t kChecksumBytes = 4;
  if (block.size() <= kChecksumBytes) return Corrupt("snappy data");
  const std::string_view data = block.substr(0, block.size() - kChecksumBytes);
  // The data start with their decompressed length as a little-endian base-128 number.
  uint64_t length = 0;
  size_t used = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (used == data.size()) return Corrupt("snappy data");
    const auto byte = static_cast<unsigned char>(data[used++]);
    length |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) break;
    if (shift == 28) return Corrupt("snappy data");
  }
  ARROW_RETURN_NOT_OK(Grow(static_cast<int64_t>(length)));
  ARROW_ASSIGN_OR_RAISE(auto codec,
                        arrow::util::Codec::Create(arrow::Compression::SNAPPY));
  const auto size =
      codec->Decompress(static_cast<int64_t>(data.size()), Bytes(data), capacity_,
                        reinterpret_cast<uint8_t*>(buffer_.get()));
  if (!size.ok() || *size != static_cast<int64_t>(length)) return Corrupt("snappy data");
  const std::string_view result(buffer_.get(), static_cast<size_t>(*size));
  uint32_t expected = 0;
  for (const char c : block.substr(data.size())) {
    expected = expected << 8 | static_cast<unsigned char>(c);
  }
  if (crc32_z(0, Bytes(result), result.size()) != expected) {
    return Corrupt("intact snappy data: its checksum does not match");
  }
  return result;
}

arrow::Result<std::string_view> Decompressor::Unzstd(std::string_view block) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                             ZSTD_freeDCtx);
  if (context == nullptr) {
    return MakeError(ErrorCode::kResourceExhausted, "zstd has no memory to start");
  }
  const auto compressed = static_cast<int64_t>(block.size());
  ARROW_RETURN_NOT_OK(
      Grow(std::clamp(compressed * kUsualRatio, kMinBuffer, kMaxBlockBytes)));
  ZSTD_inBuffer in = {block.data(), block.size(), 0};
  ZSTD_outBuffer out = {buffer_.get(), static_cast<size_t>(capacity_), 0};
  while (true) {
    const size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left)) return Corrupt("zstandard data");
    if (left == 0 && in.pos == in.size) break;
    if (out.pos < out.size) {
      if (in.pos == in.size) return Corrupt("complete zstandard data");
      continue;
    }
    ARROW_RETURN_NOT_OK(Grow(NextCapacity(capacity_)));
    out.dst = buffer_.get();
    out.size = static_cast<size_t>(capacity_);
  }
  return std::string_view(buffer_.get(), out.pos);
}

namespace {

arrow::Result<std::string> Deflate(std::string_view block) {
  z_stream stream = {};
  if (deflateInit2(&stream, kDeflateLevel, Z_DEFLATED, kRawWindowBits, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return MakeError(ErrorCode::kResourceExhausted, "zlib has no memory to start");
  }
  std::string compressed(deflateBound(&stream, block.size()), '\0');
  stream.next_in = const_cast<Bytef*>(Bytes(block));
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int state = deflate(&stream, Z_FINISH);
  compressed.resize(compressed.size() - stream.avail_out);
  deflateEnd(&stream);
  if (state != Z_STREAM_END) {
    return MakeError(ErrorCode::kInternal, "zlib could not deflate {} bytes",
                     block.size());
  }
  return compressed;
}

}  // namespace

arrow::Result<std::string> Compress(Codec codec, std::string_view block) {
  if (static_cast<int64_t>(block.size()) > kMaxBlockBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "an Avro block of {} bytes is above the limit of {}", block.size(),
                     kMaxBlockBytes);
  }
  switch (codec) {
    case Codec::kDeflate:
      return Deflate(block);
    case Codec::kZstandard: {
      std::string compressed(ZSTD_compressBound(block.size()), '\0');
      const size_t size = ZSTD_compress(compressed.data(), compressed.size(),
                                        block.data(), block.size(), kZstdLevel);
      if (ZSTD_isError(size)) {
        return MakeError(ErrorCode::kInternal, "zstd: {}", ZSTD_getErrorName(size));
      }
      compressed.resize(size);
      return compressed;
    }
    case Codec::kNull:
      return std::string(block);
    default:
      return MakeError(ErrorCode::kNotSupported, "Avro files are not written with {}",
                       CodecName(codec));
  }
}

}  // namespace floe::iceberg::avro
