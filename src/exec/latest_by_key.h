#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "exec/resolution.h"
#include "exec/row_batch.h"

namespace floe::exec {

struct LatestOptions {
  /// Only rows with min <= timestamp <= max count; microseconds, both inclusive.
  std::optional<int64_t> min_micros;
  std::optional<int64_t> max_micros;
  /// Limit on distinct keys; past it Observe returns kResourceExhausted.
  int64_t max_keys = int64_t{1} << 31;
  /// Whether rows with a NULL key part form groups, as SQL's PARTITION BY has it, or are
  /// ignored.
  bool group_null_keys = true;
  int thread_count = 0;  ///< Of Resolve; 0 is DefaultThreadCount().
};

/// The newest row of every key over batches in any order: by timestamp, then created
/// (NULL lowest), then the later (unit, row). Rows with a NULL timestamp are ignored.
///
/// Partitioned by key hash, a lock each. Memory is about 60 bytes per distinct key (plus
/// key bytes where keys are not integers).
class LatestByKey {
 public:
  static arrow::Result<std::unique_ptr<LatestByKey>> Make(
      const std::vector<KeyColumnType>& keys, const LatestOptions& options);
  ~LatestByKey();

  /// Takes rows into account. Thread-safe; errors as in AsOfJoin::Observe.
  arrow::Status Observe(const RowBatch& batch);

  /// One pick per key; slots number the output 0, 1, ... in (unit, row) order. Call after
  /// every Observe returned.
  arrow::Result<Resolution> Resolve() const;

  int64_t key_count() const;

 private:
  class Impl;
  explicit LatestByKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace floe::exec
