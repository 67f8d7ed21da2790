#include "online/online_reader.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "arrow/array.h"
#include "arrow/chunked_array.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/lru_cache.h"
#include "base/parallel.h"
#include "feast/value_type.h"
#include "iceberg/format/parquet/key_lookup.h"
#include "iceberg/table/scan.h"
#include "online/file_index.h"
#include "online/file_rows.h"
#include "online/read_deadline.h"

namespace floe::online {

namespace {

using iceberg::OutputColumn;

constexpr int64_t kIndexCacheBytes = int64_t{256} << 20;
constexpr int64_t kDeletesCacheBytes = int64_t{64} << 20;
constexpr int64_t kMaxKeysPerRead = 1'000'000;
/// Fewer files than this are looked into by the calling thread alone: a thread costs
/// about as much to start as a small file to probe.
constexpr size_t kMinFilesPerThread = 4;

const std::shared_ptr<arrow::DataType>& TimesType() {
  static const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  return type;
}

using DeletedRows = std::vector<int64_t>;

/// What requests share besides the index.
struct SharedCaches {
  iceberg::DecodeScratchPool scratch;
  LruCache<DeletedRows> deleted_rows{kDeletesCacheBytes};
};

/// The newest row of one key so far.
struct Winner {
  int32_t task = -1;  ///< -1: none.
  int64_t row = 0;
  int64_t event_ts = 0;
  int64_t created_ts = 0;  ///< kNoCreated: NULL.
};
constexpr int64_t kNoCreated = INT64_MIN;

/// The keys to look for in one file, and what was found.
struct FileTask {
  const IndexedFile* file = nullptr;
  std::vector<int32_t> keys;  ///< Ordinals of distinct keys, ascending.
  std::vector<iceberg::KeyMatch> matches;
  /// Of the matches whose keys have others: what decides between them.
  std::shared_ptr<arrow::TimestampArray> event_ts;
  std::shared_ptr<arrow::TimestampArray> created_ts;
  iceberg::ParquetFilePtr parquet;  ///< Set where there are matches.
  iceberg::KeyLookupCounters counters;
};

arrow::Result<std::shared_ptr<arrow::Array>> FinishColumn(OutputColumn* column) {
  ARROW_ASSIGN_OR_RAISE(auto chunked, column->Finish());
  if (chunked->num_chunks() == 1) return chunked->chunk(0);
  if (chunked->num_chunks() == 0) return arrow::MakeEmptyArray(chunked->type());
  return MakeError(ErrorCode::kResourceExhausted,
                   "a feature's values of one request are over 2 GiB; ask for fewer "
                   "entities");
}

/// One request against one version of the table.
class ReadRequest {
 public:
  ReadRequest(const FileIndex& index, const ReadDeadline& deadline, SharedCaches* caches,
              int threads)
      : index_(index), deadline_(deadline), caches_(caches), threads_(threads) {}

  arrow::Result<OnlineRows> Run(std::span<const std::string> keys,
                                const std::vector<WantedColumn>& features) {
    SortKeys(keys);
    MakeTasks();
    ARROW_RETURN_NOT_OK(ForEachTask([this](FileTask* task) { return LookUp(task); }));
    CountMatches();
    ARROW_RETURN_NOT_OK(ForEachTask([this](FileTask* task) { return ReadTimes(task); }));
    ChooseWinners();
    return Collect(static_cast<int64_t>(keys.size()), features);
  }

  void AddCounters(OnlineReadCounters* counters) const {
    for (const FileTask& task : tasks_) {
      counters->files_in_partitions += static_cast<int64_t>(task.keys.size());
      counters->bloom_checks += task.counters.bloom_checks;
      counters->bloom_hits += task.counters.bloom_hits;
      counters->key_pages_read += task.counters.pages_read;
      counters->rows_matched += static_cast<int64_t>(task.matches.size());
    }
    counters->files_opened += static_cast<int64_t>(tasks_.size());
  }

 private:
  arrow::Status ForEachTask(const std::function<arrow::Status(FileTask*)>& body) {
    const int threads =
        std::min<int>(threads_, static_cast<int>(tasks_.size() / kMinFilesPerThread) + 1);
    return ParallelFor(static_cast<int64_t>(tasks_.size()), threads,
                       [&](int64_t i) { return body(&tasks_[i]); });
  }

  /// Distinct keys in byte order (which their hex has too), and where each was asked for.
  void SortKeys(std::span<const std::string> keys) {
    std::vector<uint32_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
    for (uint32_t position : order) {
      if (raw_keys_.empty() || raw_keys_.back() != keys[position]) {
        raw_keys_.push_back(keys[position]);
        hex_keys_.push_back(HexEncode(keys[position]));
        positions_.emplace_back();
      }
      positions_.back().push_back(position);
    }
  }

  void AddTask(const IndexedFile& file, std::span<const int32_t> keys) {
    FileTask task;
    for (int32_t key : keys) {
      if (!file.has_bounds ||
          (file.lower <= hex_keys_[key] && hex_keys_[key] <= file.upper)) {
        task.keys.push_back(key);
      }
    }
    if (task.keys.empty()) return;
    task.file = &file;
    tasks_.push_back(std::move(task));
  }

  void MakeTasks() {
    std::vector<std::pair<int32_t, int32_t>> hashed;
    std::vector<int32_t> all;
    for (size_t key = 0; key < raw_keys_.size(); ++key) {
      const auto ordinal = static_cast<int32_t>(key);
      hashed.emplace_back(EntityHash(raw_keys_[key], index_.layout().partition_count),
                          ordinal);
      all.push_back(ordinal);
    }
    std::sort(hashed.begin(), hashed.end());
    std::vector<int32_t> group;
    for (size_t i = 0; i < hashed.size();) {
      const int32_t hash = hashed[i].first;
      group.clear();
      for (; i < hashed.size() && hashed[i].first == hash; ++i) {
        group.push_back(hashed[i].second);
      }
      for (const auto& file : index_.PartitionFiles(hash)) AddTask(*file, group);
    }
    for (const auto& file : index_.UnplacedFiles()) AddTask(*file, all);
  }

  arrow::Status LookUp(FileTask* task) {
    ARROW_RETURN_NOT_OK(deadline_.Check("looking into a data file"));
    ARROW_ASSIGN_OR_RAISE(auto parquet, task->file->Open(*index_.table()->io()));
    ARROW_ASSIGN_OR_RAISE(const int column,
                          task->file->KeyLeaf(*parquet, index_.key_field_id(),
                                              index_.name_mapping().get()));
    std::vector<std::string_view> keys;
    keys.reserve(task->keys.size());
    for (int32_t key : task->keys) keys.push_back(hex_keys_[key]);
    ARROW_ASSIGN_OR_RAISE(task->matches,
                          iceberg::LookupKeys(*parquet, column, keys, &task->counters));
    ARROW_RETURN_NOT_OK(DropDeleted(task));
    if (!task->matches.empty()) task->parquet = std::move(parquet);
    return arrow::Status::OK();
  }

  arrow::Status DropDeleted(FileTask* task) {
    if (!task->file->has_deletes() || task->matches.empty()) {
      return arrow::Status::OK();
    }
    const std::string key =
        index_.table()->metadata_location() + "|" + task->file->file->file_path;
    ARROW_ASSIGN_OR_RAISE(
        auto deleted,
        caches_->deleted_rows.GetOrLoad(
            key, [&]() -> arrow::Result<LruCache<DeletedRows>::Loaded> {
              iceberg::FileScanTask scan;
              scan.file = task->file->file;
              scan.sequence_number = task->file->sequence_number;
              scan.position_deletes = task->file->position_deletes;
              scan.equality_deletes = task->file->equality_deletes;
              scan.constants = task->file->constants;
              ARROW_ASSIGN_OR_RAISE(DeletedRows rows,
                                    iceberg::LoadDeletedRows(*index_.table(), scan));
              const auto bytes = static_cast<int64_t>(rows.size() * sizeof(int64_t));
              return LruCache<DeletedRows>::Loaded{
                  std::make_shared<const DeletedRows>(std::move(rows)), bytes};
            }));
    std::erase_if(task->matches, [&](const iceberg::KeyMatch& match) {
      return std::binary_search(deleted->begin(), deleted->end(), match.row);
    });
    return arrow::Status::OK();
  }

  void CountMatches() {
    match_counts_.resize(raw_keys_.size());
    for (const FileTask& task : tasks_) {
      for (const iceberg::KeyMatch& match : task.matches) {
        ++match_counts_[task.keys[match.key]];
      }
    }
  }

  bool IsContested(const FileTask& task, const iceberg::KeyMatch& match) const {
    return match_counts_[task.keys[match.key]] > 1;
  }

  /// Event and creation times of the rows that are not their key's only ones.
  arrow::Status ReadTimes(FileTask* task) {
    std::vector<RowPick> picks;
    for (size_t i = 0; i < task->matches.size(); ++i) {
      if (!IsContested(*task, task->matches[i])) continue;
      picks.push_back(
          {static_cast<uint32_t>(task->matches[i].row), static_cast<uint32_t>(i)});
    }
    if (picks.empty()) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(deadline_.Check("reading event times"));
    ARROW_ASSIGN_OR_RAISE(auto columns, TimeColumns());
    std::vector<std::unique_ptr<OutputColumn>> outputs;
    ARROW_ASSIGN_OR_RAISE(
        auto places,
        MakeOutputs(columns, static_cast<int64_t>(task->matches.size()), &outputs));
    FileRows rows(task->parquet, *task->file, index_, &caches_->scratch);
    ARROW_RETURN_NOT_OK(rows.Gather(columns, picks, places, deadline_));
    ARROW_ASSIGN_OR_RAISE(task->event_ts, FinishTimes(outputs[0].get()));
    ARROW_ASSIGN_OR_RAISE(task->created_ts, FinishTimes(outputs[1].get()));
    return arrow::Status::OK();
  }

  static arrow::Result<std::vector<OutputColumn*>> MakeOutputs(
      const std::vector<WantedColumn>& columns, int64_t length,
      std::vector<std::unique_ptr<OutputColumn>>* outputs) {
    std::vector<OutputColumn*> places;
    for (const WantedColumn& column : columns) {
      ARROW_ASSIGN_OR_RAISE(auto output, OutputColumn::Make(column.type, length));
      places.push_back(output.get());
      outputs->push_back(std::move(output));
    }
    return places;
  }

  static arrow::Result<std::shared_ptr<arrow::TimestampArray>> FinishTimes(
      OutputColumn* column) {
    ARROW_ASSIGN_OR_RAISE(auto times, FinishColumn(column));
    return std::static_pointer_cast<arrow::TimestampArray>(times);
  }

  arrow::Result<std::vector<WantedColumn>> TimeColumns() const {
    std::vector<WantedColumn> columns;
    for (const char* name : {kEventTsColumn, kCreatedTsColumn}) {
      ARROW_ASSIGN_OR_RAISE(const auto* field, index_.table()->schema()->GetField(name));
      columns.push_back({*field, TimesType()});
    }
    return columns;
  }

  bool IsNewer(const Winner& candidate, const Winner& winner) const {
    if (winner.task < 0) return true;
    if (candidate.event_ts != winner.event_ts) {
      return candidate.event_ts > winner.event_ts;
    }
    if (candidate.created_ts != winner.created_ts) {
      return candidate.created_ts > winner.created_ts;
    }
    const int64_t candidate_commit = tasks_[candidate.task].file->sequence_number;
    const int64_t winner_commit = tasks_[winner.task].file->sequence_number;
    if (candidate_commit != winner_commit) return candidate_commit > winner_commit;
    return std::pair(candidate.task, candidate.row) > std::pair(winner.task, winner.row);
  }

  void ChooseWinners() {
    winners_.resize(raw_keys_.size());
    for (size_t t = 0; t < tasks_.size(); ++t) {
      const FileTask& task = tasks_[t];
      for (size_t i = 0; i < task.matches.size(); ++i) {
        Winner candidate;
        candidate.task = static_cast<int32_t>(t);
        candidate.row = task.matches[i].row;
        Winner& winner = winners_[task.keys[task.matches[i].key]];
        if (IsContested(task, task.matches[i])) {
          const auto row = static_cast<int64_t>(i);
          if (task.event_ts->IsNull(row)) continue;
          candidate.event_ts = task.event_ts->Value(row);
          candidate.created_ts =
              task.created_ts->IsNull(row) ? kNoCreated : task.created_ts->Value(row);
          if (!IsNewer(candidate, winner)) continue;
        }
        winner = candidate;
      }
    }
  }

  arrow::Result<OnlineRows> Collect(int64_t length,
                                    const std::vector<WantedColumn>& features) {
    ARROW_ASSIGN_OR_RAISE(std::vector<WantedColumn> columns, TimeColumns());
    const size_t first_feature = columns.size();
    columns.insert(columns.end(), features.begin(), features.end());
    std::vector<std::unique_ptr<OutputColumn>> outputs;
    ARROW_ASSIGN_OR_RAISE(auto places, MakeOutputs(columns, length, &outputs));
    std::vector<std::vector<RowPick>> picks(tasks_.size());
    for (size_t key = 0; key < winners_.size(); ++key) {
      if (winners_[key].task < 0) continue;
      for (uint32_t position : positions_[key]) {
        picks[winners_[key].task].push_back(
            {static_cast<uint32_t>(winners_[key].row), position});
      }
    }
    ARROW_RETURN_NOT_OK(ForEachTask([&](FileTask* task) -> arrow::Status {
      std::vector<RowPick>& wanted = picks[task - tasks_.data()];
      if (wanted.empty()) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(deadline_.Check("reading features"));
      std::sort(wanted.begin(), wanted.end(),
                [](const RowPick& a, const RowPick& b) { return a.row < b.row; });
      FileRows rows(task->parquet, *task->file, index_, &caches_->scratch);
      return rows.Gather(columns, wanted, places, deadline_);
    }));
    OnlineRows result;
    ARROW_ASSIGN_OR_RAISE(result.event_ts, FinishTimes(outputs[0].get()));
    ARROW_ASSIGN_OR_RAISE(result.created_ts, FinishTimes(outputs[1].get()));
    for (size_t i = first_feature; i < outputs.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto column, FinishColumn(outputs[i].get()));
      result.features.push_back(std::move(column));
    }
    ARROW_RETURN_NOT_OK(deadline_.Check("returning the answer"));
    return result;
  }

  const FileIndex& index_;
  const ReadDeadline& deadline_;
  SharedCaches* caches_;
  int threads_;
  std::vector<std::string_view> raw_keys_;
  std::vector<std::string> hex_keys_;
  std::vector<std::vector<uint32_t>> positions_;
  std::vector<FileTask> tasks_;
  std::vector<int32_t> match_counts_;  ///< By key.
  std::vector<Winner> winners_;
};

bool SameStorage(const iceberg::Type& a, const iceberg::Type& b) {
  if (a.id() != b.id()) return false;
  return a.id() == iceberg::TypeId::kList
             ? SameStorage(*a.element().type, *b.element().type)
             : a.Equals(b);
}

/// The table's column for a feature, in the view's type.
arrow::Result<WantedColumn> ColumnOf(const iceberg::Table& table,
                                     const OnlineFeature& feature) {
  for (const iceberg::NestedField& field : table.schema()->fields()) {
    if (field.name != feature.name) continue;
    WantedColumn column;
    column.field = field;
    int32_t element_id = 0;
    ARROW_ASSIGN_OR_RAISE(auto wanted, feast::ToIcebergType(feature.type, &element_id));
    ARROW_ASSIGN_OR_RAISE(column.type, feast::ToArrowType(feature.type));
    if (SameStorage(*field.type, *wanted)) return column;
    if (iceberg::IsPromotionAllowed(*field.type, *wanted,
                                    table.metadata()->format_version)) {
      column.field.type = std::move(wanted);
      return column;
    }
    return MakeError(
        ErrorCode::kInvalidArgument,
        "feature '{}' is {} in online table '{}' but {} in the feature view; "
        "run `feast apply`",
        feature.name, field.type->ToString(), table.name(),
        feast::ValueTypeName(feature.type));
  }
  return MakeError(ErrorCode::kNoSuchColumn,
                   "online table '{}' has no column for feature '{}' yet; run `feast "
                   "apply`",
                   table.name(), feature.name);
}

arrow::Result<std::vector<WantedColumn>> ColumnsOf(
    const iceberg::Table& table, const OnlineView& view,
    const std::vector<std::string>& features) {
  std::vector<WantedColumn> columns;
  for (const std::string& name : features) {
    auto found =
        std::find_if(view.features.begin(), view.features.end(),
                     [&](const OnlineFeature& feature) { return feature.name == name; });
    if (found == view.features.end()) {
      std::vector<std::string> names;
      for (const OnlineFeature& feature : view.features) names.push_back(feature.name);
      const std::string nearest = NearestName(name, names);
      return MakeError(
          ErrorCode::kInvalidArgument, "feature view '{}' has no feature '{}'{}",
          view.name, name,
          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    ARROW_ASSIGN_OR_RAISE(WantedColumn column, ColumnOf(table, *found));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

bool OnlineRows::IsFound(int64_t row) const { return event_ts->IsValid(row); }

class OnlineReader::Impl {
 public:
  Impl(std::shared_ptr<iceberg::Catalog> catalog, OnlineStoreConfig config,
       iceberg::TableContext context)
      : catalog_(std::move(catalog)),
        config_(std::move(config)),
        context_(std::move(context)) {}

  const OnlineStoreConfig& config() const { return config_; }

  arrow::Result<std::shared_ptr<const FileIndex>> Index(const OnlineView& view) {
    ARROW_ASSIGN_OR_RAISE(auto table, LoadOnlineTable(catalog_, config_, view, context_));
    const std::string name = table->name();
    ARROW_ASSIGN_OR_RAISE(
        auto index, indexes_.GetOrLoad(
                        table->metadata_location(),
                        [&]() -> arrow::Result<LruCache<FileIndex>::Loaded> {
                          ARROW_ASSIGN_OR_RAISE(
                              auto made, FileIndex::Make(table, config_, Latest(name)));
                          SetLatest(name, made);
                          const int64_t bytes = made->memory_bytes();
                          return LruCache<FileIndex>::Loaded{std::move(made), bytes};
                        }));
    return index;
  }

  arrow::Status Warm(const OnlineView& view) {
    ARROW_ASSIGN_OR_RAISE(auto index, Index(view));
    IndexedFiles files = index->UnplacedFiles();
    for (int32_t hash = 0; hash < index->layout().partition_count; ++hash) {
      const IndexedFiles& placed = index->PartitionFiles(hash);
      files.insert(files.end(), placed.begin(), placed.end());
    }
    const int64_t count =
        std::min(static_cast<int64_t>(files.size()), OnlineReader::kMaxWarmFiles);
    return ParallelFor(count, ThreadCount(), [&](int64_t i) {
      static_cast<void>(OpenKeys(*index, *files[static_cast<size_t>(i)]));
      return arrow::Status::OK();
    });
  }

  arrow::Result<OnlineRows> Read(const OnlineView& view,
                                 std::span<const std::string> keys,
                                 const std::vector<std::string>& features,
                                 OnlineReadCounters* counters) {
    if (static_cast<int64_t>(keys.size()) > kMaxKeysPerRead) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a read of {} entities is over the limit of {}; ask in parts",
                       keys.size(), kMaxKeysPerRead);
    }
    ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config_, view));
    const ReadDeadline deadline(*context_.clock, identifier.ToString(),
                                config_.read_timeout_ms);
    ARROW_ASSIGN_OR_RAISE(auto index, Index(view));
    ARROW_RETURN_NOT_OK(deadline.Check("looking up keys"));
    ARROW_ASSIGN_OR_RAISE(auto columns, ColumnsOf(*index->table(), view, features));
    ReadRequest request(*index, deadline, &caches_, ThreadCount());
    auto rows = request.Run(keys, columns);
    if (counters != nullptr) request.AddCounters(counters);
    if (!rows.ok()) return WithContext(rows.status(), "table", identifier.ToString());
    return rows;
  }

 private:
  int ThreadCount() const {
    return config_.read_threads > 0 ? config_.read_threads : DefaultThreadCount();
  }

  static arrow::Status OpenKeys(const FileIndex& index, const IndexedFile& file) {
    ARROW_ASSIGN_OR_RAISE(auto parquet, file.Open(*index.table()->io()));
    ARROW_ASSIGN_OR_RAISE(const int column, file.KeyLeaf(*parquet, index.key_field_id(),
                                                         index.name_mapping().get()));
    return parquet->Keys(column).status();
  }

  std::shared_ptr<const FileIndex> Latest(const std::string& table) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = latest_.find(table);
    return found == latest_.end() ? nullptr : found->second;
  }

  void SetLatest(const std::string& table, std::shared_ptr<const FileIndex> index) {
    std::lock_guard<std::mutex> lock(mutex_);
    latest_[table] = std::move(index);
  }

  std::shared_ptr<iceberg::Catalog> catalog_;
  OnlineStoreConfig config_;
  iceberg::TableContext context_;
  SharedCaches caches_;
  LruCache<FileIndex> indexes_{kIndexCacheBytes};
  std::mutex mutex_;
  /// By table, the index made last: what the next snapshot's is extended from.
  std::unordered_map<std::string, std::shared_ptr<const FileIndex>> latest_;
};

OnlineReader::OnlineReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OnlineReader::~OnlineReader() = default;

arrow::Result<std::unique_ptr<OnlineReader>> OnlineReader::Make(
    std::shared_ptr<iceberg::Catalog> catalog, OnlineStoreConfig config,
    iceberg::TableContext context) {
  ARROW_RETURN_NOT_OK(config.Validate());
  return std::unique_ptr<OnlineReader>(new OnlineReader(
      std::make_unique<Impl>(std::move(catalog), std::move(config), std::move(context))));
}

arrow::Result<OnlineRows> OnlineReader::Read(const OnlineView& view,
                                             std::span<const std::string> keys,
                                             const std::vector<std::string>& features,
                                             OnlineReadCounters* counters) {
  return impl_->Read(view, keys, features, counters);
}

arrow::Status OnlineReader::Warm(const OnlineView& view) { return impl_->Warm(view); }

const OnlineStoreConfig& OnlineReader::config() const { return impl_->config(); }

}  // namespace floe::online
