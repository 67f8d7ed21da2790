#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "capi/error.h"
#include "capi/online_request.h"
#include "capi/request.h"
#include "feast/features_columns.h"
#include "online/deadline_runner.h"
#include "online/feature_request.h"
#include "online/online_reader.h"
#include "online/proto_rows.h"

/// A request for features, made ready.
struct floe_online_request {
  std::shared_ptr<floe::online::OnlineReader> reader;
  std::shared_ptr<floe::online::DeadlineRunner> runner;
  std::shared_ptr<const floe::online::FeatureRequest> request;
  std::string table_names;  ///< For messages.
};

namespace floe::capi {

namespace {

/// Of a table's first load, which read_timeout_ms is not meant for.
constexpr int64_t kWarmTimeoutMs = 60'000;

/// Calls `read` for at most `timeout_ms` and puts its bytes into `out`.
arrow::Status RunRead(online::DeadlineRunner* runner, int64_t timeout_ms,
                      const std::string& tables,
                      std::function<arrow::Result<std::string>()> read, floe_bytes* out) {
  auto answer = std::make_shared<std::string>();
  ARROW_RETURN_NOT_OK(runner->Run(
      std::chrono::milliseconds(timeout_ms),
      [answer, read = std::move(read)] { return read().Value(answer.get()); },
      [&] {
        return MakeError(ErrorCode::kDeadlineExceeded,
                         "reading online table {} did not end within read_timeout_ms = "
                         "{}: the catalog or storage does not answer in time; raise the "
                         "limit, or look at what they are busy with",
                         tables, timeout_ms);
      }));
  PutBytes(std::move(*answer), out);
  return arrow::Status::OK();
}

arrow::Status Warm(floe_online* handle, const char* request_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(request_json, "the warming request", {"view"}));
  ARROW_ASSIGN_OR_RAISE(online::OnlineView view, RequestedView(request));
  const int64_t limit = handle->config.read_timeout_ms;
  const int64_t timeout_ms = limit <= 0 ? 0 : std::max(limit, kWarmTimeoutMs);
  return handle->runner->Run(
      std::chrono::milliseconds(timeout_ms),
      [reader = handle->reader, view] { return reader->Warm(view); },
      [&] {
        return MakeError(ErrorCode::kDeadlineExceeded,
                         "loading the online table of feature view '{}' for the first "
                         "time did not end within {} ms: the catalog or storage does "
                         "not answer",
                         view.name, timeout_ms);
      });
}

arrow::Status ReadProtos(floe_online* handle, const char* request_json,
                         const uint8_t* keys, size_t size, floe_bytes* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(std::string_view buffer, BufferOf(keys, size, "keys"));
  ARROW_ASSIGN_OR_RAISE(Request request, Request::Parse(request_json, "the read request",
                                                        {"view", "features"}));
  ARROW_ASSIGN_OR_RAISE(online::OnlineView view, RequestedView(request));
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> features, request.Texts("features"));
  const std::string name = "of feature view '" + view.name + "'";
  return RunRead(
      handle->runner.get(), handle->config.read_timeout_ms, name,
      [reader = handle->reader, view = std::move(view), features = std::move(features),
       copy = std::string(buffer)] {
        return online::ReadProtoRows(*reader, view, copy, features);
      },
      out);
}

arrow::Result<size_t> ColumnOf(const Request& request, const std::string& key) {
  ARROW_ASSIGN_OR_RAISE(
      int64_t column, request.IntegerOr(key, 0, 0, std::numeric_limits<int32_t>::max()));
  return static_cast<size_t>(column);
}

arrow::Result<online::ViewRequest> ViewRequestOf(online::OnlineReader& reader,
                                                 const Request& request) {
  online::ViewRequest view;
  ARROW_ASSIGN_OR_RAISE(online::OnlineView online_view, RequestedView(request));
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> features, request.Texts("features"));
  ARROW_ASSIGN_OR_RAISE(view.names, request.Texts("names"));
  ARROW_ASSIGN_OR_RAISE(view.plan, reader.Plan(online_view, features));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> keys,
                        request.Objects("join_keys", {"name", "column"}));
  for (const Request& key : keys) {
    online::JoinKeySource source;
    ARROW_ASSIGN_OR_RAISE(source.join_key, key.Text("name"));
    ARROW_ASSIGN_OR_RAISE(source.column, ColumnOf(key, "column"));
    view.join_keys.push_back(std::move(source));
  }
  if (request.Has("key_column")) {
    ARROW_ASSIGN_OR_RAISE(view.key_column, ColumnOf(request, "key_column"));
  }
  ARROW_ASSIGN_OR_RAISE(view.ttl_micros, request.IntegerOr("ttl_us", 0, 0));
  ARROW_ASSIGN_OR_RAISE(view.metadata_name, request.TextOr("metadata_name", ""));
  ARROW_ASSIGN_OR_RAISE(
      int64_t version,
      request.IntegerOr("metadata_version", 0, std::numeric_limits<int32_t>::min(),
                        std::numeric_limits<int32_t>::max()));
  view.metadata_version = static_cast<int32_t>(version);
  return view;
}

arrow::Status Prepare(floe_online* handle, const char* request_json,
                      floe_online_request** out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the features request", {"columns", "views"}));
  auto features = std::make_shared<online::FeatureRequest>();
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> columns,
                        request.Objects("columns", {"name", "is_returned"}));
  for (const Request& column : columns) {
    online::EntityColumn entity;
    ARROW_ASSIGN_OR_RAISE(entity.name, column.Text("name"));
    ARROW_ASSIGN_OR_RAISE(entity.is_returned, column.BooleanOr("is_returned", true));
    features->columns.push_back(std::move(entity));
  }
  ARROW_ASSIGN_OR_RAISE(
      std::vector<Request> views,
      request.Objects("views", {"view", "features", "names", "join_keys", "key_column",
                                "ttl_us", "metadata_name", "metadata_version"}));
  std::string names;
  for (const Request& view : views) {
    ARROW_ASSIGN_OR_RAISE(online::ViewRequest one, ViewRequestOf(*handle->reader, view));
    names += (names.empty() ? "'" : ", '") + one.plan->table_name + "'";
    features->views.push_back(std::move(one));
  }
  ARROW_RETURN_NOT_OK(features->Validate());
  *out = std::make_unique<floe_online_request>(
             floe_online_request{handle->reader, handle->runner, std::move(features),
                                 std::move(names)})
             .release();
  return arrow::Status::OK();
}

arrow::Status Features(floe_online_request* prepared, const uint8_t* entities,
                       size_t size, floe_bytes* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(prepared, "request"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(std::string_view buffer, BufferOf(entities, size, "entities"));
  return RunRead(
      prepared->runner.get(), prepared->reader->config().read_timeout_ms,
      prepared->table_names,
      [reader = prepared->reader, request = prepared->request,
       copy = std::string(buffer)] {
        return online::AnswerFeatureRequest(*reader, *request, copy, Clock::System());
      },
      out);
}

arrow::Status Columns(const uint8_t* message, size_t size, floe_bytes* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(std::string_view buffer, BufferOf(message, size, "message"));
  ARROW_ASSIGN_OR_RAISE(std::string columns, feast::FeaturesColumns(buffer));
  PutBytes(std::move(columns), out);
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_online_warm(floe_online* online, const char* request_json) {
  return floe::capi::Export([&] { return floe::capi::Warm(online, request_json); });
}

floe_error* floe_online_read_protos(floe_online* online, const char* request_json,
                                    const uint8_t* keys, size_t size, floe_bytes* out) {
  return floe::capi::Export(
      [&] { return floe::capi::ReadProtos(online, request_json, keys, size, out); });
}

floe_error* floe_online_prepare(floe_online* online, const char* request_json,
                                floe_online_request** out) {
  return floe::capi::Export(
      [&] { return floe::capi::Prepare(online, request_json, out); });
}

void floe_online_request_free(floe_online_request* request) {
  std::unique_ptr<floe_online_request> owned(request);
}

floe_error* floe_online_features(floe_online_request* request, const uint8_t* entities,
                                 size_t size, floe_bytes* out) {
  return floe::capi::Export(
      [&] { return floe::capi::Features(request, entities, size, out); });
}

floe_error* floe_features_columns(const uint8_t* message, size_t size, floe_bytes* out) {
  return floe::capi::Export([&] { return floe::capi::Columns(message, size, out); });
}

}  // extern "C"
