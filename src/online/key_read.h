#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/lru_cache.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "online/file_index.h"
#include "online/file_rows.h"
#include "online/online_rows.h"
#include "online/read_deadline.h"

namespace floe::online {

/// What was found for a key in a part of the files: the first ones of its partition and
/// of the unplaced ones. Only the others need to be looked into.
struct KnownKey {
  uint32_t placed_files = 0;
  uint32_t unplaced_files = 0;
  bool is_found = false;
  int64_t event_ts = 0;
  int64_t created_ts = kNoTimestamp;
  int64_t sequence_number = 0;
};

/// Row numbers that a data file's position deletes remove, ascending.
using DeletedRows = std::vector<int64_t>;

/// What requests share besides the index. Thread-safe.
struct KeyReadCaches {
  static constexpr int64_t kDeletesBytes = int64_t{64} << 20;

  iceberg::DecodeScratchPool scratch;
  LruCache<DeletedRows> deleted_rows{kDeletesBytes};
};

/// The answer to a KeyRead, by position of the keys.
struct KeyReadRows {
  OnlineRows rows;
  /// Data sequence number of the row's commit; 0 where there is none.
  std::vector<int64_t> sequence_numbers;
  /// Whether what was known of the key is still its newest row (or that it has none);
  /// `rows` then has nothing there.
  std::vector<bool> is_known;
};

/// Looks keys up in one version of a table. One request, one thread (which may start
/// others).
class KeyRead {
 public:
  KeyRead(const FileIndex& index, const ReadDeadline& deadline, KeyReadCaches* caches,
          int threads);
  ~KeyRead();

  /// `known` is empty or has an entry per key; keys must then be distinct.
  arrow::Result<KeyReadRows> Run(std::span<const std::string> keys,
                                 std::span<const KnownKey> known,
                                 const std::vector<WantedColumn>& features);

  void AddCounters(OnlineReadCounters* counters) const;

 private:
  struct FileTask;
  struct Winner;

  arrow::Status ForEachTask(const std::function<arrow::Status(FileTask*)>& body);
  void SortKeys(std::span<const std::string> keys, std::span<const KnownKey> known);
  void AddTask(const IndexedFile& file, std::span<const int32_t> keys);
  void AddPlacedTasks();
  void AddUnplacedTasks();
  arrow::Status LookUp(FileTask* task);
  arrow::Status DropDeleted(FileTask* task);
  void CountMatches();
  bool IsContested(const FileTask& task, int32_t match_key) const;
  arrow::Status ReadTimes(FileTask* task);
  arrow::Result<std::vector<WantedColumn>> TimeColumns() const;
  void ChooseWinners();
  arrow::Result<KeyReadRows> Collect(int64_t length,
                                     const std::vector<WantedColumn>& features);

  const FileIndex& index_;
  const ReadDeadline& deadline_;
  KeyReadCaches* caches_;
  int threads_;
  std::vector<std::string_view> raw_keys_;
  std::vector<std::string> hex_keys_;
  std::vector<KnownKey> known_;  ///< By distinct key.
  std::vector<std::vector<uint32_t>> positions_;
  std::vector<FileTask> tasks_;
  std::vector<int32_t> match_counts_;  ///< By key.
  std::vector<Winner> winners_;
};

}  // namespace floe::online
