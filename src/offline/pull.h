#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "offline/source.h"

namespace floe::offline {

/// Feast's stand-in key of an entity-less view: a column of empty strings.
inline constexpr char kDummyEntityColumn[] = "__dummy_id";

/// Rows of one source in a time range. Names are the source's own.
struct PullRequest {
  FeatureSource source;
  std::vector<std::string> join_key_columns;
  std::vector<std::string> feature_columns;
  /// start <= event time <= end, both inclusive where given. Microseconds.
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;
  RetrievalOptions options;
};

/// The rows asked for; columns: join keys, features, event time, created where the source
/// has one (each once), then kDummyEntityColumn when there are no join keys.
struct PulledRows {
  std::shared_ptr<arrow::RecordBatchReader> reader;
  /// How many rows the reader will give, where that is known beforehand: PullLatest.
  std::optional<int64_t> row_count;
  std::string receipt_json;
  ReadCounters counters;
};

/// The latest row of each key: greatest (event time, created), NULL created oldest. Rows
/// with a NULL key are a group of their own, as in SQL's GROUP BY. Without join keys, the
/// one latest row. In no particular order.
arrow::Result<PulledRows> PullLatest(PullRequest request);

/// Every row of the range, streamed: reads happen as the reader is drawn.
arrow::Result<PulledRows> PullAll(PullRequest request);

}  // namespace floe::offline
