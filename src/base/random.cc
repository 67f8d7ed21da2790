#include "base/random.h"

#include <fmt/format.h>

#include <mutex>
#include <random>

namespace floe {
namespace {

class MersenneTwister final : public Random {
 public:
  explicit MersenneTwister(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

uint64_t OperatingSystemSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace

Random& Random::System() {
  static MersenneTwister random(OperatingSystemSeed());
  return random;
}

std::unique_ptr<Random> Random::Seeded(uint64_t seed) {
  return std::make_unique<MersenneTwister>(seed);
}

std::string NewUuid(Random& random) {
  const uint64_t high = (random.Next() & 0xffffffffffff0fffULL) | 0x4000ULL;
  const uint64_t low = (random.Next() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32,
                     (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffffffffffffULL);
}

}  // namespace floe
