#include "online/online_writer.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/cast.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/value_codec.h"
#include "feast/value_json.h"
#include "iceberg/spec/date_time.h"
#include "iceberg/table/append.h"
#include "iceberg/table/data_writer.h"

namespace floe::online {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr int64_t kMaxRowsPerWrite = INT32_MAX;
constexpr int64_t kMicrosPerHour = iceberg::kSecondsPerHour * iceberg::kMicrosPerSecond;
constexpr int64_t kMicrosPerDay = iceberg::kSecondsPerDay * iceberg::kMicrosPerSecond;

arrow::Result<ArrayPtr> RequiredColumn(const arrow::RecordBatch& rows, const char* name) {
  ArrayPtr column = rows.GetColumnByName(name);
  if (column == nullptr) {
    return MakeError(ErrorCode::kInvalidArgument, "rows to write have no column '{}'",
                     name);
  }
  if (column->null_count() == 0) return column;
  int64_t row = 0;
  while (column->IsValid(row)) ++row;
  return MakeError(ErrorCode::kInvalidArgument,
                   "row {} of the rows to write has no {}: it cannot be NULL", row, name);
}

/// The rows of a write, and which of them to write in which order.
class PreparedRows {
 public:
  static arrow::Result<PreparedRows> Make(const arrow::RecordBatch& rows,
                                          const OnlineLayout& layout) {
    if (rows.num_rows() > kMaxRowsPerWrite) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a write of {} rows is over the limit of {}; write in batches",
                       rows.num_rows(), kMaxRowsPerWrite);
    }
    PreparedRows prepared;
    ARROW_ASSIGN_OR_RAISE(ArrayPtr keys, RequiredColumn(rows, kEntityKeyColumn));
    ARROW_ASSIGN_OR_RAISE(
        keys, feast::ToStorage(feast::ValueType::kBytes, kEntityKeyColumn, keys));
    prepared.keys_ = std::static_pointer_cast<arrow::BinaryArray>(keys);
    ARROW_ASSIGN_OR_RAISE(ArrayPtr event_ts, RequiredColumn(rows, kEventTsColumn));
    ARROW_ASSIGN_OR_RAISE(prepared.event_ts_, Times(kEventTsColumn, event_ts));
    ArrayPtr created_ts = rows.GetColumnByName(kCreatedTsColumn);
    if (created_ts != nullptr) {
      ARROW_ASSIGN_OR_RAISE(prepared.created_ts_, Times(kCreatedTsColumn, created_ts));
    }
    prepared.hashes_.resize(static_cast<size_t>(rows.num_rows()));
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      prepared.hashes_[row] =
          EntityHash(prepared.keys_->GetView(row), layout.partition_count);
    }
    prepared.SortAndKeepNewest();
    prepared.GroupByPartition(layout.strategy);
    return prepared;
  }

  int64_t count() const { return static_cast<int64_t>(order_.size()); }

  /// The fixed columns in write order.
  arrow::Status AppendFixed(arrow::FieldVector* fields,
                            std::vector<ArrayPtr>* columns) const {
    arrow::StringBuilder keys;
    arrow::Int32Builder hashes;
    ARROW_RETURN_NOT_OK(keys.Reserve(count()));
    ARROW_RETURN_NOT_OK(hashes.Reserve(count()));
    for (int32_t row : order_) {
      ARROW_RETURN_NOT_OK(keys.Append(HexEncode(keys_->GetView(row))));
      hashes.UnsafeAppend(hashes_[row]);
    }
    ARROW_ASSIGN_OR_RAISE(ArrayPtr key_column, keys.Finish());
    ARROW_ASSIGN_OR_RAISE(ArrayPtr hash_column, hashes.Finish());
    Append(kEntityKeyColumn, std::move(key_column), fields, columns);
    Append(kEntityHashColumn, std::move(hash_column), fields, columns);
    ARROW_RETURN_NOT_OK(AppendTaken(kEventTsColumn, event_ts_, fields, columns));
    if (created_ts_ == nullptr) return arrow::Status::OK();
    return AppendTaken(kCreatedTsColumn, created_ts_, fields, columns);
  }

  arrow::Status AppendTaken(const std::string& name, const ArrayPtr& column,
                            arrow::FieldVector* fields,
                            std::vector<ArrayPtr>* columns) const {
    arrow::Int32Array order(count(), arrow::Buffer::Wrap(order_));
    ARROW_ASSIGN_OR_RAISE(ArrayPtr taken, arrow::compute::Take(*column, order));
    Append(name, std::move(taken), fields, columns);
    return arrow::Status::OK();
  }

 private:
  static void Append(const std::string& name, ArrayPtr column, arrow::FieldVector* fields,
                     std::vector<ArrayPtr>* columns) {
    fields->push_back(arrow::field(name, column->type()));
    columns->push_back(std::move(column));
  }

  static arrow::Result<std::shared_ptr<arrow::TimestampArray>> Times(
      const char* name, const ArrayPtr& column) {
    if (column->type_id() != arrow::Type::TIMESTAMP &&
        column->type_id() != arrow::Type::NA) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' of the rows to write is {}; it must be a timestamp",
                       name, column->type()->ToString());
    }
    ARROW_ASSIGN_OR_RAISE(
        ArrayPtr times, feast::ToStorage(feast::ValueType::kUnixTimestamp, name, column));
    return std::static_pointer_cast<arrow::TimestampArray>(times);
  }

  int64_t Created(int32_t row) const {
    if (created_ts_ == nullptr || created_ts_->IsNull(row)) return INT64_MIN;
    return created_ts_->Value(row);
  }

  /// Rows of one partition together, each still sorted by key, so that no more than one
  /// file is open at a time.
  void GroupByPartition(PartitionStrategy strategy) {
    if (strategy == PartitionStrategy::kEntityHash) return;
    const bool by_hash = strategy == PartitionStrategy::kHybrid;
    const int64_t unit = by_hash ? kMicrosPerDay : kMicrosPerHour;
    const auto partition = [&](int32_t row) {
      return std::pair(by_hash ? hashes_[row] : 0,
                       iceberg::FloorDiv(event_ts_->Value(row), unit));
    };
    std::sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) {
      if (partition(a) != partition(b)) return partition(a) < partition(b);
      return keys_->GetView(a) < keys_->GetView(b);
    });
  }

  /// By entity hash, then key; of each key the newest first.
  bool Before(int32_t a, int32_t b) const {
    if (hashes_[a] != hashes_[b]) return hashes_[a] < hashes_[b];
    if (const int order = keys_->GetView(a).compare(keys_->GetView(b)); order != 0) {
      return order < 0;
    }
    if (event_ts_->Value(a) != event_ts_->Value(b)) {
      return event_ts_->Value(a) > event_ts_->Value(b);
    }
    if (Created(a) != Created(b)) return Created(a) > Created(b);
    return a > b;
  }

  /// How many bytes all keys begin with: the names of the join keys, as a rule.
  size_t CommonPrefix() const {
    if (keys_->length() == 0) return 0;
    const std::string_view first = keys_->GetView(0);
    size_t length = first.size();
    for (int64_t row = 1; row < keys_->length() && length > 0; ++row) {
      const std::string_view key = keys_->GetView(row);
      length = std::min(length, key.size());
      length = static_cast<size_t>(
          std::mismatch(key.begin(), key.begin() + length, first.begin()).first -
          key.begin());
    }
    return length;
  }

  /// What mostly decides the order of two rows, so that a comparison seldom has to look
  /// at the keys themselves: they lie anywhere in memory.
  struct SortKey {
    uint64_t head;  ///< The first bytes in which keys differ, the first the greatest.
    int32_t hash;
    int32_t row;
  };

  std::vector<SortKey> SortKeys() const {
    const size_t prefix = CommonPrefix();
    std::vector<SortKey> sort_keys(hashes_.size());
    for (size_t row = 0; row < sort_keys.size(); ++row) {
      const std::string_view rest =
          keys_->GetView(static_cast<int64_t>(row)).substr(prefix);
      uint64_t head = 0;
      for (size_t i = 0; i < sizeof head; ++i) {
        head = head << 8 | (i < rest.size() ? static_cast<uint8_t>(rest[i]) : 0);
      }
      sort_keys[row] = {head, hashes_[row], static_cast<int32_t>(row)};
    }
    return sort_keys;
  }

  void SortAndKeepNewest() {
    std::vector<SortKey> sort_keys = SortKeys();
    std::sort(sort_keys.begin(), sort_keys.end(),
              [this](const SortKey& a, const SortKey& b) {
                if (a.hash != b.hash) return a.hash < b.hash;
                return a.head != b.head ? a.head < b.head : Before(a.row, b.row);
              });
    order_.clear();
    order_.reserve(sort_keys.size());
    for (const SortKey& key : sort_keys) order_.push_back(key.row);
    auto end = std::unique(order_.begin(), order_.end(), [this](int32_t a, int32_t b) {
      return keys_->GetView(a) == keys_->GetView(b);
    });
    order_.erase(end, order_.end());
  }

  std::shared_ptr<arrow::BinaryArray> keys_;
  std::shared_ptr<arrow::TimestampArray> event_ts_;
  std::shared_ptr<arrow::TimestampArray> created_ts_;
  std::vector<int32_t> hashes_;
  std::vector<int32_t> order_;
};

arrow::Status AppendFeatures(const iceberg::Table& table, const OnlineView& view,
                             const arrow::RecordBatch& rows, const PreparedRows& prepared,
                             arrow::FieldVector* fields, std::vector<ArrayPtr>* columns) {
  const auto& stored = table.schema()->fields();
  for (int i = 0; i < rows.num_columns(); ++i) {
    const std::string& name = rows.schema()->field(i)->name();
    if (name == kEntityKeyColumn || name == kEventTsColumn || name == kCreatedTsColumn) {
      continue;
    }
    auto feature =
        std::find_if(view.features.begin(), view.features.end(),
                     [&](const OnlineFeature& known) { return known.name == name; });
    if (feature == view.features.end()) {
      std::vector<std::string> names;
      for (const OnlineFeature& known : view.features) names.push_back(known.name);
      const std::string nearest = NearestName(name, names);
      return MakeError(
          ErrorCode::kInvalidArgument, "feature view '{}' has no feature '{}'{}",
          view.name, name,
          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    const auto column = std::find_if(
        stored.begin(), stored.end(),
        [&](const iceberg::NestedField& field) { return field.name == name; });
    if (column == stored.end()) {
      return MakeError(ErrorCode::kNoSuchColumn,
                       "online table '{}' has no column for feature '{}' yet; run `feast "
                       "apply`",
                       table.name(), name);
    }
    ARROW_ASSIGN_OR_RAISE(ArrayPtr values,
                          feast::ToStorage(feature->type, name, rows.column(i)));
    if (feast::KeepsJson(feature->type, *column->type)) {
      ARROW_ASSIGN_OR_RAISE(values, feast::MessagesToJson(feature->type, name, *values));
    }
    ARROW_RETURN_NOT_OK(prepared.AppendTaken(name, values, fields, columns));
  }
  return arrow::Status::OK();
}

}  // namespace

OnlineWriter::OnlineWriter(std::shared_ptr<iceberg::Catalog> catalog,
                           OnlineStoreConfig config, iceberg::TableContext context)
    : catalog_(std::move(catalog)),
      config_(std::move(config)),
      context_(std::move(context)) {}

arrow::Result<OnlineWriteResult> OnlineWriter::Write(
    const OnlineView& view, const std::shared_ptr<arrow::RecordBatch>& rows,
    const std::map<std::string, std::string>& summary) {
  ARROW_ASSIGN_OR_RAISE(auto table, LoadOnlineTable(catalog_, config_, view, context_));
  ARROW_ASSIGN_OR_RAISE(OnlineLayout layout, OnlineLayout::Of(*table, config_));
  ARROW_ASSIGN_OR_RAISE(PreparedRows prepared, PreparedRows::Make(*rows, layout));
  OnlineWriteResult result;
  result.rows_in = rows->num_rows();
  result.rows_written = prepared.count();
  arrow::FieldVector fields;
  std::vector<ArrayPtr> columns;
  ARROW_RETURN_NOT_OK(prepared.AppendFixed(&fields, &columns));
  ARROW_RETURN_NOT_OK(AppendFeatures(*table, view, *rows, prepared, &fields, &columns));
  if (prepared.count() == 0) return result;

  ARROW_ASSIGN_OR_RAISE(auto writer, iceberg::TableWriter::Make(table));
  ARROW_RETURN_NOT_OK(writer->Write(*arrow::RecordBatch::Make(
      arrow::schema(std::move(fields)), prepared.count(), std::move(columns))));
  ARROW_ASSIGN_OR_RAISE(std::vector<iceberg::DataFile> files, writer->Close());
  result.files_written = static_cast<int64_t>(files.size());

  iceberg::AppendFiles append(table);
  std::vector<std::string> locations;
  for (iceberg::DataFile& file : files) {
    locations.push_back(file.file_path);
    append.Append(std::move(file));
  }
  for (const auto& [key, value] : summary) append.SetSummary(key, value);
  auto committed = append.Commit();
  if (!committed.ok()) {
    // What may have been committed must stay.
    if (!IsError(committed.status(), ErrorCode::kCommitStateUnknown)) {
      for (const std::string& location : locations) {
        static_cast<void>(table->io()->Delete(location));
      }
    }
    return committed.status();
  }
  if (const auto* snapshot = (*committed)->metadata()->current_snapshot()) {
    result.snapshot_id = snapshot->snapshot_id;
  }
  return result;
}

}  // namespace floe::online
