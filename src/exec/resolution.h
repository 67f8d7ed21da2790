#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "base/row_pick.h"

namespace floe::exec {

/// Units are numbered below this; groupings have a counter for each number up to the
/// highest one used.
inline constexpr uint32_t kMaxUnits = 1u << 24;
/// Row numbers are below this, in a unit as in a spine.
inline constexpr uint32_t kMaxRows = 0xfffffffeu;

/// A stored row as one number that orders as (unit, row) does; 0 is no row.
inline uint64_t PositionOf(uint32_t unit, uint32_t row) {
  return ((uint64_t{unit} << 32) | row) + 1;
}
inline uint32_t UnitOf(uint64_t position) {
  return static_cast<uint32_t>((position - 1) >> 32);
}
inline uint32_t RowOf(uint64_t position) { return static_cast<uint32_t>(position - 1); }

/// The picks of one unit, ordered by (row, slot).
struct UnitPicks {
  uint32_t unit = 0;
  std::span<const RowPick> picks;
};

/// Where each output row is answered from. Movable; immutable, so thread-safe.
class Resolution {
 public:
  enum class Slots {
    kAsGiven,   ///< The slot is the index in `positions`.
    kNumbered,  ///< Slots are 0, 1, ... in (unit, row) order.
  };

  Resolution() = default;
  /// Groups `positions` (0: no answer) by unit, each unit's picks in order of row.
  static arrow::Result<Resolution> Group(const std::vector<uint64_t>& positions,
                                         Slots slots, int thread_count);

  /// Units with at least one pick, ascending.
  size_t unit_count() const { return units_.size(); }
  UnitPicks unit(size_t index) const;
  /// The picks of unit number `unit`; empty when nothing was won there.
  std::span<const RowPick> picks_of(uint32_t unit) const;
  size_t pick_count() const { return picks_.size(); }

 private:
  std::vector<RowPick> picks_;
  std::vector<uint32_t> units_;
  std::vector<size_t> ends_;  ///< Of each unit's picks; parallel to units_.
};

}  // namespace floe::exec
