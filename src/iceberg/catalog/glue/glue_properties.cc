#include "iceberg/catalog/glue/glue_properties.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <string>

#include "base/env.h"
#include "base/error.h"
#include "io/aws_credentials.h"

namespace floe::iceberg::glue {
namespace {

constexpr int kMaxTries = 100;

using Properties = std::map<std::string, std::string>;

constexpr char kEndpoint[] = "glue.endpoint";
constexpr char kId[] = "glue.id";
constexpr char kSkipArchive[] = "glue.skip-archive";
constexpr char kMaxRetries[] = "glue.max-retries";
constexpr char kRetryMode[] = "glue.retry-mode";
constexpr char kCallTimeout[] = "glue.call-timeout-ms";

std::string Of(const Properties& properties, const char* key) {
  auto found = properties.find(key);
  return found == properties.end() ? "" : found->second;
}

arrow::Status ReadNumber(const Properties& properties, const char* key, int64_t least,
                         int64_t most, int64_t* value) {
  const std::string text = Of(properties, key);
  if (text.empty()) return arrow::Status::OK();
  int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < least ||
      number > most) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "property '{}' of a glue catalog is '{}': expected a number from {} "
                     "to {}",
                     key, text, least, most);
  }
  *value = number;
  return arrow::Status::OK();
}

arrow::Status ReadSkipArchive(const Properties& properties, bool* skips_archive) {
  std::string text = Of(properties, kSkipArchive);
  if (text.empty()) return arrow::Status::OK();
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  if (text != "true" && text != "false") {
    return MakeError(ErrorCode::kInvalidConfig,
                     "property '{}' of a glue catalog is '{}': expected true or false",
                     kSkipArchive, text);
  }
  *skips_archive = text == "true";
  return arrow::Status::OK();
}

std::string EndpointOf(const CatalogConfig& config, const std::string& region) {
  std::string endpoint = Of(config.properties, kEndpoint);
  if (endpoint.empty()) endpoint = config.uri;
  for (const char* variable : {"AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"}) {
    if (endpoint.empty()) endpoint = GetEnv(variable).value_or("");
  }
  if (!endpoint.empty()) return endpoint;
  const char* domain = region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return fmt::format("https://glue.{}.{}/", region, domain);
}

}  // namespace

arrow::Result<GlueProperties> ReadGlueProperties(const CatalogConfig& config) {
  const Properties& properties = config.properties;
  GlueProperties result;
  ARROW_ASSIGN_OR_RAISE(result.client.region, AwsRegion(properties, kGluePrefix));
  if (result.client.region.empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "a glue catalog needs a region: set `glue.region` (or "
                     "`client.region`, AWS_REGION, or the profile's)");
  }
  result.client.catalog_id = Of(properties, kId);
  result.client.endpoint = EndpointOf(config, result.client.region);
  if (!result.client.endpoint.starts_with("http://") &&
      !result.client.endpoint.starts_with("https://")) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "property '{}' is no URL: expected https://host or http://host:port",
                     kEndpoint);
  }
  int64_t retries = result.client.max_tries;
  ARROW_RETURN_NOT_OK(ReadNumber(properties, kMaxRetries, 0, kMaxTries, &retries));
  result.client.max_tries = static_cast<int>(std::max<int64_t>(retries, 1));
  ARROW_RETURN_NOT_OK(
      ReadNumber(properties, kCallTimeout, 1, 3'600'000, &result.client.call_timeout_ms));
  ARROW_RETURN_NOT_OK(ReadSkipArchive(properties, &result.skips_archive));
  return result;
}

std::vector<PropertyKey> GluePropertyKeys() {
  return {
      {kEndpoint, "URL of a service that speaks Glue; default AWS's of the region"},
      {kId, "account whose catalog is used; default the keys' own"},
      {"glue.region", "region; default client.region, AWS_REGION, the profile's"},
      {"glue.access-key-id", "key id; default client.access-key-id, then as AWS's tools"},
      {"glue.secret-access-key", "secret of the key id"},
      {"glue.session-token", "token of temporary keys"},
      {"glue.profile-name", "profile of ~/.aws/credentials and ~/.aws/config"},
      {"glue.role-arn", "role to assume with the credentials found"},
      {"glue.role-session-name", "name of the assumed role's session"},
      {kSkipArchive, "false: Glue keeps the table's version before each commit"},
      {kMaxRetries, "tries of a request that is throttled, default 10"},
      {kRetryMode, "not used: waits grow at random"},
      {kCallTimeout, "milliseconds of one call, default 60000"},
  };
}

}  // namespace floe::iceberg::glue
