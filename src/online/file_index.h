#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/table/table.h"
#include "io/file_io.h"
#include "online/online_table.h"

namespace floe::online {

/// A data file of an online table, as far as a look-up needs to know it.
struct IndexedFile {
  std::shared_ptr<const iceberg::DataFile> file;
  int64_t sequence_number = 0;
  /// Bounds of entity_key, as hex; false: nothing is known.
  bool has_bounds = false;
  std::string lower;
  std::string upper;
  std::map<int32_t, iceberg::Literal> constants;
  /// As in FileScanTask.
  std::vector<std::shared_ptr<const iceberg::DataFile>> position_deletes;
  std::vector<std::shared_ptr<const iceberg::DataFile>> equality_deletes;

  bool has_deletes() const {
    return !position_deletes.empty() || !equality_deletes.empty();
  }

  /// The file, opened; from the process's cache when it was evicted there meanwhile. A
  /// request may probe thousands of files, so that even looking one up in a map by its
  /// path would be felt. Thread-safe.
  arrow::Result<iceberg::ParquetFilePtr> Open(const FileIO& io) const;

  /// The leaf ordinal of entity_key in `opened`, this file; kCorruptData without one.
  arrow::Result<int> KeyLeaf(const iceberg::ParquetFile& opened, int32_t key_field_id,
                             const iceberg::NameMapping* mapping) const;

 private:
  mutable std::atomic<int> key_leaf_ = -1;  ///< -1: not known yet.
  // Not an atomic<weak_ptr>: libstdc++ 12 unlocks its load without ordering.
  mutable std::mutex opened_mutex_;
  mutable std::weak_ptr<const iceberg::ParquetFile> opened_;
};

using IndexedFiles = std::vector<std::shared_ptr<const IndexedFile>>;

/// Which files of one version of an online table may hold which keys. Immutable, shared
/// by all requests; made once per metadata location.
class FileIndex {
 public:
  /// Plans all files of the table's current snapshot, or, where that snapshot only adds
  /// to the one `previous` was made of (null: none), reads what was added alone.
  static arrow::Result<std::shared_ptr<const FileIndex>> Make(
      iceberg::TablePtr table, const OnlineStoreConfig& config,
      const std::shared_ptr<const FileIndex>& previous);

  const iceberg::TablePtr& table() const { return table_; }
  const OnlineLayout& layout() const { return layout_; }
  int32_t key_field_id() const { return key_field_id_; }
  const std::shared_ptr<const iceberg::NameMapping>& name_mapping() const {
    return name_mapping_;
  }

  /// Files of the partition `entity_hash`.
  const IndexedFiles& PartitionFiles(int32_t entity_hash) const {
    return by_hash_[entity_hash];
  }
  /// Files that may hold any key: of another partition spec, or without a hash.
  const IndexedFiles& UnplacedFiles() const { return unplaced_; }

  /// Versions of the table of one lineage only add files: PartitionFiles and
  /// UnplacedFiles of an earlier version() are the beginning of a later one's, and the
  /// schema is the same. What was found in those files holds in all that follow. Lineages
  /// are numbered over all tables of the process.
  uint64_t lineage() const { return lineage_; }
  uint64_t version() const { return version_; }

  int64_t file_count() const { return file_count_; }
  /// How many files were read from manifests to make this index, the rest being shared.
  int64_t files_added() const { return files_added_; }
  int64_t memory_bytes() const;

 private:
  struct Source;

  FileIndex() = default;
  arrow::Status Plan();
  /// False when the snapshot does more than add data files to `previous`.
  arrow::Result<bool> Extend(const FileIndex& previous);
  arrow::Status Add(Source source);
  /// Whether this index, which has all files of `previous`, may go on its lineage.
  bool Succeeds(const FileIndex& previous) const;

  iceberg::TablePtr table_;
  OnlineLayout layout_;
  int32_t key_field_id_ = 0;
  int32_t hash_field_id_ = 0;
  std::shared_ptr<const iceberg::NameMapping> name_mapping_;
  std::vector<IndexedFiles> by_hash_;
  IndexedFiles unplaced_;
  std::set<std::string> manifests_;
  bool has_delete_manifests_ = false;
  int64_t file_count_ = 0;
  int64_t files_added_ = 0;
  uint64_t lineage_ = 0;
  uint64_t version_ = 0;
  /// One index alone may follow another in its lineage, so that versions have one order.
  mutable std::atomic<bool> has_successor_ = false;
};

}  // namespace floe::online
