#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace floe::exec {

inline constexpr int64_t kNanosPerMicro = 1000;

/// A column of points in time, read in its own unit. Borrows the array's memory.
class Instants {
 public:
  /// Timestamps of any unit and zone (naive means UTC), dates (midnight), or int64 taken
  /// as microseconds; kInvalidArgument, naming `what`, for other types.
  static arrow::Result<Instants> Make(const arrow::Array& array, const char* what);

  int64_t nanos_per_unit() const { return nanos_per_unit_; }
  int64_t length() const { return length_; }
  bool valid(int64_t i) const {
    if (validity_ == nullptr) return true;
    const int64_t bit = offset_ + i;
    return (validity_[bit >> 3] >> (bit & 7)) & 1;
  }
  bool has_nulls() const { return validity_ != nullptr; }
  int64_t value(int64_t i) const {
    return wide_ != nullptr ? wide_[i] : static_cast<int64_t>(narrow_[i]);
  }

 private:
  const int64_t* wide_ = nullptr;
  const int32_t* narrow_ = nullptr;
  const uint8_t* validity_ = nullptr;
  int64_t offset_ = 0;
  int64_t length_ = 0;
  int64_t nanos_per_unit_ = kNanosPerMicro;
};

/// Converts counts of one unit to another exactly enough to compare: Ceil(v) <= w holds
/// just when v <= w as instants, Floor(v) >= w just when v >= w, for every int64 w.
class UnitScale {
 public:
  UnitScale(int64_t from_nanos, int64_t to_nanos);
  bool identity() const { return multiply_ == 1 && divide_ == 1; }
  /// nullopt: later than every value of the target unit.
  std::optional<int64_t> Ceil(int64_t value) const;
  /// nullopt: earlier than every value of the target unit.
  std::optional<int64_t> Floor(int64_t value) const;

 private:
  int64_t multiply_ = 1;
  int64_t divide_ = 1;
};

}  // namespace floe::exec
