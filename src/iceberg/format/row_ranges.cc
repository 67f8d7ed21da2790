#include "iceberg/format/row_ranges.h"

#include <algorithm>

namespace floe::iceberg {

std::vector<RowRange> IntersectRanges(const std::vector<RowRange>& a,
                                      const std::vector<RowRange>& b) {
  std::vector<RowRange> result;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const int64_t begin = std::max(a[i].begin, b[j].begin);
    const int64_t end = std::min(a[i].end, b[j].end);
    if (begin < end) result.push_back({begin, end});
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return result;
}

std::vector<RowRange> UniteRanges(const std::vector<RowRange>& a,
                                  const std::vector<RowRange>& b) {
  std::vector<RowRange> sorted;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(sorted),
             [](const RowRange& x, const RowRange& y) { return x.begin < y.begin; });
  std::vector<RowRange> result;
  for (const RowRange& range : sorted) {
    if (range.begin >= range.end) continue;
    if (!result.empty() && range.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, range.end);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

int64_t RangesLength(const std::vector<RowRange>& ranges) {
  int64_t length = 0;
  for (const RowRange& range : ranges) length += range.end - range.begin;
  return length;
}

}  // namespace floe::iceberg
