#pragma once

#include <cstdint>

namespace floe {

/// Row `row` of some unit of storage (a Parquet row group) answers position `slot` of an
/// output. What a join resolves to and what a gather reads.
struct RowPick {
  uint32_t row;
  uint32_t slot;
  friend bool operator==(const RowPick&, const RowPick&) = default;
};

}  // namespace floe
