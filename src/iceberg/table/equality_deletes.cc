#include "iceberg/table/equality_deletes.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "base/error.h"
#include "base/lru_cache.h"
#include "iceberg/table/any_file.h"
#include "iceberg/table/key_columns.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kCacheBytes = int64_t{512} << 20;
/// Keys of one delete file; what a set of them costs beside its bytes.
constexpr int64_t kMaxKeyBytes = int64_t{8} << 30;
constexpr int64_t kKeyOverhead = 64;

struct KeyHash {
  using is_transparent = void;
  size_t operator()(std::string_view key) const {
    return std::hash<std::string_view>()(key);
  }
};

/// The keys that one equality delete file removes.
struct DeletedKeys {
  std::unordered_set<std::string, KeyHash, std::equal_to<>> keys;
  int64_t bytes = 0;
};

LruCache<DeletedKeys>& KeyCache() {
  static auto* const cache = new LruCache<DeletedKeys>(kCacheBytes);
  return *cache;
}

arrow::Result<std::shared_ptr<const DeletedKeys>> ReadKeys(
    const FileIO& io, const DataFile& file, const KeyColumns& columns,
    const std::shared_ptr<const NameMapping>& mapping) {
  FileReadOptions options;
  options.schema = columns.schema();
  options.name_mapping = mapping;
  ARROW_ASSIGN_OR_RAISE(auto reader, ReadAnyFile(io, file, options));
  auto deleted = std::make_shared<DeletedKeys>();
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (batch == nullptr) return deleted;
    ARROW_RETURN_NOT_OK(
        columns.ForEachKey(*batch, [&](int64_t, std::string_view key) -> arrow::Status {
          if (deleted->keys.contains(key)) return arrow::Status::OK();
          deleted->keys.emplace(key);
          deleted->bytes += static_cast<int64_t>(key.size()) + kKeyOverhead;
          if (deleted->bytes <= kMaxKeyBytes) return arrow::Status::OK();
          return MakeError(
              ErrorCode::kResourceExhausted,
              "its keys take more than {} bytes of memory: compact the table "
              "with a smaller batch of deletes",
              kMaxKeyBytes);
        }));
  }
}

arrow::Result<std::shared_ptr<const DeletedKeys>> LoadKeys(
    const FileIO& io, const DataFile& file, const KeyColumns& columns,
    const std::shared_ptr<const NameMapping>& mapping) {
  const std::string name = io.CacheName(file.file_path) + "|" + columns.signature();
  auto keys =
      KeyCache().GetOrLoad(name, [&]() -> arrow::Result<LruCache<DeletedKeys>::Loaded> {
        ARROW_ASSIGN_OR_RAISE(auto read, ReadKeys(io, file, columns, mapping));
        const int64_t bytes = read->bytes + static_cast<int64_t>(name.size());
        return LruCache<DeletedKeys>::Loaded{std::move(read), bytes};
      });
  if (!keys.ok()) return WithContext(keys.status(), "delete file", file.file_path);
  return keys;
}

/// Adds the rows that delete files of the same columns remove.
arrow::Status AddDeletedRows(const Table& table, const FileScanTask& task,
                             const std::vector<int32_t>& field_ids,
                             const std::vector<std::shared_ptr<const DataFile>>& files,
                             std::vector<int64_t>* positions) {
  ARROW_ASSIGN_OR_RAISE(const KeyColumns columns,
                        KeyColumns::Make(*table.metadata(), field_ids));
  FileReadOptions options;
  ARROW_ASSIGN_OR_RAISE(options.name_mapping, TableNameMapping(*table.metadata()));
  std::vector<std::shared_ptr<const DeletedKeys>> deleted;
  for (const auto& file : files) {
    ARROW_ASSIGN_OR_RAISE(auto keys,
                          LoadKeys(*table.io(), *file, columns, options.name_mapping));
    if (!keys->keys.empty()) deleted.push_back(std::move(keys));
  }
  if (deleted.empty()) return arrow::Status::OK();
  options.schema = columns.schema();
  options.constants = task.constants;
  options.include_position = true;
  ARROW_ASSIGN_OR_RAISE(auto reader, ReadAnyFile(*table.io(), *task.file, options));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (batch == nullptr) return arrow::Status::OK();
    const auto& places =
        static_cast<const arrow::Int64Array&>(*batch->column(batch->num_columns() - 1));
    ARROW_RETURN_NOT_OK(
        columns.ForEachKey(*batch, [&](int64_t row, std::string_view key) {
          const bool is_deleted =
              std::any_of(deleted.begin(), deleted.end(),
                          [&](const auto& file) { return file->keys.contains(key); });
          if (is_deleted) positions->push_back(places.Value(row));
          return arrow::Status::OK();
        }));
  }
}

}  // namespace

arrow::Result<std::vector<int64_t>> LoadEqualityDeletedRows(const Table& table,
                                                            const FileScanTask& task) {
  std::map<std::vector<int32_t>, std::vector<std::shared_ptr<const DataFile>>> by_columns;
  for (const auto& file : task.equality_deletes) {
    std::vector<int32_t> ids = file->equality_ids;
    std::sort(ids.begin(), ids.end());
    by_columns[std::move(ids)].push_back(file);
  }
  std::vector<int64_t> positions;
  for (const auto& [ids, files] : by_columns) {
    arrow::Status status = AddDeletedRows(table, task, ids, files, &positions);
    ARROW_RETURN_NOT_OK(WithContext(status, "file", task.file->file_path));
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

}  // namespace floe::iceberg
