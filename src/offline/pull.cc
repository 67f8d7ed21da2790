#include "offline/pull.h"

#include <algorithm>
#include <utility>

#include "arrow/array/util.h"
#include "arrow/chunked_array.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "exec/latest_by_key.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/spec/arrow_extension.h"
#include "offline/bound_source.h"
#include "offline/feature_gather.h"
#include "offline/key_scan.h"
#include "offline/receipt.h"
#include "offline/source_units.h"

namespace floe::offline {
namespace {

/// A pull checked against its source: the columns of the answer and the filter.
struct BoundPull {
  PullRequest request;
  std::shared_ptr<const BoundSource> source;
  KeyColumns keys;
  std::vector<SourceColumn> columns;  ///< Without the stand-in key.
  std::shared_ptr<arrow::Schema> schema;
  iceberg::PredicatePtr filter;

  bool needs_dummy_key() const { return request.join_key_columns.empty(); }
};

arrow::Status AddColumn(const SourceColumn& column, BoundPull* pull,
                        arrow::FieldVector* fields) {
  const auto same = std::find_if(
      pull->columns.begin(), pull->columns.end(),
      [&](const SourceColumn& other) { return other.field == column.field; });
  if (same != pull->columns.end()) return arrow::Status::OK();
  pull->columns.push_back(column);
  fields->push_back(arrow::field(column.field->name, column.type, /*nullable=*/true,
                                 iceberg::ExtensionMetadata(*column.field->type)));
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const BoundPull>> Bind(PullRequest request) {
  auto pull = std::make_shared<BoundPull>();
  pull->request = std::move(request);
  const PullRequest& asked = pull->request;
  const FeatureSource& source = asked.source;
  ARROW_ASSIGN_OR_RAISE(
      pull->source,
      BoundSource::Open(source, source.name.empty() ? source.parquet_path : source.name));
  arrow::FieldVector fields;
  for (const std::string& name : asked.join_key_columns) {
    ARROW_ASSIGN_OR_RAISE(SourceColumn column, pull->source->Column(name, "join key"));
    ARROW_RETURN_NOT_OK(AddColumn(column, pull.get(), &fields));
    pull->keys.keys.push_back(std::move(column));
  }
  for (const std::string& name : asked.feature_columns) {
    ARROW_ASSIGN_OR_RAISE(SourceColumn column, pull->source->Column(name, "feature"));
    ARROW_RETURN_NOT_OK(AddColumn(column, pull.get(), &fields));
  }
  ARROW_ASSIGN_OR_RAISE(
      pull->keys.timestamp,
      pull->source->TimeColumn(source.timestamp_field, "timestamp field"));
  ARROW_RETURN_NOT_OK(AddColumn(pull->keys.timestamp, pull.get(), &fields));
  if (!source.created_timestamp_column.empty()) {
    ARROW_ASSIGN_OR_RAISE(pull->keys.created,
                          pull->source->TimeColumn(source.created_timestamp_column,
                                                   "created timestamp column"));
    ARROW_RETURN_NOT_OK(AddColumn(*pull->keys.created, pull.get(), &fields));
  }
  if (pull->needs_dummy_key()) {
    fields.push_back(arrow::field(kDummyEntityColumn, arrow::utf8()));
  }
  pull->schema = arrow::schema(std::move(fields));
  pull->filter = TimeRangePredicate(pull->keys.timestamp, asked.start_us, asked.end_us);
  return pull;
}

arrow::Result<std::shared_ptr<arrow::Array>> DummyKeys(int64_t length) {
  return arrow::MakeArrayFromScalar(arrow::StringScalar(""), length);
}

/// The latest rows, gathered some row groups at a time as the reader is drawn: rows come
/// in (file, row) order, so a part of the result needs a run of row groups only.
class LatestReader final : public arrow::RecordBatchReader {
 public:
  LatestReader(std::shared_ptr<const BoundPull> pull, SourceUnits units,
               exec::Resolution resolution)
      : pull_(std::move(pull)),
        units_(std::move(units)),
        resolution_(std::move(resolution)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return pull_->schema; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(pull_->request.options.CheckGoOn());
    for (;;) {
      if (current_ != nullptr) {
        ARROW_RETURN_NOT_OK(current_->ReadNext(batch));
        if (*batch != nullptr) return arrow::Status::OK();
        current_.reset();
      }
      if (next_unit_ == resolution_.unit_count()) {
        *batch = nullptr;
        return arrow::Status::OK();
      }
      ARROW_RETURN_NOT_OK(Advance());
    }
  }

 private:
  /// Rows of the result held at once.
  static constexpr int64_t kWindowRows = int64_t{2} << 20;

  arrow::Status Advance() {
    GatherRange range{next_unit_, 0, next_slot_};
    int64_t rows = 0;
    while (next_unit_ < resolution_.unit_count() && rows < kWindowRows) {
      rows += static_cast<int64_t>(resolution_.unit(next_unit_).picks.size());
      ++next_unit_;
      ++range.count;
    }
    next_slot_ += static_cast<uint32_t>(rows);
    ReadCounters counters;
    ARROW_ASSIGN_OR_RAISE(arrow::ChunkedArrayVector columns,
                          GatherColumns(units_, resolution_, range, pull_->columns, rows,
                                        pull_->request.options, &counters));
    if (pull_->needs_dummy_key()) {
      ARROW_ASSIGN_OR_RAISE(auto dummy, DummyKeys(rows));
      columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(dummy)));
    }
    current_ = std::make_unique<arrow::TableBatchReader>(
        arrow::Table::Make(pull_->schema, std::move(columns), rows));
    current_->set_chunksize(std::max<int64_t>(pull_->request.options.batch_rows, 1));
    return arrow::Status::OK();
  }

  std::shared_ptr<const BoundPull> pull_;
  SourceUnits units_;
  exec::Resolution resolution_;
  size_t next_unit_ = 0;
  uint32_t next_slot_ = 0;
  std::unique_ptr<arrow::TableBatchReader> current_;
};

/// The rows of Parquet files, one file after another.
class FilesReader final : public arrow::RecordBatchReader {
 public:
  FilesReader(std::shared_ptr<const BoundPull> pull, SourcePlan plan,
              iceberg::SchemaPtr schema)
      : pull_(std::move(pull)), plan_(std::move(plan)), wanted_(std::move(schema)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return pull_->schema; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(pull_->request.options.CheckGoOn());
    for (;;) {
      if (current_ != nullptr) {
        ARROW_RETURN_NOT_OK(current_->ReadNext(batch));
        if (*batch != nullptr) return arrow::Status::OK();
        current_.reset();
      }
      if (next_file_ == plan_.tasks.size()) {
        *batch = nullptr;
        return arrow::Status::OK();
      }
      ARROW_RETURN_NOT_OK(OpenNext());
    }
  }

 private:
  arrow::Status OpenNext() {
    const iceberg::DataFile& file = *plan_.tasks[next_file_++].file;
    ARROW_ASSIGN_OR_RAISE(auto opened,
                          iceberg::ParquetFile::Open(*plan_.io, file.file_path,
                                                     file.file_size_bytes, nullptr));
    ARROW_ASSIGN_OR_RAISE(auto fields, opened->Fields(nullptr));
    ARROW_RETURN_NOT_OK(CheckFieldIds(*opened, *fields));
    iceberg::ParquetReadOptions options;
    options.schema = wanted_;
    options.filter = plan_.filter;
    options.filter_schema = plan_.schema;
    options.filter_rows = true;
    options.name_mapping = plan_.name_mapping;
    options.batch_rows = pull_->request.options.batch_rows;
    ARROW_ASSIGN_OR_RAISE(current_, iceberg::ReadDataFile(std::move(opened), options));
    return arrow::Status::OK();
  }

  std::shared_ptr<const BoundPull> pull_;
  SourcePlan plan_;
  iceberg::SchemaPtr wanted_;
  size_t next_file_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> current_;
};

/// Batches of `inner` under the answer's schema, the stand-in key added.
class DressedReader final : public arrow::RecordBatchReader {
 public:
  DressedReader(std::shared_ptr<const BoundPull> pull,
                std::shared_ptr<arrow::RecordBatchReader> inner)
      : pull_(std::move(pull)), inner_(std::move(inner)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return pull_->schema; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(pull_->request.options.CheckGoOn());
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(inner_->ReadNext(&rows));
    *batch = nullptr;
    if (rows == nullptr) return arrow::Status::OK();
    arrow::ArrayVector columns = rows->columns();
    if (pull_->needs_dummy_key()) {
      ARROW_ASSIGN_OR_RAISE(auto dummy, DummyKeys(rows->num_rows()));
      columns.push_back(std::move(dummy));
    }
    *batch =
        arrow::RecordBatch::Make(pull_->schema, rows->num_rows(), std::move(columns));
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<const BoundPull> pull_;
  std::shared_ptr<arrow::RecordBatchReader> inner_;
};

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadRange(
    const std::shared_ptr<const BoundPull>& pull, PulledRows* rows) {
  if (pull->request.source.table != nullptr) {
    iceberg::ScanOptions options;
    options.selector = pull->request.source.snapshot;
    options.filter = pull->filter;
    options.threads = pull->request.options.threads;
    options.batch_rows = pull->request.options.batch_rows;
    std::vector<std::string> names;
    for (const SourceColumn& column : pull->columns) names.push_back(column.field->name);
    options.columns = std::move(names);
    ARROW_ASSIGN_OR_RAISE(auto plan,
                          iceberg::PlanFiles(pull->request.source.table, options));
    rows->counters.files_total = plan->counters.files;
    rows->counters.files_read = static_cast<int64_t>(plan->tasks.size());
    return iceberg::ReadPlan(std::move(plan), options);
  }
  ARROW_ASSIGN_OR_RAISE(SourcePlan plan, pull->source->Plan(pull->filter));
  rows->counters.files_total = plan.files_total;
  rows->counters.files_read = static_cast<int64_t>(plan.tasks.size());
  std::vector<iceberg::NestedField> fields;
  for (const SourceColumn& column : pull->columns) fields.push_back(*column.field);
  ARROW_ASSIGN_OR_RAISE(auto schema, iceberg::Schema::Make(std::move(fields)));
  return std::make_shared<FilesReader>(pull, std::move(plan), std::move(schema));
}

}  // namespace

arrow::Result<PulledRows> PullLatest(PullRequest request) {
  ARROW_ASSIGN_OR_RAISE(auto pull, Bind(std::move(request)));
  const PullRequest& asked = pull->request;
  PulledRows rows;
  rows.receipt_json = PullReceipt(asked, "pull_latest", pull->source->pin());
  std::vector<exec::KeyColumnType> types;
  for (const SourceColumn& key : pull->keys.keys) {
    types.push_back({key.field->name, key.type});
  }
  exec::LatestOptions options;
  options.min_micros = asked.start_us;
  options.max_micros = asked.end_us;
  options.thread_count = asked.options.threads;
  ARROW_ASSIGN_OR_RAISE(auto latest, exec::LatestByKey::Make(types, options));
  ARROW_ASSIGN_OR_RAISE(SourcePlan plan, pull->source->Plan(pull->filter));
  ARROW_ASSIGN_OR_RAISE(
      SourceUnits units,
      SourceUnits::Open(std::move(plan), asked.options, &rows.counters));
  KeyScan scan(units, pull->keys, asked.options);
  ARROW_RETURN_NOT_OK(scan.Feed(latest.get(), &rows.counters));
  ARROW_ASSIGN_OR_RAISE(exec::Resolution resolution, latest->Resolve());
  latest.reset();
  rows.row_count = static_cast<int64_t>(resolution.pick_count());
  rows.reader = std::make_shared<LatestReader>(std::move(pull), std::move(units),
                                               std::move(resolution));
  return rows;
}

arrow::Result<PulledRows> PullAll(PullRequest request) {
  ARROW_ASSIGN_OR_RAISE(auto pull, Bind(std::move(request)));
  PulledRows rows;
  rows.receipt_json = PullReceipt(pull->request, "pull_all", pull->source->pin());
  ARROW_ASSIGN_OR_RAISE(auto inner, ReadRange(pull, &rows));
  rows.reader = std::make_shared<DressedReader>(std::move(pull), std::move(inner));
  return rows;
}

}  // namespace floe::offline
