#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "offline/source.h"

namespace floe::offline {

/// Which statistics to take of one source's rows in a time range.
struct StatisticsRequest {
  struct Feature {
    std::string column;   ///< The source's own name.
    std::string name;     ///< What the answer calls it.
    bool numeric = true;  ///< Else the values are counted as names.
  };

  FeatureSource source;
  std::vector<Feature> features;
  /// start <= event time <= end, both inclusive where given. Microseconds.
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;
  int64_t histogram_bins = 20;
  int64_t top_count = 10;
  /// For what is kept of all columns together; less of it makes more passes.
  int64_t memory_bytes = int64_t{256} << 20;
  RetrievalOptions options;
};

/// The statistics as JSON: {"rows", "passes": how often the source was read,
/// "max_timestamp_us": integer or null, "features": [{"feature_name", "feature_type",
/// "row_count", "null_count", "null_rate", "mean", "stddev", "min_val", "max_val", "p50",
/// "p75", "p90", "p95", "p99", "histogram"}]}, exact (see column_statistics.h). A number
/// column's histogram is {"bins", "counts", "bin_width"}, a name column's {"values":
/// [{"value", "count"}], "other_count", "unique_count"}.
///
/// Memory is `memory_bytes` and a few batches, whatever the table's size. Errors:
/// kNoSuchColumn; kInvalidArgument where values are no numbers; kIo where Parquet files
/// changed between two passes.
arrow::Result<std::string> ComputeStatistics(const StatisticsRequest& request);

}  // namespace floe::offline
