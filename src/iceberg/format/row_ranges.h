#pragma once

#include <cstdint>
#include <vector>

namespace floe::iceberg {

/// Rows [begin, end) of a file, by position in the file.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const RowRange& other) const = default;
};

/// Rows in both lists; each list is ascending and disjoint, as is the result.
std::vector<RowRange> IntersectRanges(const std::vector<RowRange>& a,
                                      const std::vector<RowRange>& b);
/// Rows in either list; touching ranges are merged.
std::vector<RowRange> UniteRanges(const std::vector<RowRange>& a,
                                  const std::vector<RowRange>& b);
int64_t RangesLength(const std::vector<RowRange>& ranges);

}  // namespace floe::iceberg
