#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Protobuf's wire format (protobuf.dev, "Encoding"), as far as feast.types.Value needs
/// it: writing a value from a column without a message object in between.
namespace floe::feast::wire {

enum WireType : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kLengthDelimited = 2,
  kFixed32 = 5
};

inline void AppendVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

inline void AppendTag(int32_t field, WireType type, std::string* out) {
  AppendVarint(static_cast<uint32_t>(field) << 3 | type, out);
}

template <typename T>
void AppendFixed(T value, std::string* out) {
  static_assert(std::endian::native == std::endian::little);
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out->append(raw, sizeof raw);
}

inline void AppendBytes(int32_t field, std::string_view bytes, std::string* out) {
  AppendTag(field, kLengthDelimited, out);
  AppendVarint(bytes.size(), out);
  out->append(bytes);
}

}  // namespace floe::feast::wire
