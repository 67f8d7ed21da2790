#include "online/row_cache.h"

#include <functional>
#include <utility>

namespace floe::online {

namespace {

/// Of a node: the list's and the map's own memory, the row's objects.
constexpr int64_t kBytesPerRow = 320;

void AppendNumber(uint64_t number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// Reused by the thread: a look-up then takes no memory.
const std::string& StoredKey(const RowCache::Key& key) {
  thread_local std::string stored;
  stored.clear();
  AppendNumber(key.lineage, &stored);
  AppendNumber(key.shape, &stored);
  stored.append(key.entity_key);
  return stored;
}

int64_t BytesOf(const std::string& key, const EncodedRow& row) {
  return kBytesPerRow + static_cast<int64_t>(key.size() + row.values.capacity() +
                                             row.ends.capacity() * sizeof(uint32_t));
}

}  // namespace

RowCache::Shard& RowCache::ShardOf(std::string_view stored_key) {
  // The high bits: the map within a shard uses the low ones.
  return shards_[std::hash<std::string_view>()(stored_key) >> 48 & (kShards - 1)];
}

std::optional<CachedRow> RowCache::Find(const Key& key) {
  const std::string& stored = StoredKey(key);
  Shard& shard = ShardOf(stored);
  std::lock_guard<std::mutex> lock(shard.mutex);
  auto found = shard.nodes.find(stored);
  if (found == shard.nodes.end()) return std::nullopt;
  shard.order.splice(shard.order.begin(), shard.order, found->second);
  return found->second->row;
}

void RowCache::Put(const Key& key, CachedRow row) {
  const std::string& stored = StoredKey(key);
  const int64_t bytes = BytesOf(stored, *row.row);
  if (bytes > shard_bytes_) return;
  Shard& shard = ShardOf(stored);
  std::lock_guard<std::mutex> lock(shard.mutex);
  if (auto found = shard.nodes.find(stored); found != shard.nodes.end()) {
    Node& node = *found->second;
    if (node.row.version > row.version) return;
    shard.used_bytes += bytes - node.bytes;
    node.row = std::move(row);
    node.bytes = bytes;
    shard.order.splice(shard.order.begin(), shard.order, found->second);
  } else {
    shard.order.push_front(Node{stored, std::move(row), bytes});
    shard.nodes.emplace(shard.order.front().key, shard.order.begin());
    shard.used_bytes += bytes;
  }
  while (shard.used_bytes > shard_bytes_) {
    const Node& oldest = shard.order.back();
    shard.used_bytes -= oldest.bytes;
    shard.nodes.erase(oldest.key);
    shard.order.pop_back();
  }
}

int64_t RowCache::used_bytes() const {
  int64_t bytes = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard<std::mutex> lock(shard.mutex);
    bytes += shard.used_bytes;
  }
  return bytes;
}

}  // namespace floe::online
