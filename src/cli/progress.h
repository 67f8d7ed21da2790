#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace floe::cli {

/// One line on stderr, rewritten in place, for work that takes over a second. Silent when
/// stderr is no terminal or the user asked for quiet. One thread.
class Progress {
 public:
  Progress(std::string what, bool quiet);
  ~Progress();
  /// `rows` done so far.
  void Advance(int64_t rows);

 private:
  std::string what_;
  bool enabled_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point printed_;
};

}  // namespace floe::cli
