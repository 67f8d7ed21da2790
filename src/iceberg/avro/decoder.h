#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "arrow/status.h"
#include "iceberg/avro/schema.h"

namespace floe::iceberg::avro {

/// Reads Avro's binary encoding from one block's bytes, which it does not copy: strings
/// returned point into them. Errors stick: after the first, reads return 0 or nothing and
/// status() says where it was. Loops must therefore end on !ok(). Not thread-safe.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes)
      : begin_(bytes.data()),
        position_(bytes.data()),
        end_(bytes.data() + bytes.size()) {}

  bool ok() const { return error_ == nullptr; }
  /// kCorruptData with the offset of the first error.
  arrow::Status status() const;
  /// Makes status() an error at the current place. `what` is kept, not copied.
  void Fail(const char* what) {
    if (error_ != nullptr) return;
    error_ = what;
    error_offset_ = position_ - begin_;
    position_ = end_;
  }
  int64_t offset() const { return position_ - begin_; }
  int64_t remaining() const { return end_ - position_; }

  int64_t ReadLong() {
    if (position_ < end_ && static_cast<unsigned char>(*position_) < 0x80) [[likely]] {
      return ZigZag(static_cast<unsigned char>(*position_++));
    }
    return ReadLongSlow();
  }
  int32_t ReadInt() {
    const int64_t value = ReadLong();
    if (value != static_cast<int32_t>(value)) Fail("a number above 32 bits");
    return static_cast<int32_t>(value);
  }
  bool ReadBoolean() {
    if (position_ == end_ || static_cast<unsigned char>(*position_) > 1) {
      Fail("a truth value other than 0 or 1");
      return false;
    }
    return *position_++ != 0;
  }
  float ReadFloat() { return ReadFixedWidth<float>(); }
  double ReadDouble() { return ReadFixedWidth<double>(); }
  /// A string's or byte sequence's content.
  std::string_view ReadBytes() { return ReadRaw(ReadLong()); }
  std::string_view ReadRaw(int64_t size) {
    if (size < 0 || size > end_ - position_) {
      Fail("a length beyond the end of the block");
      return {};
    }
    const std::string_view bytes(position_, static_cast<size_t>(size));
    position_ += size;
    return bytes;
  }

  /// The item count of the next block of an array or map, 0 at its end. `item` bounds it.
  int64_t ReadBlockCount(const Schema& item);

  /// Passes over one value.
  void Skip(const Schema& schema);

 private:
  static int64_t ZigZag(uint64_t value) {
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  int64_t ReadLongSlow();
  void SkipLong() {
    while (position_ < end_) {
      if (static_cast<unsigned char>(*position_++) < 0x80) return;
    }
    Fail("a number cut off by the end of the block");
  }
  /// Passes over `count` records of two fields, a number and a number or bytes: the maps
  /// of column metrics, most of a manifest.
  void SkipPairs(int64_t count, bool of_bytes);
  void SkipRepeated(const Schema& schema);

  template <typename T>
  T ReadFixedWidth() {
    static_assert(std::endian::native == std::endian::little);
    T value{};
    const std::string_view bytes = ReadRaw(sizeof(T));
    if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  const char* begin_;
  const char* position_;
  const char* end_;
  const char* error_ = nullptr;
  int64_t error_offset_ = 0;
};

}  // namespace floe::iceberg::avro
