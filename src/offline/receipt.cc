#include "offline/receipt.h"

#include <nlohmann/json.hpp>

#include "arrow/type.h"

namespace floe::offline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kReceiptFormat = 1;

Json PinJson(const std::string& view, const SourcePin& pin) {
  Json json = {{"view", view}, {"source", pin.source}};
  if (!pin.files.empty()) {
    Json files = Json::array();
    for (const auto& [path, size] : pin.files) {
      files.push_back({{"path", path}, {"size_bytes", size}});
    }
    json["files"] = std::move(files);
    return json;
  }
  json["table_uuid"] = pin.table_uuid;
  json["snapshot_id"] = pin.snapshot_id ? Json(*pin.snapshot_id) : Json(nullptr);
  json["schema_id"] = pin.schema_id;
  return json;
}

Json OptionalJson(const std::optional<int64_t>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ViewJson(const ViewRequest& view) {
  Json keys = Json::array();
  for (const JoinKey& key : view.join_keys) {
    keys.push_back({{"entity", key.entity_column}, {"source", key.source_column}});
  }
  Json features = Json::array();
  for (const RequestedFeature& feature : view.features) {
    Json one = {{"source", feature.source_column}, {"output", feature.output_name}};
    if (feature.type != nullptr) one["type"] = feature.type->ToString();
    features.push_back(std::move(one));
  }
  return {{"name", view.name},
          {"timestamp_field", view.source.timestamp_field},
          {"created_timestamp_column", view.source.created_timestamp_column},
          {"join_keys", std::move(keys)},
          {"ttl_us", view.ttl_us},
          {"features", std::move(features)}};
}

std::string Text(const Json& json) {
  // Names come from the caller and need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string HistoricalReceipt(const HistoricalFeaturesRequest& request,
                              const std::vector<std::string>& entity_columns,
                              const std::vector<SourcePin>& pins) {
  Json query = {{"kind", "historical_features"},
                {"entity_columns", entity_columns},
                {"entity_timestamp_column", request.entity_timestamp_column}};
  if (request.entities == nullptr) {
    query["start_us"] = OptionalJson(request.start_us);
    query["end_us"] = OptionalJson(request.end_us);
  }
  query["filter_by_created_timestamp"] = request.filter_by_created_timestamp;
  if (!request.query_text.empty()) query["text"] = request.query_text;
  Json query_views = Json::array();
  Json views = Json::array();
  for (size_t i = 0; i < pins.size(); ++i) {
    query_views.push_back(ViewJson(request.views[i]));
    views.push_back(PinJson(request.views[i].name, pins[i]));
  }
  query["views"] = std::move(query_views);
  return Text({{"format", kReceiptFormat},
               {"query", std::move(query)},
               {"views", std::move(views)}});
}

std::string PullReceipt(const PullRequest& request, const std::string& kind,
                        const SourcePin& pin) {
  Json query = {{"kind", kind},
                {"join_keys", request.join_key_columns},
                {"features", request.feature_columns},
                {"timestamp_field", request.source.timestamp_field},
                {"created_timestamp_column", request.source.created_timestamp_column},
                {"start_us", OptionalJson(request.start_us)},
                {"end_us", OptionalJson(request.end_us)}};
  return Text({{"format", kReceiptFormat},
               {"query", std::move(query)},
               {"views", Json::array({PinJson(pin.source, pin)})}});
}

std::string WithCost(const std::string& json, const RequestCounters::Totals& totals) {
  Json answer = Json::parse(json);
  Json requests = Json::object();
  for (int kind = 0; kind < kRequestKinds; ++kind) {
    const auto one = static_cast<RequestKind>(kind);
    requests[std::string(RequestKindName(one))] = totals.of(one);
  }
  answer["cost"] = {{"requests", std::move(requests)},
                    {"read_bytes", totals.read_bytes},
                    {"written_bytes", totals.written_bytes},
                    {"retries", totals.retries}};
  return Text(answer);
}

}  // namespace floe::offline
