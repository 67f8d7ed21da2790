#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "exec/resolution.h"
#include "exec/row_batch.h"

namespace floe::exec {

struct AsOfOptions {
  /// How old, inclusive, a feature row may be at the entity timestamp; nullopt or a value
  /// <= 0 is without limit (Feast's ttl 0).
  std::optional<int64_t> ttl_micros;
  /// Only feature rows with created <= entity timestamp count (NULL created: none does).
  bool filter_by_created_timestamp = false;
  /// Threads of Make and Resolve; 0 is DefaultThreadCount().
  int thread_count = 0;
};

/// Point-in-time join: for each spine row (key, entity timestamp) the feature row of the
/// same key with the greatest timestamp <= the entity timestamp; ties go to the greater
/// created timestamp (NULL lowest), then to the later (unit, row). The winner is dropped
/// when it is older than ttl; since it is the newest candidate no other could be younger.
/// Rows with a NULL key part or a NULL timestamp neither match nor are matched; their
/// output is none. No key columns: every row has the one empty key.
///
/// Spine entries are sorted once per key; feature rows stream past in any order, from any
/// number of threads. A row updates only the first entry that may see it; Resolve carries
/// winners forward. O(log n) per feature row; memory is about 80 bytes per spine row
/// (plus the key bytes, where keys are not integers) and does not grow with feature rows.
/// Units of time may differ between spine, features and created; comparisons are exact.
///
/// Usage: Make -> Observe from several threads -> Resolve once, after all of them.
/// A driver that reads columns late replaces Observe by Probe (keys only) and Update.
class AsOfJoin {
 public:
  /// One match of Probe: a row of the batch whose key occurs in the spine.
  struct Match {
    uint32_t index;  ///< Into the batch: row number is first_row + index.
    uint32_t start;  ///< The key's entries; opaque.
    uint32_t count;
  };

  /// `spine_keys` (equal lengths) and `entity_timestamps` (timestamp of any unit and
  /// zone, date, or int64 microseconds) of fewer than 2^32 - 1 rows. `feature_keys` are
  /// the types of the other side, in the spine's key order. kInvalidArgument when types
  /// cannot be compared or lengths differ; kResourceExhausted past the row limit.
  static arrow::Result<std::unique_ptr<AsOfJoin>> Make(
      const std::vector<std::shared_ptr<arrow::Array>>& spine_keys,
      const arrow::Array& entity_timestamps,
      const std::vector<KeyColumnType>& feature_keys, const AsOfOptions& options);
  ~AsOfJoin();

  /// Inclusive bounds that a feature timestamp needs to win anywhere, for pruning files
  /// and pages: [min entity - ttl, max entity], in microseconds rounded outward. Both
  /// nullopt when no spine row can match; min is nullopt without ttl.
  struct TimeBounds {
    bool none = false;  ///< No spine row can match anything.
    std::optional<int64_t> min_micros;
    int64_t max_micros = 0;
  };
  TimeBounds time_bounds() const;

  /// Distinct keys of the spine, at most `limit` of them, as an array of the spine's type
  /// when there is exactly one key column; nullptr when there are more. For key pruning.
  arrow::Result<std::shared_ptr<arrow::Array>> DistinctKeys(int64_t limit) const;

  /// Takes rows into account. Thread-safe. kInvalidArgument when the arrays are not of
  /// the declared types, kResourceExhausted when a row number passes 2^32 - 2.
  arrow::Status Observe(const RowBatch& batch);

  /// Replaces `matches` by the batch's rows whose key is in the spine, ascending; reads
  /// `keys`, `live` and `length` only. Thread-safe.
  arrow::Status Probe(const RowBatch& batch, std::vector<Match>* matches) const;
  /// Takes the matches into account. The batch's `timestamps` and `created` hold either a
  /// value per row, or (`compact`) one per match. Thread-safe.
  arrow::Status Update(const RowBatch& batch, std::span<const Match> matches,
                       bool compact);
  /// Removes matches that cannot win whatever their created timestamp is, given
  /// timestamps as in Update; keeps their order. When `compact`, the values left are
  /// those at the returned positions of `timestamps`.
  arrow::Result<std::vector<uint32_t>> Narrow(const RowBatch& batch, bool compact,
                                              std::vector<Match>* matches) const;

  /// The answer so far; slots are spine row numbers. Call after every Observe returned.
  arrow::Result<Resolution> Resolve() const;

  int64_t spine_length() const;

 private:
  class Impl;
  explicit AsOfJoin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace floe::exec
