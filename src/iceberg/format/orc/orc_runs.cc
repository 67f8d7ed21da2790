#include "iceberg/format/orc/orc_runs.h"

#include "base/error.h"

namespace floe::iceberg::orc {
namespace {

constexpr int kMinRepeat = 3;
constexpr uint8_t kLiteralsFlag = 0x80;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorCode::kCorruptData, "ORC file: {}", what);
}

/// The bit width that a five-bit code stands for.
int DecodeWidth(int code) {
  constexpr int kLinear = 23;
  constexpr int kWide[] = {26, 28, 30, 32, 40, 48, 56, 64};
  return code <= kLinear ? code + 1 : kWide[code - kLinear - 1];
}

/// The least width there is a code for that holds `bits`.
int ClosestWidth(int bits) {
  for (int code = 0; code < 32; ++code) {
    if (DecodeWidth(code) >= bits) return DecodeWidth(code);
  }
  return 64;
}

int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

arrow::Result<uint8_t> ByteRuns::Next() {
  if (left_ == 0) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t control, stream_.ReadByte());
    is_repeat_ = control < kLiteralsFlag;
    left_ = is_repeat_ ? control + kMinRepeat : 256 - control;
    if (is_repeat_) {
      ARROW_ASSIGN_OR_RAISE(value_, stream_.ReadByte());
    }
  }
  --left_;
  return is_repeat_ ? arrow::Result<uint8_t>(value_) : stream_.ReadByte();
}

arrow::Result<bool> BooleanRuns::Next() {
  if (left_ == 0) {
    ARROW_ASSIGN_OR_RAISE(byte_, bytes_.Next());
    left_ = 8;
  }
  --left_;
  return ((byte_ >> left_) & 1) != 0;
}

int64_t IntegerRuns::ToSigned(uint64_t value) const {
  return is_signed_ ? ZigZag(value) : static_cast<int64_t>(value);
}

arrow::Status IntegerRuns::ReadRunV1() {
  ARROW_ASSIGN_OR_RAISE(const uint8_t control, stream_.ReadByte());
  next_ = 0;
  if (control >= kLiteralsFlag) {
    count_ = 256 - control;
    for (int i = 0; i < count_; ++i) {
      ARROW_ASSIGN_OR_RAISE(const uint64_t value, stream_.ReadVarint());
      values_[i] = ToSigned(value);
    }
    return arrow::Status::OK();
  }
  count_ = control + kMinRepeat;
  ARROW_ASSIGN_OR_RAISE(const uint8_t delta_byte, stream_.ReadByte());
  ARROW_ASSIGN_OR_RAISE(const uint64_t base, stream_.ReadVarint());
  const auto delta = static_cast<int8_t>(delta_byte);
  values_[0] = ToSigned(base);
  for (int i = 1; i < count_; ++i) values_[i] = WrapAdd(values_[i - 1], delta);
  return arrow::Status::OK();
}

arrow::Status IntegerRuns::ReadRunV2() {
  ARROW_ASSIGN_OR_RAISE(const uint8_t first, stream_.ReadByte());
  next_ = 0;
  count_ = 0;
  switch (first >> 6) {
    case 0:
      return ReadShortRepeat(first);
    case 1:
      return ReadDirect(first);
    case 2:
      return ReadPatchedBase(first);
    default:
      return ReadDelta(first);
  }
}

arrow::Result<int> IntegerRuns::ReadRunLength(uint8_t first) {
  ARROW_ASSIGN_OR_RAISE(const uint8_t second, stream_.ReadByte());
  return (((first & 1) << 8) | second) + 1;
}

arrow::Result<uint64_t> IntegerRuns::ReadBigEndian(int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t byte, stream_.ReadByte());
    value = value << 8 | byte;
  }
  return value;
}

arrow::Status IntegerRuns::ReadPacked(int width, int count, uint64_t* out) {
  int bits_left = 0;
  uint8_t byte = 0;
  for (int i = 0; i < count; ++i) {
    uint64_t value = 0;
    for (int needed = width; needed > 0;) {
      if (bits_left == 0) {
        ARROW_ASSIGN_OR_RAISE(byte, stream_.ReadByte());
        bits_left = 8;
      }
      const int taken = needed < bits_left ? needed : bits_left;
      bits_left -= taken;
      value = value << taken | ((byte >> bits_left) & ((1U << taken) - 1));
      needed -= taken;
    }
    out[i] = value;
  }
  return arrow::Status::OK();
}

arrow::Status IntegerRuns::ReadShortRepeat(uint8_t first) {
  const int width = ((first >> 3) & 7) + 1;
  ARROW_ASSIGN_OR_RAISE(const uint64_t value, ReadBigEndian(width));
  count_ = (first & 7) + kMinRepeat;
  for (int i = 0; i < count_; ++i) values_[i] = ToSigned(value);
  return arrow::Status::OK();
}

arrow::Status IntegerRuns::ReadDirect(uint8_t first) {
  const int width = DecodeWidth((first >> 1) & 31);
  ARROW_ASSIGN_OR_RAISE(const int count, ReadRunLength(first));
  std::array<uint64_t, kMaxRun> packed;
  ARROW_RETURN_NOT_OK(ReadPacked(width, count, packed.data()));
  for (int i = 0; i < count; ++i) values_[i] = ToSigned(packed[i]);
  count_ = count;
  return arrow::Status::OK();
}

arrow::Status IntegerRuns::ReadPatchedBase(uint8_t first) {
  const int width = DecodeWidth((first >> 1) & 31);
  ARROW_ASSIGN_OR_RAISE(const int count, ReadRunLength(first));
  ARROW_ASSIGN_OR_RAISE(const uint8_t third, stream_.ReadByte());
  ARROW_ASSIGN_OR_RAISE(const uint8_t fourth, stream_.ReadByte());
  const int base_bytes = (third >> 5) + 1;
  const int patch_width = DecodeWidth(third & 31);
  const int gap_width = (fourth >> 5) + 1;
  const int patch_count = fourth & 31;
  // The base's most significant bit is its sign.
  ARROW_ASSIGN_OR_RAISE(const uint64_t base_bits, ReadBigEndian(base_bytes));
  const uint64_t sign = uint64_t{1} << (8 * base_bytes - 1);
  const auto magnitude = static_cast<int64_t>(base_bits & ~sign);
  const int64_t base = (base_bits & sign) != 0 ? -magnitude : magnitude;
  std::array<uint64_t, kMaxRun> packed;
  ARROW_RETURN_NOT_OK(ReadPacked(width, count, packed.data()));
  if (patch_width + gap_width > 64) return Corrupt("patches of more than 64 bits");
  std::array<uint64_t, 32> patches;
  ARROW_RETURN_NOT_OK(
      ReadPacked(ClosestWidth(patch_width + gap_width), patch_count, patches.data()));
  const uint64_t patch_mask =
      patch_width == 64 ? ~uint64_t{0} : (uint64_t{1} << patch_width) - 1;
  int64_t position = 0;
  for (int i = 0; i < patch_count; ++i) {
    position += static_cast<int64_t>(patches[i] >> patch_width);
    const uint64_t patch = patches[i] & patch_mask;
    if (position >= count) return Corrupt("a patch beyond the end of its run");
    // A patch of nothing only bridges a gap too wide for one entry.
    if (patch != 0 && width < 64) packed[position] |= patch << width;
  }
  for (int i = 0; i < count; ++i) {
    values_[i] = WrapAdd(base, static_cast<int64_t>(packed[i]));
  }
  count_ = count;
  return arrow::Status::OK();
}

arrow::Status IntegerRuns::ReadDelta(uint8_t first) {
  const int code = (first >> 1) & 31;
  const int width = code == 0 ? 0 : DecodeWidth(code);
  ARROW_ASSIGN_OR_RAISE(const int count, ReadRunLength(first));
  ARROW_ASSIGN_OR_RAISE(const uint64_t base, stream_.ReadVarint());
  ARROW_ASSIGN_OR_RAISE(const uint64_t delta_bits, stream_.ReadVarint());
  const int64_t delta = ZigZag(delta_bits);
  values_[0] = ToSigned(base);
  if (count > 1) values_[1] = WrapAdd(values_[0], delta);
  if (width == 0) {
    for (int i = 2; i < count; ++i) values_[i] = WrapAdd(values_[i - 1], delta);
  } else if (count > 2) {
    std::array<uint64_t, kMaxRun> packed;
    ARROW_RETURN_NOT_OK(ReadPacked(width, count - 2, packed.data()));
    for (int i = 2; i < count; ++i) {
      const auto step = static_cast<int64_t>(packed[i - 2]);
      const int64_t signed_step =
          delta < 0 ? static_cast<int64_t>(~static_cast<uint64_t>(step) + 1) : step;
      values_[i] = WrapAdd(values_[i - 1], signed_step);
    }
  }
  count_ = count;
  return arrow::Status::OK();
}

}  // namespace floe::iceberg::orc
