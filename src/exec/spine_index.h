#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "exec/instants.h"
#include "exec/key_space.h"

namespace floe::exec {

/// One distinct (key, entity timestamp) of the spine and the best row offered to it.
struct SpineEntry {
  int64_t entity_ts;
  int64_t best_ts;
  int64_t best_created;
  uint64_t best_position;  ///< PositionOf; 0 when nothing was offered.
};

/// The spine's keys, hashed, and its entries, those of a key adjacent and ascending by
/// entity timestamp. Built by several threads, a sub-table for each value of the hash's
/// top bits; constant afterwards but for the entries' best rows.
class SpineIndex {
 public:
  static constexpr uint32_t kNoEntry = 0xffffffffu;

  /// A key's entries; count 0 when the spine lacks the key.
  struct Group {
    uint32_t start;
    uint32_t count;
  };

  /// `keys` are of the space's left types. Rows with a key that is not valid, or a NULL
  /// timestamp, have no entry.
  static arrow::Result<SpineIndex> Build(
      const KeySpace& space, const std::vector<std::shared_ptr<arrow::Array>>& keys,
      const Instants& timestamps, int thread_count);

  void Prefetch(uint64_t hash) const {
    const SubTable& table = tables_[hash >> shift_];
    __builtin_prefetch(&slots_[table.slot_begin + Home(table, hash)]);
  }
  Group FindInteger(uint64_t hash, int64_t key) const {
    const SubTable& table = tables_[hash >> shift_];
    const Slot* slots = &slots_[table.slot_begin];
    for (uint64_t at = Home(table, hash);; at = at + 1 == table.slot_count ? 0 : at + 1) {
      const Slot& slot = slots[at];
      if (slot.count == 0) return {0, 0};
      if (slot.tag == static_cast<uint64_t>(key)) return {slot.start, slot.count};
    }
  }
  Group FindBytes(uint64_t hash, std::string_view key) const {
    const SubTable& table = tables_[hash >> shift_];
    const Slot* slots = &slots_[table.slot_begin];
    for (uint64_t at = Home(table, hash);; at = at + 1 == table.slot_count ? 0 : at + 1) {
      const Slot& slot = slots[at];
      if (slot.count == 0) return {0, 0};
      if (slot.tag == hash && KeyOfRow(first_rows_[slot.start]) == key) {
        return {slot.start, slot.count};
      }
    }
  }

  SpineEntry* entries() { return entries_.get(); }
  const SpineEntry* entries() const { return entries_.get(); }
  uint32_t row_count() const { return static_cast<uint32_t>(entry_of_row_.size()); }
  /// The entry of each spine row, or kNoEntry.
  const std::vector<uint32_t>& entry_of_row() const { return entry_of_row_; }
  int64_t key_count() const { return key_count_; }
  /// A row that has the key whose entries start at `start`.
  uint32_t FirstRow(uint32_t start) const { return first_rows_[start]; }

  /// Calls `visit(Group)` for the keys of one of `table_count()` sub-tables.
  size_t table_count() const { return tables_.size(); }
  template <typename Visit>
  void ForEachGroup(size_t table_index, const Visit& visit) const {
    const SubTable& table = tables_[table_index];
    const Slot* slots = &slots_[table.slot_begin];
    for (uint64_t at = 0; at < table.slot_count; ++at) {
      if (slots[at].count != 0) visit(Group{slots[at].start, slots[at].count});
    }
  }

 private:
  struct Slot {
    uint64_t tag;    ///< The integer key itself, or the hash of the key's bytes.
    uint32_t start;  ///< While building: the key's first row.
    uint32_t count;  ///< 0: empty.
  };
  struct SubTable {
    uint64_t slot_begin;
    uint64_t slot_count;
    uint32_t row_begin;  ///< Of its rows in the build's order, and of its entries.
    uint32_t row_end;
  };
  struct BuildState;

  SpineIndex() = default;
  uint64_t Home(const SubTable& table, uint64_t hash) const {
    const uint64_t rest = hash << table_bits_;
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(rest) * table.slot_count) >> 64);
  }
  std::string_view KeyOfRow(uint32_t row) const {
    return key_chunks_[row / kChunkRows].key(row % kChunkRows);
  }
  arrow::Status HashRows(const KeySpace& space,
                         const std::vector<std::shared_ptr<arrow::Array>>& keys,
                         const Instants& timestamps, int64_t chunk, BuildState* state);
  void LayOutTables(BuildState* state);
  void ScatterRows(int64_t chunk, BuildState* state);
  void InsertKeys(const SubTable& table, const BuildState& state,
                  std::vector<uint32_t>* slot_of);
  void FillEntries(const SubTable& table, const Instants& timestamps,
                   const BuildState& state, const std::vector<uint32_t>& slot_of);

  static constexpr uint32_t kChunkRows = 1 << 16;
  bool integer_ = false;
  int table_bits_ = 1;
  int shift_ = 63;
  int64_t key_count_ = 0;
  std::vector<SubTable> tables_;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<SpineEntry[]> entries_;
  std::unique_ptr<uint32_t[]> first_rows_;
  std::vector<uint32_t> entry_of_row_;
  std::vector<KeySpace::Bytes> key_chunks_;  ///< Byte keys, kChunkRows rows each.
};

}  // namespace floe::exec
