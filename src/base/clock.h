#pragma once

#include <cstdint>

namespace floe {

/// Wall-clock time, injected so that tests and the simulation decide it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since 1970-01-01T00:00:00Z.
  virtual int64_t NowMicros() const = 0;
  int64_t NowMillis() const { return NowMicros() / 1000; }
  /// The machine's clock.
  static const Clock& System();
};

}  // namespace floe
