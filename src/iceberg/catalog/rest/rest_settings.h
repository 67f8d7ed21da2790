#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "io/http_client.h"

namespace floe::iceberg {

using PropertyMap = std::map<std::string, std::string>;

/// Typed reading of properties. kInvalidConfig names the key and what it may be.
arrow::Result<bool> BoolProperty(const PropertyMap& properties, const char* key,
                                 bool default_value);
arrow::Result<int64_t> NumberProperty(const PropertyMap& properties, const char* key,
                                      int64_t default_value, int64_t min, int64_t max);
/// The first of `keys` that is set and not empty, or "".
std::string FirstProperty(const PropertyMap& properties,
                          std::initializer_list<const char*> keys);

/// How a REST catalog is spoken to: what its properties say, by the names that PyIceberg
/// and the Java client use.
struct RestSettings {
  static constexpr char kTokensPath[] = "/v1/oauth/tokens";

  std::string uri;  ///< Without a slash at its end.
  std::string warehouse;
  std::string prefix;                       ///< Of paths; "" for none.
  std::string namespace_separator = "%1F";  ///< As it stands in paths.
  std::optional<int64_t> page_size;         ///< rest-page-size
  bool plans_on_server = false;             ///< scan-planning-mode
  int64_t planning_timeout_ms = 0;          ///< rest.scan-planning-timeout-ms
  std::vector<std::pair<std::string, std::string>> headers;  ///< header.*
  bool signs_requests = false;                               ///< rest.sigv4-enabled
  SigV4Scope signing_scope;
  HttpClientOptions http;

  /// `properties` hold "uri" and "warehouse" too.
  static arrow::Result<RestSettings> FromProperties(const PropertyMap& properties);
};

/// What GET /v1/config answered.
struct RestServerConfig {
  PropertyMap properties;  ///< Defaults, the client's over them, overrides over those.
  /// "GET /v1/{prefix}/namespaces", ...: what the server serves.
  std::set<std::string> endpoints;
  bool takes_idempotency_keys = false;

  bool Serves(const char* endpoint) const { return endpoints.count(endpoint) > 0; }

  /// Merges the parsed answer with the client's properties.
  static arrow::Result<RestServerConfig> FromJson(const nlohmann::json& answer,
                                                  const PropertyMap& client_properties);
};

}  // namespace floe::iceberg
