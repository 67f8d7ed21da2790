#include "exec/asof_join.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/parallel.h"
#include "exec/hash.h"
#include "exec/instants.h"
#include "exec/key_space.h"
#include "exec/spine_index.h"
#include "exec/unit_guard.h"

namespace floe::exec {

namespace {

constexpr int64_t kMinTime = std::numeric_limits<int64_t>::min();
constexpr int64_t kMaxTime = std::numeric_limits<int64_t>::max();
/// Rows encoded, hashed and probed at a time: buffers stay in the first-level caches.
constexpr int64_t kProbeRows = 4096;
/// Slots and entries asked for this many rows ahead of their use.
constexpr uint32_t kSlotAhead = 24;
constexpr size_t kEntryAhead = 16;
constexpr uint32_t kLockCount = 1 << 16;
constexpr int kSpins = 64;

/// A byte-wide spin lock: critical sections are a few loads and stores.
class SpinLock {
 public:
  void lock() {
    int spins = 0;
    while (held_.exchange(1, std::memory_order_acquire) != 0) {
      if (++spins % kSpins == 0) std::this_thread::yield();
    }
  }
  void unlock() { held_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint8_t> held_{0};
};

bool IsLive(const uint8_t* live, int64_t i) {
  return live == nullptr || ((live[i >> 3] >> (i & 7)) & 1);
}

int64_t SaturatedMicros(__int128 nanos, bool up) {
  __int128 micros = nanos / kNanosPerMicro;
  if (up && nanos % kNanosPerMicro > 0) ++micros;
  if (!up && nanos % kNanosPerMicro < 0) --micros;
  return static_cast<int64_t>(std::clamp(micros, static_cast<__int128>(kMinTime),
                                         static_cast<__int128>(kMaxTime)));
}

}  // namespace

class AsOfJoin::Impl {
 public:
  Impl(KeySpace space, const AsOfOptions& options)
      : space_(std::move(space)),
        options_(options),
        threads_(options.thread_count > 0 ? options.thread_count : DefaultThreadCount()),
        locks_(std::make_unique<SpinLock[]>(kLockCount)) {
    if (options_.ttl_micros && *options_.ttl_micros <= 0) options_.ttl_micros.reset();
  }

  arrow::Status Build(const std::vector<std::shared_ptr<arrow::Array>>& keys,
                      const arrow::Array& timestamps);
  TimeBounds time_bounds() const;
  arrow::Result<std::shared_ptr<arrow::Array>> DistinctKeys(int64_t limit) const;
  arrow::Status Probe(const RowBatch& batch, std::vector<Match>* matches) const;
  arrow::Status Update(const RowBatch& batch, std::span<const Match> matches,
                       bool compact);
  arrow::Result<std::vector<uint32_t>> Narrow(const RowBatch& batch, bool compact,
                                              std::vector<Match>* matches) const;
  arrow::Result<Resolution> Resolve() const;
  int64_t spine_length() const { return index_->row_count(); }

 private:
  /// The times of a batch, ready to compare with entries.
  struct Times {
    Instants ts;
    std::optional<Instants> created;
    UnitScale ts_scale;
    UnitScale created_scale;
  };

  arrow::Result<Times> TimesOf(const RowBatch& batch, int64_t needed) const;
  arrow::Status ProbeDictionary(const arrow::DictionaryArray& key, const RowBatch& batch,
                                std::vector<Match>* matches) const;
  /// Matches of rows [begin, begin + length) of `keys`; appends them.
  arrow::Status ProbeRange(const std::vector<std::shared_ptr<arrow::Array>>& keys,
                           const uint8_t* live, int64_t begin, int64_t length,
                           std::vector<Match>* matches) const;
  bool FirstEntry(const Match& match, int64_t effective, uint32_t* entry) const;
  std::optional<int64_t> Effective(const Times& times, int64_t i, int64_t ts) const;
  void Offer(uint32_t entry, int64_t ts, int64_t created, uint64_t position);
  bool WithinTtl(int64_t ts, int64_t entity_ts) const;

  const KeySpace space_;
  AsOfOptions options_;
  const int threads_;
  std::unique_ptr<SpinLock[]> locks_;
  std::optional<SpineIndex> index_;
  std::shared_ptr<arrow::Array> spine_key_;  ///< The key column, when there is just one.
  int64_t spine_nanos_ = kNanosPerMicro;
  bool any_ = false;
  int64_t min_entity_ = 0;
  int64_t max_entity_ = 0;
  UnitGuard ts_unit_{"feature timestamps"};
  UnitGuard created_unit_{"created timestamps"};
};

arrow::Status AsOfJoin::Impl::Build(
    const std::vector<std::shared_ptr<arrow::Array>>& keys,
    const arrow::Array& timestamps) {
  if (timestamps.length() >= int64_t{kMaxRows}) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "the entity frame has {} rows; at most {} can be joined at once",
                     timestamps.length(), kMaxRows - 1);
  }
  for (const auto& key : keys) {
    if (key->length() != timestamps.length()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a key column of the entity frame has {} rows, its timestamps {}",
                       key->length(), timestamps.length());
    }
  }
  ARROW_ASSIGN_OR_RAISE(Instants times,
                        Instants::Make(timestamps, "the entity timestamp"));
  spine_nanos_ = times.nanos_per_unit();
  if (keys.size() == 1) spine_key_ = keys[0];
  ARROW_ASSIGN_OR_RAISE(SpineIndex index,
                        SpineIndex::Build(space_, keys, times, threads_));
  index_ = std::move(index);
  const std::vector<uint32_t>& entries = index_->entry_of_row();
  for (uint32_t row = 0; row < entries.size(); ++row) {
    if (entries[row] == SpineIndex::kNoEntry) continue;
    const int64_t ts = times.value(row);
    min_entity_ = any_ ? std::min(min_entity_, ts) : ts;
    max_entity_ = any_ ? std::max(max_entity_, ts) : ts;
    any_ = true;
  }
  return arrow::Status::OK();
}

AsOfJoin::TimeBounds AsOfJoin::Impl::time_bounds() const {
  TimeBounds bounds;
  bounds.none = !any_;
  if (!any_) return bounds;
  const auto nanos = [&](int64_t ts) { return static_cast<__int128>(ts) * spine_nanos_; };
  bounds.max_micros = SaturatedMicros(nanos(max_entity_), /*up=*/true);
  if (options_.ttl_micros) {
    const __int128 ttl = static_cast<__int128>(*options_.ttl_micros) * kNanosPerMicro;
    bounds.min_micros = SaturatedMicros(nanos(min_entity_) - ttl, /*up=*/false);
  }
  return bounds;
}

arrow::Result<std::shared_ptr<arrow::Array>> AsOfJoin::Impl::DistinctKeys(
    int64_t limit) const {
  if (spine_key_ == nullptr || index_->key_count() > limit) return nullptr;
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(
      arrow::MakeBuilder(arrow::default_memory_pool(), spine_key_->type(), &builder));
  arrow::Status status;
  const arrow::ArraySpan keys(*spine_key_->data());
  for (size_t table = 0; table < index_->table_count(); ++table) {
    index_->ForEachGroup(table, [&](SpineIndex::Group group) {
      if (!status.ok()) return;
      status = builder->AppendArraySlice(keys, index_->FirstRow(group.start), 1);
    });
  }
  ARROW_RETURN_NOT_OK(status);
  return builder->Finish();
}

arrow::Status AsOfJoin::Impl::ProbeRange(
    const std::vector<std::shared_ptr<arrow::Array>>& keys, const uint8_t* live,
    int64_t begin, int64_t length, std::vector<Match>* matches) const {
  KeySpace::Integers integers;
  KeySpace::Bytes bytes;
  const std::vector<uint8_t>* valid = &integers.valid;
  uint64_t hashes[kProbeRows];
  if (space_.is_integer()) {
    ARROW_RETURN_NOT_OK(space_.EncodeIntegers(*keys[0], begin, length, &integers));
    for (int64_t i = 0; i < length; ++i) hashes[i] = HashInteger(integers.values[i]);
  } else {
    ARROW_RETURN_NOT_OK(space_.EncodeBytes(keys, begin, length, &bytes));
    valid = &bytes.valid;
    for (int64_t i = 0; i < length; ++i) hashes[i] = HashBytes(bytes.key(i));
  }
  const size_t before = matches->size();
  matches->resize(before + static_cast<size_t>(length));
  Match* out = matches->data() + before;
  const uint32_t count = static_cast<uint32_t>(length);
  for (uint32_t i = 0; i < std::min(count, kSlotAhead); ++i) index_->Prefetch(hashes[i]);
  for (uint32_t i = 0; i < count; ++i) {
    if (i + kSlotAhead < count) index_->Prefetch(hashes[i + kSlotAhead]);
    const SpineIndex::Group group =
        space_.is_integer() ? index_->FindInteger(hashes[i], integers.values[i])
                            : index_->FindBytes(hashes[i], bytes.key(i));
    const bool counts =
        group.count != 0 && (valid->empty() || (*valid)[i]) && IsLive(live, begin + i);
    *out = {static_cast<uint32_t>(begin + i), group.start, group.count};
    out += counts ? 1 : 0;
  }
  matches->resize(static_cast<size_t>(out - matches->data()));
  return arrow::Status::OK();
}

arrow::Status AsOfJoin::Impl::ProbeDictionary(const arrow::DictionaryArray& key,
                                              const RowBatch& batch,
                                              std::vector<Match>* matches) const {
  const std::shared_ptr<arrow::Array>& values = key.dictionary();
  std::vector<Match> found;
  for (int64_t at = 0; at < values->length(); at += kProbeRows) {
    ARROW_RETURN_NOT_OK(ProbeRange({values}, nullptr, at,
                                   std::min(kProbeRows, values->length() - at), &found));
  }
  std::vector<SpineIndex::Group> groups(static_cast<size_t>(values->length()), {0, 0});
  for (const Match& match : found) groups[match.index] = {match.start, match.count};
  const uint8_t* live = batch.live == nullptr ? nullptr : batch.live->data();
  for (int64_t i = 0; i < batch.length; ++i) {
    if (key.IsNull(i) || !IsLive(live, i)) continue;
    const int64_t index = key.GetValueIndex(i);
    if (index < 0 || index >= values->length()) {
      return MakeError(ErrorCode::kCorruptData, "dictionary index {} of {} key values",
                       index, values->length());
    }
    const SpineIndex::Group group = groups[index];
    if (group.count == 0) continue;
    matches->push_back({static_cast<uint32_t>(i), group.start, group.count});
  }
  return arrow::Status::OK();
}

arrow::Status AsOfJoin::Impl::Probe(const RowBatch& batch,
                                    std::vector<Match>* matches) const {
  matches->clear();
  if (static_cast<int>(batch.keys.size()) != space_.column_count()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} key columns where {} were declared",
                     batch.keys.size(), space_.column_count());
  }
  for (const auto& key : batch.keys) {
    if (key->length() != batch.length) {
      return MakeError(ErrorCode::kInvalidArgument, "a key column of {} rows in {} rows",
                       key->length(), batch.length);
    }
  }
  if (batch.unit >= kMaxUnits ||
      int64_t{batch.first_row} + batch.length > int64_t{kMaxRows}) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "unit {} with rows up to {}: at most {} units of {} rows each",
                     batch.unit, batch.first_row + batch.length, kMaxUnits, kMaxRows);
  }
  if (batch.live != nullptr && batch.live->size() < (batch.length + 7) / 8) {
    return MakeError(ErrorCode::kInvalidArgument, "live rows: {} bytes for {} rows",
                     batch.live->size(), batch.length);
  }
  if (index_->key_count() == 0) return arrow::Status::OK();
  if (batch.keys.size() == 1 && batch.keys[0]->type_id() == arrow::Type::DICTIONARY) {
    return ProbeDictionary(static_cast<const arrow::DictionaryArray&>(*batch.keys[0]),
                           batch, matches);
  }
  const uint8_t* live = batch.live == nullptr ? nullptr : batch.live->data();
  for (int64_t at = 0; at < batch.length; at += kProbeRows) {
    ARROW_RETURN_NOT_OK(ProbeRange(batch.keys, live, at,
                                   std::min(kProbeRows, batch.length - at), matches));
  }
  return arrow::Status::OK();
}

arrow::Result<AsOfJoin::Impl::Times> AsOfJoin::Impl::TimesOf(const RowBatch& batch,
                                                             int64_t needed) const {
  if (batch.timestamps == nullptr || batch.timestamps->length() != needed ||
      (batch.created != nullptr && batch.created->length() != needed)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "feature timestamps are missing, or not {} of them", needed);
  }
  ARROW_ASSIGN_OR_RAISE(Instants ts,
                        Instants::Make(*batch.timestamps, "the event timestamp"));
  std::optional<Instants> created;
  int64_t created_nanos = spine_nanos_;
  if (batch.created != nullptr) {
    ARROW_ASSIGN_OR_RAISE(created,
                          Instants::Make(*batch.created, "the created timestamp"));
    created_nanos = created->nanos_per_unit();
  }
  return Times{ts, created, UnitScale(ts.nanos_per_unit(), spine_nanos_),
               UnitScale(created_nanos, spine_nanos_)};
}

/// From which entity timestamp on the row may be seen, in the spine's unit; nullopt:
/// never. With the created filter that is the later of the two times, so whatever entry
/// comes first from there on sees the row, and so do all after it.
std::optional<int64_t> AsOfJoin::Impl::Effective(const Times& times, int64_t i,
                                                 int64_t ts) const {
  std::optional<int64_t> effective =
      times.ts_scale.identity() ? std::optional<int64_t>(ts) : times.ts_scale.Ceil(ts);
  if (!options_.filter_by_created_timestamp || !effective || !times.created) {
    return effective;
  }
  if (!times.created->valid(i)) return std::nullopt;
  const std::optional<int64_t> created =
      times.created_scale.Ceil(times.created->value(i));
  if (!created) return std::nullopt;
  return std::max(*effective, *created);
}

bool AsOfJoin::Impl::FirstEntry(const Match& match, int64_t effective,
                                uint32_t* entry) const {
  const SpineEntry* begin = index_->entries() + match.start;
  const SpineEntry* end = begin + match.count;
  if (match.count > 1) {
    begin = std::lower_bound(begin, end, effective, [](const SpineEntry& e, int64_t ts) {
      return e.entity_ts < ts;
    });
    if (begin == end) return false;
  } else if (begin->entity_ts < effective) {
    return false;
  }
  *entry = static_cast<uint32_t>(begin - index_->entries());
  return true;
}

void AsOfJoin::Impl::Offer(uint32_t entry, int64_t ts, int64_t created,
                           uint64_t position) {
  SpineEntry& best = index_->entries()[entry];
  const std::atomic_ref<int64_t> best_ts(best.best_ts);
  // best_ts only grows, so a stale value rejects no row that could win.
  if (ts < best_ts.load(std::memory_order_relaxed)) return;
  std::lock_guard<SpinLock> lock(locks_[entry % kLockCount]);
  const int64_t now = best_ts.load(std::memory_order_relaxed);
  const bool wins =
      ts > now ||
      (ts == now && (created > best.best_created ||
                     (created == best.best_created && position > best.best_position)));
  if (!wins) return;
  best_ts.store(ts, std::memory_order_relaxed);
  best.best_created = created;
  best.best_position = position;
}

arrow::Status AsOfJoin::Impl::Update(const RowBatch& batch,
                                     std::span<const Match> matches, bool compact) {
  const int64_t needed = compact ? static_cast<int64_t>(matches.size()) : batch.length;
  ARROW_ASSIGN_OR_RAISE(const Times times, TimesOf(batch, needed));
  const bool seen_at_ts = times.ts_scale.identity() &&
                          !(options_.filter_by_created_timestamp && times.created);
  ARROW_RETURN_NOT_OK(ts_unit_.Admit(times.ts.nanos_per_unit()));
  if (times.created) {
    ARROW_RETURN_NOT_OK(created_unit_.Admit(times.created->nanos_per_unit()));
  }
  for (size_t j = 0; j < matches.size(); ++j) {
    if (j + kEntryAhead < matches.size()) {
      __builtin_prefetch(index_->entries() + matches[j + kEntryAhead].start, 1);
    }
    const Match& match = matches[j];
    const int64_t i = compact ? static_cast<int64_t>(j) : match.index;
    if (!times.ts.valid(i)) continue;
    const int64_t ts = times.ts.value(i);
    int64_t effective = ts;
    if (!seen_at_ts) {
      const std::optional<int64_t> later = Effective(times, i, ts);
      if (!later) continue;
      effective = *later;
    }
    uint32_t entry;
    if (!FirstEntry(match, effective, &entry)) continue;
    int64_t created = kMinTime;
    if (times.created && times.created->valid(i)) {
      created = std::max(times.created->value(i), kMinTime + 1);
    }
    Offer(entry, ts, created, PositionOf(batch.unit, batch.first_row + match.index));
  }
  return arrow::Status::OK();
}

bool AsOfJoin::Impl::WithinTtl(int64_t ts, int64_t entity_ts) const {
  if (!options_.ttl_micros) return true;
  const __int128 age = static_cast<__int128>(entity_ts) * spine_nanos_ -
                       static_cast<__int128>(ts) * ts_unit_.nanos();
  return age <= static_cast<__int128>(*options_.ttl_micros) * kNanosPerMicro;
}

arrow::Result<std::vector<uint32_t>> AsOfJoin::Impl::Narrow(
    const RowBatch& batch, bool compact, std::vector<Match>* matches) const {
  const int64_t needed = compact ? static_cast<int64_t>(matches->size()) : batch.length;
  RowBatch timed;
  timed.timestamps = batch.timestamps;
  ARROW_ASSIGN_OR_RAISE(const Times times, TimesOf(timed, needed));
  const __int128 ttl =
      static_cast<__int128>(options_.ttl_micros.value_or(0)) * kNanosPerMicro;
  std::vector<uint32_t> kept;
  for (size_t j = 0; j < matches->size(); ++j) {
    const Match match = (*matches)[j];
    const int64_t i = compact ? static_cast<int64_t>(j) : match.index;
    if (!times.ts.valid(i)) continue;
    const int64_t ts = times.ts.value(i);
    const std::optional<int64_t> effective =
        times.ts_scale.identity() ? std::optional<int64_t>(ts) : times.ts_scale.Ceil(ts);
    uint32_t entry;
    if (!effective || !FirstEntry(match, *effective, &entry)) continue;
    SpineEntry& first = const_cast<SpineEntry&>(index_->entries()[entry]);
    // A created filter can move the row to a later entry, whose best says nothing here.
    if (!options_.filter_by_created_timestamp &&
        ts < std::atomic_ref<int64_t>(first.best_ts).load(std::memory_order_relaxed)) {
      continue;
    }
    // The first entry that sees the row is the one it is youngest for.
    if (options_.ttl_micros &&
        static_cast<__int128>(first.entity_ts) * spine_nanos_ -
                static_cast<__int128>(ts) * times.ts.nanos_per_unit() >
            ttl) {
      continue;
    }
    (*matches)[kept.size()] = match;
    kept.push_back(static_cast<uint32_t>(i));
  }
  matches->resize(kept.size());
  return kept;
}

arrow::Result<Resolution> AsOfJoin::Impl::Resolve() const {
  const SpineEntry* entries = index_->entries();
  const std::vector<uint32_t>& entry_of_row = index_->entry_of_row();
  // Entries are numbered like the spine's rows, so there are at most as many.
  std::vector<uint64_t> winners(entry_of_row.size(), 0);
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(index_->table_count()), threads_, [&](int64_t table) {
        index_->ForEachGroup(static_cast<size_t>(table), [&](SpineIndex::Group group) {
          SpineEntry best{0, kMinTime, kMinTime, 0};
          for (uint32_t e = group.start; e < group.start + group.count; ++e) {
            const SpineEntry& entry = entries[e];
            if (entry.best_position != 0 &&
                std::tie(entry.best_ts, entry.best_created, entry.best_position) >
                    std::tie(best.best_ts, best.best_created, best.best_position)) {
              best = entry;
            }
            if (best.best_position != 0 && WithinTtl(best.best_ts, entry.entity_ts)) {
              winners[e] = best.best_position;
            }
          }
        });
        return arrow::Status::OK();
      }));
  std::vector<uint64_t> positions(entry_of_row.size());
  for (size_t row = 0; row < positions.size(); ++row) {
    const uint32_t entry = entry_of_row[row];
    positions[row] = entry == SpineIndex::kNoEntry ? 0 : winners[entry];
  }
  return Resolution::Group(positions, Resolution::Slots::kAsGiven, threads_);
}

AsOfJoin::AsOfJoin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AsOfJoin::~AsOfJoin() = default;

arrow::Result<std::unique_ptr<AsOfJoin>> AsOfJoin::Make(
    const std::vector<std::shared_ptr<arrow::Array>>& spine_keys,
    const arrow::Array& entity_timestamps, const std::vector<KeyColumnType>& feature_keys,
    const AsOfOptions& options) {
  if (spine_keys.size() != feature_keys.size()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the entity frame has {} key columns, the feature view {}",
                     spine_keys.size(), feature_keys.size());
  }
  std::vector<KeySpace::Column> columns;
  for (size_t c = 0; c < spine_keys.size(); ++c) {
    columns.push_back(
        {feature_keys[c].name, spine_keys[c]->type(), feature_keys[c].type});
  }
  ARROW_ASSIGN_OR_RAISE(KeySpace space, KeySpace::Make(columns));
  auto impl = std::make_unique<Impl>(std::move(space), options);
  ARROW_RETURN_NOT_OK(impl->Build(spine_keys, entity_timestamps));
  return std::unique_ptr<AsOfJoin>(new AsOfJoin(std::move(impl)));
}

AsOfJoin::TimeBounds AsOfJoin::time_bounds() const { return impl_->time_bounds(); }

arrow::Result<std::shared_ptr<arrow::Array>> AsOfJoin::DistinctKeys(int64_t limit) const {
  return impl_->DistinctKeys(limit);
}

arrow::Status AsOfJoin::Observe(const RowBatch& batch) {
  std::vector<Match> matches;
  ARROW_RETURN_NOT_OK(impl_->Probe(batch, &matches));
  return impl_->Update(batch, matches, /*compact=*/false);
}

arrow::Status AsOfJoin::Probe(const RowBatch& batch, std::vector<Match>* matches) const {
  return impl_->Probe(batch, matches);
}

arrow::Status AsOfJoin::Update(const RowBatch& batch, std::span<const Match> matches,
                               bool compact) {
  return impl_->Update(batch, matches, compact);
}

arrow::Result<std::vector<uint32_t>> AsOfJoin::Narrow(const RowBatch& batch, bool compact,
                                                      std::vector<Match>* matches) const {
  return impl_->Narrow(batch, compact, matches);
}

arrow::Result<Resolution> AsOfJoin::Resolve() const { return impl_->Resolve(); }

int64_t AsOfJoin::spine_length() const { return impl_->spine_length(); }

}  // namespace floe::exec
