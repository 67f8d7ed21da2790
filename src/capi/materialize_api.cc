#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/progress.h"
#include "capi/error.h"
#include "capi/online_request.h"
#include "capi/request.h"
#include "capi/source_request.h"
#include "feast/value_type.h"
#include "iceberg/spec/json_reader.h"
#include "offline/pull.h"
#include "online/materialize.h"

/// Progress is counted in rows read and rows written, so a row counts twice.
struct floe_progress {
  floe::Progress progress;
};

namespace floe::capi {

namespace {

constexpr int64_t kCountsPerRow = 2;

struct MaterializeRequest {
  online::OnlineView view;
  online::MaterializeColumns columns;
  online::MaterializeOptions options;
  offline::PullRequest pull;
};

arrow::Status ReadKeys(const Request& request, MaterializeRequest* made) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> keys,
                        request.Objects("join_keys", {"source", "name", "type"}));
  for (const Request& key : keys) {
    online::MaterializedKey join_key;
    ARROW_ASSIGN_OR_RAISE(join_key.source_column, key.Text("source"));
    ARROW_ASSIGN_OR_RAISE(join_key.join_key, key.Text("name"));
    ARROW_ASSIGN_OR_RAISE(std::string type, key.Text("type"));
    ARROW_ASSIGN_OR_RAISE(join_key.type, feast::ValueTypeFromName(type));
    made->pull.join_key_columns.push_back(join_key.source_column);
    made->columns.join_keys.push_back(std::move(join_key));
  }
  if (!keys.empty()) return arrow::Status::OK();
  // The pull gives a view without entities this column, as Feast's stores do.
  made->columns.join_keys.push_back({offline::kDummyEntityColumn,
                                     offline::kDummyEntityColumn,
                                     feast::ValueType::kString});
  return arrow::Status::OK();
}

arrow::Status ReadFeatures(const Request& request, MaterializeRequest* made) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> features,
                        request.Objects("features", {"source", "name", "vector_length"}));
  for (const Request& feature : features) {
    online::MaterializedFeature wanted;
    ARROW_ASSIGN_OR_RAISE(wanted.source_column, feature.Text("source"));
    ARROW_ASSIGN_OR_RAISE(wanted.feature, feature.Text("name"));
    ARROW_ASSIGN_OR_RAISE(wanted.vector_length, feature.FindInteger("vector_length"));
    made->pull.feature_columns.push_back(wanted.source_column);
    made->columns.features.push_back(std::move(wanted));
  }
  return arrow::Status::OK();
}

arrow::Result<MaterializeRequest> MaterializeRequestOf(floe_catalog* catalog,
                                                       const char* request_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(request_json, "request_json"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the materialization request",
                     {"view", "source", "join_keys", "features", "start_us", "end_us",
                      "rows_per_commit", "options"}));
  MaterializeRequest made;
  ARROW_ASSIGN_OR_RAISE(made.view, RequestedView(request));
  ARROW_RETURN_NOT_OK(ReadKeys(request, &made));
  ARROW_RETURN_NOT_OK(ReadFeatures(request, &made));
  ARROW_ASSIGN_OR_RAISE(Request source, request.Object("source", SourceKeys()));
  ARROW_ASSIGN_OR_RAISE(made.pull.source, SourceOf(catalog, source));
  made.columns.timestamp = made.pull.source.timestamp_field;
  made.columns.created_timestamp = made.pull.source.created_timestamp_column;
  ARROW_ASSIGN_OR_RAISE(made.pull.start_us, request.FindInteger("start_us"));
  ARROW_ASSIGN_OR_RAISE(made.pull.end_us, request.FindInteger("end_us"));
  ARROW_ASSIGN_OR_RAISE(made.pull.options, OptionsOf(request));
  ARROW_ASSIGN_OR_RAISE(made.options.rows_per_commit,
                        request.IntegerOr("rows_per_commit", made.options.rows_per_commit,
                                          1, std::numeric_limits<int32_t>::max()));
  made.pull.options.batch_rows =
      std::min(made.pull.options.batch_rows, made.options.rows_per_commit);
  return made;
}

arrow::Status PutResult(const online::MaterializeResult& result, char** out_json) {
  if (out_json == nullptr) return arrow::Status::OK();
  nlohmann::json snapshot = nullptr;
  if (result.snapshot_id) snapshot = *result.snapshot_id;
  ARROW_ASSIGN_OR_RAISE(std::string text,
                        iceberg::DumpJson({{"rows", result.rows_written},
                                           {"files", result.files_written},
                                           {"commits", result.commits},
                                           {"snapshot_id", snapshot}},
                                          "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

arrow::Status Materialize(floe_catalog* catalog, floe_online* online,
                          const char* request_json, floe_progress* progress,
                          char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(online, "online"));
  ARROW_ASSIGN_OR_RAISE(MaterializeRequest request,
                        MaterializeRequestOf(catalog, request_json));
  if (progress != nullptr) {
    request.options.progress = &progress->progress;
    request.pull.options.progress = &progress->progress;
  }
  ARROW_ASSIGN_OR_RAISE(offline::PulledRows rows,
                        offline::PullLatest(std::move(request.pull)));
  if (progress != nullptr && rows.row_count) {
    progress->progress.SetTotal(*rows.row_count * kCountsPerRow);
  }
  ARROW_ASSIGN_OR_RAISE(
      online::MaterializeResult result,
      online::Materialize(*online->writer, request.view, request.columns, *rows.reader,
                          request.options));
  online->reader->Forget(request.view);
  return PutResult(result, out_json);
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_progress* floe_progress_new(void) {
  return std::make_unique<floe_progress>().release();
}

void floe_progress_free(floe_progress* progress) {
  std::unique_ptr<floe_progress> owned(progress);
}

void floe_progress_cancel(floe_progress* progress) { progress->progress.Cancel(); }

int64_t floe_progress_done(const floe_progress* progress) {
  return progress->progress.done() / floe::capi::kCountsPerRow;
}

int64_t floe_progress_total(const floe_progress* progress) {
  return progress->progress.total() / floe::capi::kCountsPerRow;
}

floe_error* floe_materialize(floe_catalog* catalog, floe_online* online,
                             const char* request_json, floe_progress* progress,
                             char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::Materialize(catalog, online, request_json, progress, out_json);
  });
}

}  // extern "C"
