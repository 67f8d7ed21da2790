#include "iceberg/format/row_ranges.h"

#include <algorithm>

namespace floe::iceberg {

std::vector<RowRange> IntersectRanges(const std::vector<RowRange>& a,
                                      const std::vector<RowRange>& b) {
  std::vector<RowRange> result;
  if (a.empty() || b.empty()) return result;
  // Often one list is long and the other a part of the file: what ends before the other
  // begins is not walked.
  const auto first_after = [](const std::vector<RowRange>& ranges, int64_t row) {
    const auto found = std::partition_point(
        ranges.begin(), ranges.end(), [&](const RowRange& r) { return r.end <= row; });
    return static_cast<size_t>(found - ranges.begin());
  };
  size_t i = first_after(a, b[0].begin);
  size_t j = first_after(b, a[0].begin);
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
