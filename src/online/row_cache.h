#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "online/online_rows.h"

namespace floe::online {

/// A row, and how much of the table it is the newest of.
struct CachedRow {
  EncodedRowPtr row;
  uint64_t version = 0;         ///< FileIndex::version it was found in.
  uint32_t placed_files = 0;    ///< Files of the key's partition then.
  uint32_t unplaced_files = 0;  ///< The same of the unplaced files.
};

/// Newest rows by key, bounded by bytes, least recently used out first. Thread-safe.
class RowCache {
 public:
  /// 0 keeps nothing.
  explicit RowCache(int64_t capacity_bytes) : shard_bytes_(capacity_bytes / kShards) {}

  /// What one set of features of one lineage (FileIndex::lineage) has for a key.
  struct Key {
    uint64_t lineage;
    uint64_t shape;  ///< Names a list of features and their types.
    std::string_view entity_key;
  };

  std::optional<CachedRow> Find(const Key& key);
  /// Keeps `row` unless one of a later version is there.
  void Put(const Key& key, CachedRow row);

  int64_t used_bytes() const;

 private:
  static constexpr size_t kShards = 16;

  struct Node {
    std::string key;
    CachedRow row;
    int64_t bytes;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Node> order;  ///< Most recently used first.
    std::unordered_map<std::string_view, std::list<Node>::iterator> nodes;
    int64_t used_bytes = 0;
  };

  Shard& ShardOf(std::string_view stored_key);

  const int64_t shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace floe::online
