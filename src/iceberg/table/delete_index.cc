#include "iceberg/table/delete_index.h"

#include <optional>

#include "base/error.h"

namespace floe::iceberg {
namespace {

/// The one data file a delete file is about, where it says so.
std::optional<std::string> ReferencedFile(const DataFile& file) {
  if (file.referenced_data_file) return file.referenced_data_file;
  const ColumnMetrics* paths = file.FindMetrics(kDeleteFilePathId);
  if (paths == nullptr || !paths->lower_bound || !paths->upper_bound) return std::nullopt;
  // Bounds may be cut short, but an upper one is then raised: equal ones are whole.
  if (*paths->lower_bound != *paths->upper_bound) return std::nullopt;
  return *paths->lower_bound;
}

bool IsPathInBounds(const DataFile& deletes, const std::string& path) {
  const ColumnMetrics* paths = deletes.FindMetrics(kDeleteFilePathId);
  if (paths == nullptr) return true;
  if (paths->lower_bound && path < *paths->lower_bound) return false;
  return !paths->upper_bound || path <= *paths->upper_bound;
}

}  // namespace

arrow::Result<std::string> DeleteIndex::PartitionKey(const DataFile& file) {
  std::string key = std::to_string(file.spec_id);
  for (const Literal& value : file.partition) {
    if (value.is_null()) {
      key += "|null";
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(std::string bytes, value.ToBytes());
    key += fmt::format("|{}:", bytes.size());
    key += bytes;
  }
  return key;
}

arrow::Status DeleteIndex::Add(std::shared_ptr<const DataFile> file,
                               int64_t sequence_number, bool is_unpartitioned) {
  size_t index = entries_.size();
  if (file->content == FileContent::kEqualityDeletes && is_unpartitioned) {
    global_equality_.push_back(index);
  } else if (auto path = file->content == FileContent::kPositionDeletes
                             ? ReferencedFile(*file)
                             : std::nullopt) {
    by_path_[*path].push_back(index);
  } else {
    ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(*file));
    by_partition_[key].push_back(index);
  }
  entries_.push_back({std::move(file), sequence_number});
  return arrow::Status::OK();
}

arrow::Result<std::vector<std::shared_ptr<const DataFile>>> DeleteIndex::For(
    const DataFile& data, int64_t sequence_number) const {
  std::vector<size_t> candidates = global_equality_;
  if (auto found = by_path_.find(data.file_path); found != by_path_.end()) {
    candidates.insert(candidates.end(), found->second.begin(), found->second.end());
  }
  ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(data));
  if (auto found = by_partition_.find(key); found != by_partition_.end()) {
    candidates.insert(candidates.end(), found->second.begin(), found->second.end());
  }
  std::vector<std::shared_ptr<const DataFile>> applying;
  for (size_t index : candidates) {
    const Entry& entry = entries_[index];
    const DataFile& file = *entry.file;
    if (file.content == FileContent::kEqualityDeletes) {
      if (entry.sequence_number <= sequence_number) continue;
      return MakeError(ErrorCode::kNotSupported,
                       "{} has rows removed by the equality delete file {}, which this "
                       "version of Floe does not apply: compact the table with an engine "
                       "that does",
                       data.file_path, file.file_path);
    }
    if (entry.sequence_number < sequence_number) continue;
    if (!IsPathInBounds(file, data.file_path)) continue;
    if (file.file_format != FileFormat::kParquet) {
      return MakeError(
          ErrorCode::kNotSupported,
          "{} has rows removed by {}, a {}, which this version of Floe does not apply",
          data.file_path, file.file_path,
          file.file_format == FileFormat::kPuffin
              ? std::string("deletion vector")
              : fmt::format("position delete file in {}",
                            FileFormatName(file.file_format)));
    }
    applying.push_back(entry.file);
  }
  return applying;
}

}  // namespace floe::iceberg
