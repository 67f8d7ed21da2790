#include "offline/historical_features.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "arrow/chunked_array.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "base/error.h"
#include "offline/bound_source.h"
#include "offline/entity_range.h"
#include "offline/receipt.h"
#include "offline/view_join.h"

namespace floe::offline {
namespace {

using TablePtr = std::shared_ptr<arrow::Table>;

/// What an entity row costs while it is joined: the kernel's entry, its key, and the
/// resolution; then each feature's place in the result.
constexpr int64_t kJoinBytesPerRow = 160;
constexpr int64_t kVariableWidthBytes = 48;
/// A pass over the sources is never made for fewer rows than this.
constexpr int64_t kMinRowsPerPass = 1024;

int64_t BytesPerRow(const arrow::Schema& schema) {
  int64_t bytes = kJoinBytesPerRow;
  for (const auto& field : schema.fields()) {
    const int width = field->type()->bit_width();
    bytes += width > 0 ? width / 8 + 1 : kVariableWidthBytes;
  }
  return bytes;
}

arrow::Status CheckEntityTime(const arrow::Schema& schema, const std::string& name) {
  std::shared_ptr<arrow::Field> field = schema.GetFieldByName(name);
  if (field == nullptr) {
    const std::string nearest = NearestName(name, schema.field_names());
    return MakeError(ErrorCode::kNoSuchColumn,
                     "the entity frame has no timestamp column '{}'{}", name,
                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
  }
  const arrow::Type::type id = field->type()->id();
  if (id == arrow::Type::TIMESTAMP || arrow::is_date(id)) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "the entity frame's time column '{}' is {}; it must be a timestamp or "
                   "a date (parse text before)",
                   name, field->type()->ToString());
}

/// Column names of the result, of which the entity frame's are the first, are distinct.
arrow::Status CheckNames(const arrow::Schema& schema) {
  std::unordered_set<std::string> seen;
  for (const auto& field : schema.fields()) {
    if (seen.insert(field->name()).second) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "two columns of the result would be called '{}'; ask for full "
                     "feature names or rename the entity frame's column",
                     field->name());
  }
  return arrow::Status::OK();
}

/// A request checked and bound to its sources, and the passes that answer it.
class Retrieval {
 public:
  static arrow::Result<std::shared_ptr<Retrieval>> Make(
      HistoricalFeaturesRequest request) {
    auto retrieval = std::make_shared<Retrieval>();
    retrieval->request_ = std::move(request);
    ARROW_RETURN_NOT_OK(retrieval->Bind());
    return retrieval;
  }

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  const std::vector<ViewJoin>& views() const { return views_; }
  const HistoricalFeaturesRequest& request() const { return request_; }
  bool exhausted() const { return exhausted_; }
  int64_t batch_rows() const { return std::max<int64_t>(request_.options.batch_rows, 1); }

  /// The next part of the entity frame; nullptr when there is none left.
  arrow::Result<TablePtr> NextEntities() {
    if (exhausted_) return TablePtr();
    const int64_t rows_wanted =
        std::max(kMinRowsPerPass, request_.options.memory_budget_bytes / bytes_per_row_);
    arrow::RecordBatchVector batches;
    int64_t rows = 0;
    while (rows < rows_wanted) {
      std::shared_ptr<arrow::RecordBatch> batch = std::move(rest_);
      rest_ = nullptr;
      if (batch == nullptr) ARROW_RETURN_NOT_OK(entities_->ReadNext(&batch));
      if (batch == nullptr) {
        exhausted_ = true;
        break;
      }
      if (rows + batch->num_rows() > rows_wanted) {
        rest_ = batch->Slice(rows_wanted - rows);
        batch = batch->Slice(0, rows_wanted - rows);
      }
      rows += batch->num_rows();
      batches.push_back(std::move(batch));
    }
    // Looks one batch ahead, so that the last pass is known to be the last.
    if (!exhausted_ && rest_ == nullptr) {
      ARROW_RETURN_NOT_OK(entities_->ReadNext(&rest_));
      exhausted_ = rest_ == nullptr;
    }
    if (rows == 0 && !is_first_) return TablePtr();
    is_first_ = false;
    return arrow::Table::FromRecordBatches(entity_schema_, batches);
  }

  /// The rows of the result for a part of the entity frame.
  arrow::Result<TablePtr> Answer(const TablePtr& spine,
                                 std::vector<ReadCounters>* counters) const {
    arrow::ChunkedArrayVector columns = spine->columns();
    counters->assign(views_.size(), {});
    for (size_t i = 0; i < views_.size(); ++i) {
      ARROW_RETURN_NOT_OK(request_.options.CheckGoOn());
      auto features = views_[i].Run(*spine, &(*counters)[i]);
      if (!features.ok()) {
        return WithContext(
            WithContext(features.status(), "source", views_[i].source().pin().source),
            "view", request_.views[i].name);
      }
      columns.insert(columns.end(), features->begin(), features->end());
    }
    return arrow::Table::Make(schema_, std::move(columns), spine->num_rows());
  }

  std::string Receipt() const {
    std::vector<SourcePin> pins;
    for (const ViewJoin& view : views_) pins.push_back(view.source().pin());
    return HistoricalReceipt(request_, entity_schema_->field_names(), pins);
  }

 private:
  arrow::Status Bind() {
    const bool has_range = request_.start_us || request_.end_us;
    if ((request_.entities != nullptr) == has_range) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "give either an entity frame or a time range (start, end), {}",
                       has_range ? "not both" : "there is neither");
    }
    std::vector<std::shared_ptr<const BoundSource>> sources;
    for (const ViewRequest& view : request_.views) {
      ARROW_ASSIGN_OR_RAISE(auto source, BoundSource::Open(view.source, view.name));
      sources.push_back(std::move(source));
    }
    ARROW_RETURN_NOT_OK(BindEntities(sources));
    arrow::FieldVector fields = entity_schema_->fields();
    for (size_t i = 0; i < sources.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(ViewJoin view, ViewJoin::Make(request_.views[i], request_,
                                                          sources[i], *entity_schema_));
      fields.insert(fields.end(), view.fields().begin(), view.fields().end());
      views_.push_back(std::move(view));
    }
    schema_ = arrow::schema(std::move(fields), entity_schema_->metadata());
    bytes_per_row_ = BytesPerRow(*schema_);
    return CheckNames(*schema_);
  }

  arrow::Status BindEntities(
      const std::vector<std::shared_ptr<const BoundSource>>& sources) {
    entities_ = request_.entities;
    if (entities_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(TablePtr table, EntitiesOfRange(request_, sources));
      entities_ = std::make_shared<arrow::TableBatchReader>(std::move(table));
    }
    entity_schema_ = entities_->schema();
    ARROW_RETURN_NOT_OK(CheckNames(*entity_schema_));
    return CheckEntityTime(*entity_schema_, request_.entity_timestamp_column);
  }

  HistoricalFeaturesRequest request_;
  std::shared_ptr<arrow::RecordBatchReader> entities_;
  std::shared_ptr<arrow::Schema> entity_schema_;
  std::vector<ViewJoin> views_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t bytes_per_row_ = kJoinBytesPerRow;
  std::shared_ptr<arrow::RecordBatch> rest_;  ///< Of the entity frame, read already.
  bool exhausted_ = false;
  bool is_first_ = true;
};

/// Hands out the first pass's rows, then makes the others as they are asked for.
class PassesReader final : public arrow::RecordBatchReader {
 public:
  PassesReader(std::shared_ptr<Retrieval> retrieval, TablePtr first)
      : retrieval_(std::move(retrieval)) {
    Start(std::move(first));
  }

  std::shared_ptr<arrow::Schema> schema() const override { return retrieval_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(retrieval_->request().options.CheckGoOn());
    for (;;) {
      if (current_ == nullptr) {
        *batch = nullptr;
        return arrow::Status::OK();
      }
      ARROW_RETURN_NOT_OK(current_->ReadNext(batch));
      if (*batch != nullptr) return arrow::Status::OK();
      current_.reset();
      ARROW_ASSIGN_OR_RAISE(TablePtr entities, retrieval_->NextEntities());
      if (entities == nullptr) continue;
      std::vector<ReadCounters> counters;
      ARROW_ASSIGN_OR_RAISE(TablePtr answer, retrieval_->Answer(entities, &counters));
      Start(std::move(answer));
    }
  }

 private:
  void Start(TablePtr table) {
    current_ = std::make_unique<arrow::TableBatchReader>(std::move(table));
    current_->set_chunksize(retrieval_->batch_rows());
  }

  std::shared_ptr<Retrieval> retrieval_;
  std::unique_ptr<arrow::TableBatchReader> current_;
};

nlohmann::ordered_json FileJson(const ViewJoin::Preview::File& file) {
  return {{"path", file.path},
          {"size_bytes", file.size_bytes},
          {"row_groups", file.row_groups},
          {"row_groups_kept", file.row_groups_kept},
          {"rows_kept", file.rows_kept},
          {"key_bytes", file.key_bytes},
          {"feature_bytes", file.feature_bytes}};
}

nlohmann::ordered_json PreviewJson(const ViewJoin& view,
                                   const ViewJoin::Preview& preview) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  ViewJoin::Preview::File sum;
  int64_t files_kept = 0;
  for (const ViewJoin::Preview::File& file : preview.files) {
    files.push_back(FileJson(file));
    files_kept += file.row_groups_kept > 0 ? 1 : 0;
    sum.row_groups += file.row_groups;
    sum.row_groups_kept += file.row_groups_kept;
    sum.rows_kept += file.rows_kept;
    sum.key_bytes += file.key_bytes;
    sum.feature_bytes += file.feature_bytes;
  }
  const SourcePin& pin = view.source().pin();
  return {{"view", view.source().view()},
          {"source", pin.source},
          {"snapshot_id", pin.snapshot_id ? nlohmann::ordered_json(*pin.snapshot_id)
                                          : nlohmann::ordered_json(nullptr)},
          {"filter", preview.filter != nullptr ? preview.filter->ToString() : "false"},
          {"files_total", preview.files_total},
          {"files_opened", preview.files.size()},
          {"files_kept", files_kept},
          {"row_groups", sum.row_groups},
          {"row_groups_kept", sum.row_groups_kept},
          {"rows_kept", sum.rows_kept},
          {"bytes_kept", sum.key_bytes + sum.feature_bytes},
          {"key_bytes", sum.key_bytes},
          {"feature_bytes", sum.feature_bytes},
          {"files", std::move(files)}};
}

}  // namespace

arrow::Result<HistoricalFeatures> GetHistoricalFeatures(
    HistoricalFeaturesRequest request) {
  ARROW_ASSIGN_OR_RAISE(auto retrieval, Retrieval::Make(std::move(request)));
  HistoricalFeatures features;
  features.receipt_json = retrieval->Receipt();
  ARROW_ASSIGN_OR_RAISE(TablePtr entities, retrieval->NextEntities());
  ARROW_ASSIGN_OR_RAISE(TablePtr answer, retrieval->Answer(entities, &features.counters));
  features.row_count = retrieval->exhausted() ? answer->num_rows() : -1;
  features.reader =
      std::make_shared<PassesReader>(std::move(retrieval), std::move(answer));
  return features;
}

arrow::Result<std::string> ExplainHistoricalFeatures(HistoricalFeaturesRequest request) {
  ARROW_ASSIGN_OR_RAISE(auto retrieval, Retrieval::Make(std::move(request)));
  ARROW_ASSIGN_OR_RAISE(TablePtr entities, retrieval->NextEntities());
  nlohmann::ordered_json views = nlohmann::ordered_json::array();
  for (const ViewJoin& view : retrieval->views()) {
    ARROW_ASSIGN_OR_RAISE(ViewJoin::Preview preview, view.Explain(*entities));
    views.push_back(PreviewJson(view, preview));
  }
  nlohmann::ordered_json json = {{"entity_rows", entities->num_rows()},
                                 {"all_entity_rows_seen", retrieval->exhausted()},
                                 {"output_columns", retrieval->schema()->field_names()},
                                 {"views", std::move(views)}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace floe::offline
