#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arrow/status.h"
#include "exec/asof_join.h"
#include "exec/latest_by_key.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "offline/source_units.h"

namespace floe::offline {

/// The columns that decide which rows win.
struct KeyColumns {
  std::vector<SourceColumn> keys;
  SourceColumn timestamp;
  std::optional<SourceColumn> created;
};

/// Phase 1 of a retrieval: shows every row of `units` that may matter to a kernel, units
/// in parallel, newest first (fewer updates). Reads key columns, and time columns only
/// where rows match when that is cheaper.
///
/// Both members may be used from one thread at a time; they start threads of their own.
class KeyScan {
 public:
  KeyScan(const SourceUnits& units, const KeyColumns& columns,
          const RetrievalOptions& options)
      : units_(units), columns_(columns), options_(options) {}

  arrow::Status Feed(exec::AsOfJoin* join, ReadCounters* counters);
  arrow::Status Feed(exec::LatestByKey* latest, ReadCounters* counters);

 private:
  class Unit;
  template <typename Kernel>
  arrow::Status FeedAll(Kernel* kernel, ReadCounters* counters);

  const SourceUnits& units_;
  const KeyColumns& columns_;
  const RetrievalOptions options_;
  iceberg::DecodeScratchPool scratch_;
};

}  // namespace floe::offline
