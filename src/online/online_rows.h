#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/type_fwd.h"

namespace floe::online {

/// Stands for no time where a number is asked for: a missing row, a NULL created_ts
/// (which is older than any other).
inline constexpr int64_t kNoTimestamp = INT64_MIN;

/// The answer to a read: columns of the request's length, in its order.
struct OnlineRows {
  /// NULL where the key has no row; never NULL where it has one.
  std::shared_ptr<arrow::TimestampArray> event_ts;
  std::shared_ptr<arrow::TimestampArray> created_ts;
  /// One per requested feature, of feast::ToArrowType(type).
  std::vector<std::shared_ptr<arrow::Array>> features;

  bool IsFound(int64_t row) const;
};

/// The newest row of a key, its values serialized. Immutable, so that all requests for
/// the key share it.
struct EncodedRow {
  bool is_found = false;
  int64_t event_ts = 0;               ///< Microseconds.
  int64_t created_ts = kNoTimestamp;  ///< The same.
  int64_t sequence_number = 0;        ///< Of the commit that wrote it.
  /// The features' feast.types.Value messages one after another; NULL is empty.
  std::string values;
  std::vector<uint32_t> ends;  ///< Per feature, where it ends in `values`.

  std::string_view value(size_t feature) const {
    const uint32_t begin = feature == 0 ? 0 : ends[feature - 1];
    return std::string_view(values).substr(begin, ends[feature] - begin);
  }
};
using EncodedRowPtr = std::shared_ptr<const EncodedRow>;

/// What reads looked at; for tests, benchmarks and metrics.
struct OnlineReadCounters {
  int64_t rows_cached = 0;          ///< Answered by the row cache alone.
  int64_t files_in_partitions = 0;  ///< (key, file) pairs the partitions left.
  int64_t files_opened = 0;         ///< Distinct files looked into.
  int64_t bloom_checks = 0;
  int64_t bloom_hits = 0;
  int64_t key_pages_read = 0;
  int64_t rows_matched = 0;
};

}  // namespace floe::online
