#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace floe::exec {

/// Folded 128-bit product: the mixing step of wyhash (Wang Yi, public domain).
inline uint64_t MixWords(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline constexpr uint64_t kHashSeedA = 0xa0761d6478bd642fULL;
inline constexpr uint64_t kHashSeedB = 0xe7037ed1a0b428dbULL;
inline constexpr uint64_t kHashSeedC = 0x8ebc6af09c88c6e3ULL;

/// All 64 bits are usable, the top ones too. For tables in memory only: never stored.
inline uint64_t HashInteger(int64_t value) {
  return MixWords(MixWords(static_cast<uint64_t>(value) ^ kHashSeedA, kHashSeedB),
                  kHashSeedC);
}

inline uint64_t HashBytes(std::string_view bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = kHashSeedA ^ (left * kHashSeedC);
  uint64_t words[2];
  while (left >= sizeof(words)) {
    std::memcpy(words, at, sizeof(words));
    hash = MixWords(words[0] ^ kHashSeedB, words[1] ^ hash);
    at += sizeof(words);
    left -= sizeof(words);
  }
  if (left > 0) {
    words[0] = words[1] = 0;
    std::memcpy(words, at, left);
    hash = MixWords(words[0] ^ kHashSeedB, words[1] ^ hash);
  }
  return MixWords(hash ^ kHashSeedC, kHashSeedB);
}

/// An index below `size`, chosen by the hash's top bits (Lemire's fast range).
inline uint64_t SlotOf(uint64_t hash, uint64_t size) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(hash) * size) >> 64);
}

}  // namespace floe::exec
