#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe::iceberg::avro {

/// The compression codecs of Avro files (Avro specification 1.11, "Required Codecs").
enum class Codec { kNull, kDeflate, kSnappy, kZstandard };

std::string_view CodecName(Codec codec);
/// kNotSupported names a codec this version cannot read.
arrow::Result<Codec> CodecFromName(std::string_view name);

/// The most bytes a block may decompress to.
inline constexpr int64_t kMaxBlockBytes = int64_t{256} << 20;

/// Decompresses blocks into one buffer that it keeps and grows. Not thread-safe.
class Decompressor {
 public:
  explicit Decompressor(Codec codec) : codec_(codec) {}

  /// The result is valid until the next call (for kNull: as long as `block`).
  /// kCorruptData for bytes that are no such compression.
  arrow::Result<std::string_view> Decompress(std::string_view block);

 private:
  /// Room for `size` bytes; earlier content is kept. kResourceExhausted above the limit.
  arrow::Status Grow(int64_t size);
  arrow::Result<std::string_view> Inflate(std::string_view block);
  arrow::Result<std::string_view> Unsnap(std::string_view block);
  arrow::Result<std::string_view> Unzstd(std::string_view block);

  Codec codec_;
  std::unique_ptr<char[]> buffer_;
  int64_t capacity_ = 0;
};

/// Compresses one block. kNull, kDeflate and kZstandard; kNotSupported for kSnappy.
arrow::Result<std::string> Compress(Codec codec, std::string_view block);

}  // namespace floe::iceberg::avro
