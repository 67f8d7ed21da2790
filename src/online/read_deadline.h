#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/status.h"
#include "base/clock.h"
#include "base/error.h"

namespace floe::online {

/// The end of a read's time. Thread-safe.
class ReadDeadline {
 public:
  /// Starts now; `timeout_ms` of 0 or less never passes.
  ReadDeadline(const Clock& clock, std::string table, int64_t timeout_ms)
      : clock_(clock),
        table_(std::move(table)),
        timeout_ms_(timeout_ms),
        start_micros_(clock.NowMicros()) {}

  /// kDeadlineExceeded when the time is over. `step` is what comes next.
  arrow::Status Check(std::string_view step) const {
    if (timeout_ms_ <= 0) return arrow::Status::OK();
    const int64_t passed_ms = (clock_.NowMicros() - start_micros_) / kMicrosPerMilli;
    if (passed_ms < timeout_ms_) return arrow::Status::OK();
    return MakeError(ErrorCode::kDeadlineExceeded,
                     "reading online table '{}' took {} ms, over read_timeout_ms = {}, "
                     "before {}; raise the limit or ask for fewer entities",
                     table_, passed_ms, timeout_ms_, step);
  }

 private:
  static constexpr int64_t kMicrosPerMilli = 1000;

  const Clock& clock_;
  std::string table_;
  int64_t timeout_ms_;
  int64_t start_micros_;
};

}  // namespace floe::online
