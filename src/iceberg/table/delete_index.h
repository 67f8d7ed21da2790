#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"

namespace floe::iceberg {

/// Field ids of position delete files (spec, "Reserved Field IDs").
inline constexpr int32_t kDeleteFilePathId = 2147483546;
inline constexpr int32_t kDeletePositionId = 2147483545;

/// The delete files that apply to one data file.
struct ApplyingDeletes {
  /// Position delete files that may hold rows of the file, or its one deletion vector,
  /// beside which they do not count.
  std::vector<std::shared_ptr<const DataFile>> positions;
  std::vector<std::shared_ptr<const DataFile>> equality;
};

/// Delete files of a snapshot by the data files they may remove rows of (spec, "Scan
/// Planning"). Built once, then read from many threads.
class DeleteIndex {
 public:
  /// `file` and its data sequence number. kCorruptData for a deletion vector without a
  /// data file.
  arrow::Status Add(std::shared_ptr<const DataFile> file, int64_t sequence_number,
                    bool is_unpartitioned);

  bool empty() const { return entries_.empty(); }
  /// kCorruptData when the data file has two deletion vectors.
  arrow::Result<ApplyingDeletes> For(const DataFile& data, int64_t sequence_number) const;

 private:
  struct Entry {
    std::shared_ptr<const DataFile> file;
    int64_t sequence_number = 0;
  };
  using Places = std::map<std::string, std::vector<size_t>, std::less<>>;

  static arrow::Result<std::string> PartitionKey(const DataFile& file);
  /// The vector of `data`, or null.
  arrow::Result<std::shared_ptr<const DataFile>> VectorOf(const DataFile& data,
                                                          int64_t sequence_number) const;

  std::vector<Entry> entries_;
  Places vectors_;            ///< By data file.
  Places positions_by_path_;  ///< Of deletes that say which file they are about.
  Places by_partition_;       ///< Of the other position deletes, and equality deletes.
  std::vector<size_t> global_equality_;
};

}  // namespace floe::iceberg
