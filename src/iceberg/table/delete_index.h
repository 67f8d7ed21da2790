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

/// Delete files of a snapshot by the data files they may remove rows of (spec, "Scan
/// Planning"). Built once, then read from many threads.
class DeleteIndex {
 public:
  /// `file` and its data sequence number.
  arrow::Status Add(std::shared_ptr<const DataFile> file, int64_t sequence_number,
                    bool is_unpartitioned);

  bool empty() const { return entries_.empty(); }
  /// The position delete files that may hold rows of `data`. kNotSupported names an
  /// equality delete file or a deletion vector that applies to it.
  arrow::Result<std::vector<std::shared_ptr<const DataFile>>> For(
      const DataFile& data, int64_t sequence_number) const;

 private:
  struct Entry {
    std::shared_ptr<const DataFile> file;
    int64_t sequence_number = 0;
  };
  static arrow::Result<std::string> PartitionKey(const DataFile& file);

  std::vector<Entry> entries_;
  std::map<std::string, std::vector<size_t>> by_partition_;
  std::map<std::string, std::vector<size_t>> by_path_;
  std::vector<size_t> global_equality_;
};

}  // namespace floe::iceberg
