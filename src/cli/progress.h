#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace floe::cli {

/// One line on stderr, rewritten in place, for work that takes over a second. Silent when
/// stderr is no terminal or the user asked for quiet. One thread.
class Progress {
 public:
  /// `unit` is what Advance counts.
  Progress(std::string what, bool quiet, std::string unit = "rows");
  ~Progress();
  /// `count` done so far.
  void Advance(int64_t count);

 private:
  std::string what_;
  std::string unit_;
  bool enabled_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point printed_;
};

}  // namespace floe::cli
