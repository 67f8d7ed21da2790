#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "offline/historical_features.h"
#include "offline/key_scan.h"
#include "offline/source_units.h"

namespace floe::offline {

/// What a label view's rows are resolved over.
struct LabelColumns {
  KeyColumns keys;
  std::vector<SourceColumn> features;
  std::optional<SourceColumn> labeler;  ///< Given where the policy ranks labelers.
};

/// The entity rows that ask: their keys in the order of LabelColumns::keys, of equal
/// lengths, and their times.
struct LabelSpine {
  std::vector<std::shared_ptr<arrow::Array>> keys;
  std::shared_ptr<arrow::Array> times;
};

/// The features of a spine's rows by a conflict policy, one column each: Feast's
/// resolve_conflicts over the rows of the entity row's keys that are not after its time,
/// nor older than ttl_us where that is greater than 0. Rows of equal event time are in
/// the order of created (NULL oldest), then of writing. Every row of `units` whose key
/// asks is held in memory, at most kMaxLabelRows.
arrow::Result<arrow::ChunkedArrayVector> ResolveLabels(
    const SourceUnits& units, const LabelColumns& columns, const LabelSpine& spine,
    const LabelResolution& resolution, int64_t ttl_us, bool filter_by_created,
    const RetrievalOptions& options, ReadCounters* counters);

inline constexpr int64_t kMaxLabelRows = 50'000'000;

}  // namespace floe::offline
