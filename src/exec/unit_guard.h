#pragma once

#include <atomic>
#include <cstdint>

#include "arrow/status.h"
#include "base/error.h"

namespace floe::exec {

/// Holds a kernel to one unit of time for a column over all its batches: values are
/// compared as stored. Thread-safe.
class UnitGuard {
 public:
  explicit UnitGuard(const char* what) : what_(what) {}

  /// The first caller decides; kInvalidArgument for anyone who differs.
  arrow::Status Admit(int64_t nanos_per_unit) {
    int64_t seen = 0;
    if (nanos_.compare_exchange_strong(seen, nanos_per_unit) || seen == nanos_per_unit) {
      return arrow::Status::OK();
    }
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} came in units of {} ns after units of {} ns; cast them to one "
                     "type",
                     what_, nanos_per_unit, seen);
  }
  /// 0 before the first value.
  int64_t nanos() const { return nanos_.load(); }

 private:
  const char* what_;
  std::atomic<int64_t> nanos_{0};
};

}  // namespace floe::exec
