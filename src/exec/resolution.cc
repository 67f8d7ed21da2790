#include "exec/resolution.h"

#include <algorithm>
#include <bit>

#include "base/parallel.h"

namespace floe::exec {

namespace {

constexpr int kRadixBits = 11;
constexpr size_t kRadixBuckets = size_t{1} << kRadixBits;
/// Below this a comparison sort is as fast.
constexpr size_t kRadixThreshold = 512;

/// Stable by row, which keeps slots, given ascending, in order within a row.
void SortByRow(std::span<RowPick> picks) {
  if (picks.size() < kRadixThreshold) {
    std::stable_sort(picks.begin(), picks.end(),
                     [](const RowPick& a, const RowPick& b) { return a.row < b.row; });
    return;
  }
  uint32_t highest = 0;
  for (const RowPick& pick : picks) highest = std::max(highest, pick.row);
  std::vector<RowPick> other(picks.size());
  std::span<RowPick> from = picks, to = other;
  for (int shift = 0; shift < static_cast<int>(std::bit_width(highest));
       shift += kRadixBits) {
    size_t starts[kRadixBuckets + 1] = {};
    for (const RowPick& pick : from) {
      ++starts[((pick.row >> shift) & (kRadixBuckets - 1)) + 1];
    }
    for (size_t b = 1; b <= kRadixBuckets; ++b) starts[b] += starts[b - 1];
    for (const RowPick& pick : from) {
      to[starts[(pick.row >> shift) & (kRadixBuckets - 1)]++] = pick;
    }
    std::swap(from, to);
  }
  if (from.data() != picks.data()) std::copy(from.begin(), from.end(), picks.begin());
}

}  // namespace

arrow::Result<Resolution> Resolution::Group(const std::vector<uint64_t>& positions,
                                            Slots slots, int thread_count) {
  uint32_t highest = 0;
  for (uint64_t position : positions) {
    if (position != 0) highest = std::max(highest, UnitOf(position));
  }
  std::vector<size_t> starts(size_t{highest} + 2, 0);
  for (uint64_t position : positions) {
    if (position != 0) ++starts[UnitOf(position) + 1];
  }
  for (size_t u = 1; u < starts.size(); ++u) starts[u] += starts[u - 1];

  Resolution result;
  result.picks_.resize(starts.back());
  for (uint32_t unit = 0; unit <= highest; ++unit) {
    if (starts[unit + 1] == starts[unit]) continue;
    result.units_.push_back(unit);
    result.ends_.push_back(starts[unit + 1]);
  }
  for (size_t slot = 0; slot < positions.size(); ++slot) {
    const uint64_t position = positions[slot];
    if (position == 0) continue;
    result.picks_[starts[UnitOf(position)]++] = {RowOf(position),
                                                 static_cast<uint32_t>(slot)};
  }
  const auto sort_unit = [&](int64_t index) {
    const size_t begin = index == 0 ? 0 : result.ends_[index - 1];
    const std::span<RowPick> picks(result.picks_.data() + begin,
                                   result.ends_[index] - begin);
    SortByRow(picks);
    if (slots == Slots::kNumbered) {
      for (size_t i = 0; i < picks.size(); ++i) {
        picks[i].slot = static_cast<uint32_t>(begin + i);
      }
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(
      ParallelFor(static_cast<int64_t>(result.units_.size()), thread_count, sort_unit));
  return result;
}

UnitPicks Resolution::unit(size_t index) const {
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  return {units_[index], {picks_.data() + begin, ends_[index] - begin}};
}

std::span<const RowPick> Resolution::picks_of(uint32_t unit_number) const {
  const auto found = std::lower_bound(units_.begin(), units_.end(), unit_number);
  if (found == units_.end() || *found != unit_number) return {};
  return unit(static_cast<size_t>(found - units_.begin())).picks;
}

}  // namespace floe::exec
