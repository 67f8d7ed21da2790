#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "arrow/status.h"

namespace floe::online {

/// Runs calls that may block on threads of its own, so that a caller need not wait for
/// them longer than it wants to. A call that is given up on goes on by itself until what
/// blocks it lets go; there are never more than kMaxAbandoned of those. Thread-safe.
class DeadlineRunner {
 public:
  static constexpr int kMaxThreads = 256;
  static constexpr int kMaxAbandoned = 64;

  DeadlineRunner();
  /// Does not wait for calls that were given up on.
  ~DeadlineRunner();
  DeadlineRunner(const DeadlineRunner&) = delete;
  DeadlineRunner& operator=(const DeadlineRunner&) = delete;

  /// Calls `body` and returns its status, or what `on_timeout` says when it is not done
  /// within `timeout` (0 or less: called directly, without a limit). `body` must own all
  /// it touches. kResourceExhausted where kMaxAbandoned calls still hang.
  arrow::Status Run(std::chrono::milliseconds timeout,
                    std::function<arrow::Status()> body,
                    const std::function<arrow::Status()>& on_timeout);

  /// Calls given up on that have not ended yet.
  int abandoned() const;

 private:
  struct Call;
  struct State;

  static void Work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace floe::online
