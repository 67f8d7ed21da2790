#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "io/range_source.h"

namespace floe {

/// Keeps blocks of remote files in a folder that any number of processes share. A block
/// is a file of its own, written under another name and renamed, with a checksum over
/// what it is of and its bytes: a torn, strange or damaged one is read again from the
/// store. The least recently used go when the folder holds more bytes than allowed. What
/// the cache cannot do (a full disk) never fails a read. Thread-safe.
class DiskCache {
 public:
  static constexpr int64_t kBlockBytes = int64_t{512} << 10;
  static constexpr int64_t kDefaultMaxBytes = int64_t{10} << 30;

  /// kInvalidConfig when the folder cannot be made or written.
  static arrow::Result<std::shared_ptr<DiskCache>> Open(const std::string& folder,
                                                        int64_t max_bytes);

  /// `source` read through the cache. The file must never change: it is known by
  /// `file_name` (FileIO::CacheName) and size.
  std::shared_ptr<RangeSource> Wrap(std::shared_ptr<RangeSource> source,
                                    std::string file_name, int64_t size_bytes);

  struct Counters {
    int64_t block_hits = 0;
    int64_t block_misses = 0;
    int64_t blocks_evicted = 0;
    int64_t blocks_damaged = 0;
  };
  Counters counters() const;

 private:
  class Source;

  DiskCache(std::string folder, int64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  /// The block's bytes; "" when they are not there.
  std::string Find(const std::string& name, size_t length);
  void Keep(const std::string& name, std::string_view bytes);
  void Evict();

  const std::string folder_;
  const int64_t max_bytes_;
  std::weak_ptr<DiskCache> self_;
  mutable std::mutex mutex_;
  Counters counters_;
  /// Written since the folder was last counted.
  int64_t written_bytes_ = 0;
};

}  // namespace floe
