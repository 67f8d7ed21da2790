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
  if (file->content == FileContent::kEqualityDeletes) {
    if (is_unpartitioned) {
      global_equality_.push_back(index);
    } else {
      ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(*file));
      by_partition_[key].push_back(index);
    }
  } else if (file->file_format == FileFormat::kPuffin) {
    if (!file->referenced_data_file) {
      return MakeError(ErrorCode::kCorruptData,
                       "the deletion vector in '{}' does not say which data file it is "
                       "about",
                       file->file_path);
    }
    vectors_[*file->referenced_data_file].push_back(index);
  } else if (auto path = ReferencedFile(*file)) {
    positions_by_path_[*path].push_back(index);
  } else {
    ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(*file));
    by_partition_[key].push_back(index);
  }
  entries_.push_back({std::move(file), sequence_number});
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const DataFile>> DeleteIndex::VectorOf(
    const DataFile& data, int64_t sequence_number) const {
  auto found = vectors_.find(data.file_path);
  if (found == vectors_.end()) return nullptr;
  if (found->second.size() > 1) {
    return MakeError(ErrorCode::kCorruptData,
                     "data file '{}' has {} deletion vectors, at most one is allowed",
                     data.file_path, found->second.size());
  }
  const Entry& entry = entries_[found->second[0]];
  // A vector of before the file was written is about another file of its name.
  if (entry.sequence_number < sequence_number) return nullptr;
  return entry.file;
}

arrow::Result<ApplyingDeletes> DeleteIndex::For(const DataFile& data,
                                                int64_t sequence_number) const {
  ApplyingDeletes applying;
  ARROW_ASSIGN_OR_RAISE(auto vector, VectorOf(data, sequence_number));
  std::vector<size_t> candidates = global_equality_;
  if (auto found = positions_by_path_.find(data.file_path);
      found != positions_by_path_.end()) {
    candidates.insert(candidates.end(), found->second.begin(), found->second.end());
  }
  ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(data));
  if (auto found = by_partition_.find(key); found != by_partition_.end()) {
    candidates.insert(candidates.end(), found->second.begin(), found->second.end());
  }
  for (size_t index : candidates) {
    const Entry& entry = entries_[index];
    const DataFile& file = *entry.file;
    if (file.content == FileContent::kEqualityDeletes) {
      // Rows written with the deletes are newer than these.
      if (entry.sequence_number > sequence_number) {
        applying.equality.push_back(entry.file);
      }
    } else if (vector == nullptr && entry.sequence_number >= sequence_number &&
               IsPathInBounds(file, data.file_path)) {
      applying.positions.push_back(entry.file);
    }
  }
  if (vector != nullptr) applying.positions.push_back(std::move(vector));
  return applying;
}

}  // namespace floe::iceberg
