#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "arrow/util/type_fwd.h"
#include "iceberg/format/orc/orc_metadata.h"

namespace floe::iceberg::orc {

/// The bytes of a stream, decompressed chunk by chunk (ORC specification,
/// "Compression"). Not thread-safe.
class ByteStream {
 public:
  ByteStream(std::shared_ptr<arrow::Buffer> bytes, Compression compression,
             int64_t block_size);
  ~ByteStream();
  ByteStream(ByteStream&& other) noexcept;

  /// kCorruptData at the end.
  arrow::Result<uint8_t> ReadByte() {
    if (chunk_.empty()) ARROW_RETURN_NOT_OK(NextChunk());
    const auto byte = static_cast<uint8_t>(chunk_.front());
    chunk_.remove_prefix(1);
    return byte;
  }
  /// Between 1 and `max_size` (> 0) bytes, valid until the next call.
  arrow::Result<std::string_view> ReadSome(int64_t max_size);
  arrow::Status ReadInto(char* out, int64_t size);
  /// A base-128 number of up to 64 bits.
  arrow::Result<uint64_t> ReadVarint();
  /// All that is left. kResourceExhausted above `max_size`.
  arrow::Result<std::string> ReadAll(int64_t max_size);

 private:
  /// Opens the next chunk that is not empty.
  arrow::Status NextChunk();
  bool AtEnd() const { return chunk_.empty() && left_.empty(); }
  arrow::Result<std::string_view> Decompress(std::string_view compressed);

  std::shared_ptr<arrow::Buffer> bytes_;
  Compression compression_;
  int64_t block_size_;
  std::string_view left_;   ///< Chunks not opened yet.
  std::string_view chunk_;  ///< What is left of the open one.
  std::unique_ptr<char[]> buffer_;
  std::unique_ptr<arrow::util::Codec> codec_;
};

}  // namespace floe::iceberg::orc
