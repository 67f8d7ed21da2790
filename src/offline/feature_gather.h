#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "exec/resolution.h"
#include "offline/source_units.h"

namespace floe::offline {

/// Phase 2 of a retrieval: the values of `columns` at the resolution's picks, each at its
/// slot of an output of `length` positions; positions without a pick are NULL. Units
/// [first, first + count) of the resolution take part (their slots are shifted down by
/// `slot_offset`). One chunked array per column, of the column's type. Reads only row
/// groups with picks, in parallel, and of those only pages with picks.
struct GatherRange {
  size_t first = 0;
  size_t count = 0;
  uint32_t slot_offset = 0;
};
arrow::Result<arrow::ChunkedArrayVector> GatherColumns(
    const SourceUnits& units, const exec::Resolution& resolution,
    const GatherRange& range, const std::vector<SourceColumn>& columns, int64_t length,
    const RetrievalOptions& options, ReadCounters* counters);

/// All units of the resolution, slots as they are.
GatherRange AllOf(const exec::Resolution& resolution);

}  // namespace floe::offline
