#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

namespace floe::fuzz {

using Rng = std::mt19937_64;

/// The bytes with a few flipped, replaced, inserted or missing.
inline std::string Broken(std::string bytes, Rng& rng) {
  if (bytes.empty()) return bytes;
  const auto place = [&] { return rng() % bytes.size(); };
  switch (rng() % 6) {
    case 0:
      bytes.resize(place());
      return bytes;
    case 1:
      bytes.insert(place(), std::string(1 + rng() % 8, static_cast<char>(rng())));
      return bytes;
    case 2:
      bytes.erase(place(), 1 + rng() % 16);
      return bytes;
    case 3: {
      // A length or count made large.
      const size_t at = place();
      for (size_t i = at; i < std::min(bytes.size(), at + 1 + rng() % 8); ++i) {
        bytes[i] = static_cast<char>(rng() % 2 == 0 ? 0xFF : 0x7F);
      }
      return bytes;
    }
    default:
      for (uint64_t i = 1 + rng() % 4; i > 0; --i) {
        char& byte = bytes[place()];
        byte = static_cast<char>(byte ^ (1 << (rng() % 8)));
      }
      return bytes;
  }
}

}  // namespace floe::fuzz
