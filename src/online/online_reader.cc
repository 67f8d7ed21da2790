#include "online/online_reader.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/lru_cache.h"
#include "base/parallel.h"
#include "feast/value_codec.h"
#include "iceberg/table/scan.h"
#include "online/file_index.h"
#include "online/key_read.h"
#include "online/read_deadline.h"
#include "online/row_cache.h"

namespace floe::online {

namespace {

constexpr int64_t kIndexCacheBytes = int64_t{256} << 20;
constexpr int64_t kKeysCacheBytes = int64_t{64} << 20;
constexpr int64_t kMaxKeysPerRead = 1'000'000;
constexpr int64_t kMicrosPerMilli = 1000;

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
    if (feast::KeepsJson(feature.type, *field.type)) column.type = arrow::utf8();
    if (SameStorage(*field.type, *wanted) ||
        feast::KeepsMessages(feature.type, *field.type)) {
      return column;
    }
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
    const iceberg::Table& table, const std::vector<OnlineFeature>& features) {
  std::vector<WantedColumn> columns;
  for (const OnlineFeature& feature : features) {
    ARROW_ASSIGN_OR_RAISE(WantedColumn column, ColumnOf(table, feature));
    columns.push_back(std::move(column));
  }
  return columns;
}

arrow::Result<std::vector<OnlineFeature>> FeaturesOf(
    const OnlineView& view, const std::vector<std::string>& names) {
  std::vector<OnlineFeature> features;
  for (const std::string& name : names) {
    auto found =
        std::find_if(view.features.begin(), view.features.end(),
                     [&](const OnlineFeature& feature) { return feature.name == name; });
    if (found == view.features.end()) {
      std::vector<std::string> known;
      for (const OnlineFeature& feature : view.features) known.push_back(feature.name);
      const std::string nearest = NearestName(name, known);
      return MakeError(
          ErrorCode::kInvalidArgument, "feature view '{}' has no feature '{}'{}",
          view.name, name,
          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    features.push_back(*found);
  }
  return features;
}

/// Rows of columns as rows of serialized values.
arrow::Result<std::vector<EncodedRowPtr>> EncodeRows(
    const KeyReadRows& read, const std::vector<OnlineFeature>& features) {
  std::vector<std::unique_ptr<feast::ValueColumnReader>> readers;
  for (size_t i = 0; i < features.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        auto reader, feast::ValueColumnReader::Make(features[i].type, features[i].name,
                                                    read.rows.features[i]));
    readers.push_back(std::move(reader));
  }
  std::vector<EncodedRowPtr> rows;
  rows.reserve(read.sequence_numbers.size());
  for (size_t i = 0; i < read.sequence_numbers.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    auto row = std::make_shared<EncodedRow>();
    row->ends.assign(features.size(), 0);
    row->is_found = read.rows.IsFound(position);
    if (row->is_found) {
      row->event_ts = read.rows.event_ts->Value(position);
      if (read.rows.created_ts->IsValid(position)) {
        row->created_ts = read.rows.created_ts->Value(position);
      }
      row->sequence_number = read.sequence_numbers[i];
      for (size_t feature = 0; feature < readers.size(); ++feature) {
        ARROW_RETURN_NOT_OK(readers[feature]->AppendSerialized(position, &row->values));
        if (row->values.size() > UINT32_MAX) {
          return MakeError(ErrorCode::kResourceExhausted,
                           "a row's features are over 4 GiB; ask for fewer");
        }
        row->ends[feature] = static_cast<uint32_t>(row->values.size());
      }
      row->values.shrink_to_fit();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

bool OnlineRows::IsFound(int64_t row) const { return event_ts->IsValid(row); }

class OnlineReader::Impl {
 public:
  Impl(std::shared_ptr<iceberg::Catalog> catalog, OnlineStoreConfig config,
       iceberg::TableContext context)
      : catalog_(std::move(catalog)),
        config_(std::move(config)),
        context_(std::move(context)),
        rows_(config_.row_cache_bytes) {}

  const OnlineStoreConfig& config() const { return config_; }

  arrow::Result<std::shared_ptr<const FileIndex>> Index(const OnlineView& view) {
    ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config_, view));
    const std::string name = identifier.ToString();
    const int64_t now = context_.clock->NowMicros();
    if (config_.snapshot_refresh_ms > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      auto found = latest_.find(name);
      if (found != latest_.end() && found->second.is_fresh &&
          now - found->second.checked_micros <
              config_.snapshot_refresh_ms * kMicrosPerMilli) {
        return found->second.index;
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto table, LoadOnlineTable(catalog_, config_, view, context_));
    ARROW_ASSIGN_OR_RAISE(
        auto index, indexes_.GetOrLoad(
                        table->metadata_location(),
                        [&]() -> arrow::Result<LruCache<FileIndex>::Loaded> {
                          ARROW_ASSIGN_OR_RAISE(
                              auto made, FileIndex::Make(table, config_, Latest(name)));
                          const int64_t bytes = made->memory_bytes();
                          return LruCache<FileIndex>::Loaded{std::move(made), bytes};
                        }));
    SetLatest(name, index, now);
    return index;
  }

  void Forget(const OnlineView& view) {
    const auto identifier = OnlineTableIdentifier(config_, view);
    if (!identifier.ok()) return;
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = latest_.find(identifier->ToString());
    if (found != latest_.end()) {
      found->second.is_fresh = false;
      found->second.checked_micros = context_.clock->NowMicros();
    }
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
    ARROW_ASSIGN_OR_RAISE(auto plan, Plan(view, features));
    ARROW_RETURN_NOT_OK(CheckCount(keys.size()));
    const ReadDeadline deadline = DeadlineOf(*plan);
    ARROW_ASSIGN_OR_RAISE(auto index, Index(view));
    ARROW_ASSIGN_OR_RAISE(KeyReadRows read,
                          ReadKeys(*plan, *index, deadline, keys, {}, counters));
    return std::move(read.rows);
  }

  arrow::Result<std::shared_ptr<const ReadPlan>> Plan(
      const OnlineView& view, const std::vector<std::string>& features) {
    auto plan = std::make_shared<ReadPlan>();
    plan->view = view;
    ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config_, view));
    plan->table_name = identifier.ToString();
    ARROW_ASSIGN_OR_RAISE(plan->features, FeaturesOf(view, features));
    std::string shape;
    for (const OnlineFeature& feature : plan->features) {
      shape += fmt::format("{}:{}:{};", feature.name.size(), feature.name,
                           static_cast<int>(feature.type));
    }
    std::lock_guard<std::mutex> lock(mutex_);
    // Numbers are not used again: what is cached under a forgotten one is never asked
    // for.
    if (shapes_.size() >= kMaxShapes) shapes_.clear();
    plan->shape = shapes_.try_emplace(std::move(shape), next_shape_).first->second;
    if (plan->shape == next_shape_) ++next_shape_;
    return plan;
  }

  arrow::Result<std::vector<EncodedRowPtr>> ReadEncoded(
      const ReadPlan& plan, std::span<const std::string> keys,
      OnlineReadCounters* counters, std::optional<int64_t> timeout_ms) {
    ARROW_RETURN_NOT_OK(CheckCount(keys.size()));
    const ReadDeadline deadline = DeadlineOf(plan, timeout_ms);
    ARROW_ASSIGN_OR_RAISE(auto index, Index(plan.view));
    std::vector<EncodedRowPtr> rows(keys.size());
    Missing missing;
    for (size_t i = 0; i < keys.size(); ++i) {
      rows[i] = FindCached(plan, *index, keys[i], &missing);
      if (rows[i] != nullptr) continue;
      auto [found, is_new] = missing.ordinals.try_emplace(keys[i], missing.keys.size());
      missing.positions.emplace_back(i, found->second);
      if (is_new) {
        missing.keys.push_back(keys[i]);
        missing.known.push_back(missing.last_known);
        missing.known_rows.push_back(std::move(missing.last_row));
      }
    }
    if (counters != nullptr) {
      counters->rows_cached +=
          static_cast<int64_t>(keys.size() - missing.positions.size());
    }
    if (missing.keys.empty()) return rows;
    ARROW_ASSIGN_OR_RAISE(KeyReadRows read, ReadKeys(plan, *index, deadline, missing.keys,
                                                     missing.known, counters));
    ARROW_ASSIGN_OR_RAISE(auto encoded, EncodeRows(read, plan.features));
    for (size_t i = 0; i < encoded.size(); ++i) {
      if (read.is_known[i]) encoded[i] = missing.known_rows[i];
      Keep(plan, *index, missing.keys[i], encoded[i]);
    }
    for (const auto& [position, ordinal] : missing.positions) {
      rows[position] = encoded[ordinal];
    }
    return rows;
  }

  arrow::Result<std::shared_ptr<const std::vector<std::string>>> Keys(
      const ReadPlan& plan, int64_t timeout_ms) {
    const ReadDeadline deadline = DeadlineOf(plan, timeout_ms);
    ARROW_ASSIGN_OR_RAISE(auto index, Index(plan.view));
    return keys_.GetOrLoad(
        index->table()->metadata_location(),
        [&]() -> arrow::Result<LruCache<std::vector<std::string>>::Loaded> {
          ARROW_ASSIGN_OR_RAISE(auto keys, ScanKeys(index->table(), deadline));
          int64_t bytes = 0;
          for (const std::string& key : keys) {
            bytes += static_cast<int64_t>(sizeof key + key.capacity());
          }
          return LruCache<std::vector<std::string>>::Loaded{
              std::make_shared<const std::vector<std::string>>(std::move(keys)), bytes};
        });
  }

  int64_t row_cache_used_bytes() const { return rows_.used_bytes(); }

 private:
  static constexpr size_t kMaxShapes = 4096;

  struct LatestIndex {
    std::shared_ptr<const FileIndex> index;
    int64_t checked_micros = 0;  ///< When the catalog was last asked.
    bool is_fresh = false;
  };

  /// The distinct keys of a request that the row cache does not answer.
  struct Missing {
    std::vector<std::string> keys;
    std::vector<KnownKey> known;
    std::vector<EncodedRowPtr> known_rows;
    std::unordered_map<std::string_view, size_t> ordinals;
    std::vector<std::pair<size_t, size_t>> positions;  ///< (in the request, ordinal)
    KnownKey last_known;  ///< What is known of the key looked at last.
    EncodedRowPtr last_row;
  };

  static arrow::Status CheckCount(size_t count) {
    if (static_cast<int64_t>(count) <= kMaxKeysPerRead) return arrow::Status::OK();
    return MakeError(ErrorCode::kResourceExhausted,
                     "a read of {} entities is over the limit of {}; ask in parts", count,
                     kMaxKeysPerRead);
  }

  ReadDeadline DeadlineOf(const ReadPlan& plan,
                          std::optional<int64_t> timeout_ms = std::nullopt) const {
    return ReadDeadline(*context_.clock, plan.table_name,
                        timeout_ms.value_or(config_.read_timeout_ms));
  }

  /// Of all rows, deleted ones left out: distinct, ascending.
  static arrow::Result<std::vector<std::string>> ScanKeys(const iceberg::TablePtr& table,
                                                          const ReadDeadline& deadline) {
    iceberg::ScanOptions options;
    options.columns = {kEntityKeyColumn};
    ARROW_ASSIGN_OR_RAISE(auto reader, iceberg::Scan(table, options));
    std::unordered_set<std::string> distinct;
    while (true) {
      ARROW_RETURN_NOT_OK(deadline.Check("listing keys"));
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      const auto& column = static_cast<const arrow::StringArray&>(*batch->column(0));
      for (int64_t row = 0; row < column.length(); ++row) {
        ARROW_ASSIGN_OR_RAISE(std::string key, HexDecode(column.GetView(row)));
        distinct.insert(std::move(key));
      }
      if (static_cast<int64_t>(distinct.size()) > OnlineReader::kMaxKeys) {
        return MakeError(ErrorCode::kResourceExhausted,
                         "online table '{}' has more than {} keys, too many to search "
                         "one by one",
                         table->name(), OnlineReader::kMaxKeys);
      }
    }
    std::vector<std::string> keys(distinct.begin(), distinct.end());
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  arrow::Result<KeyReadRows> ReadKeys(const ReadPlan& plan, const FileIndex& index,
                                      const ReadDeadline& deadline,
                                      std::span<const std::string> keys,
                                      std::span<const KnownKey> known,
                                      OnlineReadCounters* counters) {
    ARROW_RETURN_NOT_OK(deadline.Check("looking up keys"));
    ARROW_ASSIGN_OR_RAISE(auto columns, ColumnsOf(*index.table(), plan.features));
    KeyRead request(index, deadline, &caches_, ThreadCount());
    auto rows = request.Run(keys, known, columns);
    if (counters != nullptr) request.AddCounters(counters);
    if (!rows.ok()) return WithContext(rows.status(), "table", plan.table_name);
    return rows;
  }

  static uint32_t PlacedFiles(const FileIndex& index, std::string_view key) {
    const int32_t hash = EntityHash(key, index.layout().partition_count);
    return static_cast<uint32_t>(index.PartitionFiles(hash).size());
  }

  /// The row, or null with what is known of the key in `missing`.
  EncodedRowPtr FindCached(const ReadPlan& plan, const FileIndex& index,
                           const std::string& key, Missing* missing) {
    missing->last_known = KnownKey();
    missing->last_row = nullptr;
    auto cached = rows_.Find({index.lineage(), plan.shape, key});
    // A row of a later version than this request's is not this request's answer.
    if (!cached || cached->version > index.version()) return nullptr;
    if (cached->version == index.version()) return std::move(cached->row);
    if (cached->placed_files == PlacedFiles(index, key) &&
        cached->unplaced_files == index.UnplacedFiles().size()) {
      cached->version = index.version();
      rows_.Put({index.lineage(), plan.shape, key}, *cached);
      return std::move(cached->row);
    }
    const EncodedRow& row = *cached->row;
    missing->last_known = {cached->placed_files, cached->unplaced_files,
                           row.is_found,         row.event_ts,
                           row.created_ts,       row.sequence_number};
    missing->last_row = std::move(cached->row);
    return nullptr;
  }

  void Keep(const ReadPlan& plan, const FileIndex& index, const std::string& key,
            EncodedRowPtr row) {
    if (config_.row_cache_bytes <= 0) return;
    rows_.Put({index.lineage(), plan.shape, key},
              CachedRow{std::move(row), index.version(), PlacedFiles(index, key),
                        static_cast<uint32_t>(index.UnplacedFiles().size())});
  }

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
    return found == latest_.end() ? nullptr : found->second.index;
  }

  /// `index` is what the catalog named when asked at `asked_micros`.
  void SetLatest(const std::string& table, std::shared_ptr<const FileIndex> index,
                 int64_t asked_micros) {
    std::lock_guard<std::mutex> lock(mutex_);
    LatestIndex& latest = latest_[table];
    // Whoever asked later, or forgot the table since, knows better.
    if (latest.index != nullptr && latest.checked_micros > asked_micros) return;
    latest = {std::move(index), asked_micros, true};
  }

  std::shared_ptr<iceberg::Catalog> catalog_;
  OnlineStoreConfig config_;
  iceberg::TableContext context_;
  KeyReadCaches caches_;
  RowCache rows_;
  LruCache<FileIndex> indexes_{kIndexCacheBytes};
  LruCache<std::vector<std::string>> keys_{kKeysCacheBytes};
  std::mutex mutex_;
  /// By table, the index made last: what the next snapshot's is extended from.
  std::unordered_map<std::string, LatestIndex> latest_;
  std::map<std::string, uint64_t> shapes_;
  uint64_t next_shape_ = 0;
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

arrow::Result<std::shared_ptr<const ReadPlan>> OnlineReader::Plan(
    const OnlineView& view, const std::vector<std::string>& features) {
  return impl_->Plan(view, features);
}

arrow::Result<std::vector<EncodedRowPtr>> OnlineReader::ReadEncoded(
    const ReadPlan& plan, std::span<const std::string> keys, OnlineReadCounters* counters,
    std::optional<int64_t> timeout_ms) {
  return impl_->ReadEncoded(plan, keys, counters, timeout_ms);
}

arrow::Result<std::shared_ptr<const std::vector<std::string>>> OnlineReader::Keys(
    const ReadPlan& plan, int64_t timeout_ms) {
  return impl_->Keys(plan, timeout_ms);
}

void OnlineReader::Forget(const OnlineView& view) { impl_->Forget(view); }

int64_t OnlineReader::row_cache_used_bytes() const {
  return impl_->row_cache_used_bytes();
}

arrow::Status OnlineReader::Warm(const OnlineView& view) { return impl_->Warm(view); }

const OnlineStoreConfig& OnlineReader::config() const { return impl_->config(); }

}  // namespace floe::online
