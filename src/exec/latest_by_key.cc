#include "exec/latest_by_key.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <tuple>
#include <utility>

#include "arrow/array.h"
#include "base/error.h"
#include "base/parallel.h"
#include "exec/hash.h"
#include "exec/instants.h"
#include "exec/key_space.h"
#include "exec/unit_guard.h"

namespace floe::exec {

namespace {

constexpr int64_t kMinTime = std::numeric_limits<int64_t>::min();
constexpr int kPartitionBits = 7;
constexpr size_t kPartitions = size_t{1} << kPartitionBits;
/// Rows handled at a time: hundreds for each partition's lock.
constexpr int64_t kChunkRows = 1 << 16;
constexpr uint64_t kFirstSlots = 64;
constexpr size_t kAhead = 16;

/// A key and its newest row.
struct Best {
  uint64_t tag;  ///< The integer key, or the hash of the key's bytes.
  int64_t ts;
  int64_t created;
  uint64_t position;  ///< PositionOf; 0: the slot is empty.

  void Offer(int64_t row_ts, int64_t row_created, uint64_t row_position) {
    if (std::tie(row_ts, row_created, row_position) > std::tie(ts, created, position)) {
      ts = row_ts;
      created = row_created;
      position = row_position;
    }
  }
};

/// The keys of one value of the hash's top bits: open addressing, at most half full.
struct Partition {
  std::mutex mutex;
  std::vector<Best> slots;
  std::vector<uint64_t> key_ends;  ///< Byte keys: end in `key_bytes`, parallel to slots.
  std::vector<uint32_t> key_sizes;
  std::vector<char> key_bytes;
  uint64_t used = 0;
  Best null_key{0, kMinTime, kMinTime, 0};  ///< Integer keys: the NULL one.

  std::string_view KeyAt(uint64_t slot) const {
    return {key_bytes.data() + key_ends[slot] - key_sizes[slot], key_sizes[slot]};
  }
};

uint64_t HomeOf(uint64_t hash, uint64_t slots) {
  return SlotOf(hash << kPartitionBits, slots);
}

/// Doubles the table. Slots are found again by hash, which is the tag or made from it.
void Grow(Partition* partition, bool integer) {
  const size_t size = std::max<size_t>(kFirstSlots, partition->slots.size() * 2);
  std::vector<Best> slots(size, Best{0, kMinTime, kMinTime, 0});
  std::vector<uint64_t> ends(integer ? 0 : size);
  std::vector<uint32_t> sizes(integer ? 0 : size);
  for (size_t old = 0; old < partition->slots.size(); ++old) {
    const Best& best = partition->slots[old];
    if (best.position == 0) continue;
    const uint64_t hash =
        integer ? HashInteger(static_cast<int64_t>(best.tag)) : best.tag;
    uint64_t at = HomeOf(hash, size);
    while (slots[at].position != 0) at = at + 1 == size ? 0 : at + 1;
    slots[at] = best;
    if (integer) continue;
    ends[at] = partition->key_ends[old];
    sizes[at] = partition->key_sizes[old];
  }
  partition->slots = std::move(slots);
  partition->key_ends = std::move(ends);
  partition->key_sizes = std::move(sizes);
}

/// One chunk's rows that count, by partition.
struct ChunkRow {
  uint64_t hash;
  int64_t ts;
  int64_t created;
  uint32_t index;  ///< Into the chunk.
};

}  // namespace

class LatestByKey::Impl {
 public:
  Impl(KeySpace space, const LatestOptions& options)
      : space_(std::move(space)), options_(options), partitions_(kPartitions) {}

  arrow::Status Observe(const RowBatch& batch);
  arrow::Result<Resolution> Resolve() const;
  int64_t key_count() const { return key_count_.load(); }

 private:
  struct Chunk {
    KeySpace::Integers integers;
    KeySpace::Bytes bytes;
    std::vector<ChunkRow> rows;  ///< By partition.
    std::array<uint32_t, kPartitions + 1> starts;
    std::vector<uint32_t> null_keys;
  };

  arrow::Status Check(const RowBatch& batch) const;
  /// The bounds in the unit of `ts`; false when no value lies between them.
  bool Bounds(const Instants& ts, int64_t* min, int64_t* max) const;
  arrow::Status Collect(const RowBatch& batch, const Instants& ts,
                        const std::optional<Instants>& created, int64_t begin,
                        int64_t length, Chunk* chunk) const;
  void Apply(const RowBatch& batch, int64_t begin, const Chunk& chunk, size_t partition);
  void ApplyNullKeys(const RowBatch& batch, const Instants& ts,
                     const std::optional<Instants>& created, int64_t begin,
                     const Chunk& chunk);
  static int64_t CreatedAt(const std::optional<Instants>& created, int64_t i) {
    if (!created || !created->valid(i)) return kMinTime;
    return std::max(created->value(i), kMinTime + 1);
  }

  const KeySpace space_;
  const LatestOptions options_;
  std::vector<Partition> partitions_;
  std::atomic<int64_t> key_count_{0};
  UnitGuard ts_unit_{"event timestamps"};
  UnitGuard created_unit_{"created timestamps"};
};

arrow::Status LatestByKey::Impl::Check(const RowBatch& batch) const {
  bool lengths =
      batch.timestamps != nullptr && batch.timestamps->length() == batch.length;
  lengths &= batch.created == nullptr || batch.created->length() == batch.length;
  lengths &= batch.live == nullptr || batch.live->size() >= (batch.length + 7) / 8;
  for (const auto& key : batch.keys) lengths &= key->length() == batch.length;
  if (!lengths || static_cast<int>(batch.keys.size()) != space_.column_count()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a batch of {} rows needs {} key columns and timestamps of that "
                     "length",
                     batch.length, space_.column_count());
  }
  if (batch.unit >= kMaxUnits ||
      int64_t{batch.first_row} + batch.length > int64_t{kMaxRows}) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "unit {} with rows up to {}: at most {} units of {} rows each",
                     batch.unit, batch.first_row + batch.length, kMaxUnits, kMaxRows);
  }
  return arrow::Status::OK();
}

bool LatestByKey::Impl::Bounds(const Instants& ts, int64_t* min, int64_t* max) const {
  *min = kMinTime;
  *max = std::numeric_limits<int64_t>::max();
  const UnitScale scale(kNanosPerMicro, ts.nanos_per_unit());
  if (options_.min_micros) {
    const std::optional<int64_t> bound = scale.Ceil(*options_.min_micros);
    if (!bound) return false;
    *min = *bound;
  }
  if (options_.max_micros) {
    const std::optional<int64_t> bound = scale.Floor(*options_.max_micros);
    if (!bound) return false;
    *max = *bound;
  }
  return *min <= *max;
}

arrow::Status LatestByKey::Impl::Collect(const RowBatch& batch, const Instants& ts,
                                         const std::optional<Instants>& created,
                                         int64_t begin, int64_t length,
                                         Chunk* chunk) const {
  const std::vector<uint8_t>* valid = &chunk->integers.valid;
  if (space_.is_integer()) {
    ARROW_RETURN_NOT_OK(
        space_.EncodeIntegers(*batch.keys[0], begin, length, &chunk->integers));
  } else {
    ARROW_RETURN_NOT_OK(space_.EncodeBytes(batch.keys, begin, length, &chunk->bytes));
    valid = &chunk->bytes.valid;
  }
  chunk->starts.fill(0);
  chunk->null_keys.clear();
  chunk->rows.clear();
  int64_t min, max;
  if (!Bounds(ts, &min, &max)) return arrow::Status::OK();
  const uint8_t* live = batch.live == nullptr ? nullptr : batch.live->data();
  std::vector<ChunkRow> rows(static_cast<size_t>(length));
  size_t count = 0;
  for (int64_t i = 0; i < length; ++i) {
    const int64_t row = begin + i;
    if (!ts.valid(row)) continue;
    const int64_t time = ts.value(row);
    if (time < min || time > max) continue;
    if (live != nullptr && !((live[row >> 3] >> (row & 7)) & 1)) continue;
    if (!valid->empty() && !(*valid)[i]) {
      if (options_.group_null_keys) chunk->null_keys.push_back(static_cast<uint32_t>(i));
      continue;
    }
    const uint64_t hash = space_.is_integer() ? HashInteger(chunk->integers.values[i])
                                              : HashBytes(chunk->bytes.key(i));
    rows[count++] = {hash, time, CreatedAt(created, row), static_cast<uint32_t>(i)};
    ++chunk->starts[(hash >> (64 - kPartitionBits)) + 1];
  }
  for (size_t p = 1; p <= kPartitions; ++p) chunk->starts[p] += chunk->starts[p - 1];
  chunk->rows.resize(count);
  std::array<uint32_t, kPartitions + 1> next = chunk->starts;
  for (size_t i = 0; i < count; ++i) {
    chunk->rows[next[rows[i].hash >> (64 - kPartitionBits)]++] = rows[i];
  }
  return arrow::Status::OK();
}

void LatestByKey::Impl::Apply(const RowBatch& batch, int64_t begin, const Chunk& chunk,
                              size_t number) {
  const size_t first = chunk.starts[number], last = chunk.starts[number + 1];
  if (first == last) return;
  const bool integer = space_.is_integer();
  Partition& partition = partitions_[number];
  std::lock_guard<std::mutex> lock(partition.mutex);
  const uint64_t before = partition.used;
  for (size_t r = first; r < last; ++r) {
    if ((partition.used + 1) * 2 > partition.slots.size()) Grow(&partition, integer);
    const uint64_t size = partition.slots.size();
    if (r + kAhead < last) {
      __builtin_prefetch(&partition.slots[HomeOf(chunk.rows[r + kAhead].hash, size)], 1);
    }
    const ChunkRow& row = chunk.rows[r];
    const uint64_t tag =
        integer ? static_cast<uint64_t>(chunk.integers.values[row.index]) : row.hash;
    const std::string_view key =
        integer ? std::string_view() : chunk.bytes.key(row.index);
    uint64_t at = HomeOf(row.hash, size);
    while (partition.slots[at].position != 0 &&
           (partition.slots[at].tag != tag || (!integer && partition.KeyAt(at) != key))) {
      at = at + 1 == size ? 0 : at + 1;
    }
    Best& best = partition.slots[at];
    if (best.position == 0) {
      best.tag = tag;
      ++partition.used;
      if (!integer) {
        partition.key_bytes.insert(partition.key_bytes.end(), key.begin(), key.end());
        partition.key_ends[at] = partition.key_bytes.size();
        partition.key_sizes[at] = static_cast<uint32_t>(key.size());
      }
    }
    best.Offer(row.ts, row.created,
               PositionOf(batch.unit,
                          batch.first_row + static_cast<uint32_t>(begin) + row.index));
  }
  key_count_.fetch_add(static_cast<int64_t>(partition.used - before));
}

void LatestByKey::Impl::ApplyNullKeys(const RowBatch& batch, const Instants& ts,
                                      const std::optional<Instants>& created,
                                      int64_t begin, const Chunk& chunk) {
  if (chunk.null_keys.empty()) return;
  Partition& partition = partitions_[0];
  std::lock_guard<std::mutex> lock(partition.mutex);
  if (partition.null_key.position == 0) key_count_.fetch_add(1);
  for (uint32_t index : chunk.null_keys) {
    const int64_t row = begin + index;
    partition.null_key.Offer(
        ts.value(row), CreatedAt(created, row),
        PositionOf(batch.unit, batch.first_row + static_cast<uint32_t>(row)));
  }
}

arrow::Status LatestByKey::Impl::Observe(const RowBatch& batch) {
  ARROW_RETURN_NOT_OK(Check(batch));
  ARROW_ASSIGN_OR_RAISE(const Instants ts,
                        Instants::Make(*batch.timestamps, "the event timestamp"));
  ARROW_RETURN_NOT_OK(ts_unit_.Admit(ts.nanos_per_unit()));
  std::optional<Instants> created;
  if (batch.created != nullptr) {
    ARROW_ASSIGN_OR_RAISE(created,
                          Instants::Make(*batch.created, "the created timestamp"));
    ARROW_RETURN_NOT_OK(created_unit_.Admit(created->nanos_per_unit()));
  }
  Chunk chunk;
  for (int64_t begin = 0; begin < batch.length; begin += kChunkRows) {
    const int64_t length = std::min(kChunkRows, batch.length - begin);
    ARROW_RETURN_NOT_OK(Collect(batch, ts, created, begin, length, &chunk));
    // Threads start at different partitions so that they rarely meet at a lock.
    for (size_t p = 0; p < kPartitions; ++p) {
      Apply(batch, begin, chunk, (p + batch.unit * 37) % kPartitions);
    }
    ApplyNullKeys(batch, ts, created, begin, chunk);
    if (key_count_.load() > options_.max_keys) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "more than {} distinct keys; narrow the time range or raise the "
                       "limit",
                       options_.max_keys);
    }
  }
  return arrow::Status::OK();
}

arrow::Result<Resolution> LatestByKey::Impl::Resolve() const {
  std::vector<uint64_t> positions;
  positions.reserve(static_cast<size_t>(key_count_.load()));
  for (const Partition& partition : partitions_) {
    for (const Best& best : partition.slots) {
      if (best.position != 0) positions.push_back(best.position);
    }
    if (partition.null_key.position != 0)
      positions.push_back(partition.null_key.position);
  }
  const int threads =
      options_.thread_count > 0 ? options_.thread_count : DefaultThreadCount();
  return Resolution::Group(positions, Resolution::Slots::kNumbered, threads);
}

LatestByKey::LatestByKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LatestByKey::~LatestByKey() = default;

arrow::Result<std::unique_ptr<LatestByKey>> LatestByKey::Make(
    const std::vector<KeyColumnType>& keys, const LatestOptions& options) {
  std::vector<KeySpace::Column> columns;
  for (const KeyColumnType& key : keys) columns.push_back({key.name, key.type, key.type});
  ARROW_ASSIGN_OR_RAISE(KeySpace space, KeySpace::Make(columns, options.group_null_keys));
  return std::unique_ptr<LatestByKey>(
      new LatestByKey(std::make_unique<Impl>(std::move(space), options)));
}

arrow::Status LatestByKey::Observe(const RowBatch& batch) {
  return impl_->Observe(batch);
}

arrow::Result<Resolution> LatestByKey::Resolve() const { return impl_->Resolve(); }

int64_t LatestByKey::key_count() const { return impl_->key_count(); }

}  // namespace floe::exec
