#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace floe {

/// A source of random bits, injected so that a seed replays a run. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
  /// Seeded from the operating system.
  static Random& System();
  static std::unique_ptr<Random> Seeded(uint64_t seed);
};

/// A version 4 UUID as text, e.g. "f79c3e09-677c-4bbd-a479-3f349cb785e7".
std::string NewUuid(Random& random);

}  // namespace floe
