#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/request_counters.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/request.h"
#include "capi/source_request.h"
#include "capi/stream.h"
#include "offline/feature_statistics.h"
#include "offline/historical_features.h"
#include "offline/pull.h"
#include "offline/receipt.h"
#include "offline/source.h"

namespace floe::capi {

namespace {

arrow::Result<offline::LabelResolution> LabelsOf(const Request& request) {
  offline::LabelResolution labels;
  ARROW_ASSIGN_OR_RAISE(std::string policy, request.Text("policy"));
  if (policy == "majority_vote") return labels;
  if (policy != "labeler_priority") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} has the policy '{}'; it must be 'majority_vote' or "
                     "'labeler_priority'",
                     request.where(), policy);
  }
  labels.policy = offline::LabelPolicy::kLabelerPriority;
  ARROW_ASSIGN_OR_RAISE(labels.labeler_column, request.Text("labeler"));
  ARROW_ASSIGN_OR_RAISE(labels.labelers, request.Texts("labelers"));
  return labels;
}

arrow::Result<offline::ViewRequest> ViewOf(floe_catalog* catalog,
                                           const Request& request) {
  offline::ViewRequest view;
  ARROW_ASSIGN_OR_RAISE(view.name, request.Text("name"));
  ARROW_ASSIGN_OR_RAISE(Request source, request.Object("source", SourceKeys()));
  ARROW_ASSIGN_OR_RAISE(view.source, SourceOf(catalog, source));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> keys,
                        request.Objects("join_keys", {"entity", "source"}));
  for (const Request& key : keys) {
    offline::JoinKey join_key;
    ARROW_ASSIGN_OR_RAISE(join_key.entity_column, key.Text("entity"));
    ARROW_ASSIGN_OR_RAISE(join_key.source_column, key.Text("source"));
    view.join_keys.push_back(std::move(join_key));
  }
  ARROW_ASSIGN_OR_RAISE(view.ttl_us, request.IntegerOr("ttl_us", 0, 0));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> features,
                        request.Objects("features", {"source", "output"}));
  for (const Request& feature : features) {
    offline::RequestedFeature requested;
    ARROW_ASSIGN_OR_RAISE(requested.source_column, feature.Text("source"));
    ARROW_ASSIGN_OR_RAISE(requested.output_name, feature.Text("output"));
    view.features.push_back(std::move(requested));
  }
  if (request.Has("labels")) {
    ARROW_ASSIGN_OR_RAISE(Request labels,
                          request.Object("labels", {"policy", "labeler", "labelers"}));
    ARROW_ASSIGN_OR_RAISE(view.labels, LabelsOf(labels));
  }
  return view;
}

/// The request of floe_historical_features and its explanation; takes over `entity`, and
/// borrows `*timeout`.
arrow::Result<offline::HistoricalFeaturesRequest> HistoricalRequestOf(
    floe_catalog* catalog, const char* request_json, InputStream* entity,
    std::shared_ptr<Progress>* timeout) {
  ARROW_RETURN_NOT_OK(CheckNotNull(request_json, "request_json"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the historical features request",
                     {"entity_timestamp_column", "views", "filter_by_created_timestamp",
                      "start_us", "end_us", "query", "options"}));
  ARROW_ASSIGN_OR_RAISE(*timeout, TimeoutOf(request));
  offline::HistoricalFeaturesRequest made;
  ARROW_ASSIGN_OR_RAISE(
      made.entity_timestamp_column,
      request.TextOr("entity_timestamp_column", made.entity_timestamp_column));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> views,
                        request.Objects("views", {"name", "source", "join_keys", "ttl_us",
                                                  "features", "labels"}));
  for (const Request& view : views) {
    ARROW_ASSIGN_OR_RAISE(offline::ViewRequest view_request, ViewOf(catalog, view));
    made.views.push_back(std::move(view_request));
  }
  ARROW_ASSIGN_OR_RAISE(made.filter_by_created_timestamp,
                        request.BooleanOr("filter_by_created_timestamp", false));
  ARROW_ASSIGN_OR_RAISE(made.start_us, request.FindInteger("start_us"));
  ARROW_ASSIGN_OR_RAISE(made.end_us, request.FindInteger("end_us"));
  ARROW_ASSIGN_OR_RAISE(made.query_text, request.TextOr("query", ""));
  ARROW_ASSIGN_OR_RAISE(made.options, OptionsOf(request));
  made.options.progress = timeout->get();
  ARROW_ASSIGN_OR_RAISE(made.entities, entity->ToReader());
  return made;
}

/// Rows whose reading goes on asking a deadline, which it keeps.
class TimedReader final : public arrow::RecordBatchReader {
 public:
  TimedReader(std::shared_ptr<arrow::RecordBatchReader> rows,
              std::shared_ptr<const Progress> timeout)
      : timeout_(std::move(timeout)), rows_(std::move(rows)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return rows_->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    ARROW_RETURN_NOT_OK(timeout_->Check());
    return rows_->ReadNext(batch);
  }

 private:
  std::shared_ptr<const Progress> timeout_;  ///< Goes last: the rows borrow it.
  std::shared_ptr<arrow::RecordBatchReader> rows_;
};

arrow::Status ExportRows(std::shared_ptr<arrow::RecordBatchReader> rows,
                         std::shared_ptr<const Progress> timeout, ArrowArrayStream* out) {
  if (timeout == nullptr) return ExportReader(std::move(rows), out);
  return ExportReader(std::make_shared<TimedReader>(std::move(rows), std::move(timeout)),
                      out);
}

arrow::Status HistoricalFeatures(floe_catalog* catalog, const char* request_json,
                                 ArrowArrayStream* entity, ArrowArrayStream* out,
                                 char** out_receipt_json) {
  InputStream input(entity);
  std::shared_ptr<Progress> timeout;
  const auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  ARROW_ASSIGN_OR_RAISE(offline::HistoricalFeaturesRequest request,
                        HistoricalRequestOf(catalog, request_json, &input, &timeout));
  ARROW_ASSIGN_OR_RAISE(offline::HistoricalFeatures features,
                        offline::GetHistoricalFeatures(std::move(request)));
  ARROW_RETURN_NOT_OK(ExportRows(std::move(features.reader), std::move(timeout), out));
  if (out_receipt_json != nullptr) {
    *out_receipt_json =
        ToCString(offline::WithCost(features.receipt_json, counters->totals()));
  }
  return arrow::Status::OK();
}

arrow::Status ExplainHistoricalFeatures(floe_catalog* catalog, const char* request_json,
                                        ArrowArrayStream* entity, char** out_json) {
  InputStream input(entity);
  ARROW_RETURN_NOT_OK(CheckNotNull(out_json, "out_json"));
  std::shared_ptr<Progress> timeout;
  const auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  ARROW_ASSIGN_OR_RAISE(offline::HistoricalFeaturesRequest request,
                        HistoricalRequestOf(catalog, request_json, &input, &timeout));
  ARROW_ASSIGN_OR_RAISE(std::string plan,
                        offline::ExplainHistoricalFeatures(std::move(request)));
  *out_json = ToCString(offline::WithCost(plan, counters->totals()));
  return arrow::Status::OK();
}

using Puller = arrow::Result<offline::PulledRows> (*)(offline::PullRequest);

arrow::Status Pull(Puller pull, floe_catalog* catalog, const char* request_json,
                   ArrowArrayStream* out, char** out_receipt_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(request_json, "request_json"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(request_json, "the pull request",
                                       {"source", "join_keys", "features", "start_us",
                                        "end_us", "options"}));
  const auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  offline::PullRequest made;
  ARROW_ASSIGN_OR_RAISE(Request source, request.Object("source", SourceKeys()));
  ARROW_ASSIGN_OR_RAISE(made.source, SourceOf(catalog, source));
  ARROW_ASSIGN_OR_RAISE(made.join_key_columns, request.Texts("join_keys"));
  ARROW_ASSIGN_OR_RAISE(made.feature_columns, request.Texts("features"));
  ARROW_ASSIGN_OR_RAISE(made.start_us, request.FindInteger("start_us"));
  ARROW_ASSIGN_OR_RAISE(made.end_us, request.FindInteger("end_us"));
  ARROW_ASSIGN_OR_RAISE(made.options, OptionsOf(request));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Progress> timeout, TimeoutOf(request));
  made.options.progress = timeout.get();
  ARROW_ASSIGN_OR_RAISE(offline::PulledRows rows, pull(std::move(made)));
  ARROW_RETURN_NOT_OK(ExportRows(std::move(rows.reader), std::move(timeout), out));
  if (out_receipt_json != nullptr) {
    *out_receipt_json =
        ToCString(offline::WithCost(rows.receipt_json, counters->totals()));
  }
  return arrow::Status::OK();
}

arrow::Result<offline::StatisticsRequest::Feature> StatisticsFeatureOf(
    const Request& request) {
  offline::StatisticsRequest::Feature feature;
  ARROW_ASSIGN_OR_RAISE(feature.column, request.Text("column"));
  ARROW_ASSIGN_OR_RAISE(feature.name, request.TextOr("name", feature.column));
  ARROW_ASSIGN_OR_RAISE(std::string kind, request.Text("kind"));
  if (kind != "numeric" && kind != "categorical") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} has the kind '{}'; it must be 'numeric' or 'categorical'",
                     request.where(), kind);
  }
  feature.numeric = kind == "numeric";
  return feature;
}

arrow::Status FeatureStatistics(floe_catalog* catalog, const char* request_json,
                                char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(request_json, "request_json"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out_json, "out_json"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the statistics request",
                     {"source", "features", "start_us", "end_us", "histogram_bins",
                      "top_n", "memory_bytes", "options"}));
  offline::StatisticsRequest made;
  ARROW_ASSIGN_OR_RAISE(Request source, request.Object("source", SourceKeys()));
  ARROW_ASSIGN_OR_RAISE(made.source, SourceOf(catalog, source));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> features,
                        request.Objects("features", {"column", "name", "kind"}));
  for (const Request& feature : features) {
    ARROW_ASSIGN_OR_RAISE(auto made_feature, StatisticsFeatureOf(feature));
    made.features.push_back(std::move(made_feature));
  }
  ARROW_ASSIGN_OR_RAISE(made.start_us, request.FindInteger("start_us"));
  ARROW_ASSIGN_OR_RAISE(made.end_us, request.FindInteger("end_us"));
  ARROW_ASSIGN_OR_RAISE(made.histogram_bins,
                        request.IntegerOr("histogram_bins", made.histogram_bins, 1));
  ARROW_ASSIGN_OR_RAISE(made.top_count, request.IntegerOr("top_n", made.top_count, 0));
  ARROW_ASSIGN_OR_RAISE(made.memory_bytes,
                        request.IntegerOr("memory_bytes", made.memory_bytes, 1));
  ARROW_ASSIGN_OR_RAISE(made.options, OptionsOf(request));
  ARROW_ASSIGN_OR_RAISE(std::string statistics, offline::ComputeStatistics(made));
  *out_json = ToCString(statistics);
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_historical_features(floe_catalog* catalog, const char* request_json,
                                     struct ArrowArrayStream* entity,
                                     struct ArrowArrayStream* out,
                                     char** out_receipt_json) {
  return floe::capi::Export([&] {
    return floe::capi::HistoricalFeatures(catalog, request_json, entity, out,
                                          out_receipt_json);
  });
}

floe_error* floe_explain_historical_features(floe_catalog* catalog,
                                             const char* request_json,
                                             struct ArrowArrayStream* entity,
                                             char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::ExplainHistoricalFeatures(catalog, request_json, entity, out_json);
  });
}

floe_error* floe_pull_latest(floe_catalog* catalog, const char* request_json,
                             struct ArrowArrayStream* out, char** out_receipt_json) {
  return floe::capi::Export([&] {
    return floe::capi::Pull(floe::offline::PullLatest, catalog, request_json, out,
                            out_receipt_json);
  });
}

floe_error* floe_pull_all(floe_catalog* catalog, const char* request_json,
                          struct ArrowArrayStream* out, char** out_receipt_json) {
  return floe::capi::Export([&] {
    return floe::capi::Pull(floe::offline::PullAll, catalog, request_json, out,
                            out_receipt_json);
  });
}

floe_error* floe_feature_statistics(floe_catalog* catalog, const char* request_json,
                                    char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::FeatureStatistics(catalog, request_json, out_json); });
}

}  // extern "C"
