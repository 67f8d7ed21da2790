#pragma once

#include <atomic>
#include <cstdint>

#include "arrow/status.h"
#include "base/error.h"

namespace floe {

/// How far a long operation has come, and the wish to end it: shared by the operation and
/// by whoever watches it. Thread-safe.
class Progress {
 public:
  /// The operation ends with kCancelled at its next Check().
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  arrow::Status Check() const {
    if (!cancelled_.load(std::memory_order_relaxed)) return arrow::Status::OK();
    return MakeError(ErrorCode::kCancelled, "cancelled before it was finished");
  }

  /// How much there is to do, in the operation's own unit; 0: not known yet.
  void SetTotal(int64_t total) { total_.store(total, std::memory_order_relaxed); }
  void Advance(int64_t by) { done_.fetch_add(by, std::memory_order_relaxed); }

  int64_t total() const { return total_.load(std::memory_order_relaxed); }
  int64_t done() const { return done_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> total_ = 0;
  std::atomic<int64_t> done_ = 0;
};

}  // namespace floe
