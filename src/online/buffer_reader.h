#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "arrow/result.h"
#include "base/error.h"

namespace floe::online {

static_assert(std::endian::native == std::endian::little);

/// Takes a request buffer apart, never past its end: little-endian numbers without
/// alignment, and texts after a u32 length. Errors are kInvalidArgument with the offset.
class BufferReader {
 public:
  explicit BufferReader(std::string_view buffer) : buffer_(buffer) {}

  bool done() const { return position_ == buffer_.size(); }
  size_t rest() const { return buffer_.size() - position_; }

  template <typename T>
  arrow::Result<T> Number() {
    ARROW_ASSIGN_OR_RAISE(std::string_view raw, Take(sizeof(T)));
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  /// A u32 length and that many bytes.
  arrow::Result<std::string_view> Bytes() {
    ARROW_ASSIGN_OR_RAISE(uint32_t size, Number<uint32_t>());
    return Take(size);
  }

  arrow::Result<std::string_view> Take(size_t size) {
    if (rest() < size) return Malformed("is cut short");
    std::string_view taken = buffer_.substr(position_, size);
    position_ += size;
    return taken;
  }

  arrow::Status Malformed(std::string_view what) const {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a request buffer of {} bytes {} at byte {}", buffer_.size(), what,
                     position_);
  }

 private:
  std::string_view buffer_;
  size_t position_ = 0;
};

}  // namespace floe::online
