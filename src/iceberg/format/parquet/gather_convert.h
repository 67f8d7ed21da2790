#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

#include "arrow/type_fwd.h"

namespace parquet {
class ColumnDescriptor;
}

namespace floe::iceberg {

static_assert(std::endian::native == std::endian::little,
              "Parquet's values are copied as they are");

/// How a value as a Parquet page stores it becomes a value of an Arrow column.
struct ValueConversion {
  enum class Kind : uint8_t {
    kBytes,  ///< BYTE_ARRAY to a string or binary.
    kBool,   ///< A bit to a byte, packed later.
    kCopy4,
    kCopy8,
    kCopy16,
    kCopyWide,  ///< `width` bytes as they are.
    kIntToLong,
    kFloatToDouble,
    kScaleUp,    ///< int64 times `factor`; overflow is an error.
    kScaleDown,  ///< int64 over `factor`, downwards.
    kInt96,      ///< Nanoseconds of a Julian day, over `factor`, downwards.
    kDecimalInt32,
    kDecimalInt64,
    kDecimalBytes,  ///< Big-endian two's complement of any length up to 16.
  };
  Kind kind;
  int width = 0;  ///< Bytes of the Arrow value; 0 for kBytes.
  int64_t factor = 1;

  /// nullopt when the pair is none of the above (the general reader has it then).
  static std::optional<ValueConversion> Make(const parquet::ColumnDescriptor& column,
                                             const arrow::DataType& type);
};

namespace convert {

/// Each writes one value of the kind and says whether it fits.
template <int kWidth>
struct Copy {
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    std::memcpy(out, value, kWidth);
    return true;
  }
};

/// In two words: GCC 12 vectorises strided 16-byte copies into loads that fault unless
/// aligned, which values in a page are not.
template <>
struct Copy<16> {
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    uint64_t words[2];
    std::memcpy(&words[0], value, sizeof(words[0]));
    std::memcpy(&words[1], value + sizeof(words[0]), sizeof(words[1]));
    std::memcpy(out, &words[0], sizeof(words[0]));
    std::memcpy(out + sizeof(words[0]), &words[1], sizeof(words[1]));
    return true;
  }
};

/// A 128-bit value, again in words.
inline void StoreWide(unsigned __int128 value, uint8_t* out) {
  const auto low = static_cast<uint64_t>(value);
  const auto high = static_cast<uint64_t>(value >> 64);
  std::memcpy(out, &low, sizeof(low));
  std::memcpy(out + sizeof(low), &high, sizeof(high));
}

struct CopyWide {
  bool operator()(const uint8_t* value, int64_t size, uint8_t* out) const {
    std::memcpy(out, value, static_cast<size_t>(size));
    return true;
  }
};

struct IntToLong {
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    int32_t narrow;
    std::memcpy(&narrow, value, sizeof(narrow));
    const int64_t wide = narrow;
    std::memcpy(out, &wide, sizeof(wide));
    return true;
  }
};

struct FloatToDouble {
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    float narrow;
    std::memcpy(&narrow, value, sizeof(narrow));
    const double wide = narrow;
    std::memcpy(out, &wide, sizeof(wide));
    return true;
  }
};

struct ScaleUp {
  int64_t factor;
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    int64_t count;
    std::memcpy(&count, value, sizeof(count));
    const bool fits = !__builtin_mul_overflow(count, factor, &count);
    std::memcpy(out, &count, sizeof(count));
    return fits;
  }
};

inline int64_t FloorDivide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

struct ScaleDown {
  int64_t factor;
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    int64_t count;
    std::memcpy(&count, value, sizeof(count));
    count = FloorDivide(count, factor);
    std::memcpy(out, &count, sizeof(count));
    return true;
  }
};

/// https://github.com/apache/parquet-format/pull/49: nanoseconds of the day, then the
/// Julian day.
struct Int96 {
  int64_t factor;
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    constexpr int64_t kJulianDayOfEpoch = 2440588;
    constexpr int64_t kNanosPerDay = 86'400'000'000'000;
    int64_t nanos;
    uint32_t day;
    std::memcpy(&nanos, value, sizeof(nanos));
    std::memcpy(&day, value + sizeof(nanos), sizeof(day));
    int64_t count;
    const bool fits = !__builtin_mul_overflow(int64_t{day} - kJulianDayOfEpoch,
                                              kNanosPerDay / factor, &count) &&
                      !__builtin_add_overflow(count, FloorDivide(nanos, factor), &count);
    std::memcpy(out, &count, sizeof(count));
    return fits;
  }
};

template <typename Int>
struct DecimalInt {
  bool operator()(const uint8_t* value, int64_t, uint8_t* out) const {
    Int narrow;
    std::memcpy(&narrow, value, sizeof(narrow));
    StoreWide(static_cast<unsigned __int128>(static_cast<__int128>(narrow)), out);
    return true;
  }
};

struct DecimalBytes {
  bool operator()(const uint8_t* value, int64_t size, uint8_t* out) const {
    if (size < 1 || size > static_cast<int64_t>(sizeof(__int128))) return false;
    unsigned __int128 wide = (value[0] & 0x80) ? ~static_cast<unsigned __int128>(0) : 0;
    for (int64_t i = 0; i < size; ++i) wide = (wide << 8) | value[i];
    StoreWide(wide, out);
    return true;
  }
};

}  // namespace convert

}  // namespace floe::iceberg
