#pragma once

#include <cstdint>
#include <vector>

#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

/// Rows in both lists; each list is ascending and disjoint, as is the result.
std::vector<RowRange> IntersectRanges(const std::vector<RowRange>& a,
                                      const std::vector<RowRange>& b);
/// Rows in either list; touching ranges are merged.
std::vector<RowRange> UniteRanges(const std::vector<RowRange>& a,
                                  const std::vector<RowRange>& b);
int64_t RangesLength(const std::vector<RowRange>& ranges);

}  // namespace floe::iceberg
