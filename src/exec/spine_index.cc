#include "exec/spine_index.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "exec/hash.h"

namespace floe::exec {

namespace {

/// Rows of a sub-table, about: its slots then fit a core's cache while it is built.
constexpr uint64_t kTableRows = 1 << 14;
constexpr int kMaxTableBits = 10;
/// Slots per row. Small spines can afford a table in which misses end at once.
constexpr uint64_t kSlotsPerRow = 2;
constexpr uint64_t kSlotsPerRowSmall = 16;
constexpr uint64_t kSmallSpine = 100'000;
constexpr uint64_t kMinSlots = 8;
constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();

struct TimedRow {
  int64_t ts;
  uint32_t row;
};

}  // namespace

/// What only the build needs: dropped when it ends.
struct SpineIndex::BuildState {
  uint32_t row_count = 0;
  int64_t chunk_count = 0;
  std::vector<uint64_t> hashes;
  std::vector<int64_t> integers;
  /// Per chunk and sub-table: rows counted, then where the chunk's next row goes.
  std::vector<uint32_t> next;
  std::vector<uint32_t> order;  ///< Rows with an entry, by sub-table, then ascending.
};

arrow::Status SpineIndex::HashRows(const KeySpace& space,
                                   const std::vector<std::shared_ptr<arrow::Array>>& keys,
                                   const Instants& timestamps, int64_t chunk,
                                   BuildState* state) {
  const uint32_t begin = static_cast<uint32_t>(chunk) * kChunkRows;
  const uint32_t length = std::min(kChunkRows, state->row_count - begin);
  KeySpace::Integers integers;
  const std::vector<uint8_t>* valid = &integers.valid;
  if (integer_) {
    ARROW_RETURN_NOT_OK(space.EncodeIntegers(*keys[0], begin, length, &integers));
    std::copy(integers.values.begin(), integers.values.end(),
              state->integers.begin() + begin);
  } else {
    ARROW_RETURN_NOT_OK(space.EncodeBytes(keys, begin, length, &key_chunks_[chunk]));
    valid = &key_chunks_[chunk].valid;
  }
  uint32_t* counts = &state->next[static_cast<size_t>(chunk) << table_bits_];
  for (uint32_t i = 0; i < length; ++i) {
    const uint32_t row = begin + i;
    if ((!valid->empty() && !(*valid)[i]) || !timestamps.valid(row)) {
      entry_of_row_[row] = kNoEntry;
      continue;
    }
    const uint64_t hash =
        integer_ ? HashInteger(integers.values[i]) : HashBytes(key_chunks_[chunk].key(i));
    state->hashes[row] = hash;
    ++counts[hash >> shift_];
  }
  return arrow::Status::OK();
}

void SpineIndex::LayOutTables(BuildState* state) {
  tables_.resize(size_t{1} << table_bits_);
  uint32_t rows = 0;
  uint64_t slots = 0;
  const uint64_t per_row =
      state->row_count < kSmallSpine ? kSlotsPerRowSmall : kSlotsPerRow;
  for (size_t t = 0; t < tables_.size(); ++t) {
    SubTable& table = tables_[t];
    table.row_begin = rows;
    for (int64_t c = 0; c < state->chunk_count; ++c) {
      uint32_t& next = state->next[(static_cast<size_t>(c) << table_bits_) + t];
      const uint32_t count = next;
      next = rows;
      rows += count;
    }
    table.row_end = rows;
    table.slot_begin = slots;
    table.slot_count = std::max<uint64_t>(kMinSlots, (rows - table.row_begin) * per_row);
    slots += table.slot_count;
  }
  state->order.resize(rows);
  slots_ = std::make_unique_for_overwrite<Slot[]>(slots);
  entries_ = std::make_unique_for_overwrite<SpineEntry[]>(rows);
  first_rows_ = std::make_unique_for_overwrite<uint32_t[]>(rows);
}

void SpineIndex::ScatterRows(int64_t chunk, BuildState* state) {
  const uint32_t begin = static_cast<uint32_t>(chunk) * kChunkRows;
  const uint32_t end = begin + std::min(kChunkRows, state->row_count - begin);
  uint32_t* next = &state->next[static_cast<size_t>(chunk) << table_bits_];
  for (uint32_t row = begin; row < end; ++row) {
    if (entry_of_row_[row] == kNoEntry) continue;
    state->order[next[state->hashes[row] >> shift_]++] = row;
  }
}

void SpineIndex::InsertKeys(const SubTable& table, const BuildState& state,
                            std::vector<uint32_t>* slot_of) {
  Slot* slots = &slots_[table.slot_begin];
  std::fill(slots, slots + table.slot_count, Slot{0, 0, 0});
  slot_of->resize(table.row_end - table.row_begin);
  for (uint32_t i = table.row_begin; i < table.row_end; ++i) {
    const uint32_t row = state.order[i];
    const uint64_t hash = state.hashes[row];
    const uint64_t tag = integer_ ? static_cast<uint64_t>(state.integers[row]) : hash;
    uint64_t at = Home(table, hash);
    while (slots[at].count != 0 &&
           (slots[at].tag != tag ||
            (!integer_ && KeyOfRow(slots[at].start) != KeyOfRow(row)))) {
      at = at + 1 == table.slot_count ? 0 : at + 1;
    }
    if (slots[at].count++ == 0) {
      slots[at].tag = tag;
      slots[at].start = row;
    }
    (*slot_of)[i - table.row_begin] = static_cast<uint32_t>(at);
  }
}

void SpineIndex::FillEntries(const SubTable& table, const Instants& timestamps,
                             const BuildState& state,
                             const std::vector<uint32_t>& slot_of) {
  Slot* slots = &slots_[table.slot_begin];
  uint32_t start = table.row_begin;
  for (uint64_t at = 0; at < table.slot_count; ++at) {
    if (slots[at].count == 0) continue;
    first_rows_[start] = slots[at].start;
    slots[at].start = start;
    start += slots[at].count;
  }
  std::vector<TimedRow> rows(table.row_end - table.row_begin);
  std::vector<uint32_t> placed(rows.size(), 0);
  for (uint32_t i = table.row_begin; i < table.row_end; ++i) {
    const uint32_t row = state.order[i];
    const uint32_t group = slots[slot_of[i - table.row_begin]].start - table.row_begin;
    rows[group + placed[group]++] = {timestamps.value(row), row};
  }
  for (uint64_t at = 0; at < table.slot_count; ++at) {
    Slot& slot = slots[at];
    if (slot.count == 0) continue;
    TimedRow* begin = &rows[slot.start - table.row_begin];
    if (slot.count > 1) {
      std::sort(begin, begin + slot.count,
                [](const TimedRow& a, const TimedRow& b) { return a.ts < b.ts; });
    }
    uint32_t distinct = 0;
    for (const TimedRow* row = begin; row != begin + slot.count; ++row) {
      if (row == begin || row->ts != row[-1].ts) {
        entries_[slot.start + distinct++] = {row->ts, kNoTime, kNoTime, 0};
      }
      entry_of_row_[row->row] = slot.start + distinct - 1;
    }
    slot.count = distinct;
  }
}

arrow::Result<SpineIndex> SpineIndex::Build(
    const KeySpace& space, const std::vector<std::shared_ptr<arrow::Array>>& keys,
    const Instants& timestamps, int thread_count) {
  SpineIndex index;
  BuildState state;
  state.row_count = static_cast<uint32_t>(timestamps.length());
  state.chunk_count = (int64_t{state.row_count} + kChunkRows - 1) / kChunkRows;
  index.integer_ = space.is_integer();
  index.table_bits_ = std::clamp(
      static_cast<int>(std::bit_width(state.row_count / kTableRows)), 1, kMaxTableBits);
  index.shift_ = 64 - index.table_bits_;
  index.entry_of_row_.resize(state.row_count, 0);
  state.hashes.resize(state.row_count);
  if (index.integer_) {
    state.integers.resize(state.row_count);
  } else {
    index.key_chunks_.resize(static_cast<size_t>(state.chunk_count));
  }
  state.next.resize(static_cast<size_t>(state.chunk_count) << index.table_bits_, 0);
  ARROW_RETURN_NOT_OK(ParallelFor(state.chunk_count, thread_count, [&](int64_t chunk) {
    return index.HashRows(space, keys, timestamps, chunk, &state);
  }));
  index.LayOutTables(&state);
  ARROW_RETURN_NOT_OK(ParallelFor(state.chunk_count, thread_count, [&](int64_t chunk) {
    index.ScatterRows(chunk, &state);
    return arrow::Status::OK();
  }));
  std::vector<int64_t> key_counts(index.tables_.size(), 0);
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(index.tables_.size()), thread_count, [&](int64_t t) {
        std::vector<uint32_t> slot_of;
        index.InsertKeys(index.tables_[t], state, &slot_of);
        index.FillEntries(index.tables_[t], timestamps, state, slot_of);
        index.ForEachGroup(static_cast<size_t>(t), [&](Group) { ++key_counts[t]; });
        return arrow::Status::OK();
      }));
  index.key_count_ = std::accumulate(key_counts.begin(), key_counts.end(), int64_t{0});
  return index;
}

}  // namespace floe::exec
