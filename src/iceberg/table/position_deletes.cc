#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_primitive.h"
#include "base/error.h"
#include "base/lru_cache.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/format/puffin/deletion_vector.h"
#include "iceberg/table/any_file.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/equality_deletes.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kCacheBytes = int64_t{256} << 20;
/// A delete file of more rows is not kept whole: of it, each data file reads its own.
constexpr int64_t kMaxCachedRows = 4 << 20;
/// Rows that may be deleted of one data file.
constexpr int64_t kMaxDeletedRows = int64_t{1} << 31;
constexpr int64_t kEntryOverhead = 128;

/// The rows that one position delete file removes, by data file.
struct DeletedPositionsByFile {
  std::unordered_map<std::string, std::vector<int64_t>> positions;
  int64_t bytes = 0;
};

LruCache<DeletedPositionsByFile>& PositionCache() {
  static auto* const cache = new LruCache<DeletedPositionsByFile>(kCacheBytes);
  return *cache;
}

arrow::Result<SchemaPtr> DeleteFileSchema() {
  return Schema::Make(
      {NestedField::Required(kDeleteFilePathId, "file_path", Type::String()),
       NestedField::Required(kDeletePositionId, "pos", Type::Long())});
}

/// Calls `visit(path, position)` for each row of `deletes`, of `data_path` alone unless
/// that is empty.
template <typename Visit>
arrow::Status VisitDeletes(const FileIO& io, const DataFile& deletes,
                           const std::string& data_path, Visit visit) {
  FileReadOptions options;
  ARROW_ASSIGN_OR_RAISE(options.schema, DeleteFileSchema());
  if (!data_path.empty()) {
    PredicatePtr of_file = Predicate::Compare(Predicate::Op::kEqual, "file_path",
                                              Literal::String(data_path));
    ARROW_ASSIGN_OR_RAISE(options.filter, Bind(of_file, *options.schema));
    options.filter_schema = options.schema;
    options.filter_rows = true;
  }
  ARROW_ASSIGN_OR_RAISE(auto reader, ReadAnyFile(io, deletes, options));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (batch == nullptr) return arrow::Status::OK();
    const auto& paths = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& positions = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      visit(paths.GetView(row), positions.Value(row));
    }
  }
}

arrow::Result<LruCache<DeletedPositionsByFile>::Loaded> ReadWhole(
    const FileIO& io, const DataFile& deletes) {
  auto read = std::make_shared<DeletedPositionsByFile>();
  // Rows are sorted by path, so the list of the last one is mostly the one again.
  std::string_view last_path;
  std::vector<int64_t>* last = nullptr;
  ARROW_RETURN_NOT_OK(
      VisitDeletes(io, deletes, "", [&](std::string_view path, int64_t position) {
        if (last == nullptr || path != last_path) {
          auto [entry, is_new] = read->positions.try_emplace(std::string(path));
          last_path = entry->first;
          last = &entry->second;
          if (is_new) read->bytes += static_cast<int64_t>(path.size()) + kEntryOverhead;
        }
        last->push_back(position);
        read->bytes += static_cast<int64_t>(sizeof(int64_t));
      }));
  const int64_t bytes = read->bytes;
  return LruCache<DeletedPositionsByFile>::Loaded{std::move(read), bytes};
}

arrow::Status AddPositions(const FileIO& io, const DataFile& deletes,
                           const std::string& data_path,
                           std::vector<int64_t>* positions) {
  if (deletes.file_format == FileFormat::kPuffin) {
    ARROW_ASSIGN_OR_RAISE(const PositionBitmap vector, ReadDeletionVector(io, deletes));
    if (vector.size() > kMaxDeletedRows) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a deletion vector of {} rows is above the limit of {}",
                       vector.size(), kMaxDeletedRows);
    }
    const std::vector<int64_t> deleted = vector.Positions();
    positions->insert(positions->end(), deleted.begin(), deleted.end());
    return arrow::Status::OK();
  }
  if (deletes.record_count > kMaxCachedRows) {
    return VisitDeletes(io, deletes, data_path, [&](std::string_view, int64_t position) {
      positions->push_back(position);
    });
  }
  ARROW_ASSIGN_OR_RAISE(
      auto cached, PositionCache().GetOrLoad(io.CacheName(deletes.file_path),
                                             [&] { return ReadWhole(io, deletes); }));
  if (auto found = cached->positions.find(data_path); found != cached->positions.end()) {
    positions->insert(positions->end(), found->second.begin(), found->second.end());
  }
  return arrow::Status::OK();
}

void SortDistinct(std::vector<int64_t>* positions) {
  const bool is_rising =
      std::adjacent_find(positions->begin(), positions->end(),
                         [](int64_t a, int64_t b) { return a >= b; }) == positions->end();
  if (is_rising) return;  // As from a deletion vector.
  std::sort(positions->begin(), positions->end());
  positions->erase(std::unique(positions->begin(), positions->end()), positions->end());
}

}  // namespace

arrow::Result<std::vector<int64_t>> LoadPositionDeletes(const FileIO& io,
                                                        const FileScanTask& task) {
  std::vector<int64_t> positions;
  for (const auto& deletes : task.position_deletes) {
    arrow::Status status = AddPositions(io, *deletes, task.file->file_path, &positions);
    ARROW_RETURN_NOT_OK(WithContext(status, "delete file", deletes->file_path));
  }
  SortDistinct(&positions);
  return positions;
}

arrow::Result<std::vector<int64_t>> LoadDeletedRows(const Table& table,
                                                    const FileScanTask& task) {
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> positions,
                        LoadPositionDeletes(*table.io(), task));
  if (task.equality_deletes.empty()) return positions;
  ARROW_ASSIGN_OR_RAISE(const std::vector<int64_t> by_key,
                        LoadEqualityDeletedRows(table, task));
  positions.insert(positions.end(), by_key.begin(), by_key.end());
  SortDistinct(&positions);
  return positions;
}

std::vector<RowRange> LiveRanges(int64_t file_rows, const std::vector<int64_t>& deleted) {
  std::vector<RowRange> live;
  int64_t begin = 0;
  for (int64_t position : deleted) {
    if (position < 0 || position >= file_rows) continue;
    if (position > begin) live.push_back({begin, position});
    begin = position + 1;
  }
  if (begin < file_rows) live.push_back({begin, file_rows});
  return live;
}

}  // namespace floe::iceberg
