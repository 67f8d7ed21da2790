#include "iceberg/catalog/rest/rest_settings.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/catalog/rest/rest_json.h"
#include "iceberg/spec/json_reader.h"
#include "io/aws_credentials.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr char kSigningPrefix[] = "rest.";
constexpr char kHeaderPrefix[] = "header.";
constexpr char kDelegationHeader[] = "X-Iceberg-Access-Delegation";
constexpr char kDefaultDelegation[] = "vended-credentials";

// What a server serves that does not say; of the specification's GET /v1/config.
constexpr const char* kAssumedEndpoints[] = {
    "GET /v1/{prefix}/namespaces",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/register",
    "POST /v1/{prefix}/tables/rename",
    "POST /v1/{prefix}/transactions/commit",
};
constexpr const char* kAssumedViewEndpoints[] = {
    "GET /v1/{prefix}/namespaces/{namespace}/views",
    "GET /v1/{prefix}/namespaces/{namespace}/views/{view}",
};

arrow::Status BadProperty(const char* key, const std::string& value,
                          const std::string& expected) {
  return MakeError(ErrorCode::kInvalidConfig, "storage_options: {} is '{}'; expected {}",
                   key, value, expected);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

arrow::Status ReadUri(const PropertyMap& properties, RestSettings* settings) {
  settings->uri = FirstProperty(properties, {"uri"});
  if (!settings->uri.starts_with("http://") && !settings->uri.starts_with("https://")) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "a REST catalog needs `uri`, the address of its API without /v1, "
                     "like https://host/catalog; it is '{}'",
                     UrlForMessages(settings->uri));
  }
  while (settings->uri.ends_with('/')) settings->uri.pop_back();
  settings->warehouse = FirstProperty(properties, {"warehouse"});
  settings->prefix = FirstProperty(properties, {"prefix"});
  while (settings->prefix.starts_with('/')) settings->prefix.erase(0, 1);
  while (settings->prefix.ends_with('/')) settings->prefix.pop_back();
  return arrow::Status::OK();
}

void ReadHeaders(const PropertyMap& properties, RestSettings* settings) {
  bool has_delegation = false;
  for (const auto& [key, value] : properties) {
    if (!key.starts_with(kHeaderPrefix)) continue;
    const std::string name = key.substr(sizeof(kHeaderPrefix) - 1);
    const bool is_delegation = EqualsIgnoringCase(name, kDelegationHeader);
    has_delegation |= is_delegation;
    // An empty one asks for no delegation at all.
    if (!is_delegation || !value.empty()) settings->headers.emplace_back(name, value);
  }
  if (!has_delegation) {
    settings->headers.emplace_back(kDelegationHeader, kDefaultDelegation);
  }
}

arrow::Status ReadPlanningMode(const PropertyMap& properties, RestSettings* settings) {
  constexpr char kKey[] = "scan-planning-mode";
  const std::string mode = FirstProperty(properties, {kKey});
  if (!mode.empty() && mode != "client" && mode != "server") {
    return BadProperty(kKey, mode, "client or server");
  }
  // The older name, of the Java client.
  ARROW_ASSIGN_OR_RAISE(const bool is_enabled,
                        BoolProperty(properties, "rest-scan-planning-enabled", false));
  settings->plans_on_server = mode == "server" || (mode.empty() && is_enabled);
  constexpr int64_t kDefaultTimeoutMs = 300'000;
  return NumberProperty(properties, "rest.scan-planning-timeout-ms", kDefaultTimeoutMs, 1,
                        kDayMs)
      .Value(&settings->planning_timeout_ms);
}

arrow::Status ReadSigning(const PropertyMap& properties, RestSettings* settings) {
  const std::string type = FirstProperty(properties, {"rest.auth.type"});
  ARROW_ASSIGN_OR_RAISE(settings->signs_requests,
                        BoolProperty(properties, "rest.sigv4-enabled", type == "sigv4"));
  if (!settings->signs_requests) return arrow::Status::OK();
  settings->signing_scope.service = FirstProperty(properties, {"rest.signing-name"});
  if (settings->signing_scope.service.empty()) {
    settings->signing_scope.service = "execute-api";
  }
  settings->signing_scope.region = FirstProperty(properties, {"rest.signing-region"});
  if (settings->signing_scope.region.empty()) {
    ARROW_ASSIGN_OR_RAISE(settings->signing_scope.region,
                          AwsRegion(properties, kSigningPrefix));
  }
  if (!settings->signing_scope.region.empty()) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidConfig,
                   "rest.sigv4-enabled needs a region: set rest.signing-region, or "
                   "AWS_REGION in the environment");
}

arrow::Status ReadHttp(const PropertyMap& properties, HttpClientOptions* http) {
  http->ca_file = FirstProperty(properties, {"ssl.cabundle"});
  http->client_certificate_file = FirstProperty(properties, {"ssl.client.cert"});
  http->client_key_file = FirstProperty(properties, {"ssl.client.key"});
  ARROW_ASSIGN_OR_RAISE(http->connect_timeout_ms,
                        NumberProperty(properties, "rest.client.connection-timeout-ms",
                                       http->connect_timeout_ms, 1, kDayMs));
  constexpr int64_t kMaxRetries = 100;
  ARROW_ASSIGN_OR_RAISE(const int64_t retries,
                        NumberProperty(properties, "rest.client.max-retries",
                                       http->retry.max_tries - 1, 0, kMaxRetries));
  http->retry.max_tries = static_cast<int>(retries) + 1;
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<bool> BoolProperty(const PropertyMap& properties, const char* key,
                                 bool default_value) {
  const std::string value = FirstProperty(properties, {key});
  if (value.empty()) return default_value;
  if (EqualsIgnoringCase(value, "true")) return true;
  if (EqualsIgnoringCase(value, "false")) return false;
  return BadProperty(key, value, "true or false");
}

arrow::Result<int64_t> NumberProperty(const PropertyMap& properties, const char* key,
                                      int64_t default_value, int64_t min, int64_t max) {
  const std::string value = FirstProperty(properties, {key});
  if (value.empty()) return default_value;
  int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < min || number > max) {
    return BadProperty(key, value, fmt::format("a number from {} to {}", min, max));
  }
  return number;
}

std::string FirstProperty(const PropertyMap& properties,
                          std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = properties.find(key);
    if (found != properties.end() && !found->second.empty()) return found->second;
  }
  return "";
}

arrow::Result<RestSettings> RestSettings::FromProperties(const PropertyMap& properties) {
  RestSettings settings;
  ARROW_RETURN_NOT_OK(ReadUri(properties, &settings));
  const std::string separator = FirstProperty(properties, {"namespace-separator"});
  if (!separator.empty()) {
    // Servers send it as it stands in paths; people write the character itself.
    settings.namespace_separator =
        separator.starts_with('%') ? separator : PercentEncode(separator);
  }
  if (!FirstProperty(properties, {"rest-page-size"}).empty()) {
    constexpr int64_t kMaxPageSize = 1'000'000;
    ARROW_ASSIGN_OR_RAISE(settings.page_size, NumberProperty(properties, "rest-page-size",
                                                             0, 1, kMaxPageSize));
  }
  const std::string loading = FirstProperty(properties, {"snapshot-loading-mode"});
  if (!loading.empty() && loading != "all") {
    return BadProperty("snapshot-loading-mode", loading,
                       "all: time travel and commits need every snapshot");
  }
  ReadHeaders(properties, &settings);
  ARROW_RETURN_NOT_OK(ReadPlanningMode(properties, &settings));
  ARROW_RETURN_NOT_OK(ReadSigning(properties, &settings));
  ARROW_RETURN_NOT_OK(ReadHttp(properties, &settings.http));
  return settings;
}

arrow::Result<RestServerConfig> RestServerConfig::FromJson(
    const nlohmann::json& answer, const PropertyMap& client_properties) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(answer, "the answer"));
  RestServerConfig config;
  ARROW_ASSIGN_OR_RAISE(config.properties,
                        JsonTextMap(object.Find("defaults"), "defaults"));
  for (const auto& [key, value] : client_properties) config.properties[key] = value;
  ARROW_ASSIGN_OR_RAISE(const PropertyMap overrides,
                        JsonTextMap(object.Find("overrides"), "overrides"));
  for (const auto& [key, value] : overrides) config.properties[key] = value;
  config.takes_idempotency_keys = object.Has("idempotency-key-lifetime");
  ARROW_ASSIGN_OR_RAISE(const nlohmann::json* endpoints, object.FindArray("endpoints"));
  if (endpoints != nullptr && !endpoints->empty()) {
    for (const nlohmann::json& endpoint : *endpoints) {
      ARROW_ASSIGN_OR_RAISE(std::string text, JsonText(endpoint, "endpoints"));
      config.endpoints.insert(std::move(text));
    }
    return config;
  }
  config.endpoints.insert(std::begin(kAssumedEndpoints), std::end(kAssumedEndpoints));
  ARROW_ASSIGN_OR_RAISE(
      const bool has_views,
      BoolProperty(config.properties, "view-endpoints-supported", false));
  if (has_views) {
    config.endpoints.insert(std::begin(kAssumedViewEndpoints),
                            std::end(kAssumedViewEndpoints));
  }
  return config;
}

}  // namespace floe::iceberg
