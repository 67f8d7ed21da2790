#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "capi/error.h"
#include "capi/online_request.h"
#include "capi/request.h"
#include "online/deadline_runner.h"
#include "online/document_filter.h"
#include "online/document_search.h"

namespace floe::capi {

namespace {

constexpr size_t kMaxEmbedding = 65536;
constexpr int64_t kDefaultTimeoutMs = 10'000;
constexpr int64_t kMaxTimeoutMs = 24 * 3600 * 1000;

arrow::Result<online::DocumentQuery> QueryOf(const Request& request,
                                             const float* embedding, size_t size) {
  online::DocumentQuery query;
  ARROW_ASSIGN_OR_RAISE(query.view, RequestedView(request));
  ARROW_ASSIGN_OR_RAISE(query.features, request.Texts("features"));
  ARROW_ASSIGN_OR_RAISE(query.top_k, request.IntegerOr("top_k", query.top_k));
  ARROW_ASSIGN_OR_RAISE(query.vector_feature, request.TextOr("vector_feature", ""));
  ARROW_ASSIGN_OR_RAISE(std::string metric, request.TextOr("metric", "L2"));
  ARROW_ASSIGN_OR_RAISE(query.metric, online::DistanceMetricFromName(metric));
  ARROW_ASSIGN_OR_RAISE(query.text, request.FindText("text"));
  ARROW_ASSIGN_OR_RAISE(auto text_features, request.FindTexts("text_features"));
  if (text_features) query.text_features = std::move(*text_features);
  ARROW_ASSIGN_OR_RAISE(auto filter, request.FindText("filter"));
  if (filter) {
    ARROW_ASSIGN_OR_RAISE(query.filter, online::DocumentFilter::Parse(*filter));
  }
  if (embedding == nullptr) {
    if (query.text) return query;
    return MakeError(ErrorCode::kInvalidArgument,
                     "a search needs an embedding, a text, or both");
  }
  if (size > kMaxEmbedding) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "an embedding of {} numbers is over the limit of {}", size,
                     kMaxEmbedding);
  }
  query.embedding.emplace(embedding, embedding + size);
  return query;
}

arrow::Status Search(floe_online* handle, const char* request_json,
                     const float* embedding, size_t size, floe_bytes* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the search request",
                     {"view", "features", "top_k", "vector_feature", "metric", "text",
                      "text_features", "filter", "timeout_ms"}));
  ARROW_ASSIGN_OR_RAISE(online::DocumentQuery query, QueryOf(request, embedding, size));
  ARROW_ASSIGN_OR_RAISE(
      int64_t timeout_ms,
      request.IntegerOr("timeout_ms", kDefaultTimeoutMs, 0, kMaxTimeoutMs));
  const std::string view_name = query.view.name;
  auto answer = std::make_shared<std::string>();
  ARROW_RETURN_NOT_OK(handle->runner->Run(
      std::chrono::milliseconds(timeout_ms),
      [answer, reader = handle->reader, query = std::move(query), timeout_ms] {
        ARROW_ASSIGN_OR_RAISE(auto hits,
                              online::SearchDocuments(*reader, query, timeout_ms));
        *answer = online::EncodeDocumentHits(hits);
        return arrow::Status::OK();
      },
      [&] {
        return MakeError(ErrorCode::kDeadlineExceeded,
                         "searching the documents of feature view '{}' did not end "
                         "within search_timeout_ms = {}; raise the limit",
                         view_name, timeout_ms);
      }));
  PutBytes(std::move(*answer), out);
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_online_search(floe_online* online, const char* request_json,
                               const float* embedding, size_t size, floe_bytes* out) {
  return floe::capi::Export(
      [&] { return floe::capi::Search(online, request_json, embedding, size, out); });
}

}  // extern "C"
