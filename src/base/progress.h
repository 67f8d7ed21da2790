#pragma once

#include <atomic>
#include <cstdint>

#include "arrow/status.h"
#include "base/clock.h"
#include "base/error.h"

namespace floe {

/// How far a long operation has come, and the wish to end it: shared by the operation and
/// by whoever watches it. Thread-safe.
class Progress {
 public:
  /// The operation ends with kCancelled at its next Check().
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// The operation ends with kDeadlineExceeded at its first Check() `timeout_ms` or more
  /// after now. Called before the operation starts; `clock` outlives this.
  void SetTimeout(const Clock& clock, int64_t timeout_ms) {
    clock_ = &clock;
    start_micros_ = clock.NowMicros();
    timeout_ms_ = timeout_ms;
  }

  arrow::Status Check() const {
    if (cancelled_.load(std::memory_order_relaxed)) {
      return MakeError(ErrorCode::kCancelled, "cancelled before it was finished");
    }
    if (clock_ == nullptr ||
        (clock_->NowMicros() - start_micros_) / kMicrosPerMilli < timeout_ms_) {
      return arrow::Status::OK();
    }
    return MakeError(ErrorCode::kDeadlineExceeded,
                     "not done after {} ms; give it more time or ask for less",
                     timeout_ms_);
  }

  /// How much there is to do, in the operation's own unit; 0: not known yet.
  void SetTotal(int64_t total) { total_.store(total, std::memory_order_relaxed); }
  void Advance(int64_t by) { done_.fetch_add(by, std::memory_order_relaxed); }

  int64_t total() const { return total_.load(std::memory_order_relaxed); }
  int64_t done() const { return done_.load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kMicrosPerMilli = 1000;

  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> total_ = 0;
  std::atomic<int64_t> done_ = 0;
  const Clock* clock_ = nullptr;
  int64_t start_micros_ = 0;
  int64_t timeout_ms_ = 0;
};

}  // namespace floe
