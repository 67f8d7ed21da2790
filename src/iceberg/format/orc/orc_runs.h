#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "arrow/result.h"
#include "iceberg/format/orc/orc_stream.h"

namespace floe::iceberg::orc {

/// Bytes in runs (ORC specification, "Byte Run Length Encoding"). Not thread-safe.
class ByteRuns {
 public:
  explicit ByteRuns(ByteStream stream) : stream_(std::move(stream)) {}
  arrow::Result<uint8_t> Next();

 private:
  ByteStream stream_;
  int left_ = 0;
  bool is_repeat_ = false;
  uint8_t value_ = 0;
};

/// Truth values, most significant bit first, in byte runs.
class BooleanRuns {
 public:
  explicit BooleanRuns(ByteStream stream) : bytes_(std::move(stream)) {}
  arrow::Result<bool> Next();

 private:
  ByteRuns bytes_;
  int left_ = 0;
  uint8_t byte_ = 0;
};

/// Whole numbers in runs, of version 1 or 2 ("Integer Run Length Encoding"). Unsigned
/// ones above 2^63 wrap. Not thread-safe.
class IntegerRuns {
 public:
  IntegerRuns(ByteStream stream, bool is_signed, bool is_v2)
      : stream_(std::move(stream)), is_signed_(is_signed), is_v2_(is_v2) {}

  arrow::Result<int64_t> Next() {
    if (next_ == count_) ARROW_RETURN_NOT_OK(is_v2_ ? ReadRunV2() : ReadRunV1());
    return values_[next_++];
  }

 private:
  /// The longest run of either version.
  static constexpr int kMaxRun = 512;

  arrow::Status ReadRunV1();
  arrow::Status ReadRunV2();
  arrow::Status ReadShortRepeat(uint8_t first);
  arrow::Status ReadDirect(uint8_t first);
  arrow::Status ReadPatchedBase(uint8_t first);
  arrow::Status ReadDelta(uint8_t first);
  /// The number of values, whose upper bit is in `first`.
  arrow::Result<int> ReadRunLength(uint8_t first);
  arrow::Result<uint64_t> ReadBigEndian(int bytes);
  arrow::Status ReadPacked(int width, int count, uint64_t* out);
  int64_t ToSigned(uint64_t value) const;

  ByteStream stream_;
  const bool is_signed_;
  const bool is_v2_;
  std::array<int64_t, kMaxRun> values_ = {};
  int count_ = 0;
  int next_ = 0;
};

/// The number that a zig-zag encoded one stands for.
inline int64_t ZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace floe::iceberg::orc
