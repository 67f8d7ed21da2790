#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

/// A row that holds one of the keys looked up.
struct KeyMatch {
  int32_t key = 0;  ///< Index of the key in the request.
  int64_t row = 0;  ///< Position in the file.
  bool operator==(const KeyMatch& other) const = default;
};

/// What a lookup looked at; sums over the calls it is given to.
struct KeyLookupCounters {
  int64_t bloom_checks = 0;
  int64_t bloom_hits = 0;
  int64_t pages_read = 0;
};

/// Every row of `file` whose string or binary column `column` (a leaf ordinal outside
/// lists and maps) holds one of `keys`, ordered by row. `keys` are sorted by unsigned
/// bytes and distinct. Bloom filters, row group bounds and page bounds, where the file
/// has them, decide what is read; rows sorted by the column make that a page or two per
/// key, but no order is assumed. NULL matches nothing. Thread-safe.
arrow::Result<std::vector<KeyMatch>> LookupKeys(const ParquetFile& file, int column,
                                                const std::vector<std::string_view>& keys,
                                                KeyLookupCounters* counters = nullptr);

}  // namespace floe::iceberg
