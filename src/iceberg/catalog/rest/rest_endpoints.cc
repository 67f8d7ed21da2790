#include "iceberg/catalog/rest/rest_endpoints.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "iceberg/catalog/rest/rest_json.h"

namespace floe::iceberg {

std::vector<PropertyKey> RestPropertyKeys() {
  return {
      {"prefix", "part of every path after /v1; servers usually say it themselves"},
      {"credential", "OAuth2 client_id:client_secret, exchanged for a token"},
      {"token", "bearer token"},
      {"oauth2-server-uri", "token endpoint; default {uri}/v1/oauth/tokens"},
      {"scope", "OAuth2 scope, default catalog"},
      {"audience", "OAuth2 audience"},
      {"resource", "OAuth2 resource"},
      {"token-refresh-enabled", "true: a plain token is exchanged for fresh ones"},
      {"token-expires-in-ms", "life of tokens whose end nobody says"},
      {"token-exchange-enabled", "not used: tokens are exchanged where keys ask for it"},
      {"urn:ietf:params:oauth:token-type:*", "a token of that type, to be exchanged"},
      {"rest.auth.type", "none, basic, oauth2 or sigv4; default by the other keys"},
      {"rest.auth.basic.username", "user name of basic authentication"},
      {"rest.auth.basic.password", "password of basic authentication"},
      {"rest.sigv4-enabled", "true: requests are signed with AWS keys"},
      {"rest.signing-region", "region of the signature; default client.region"},
      {"rest.signing-name", "service of the signature: glue, s3tables, execute-api"},
      {"rest.access-key-id", "key id of the signature; default client.access-key-id"},
      {"rest.secret-access-key", "its secret"},
      {"rest.session-token", "token of temporary keys"},
      {"rest.sigv4.max-retries", "not used: rest.client.max-retries"},
      {"rest.client.max-retries", "tries after the first, default 4"},
      {"rest.client.connection-timeout-ms", "milliseconds to connect, default 10000"},
      {"header.*", "a header of every request: header.X-Name"},
      {"ssl.cabundle", "PEM file of authorities to trust; default floe.ca-file"},
      {"ssl.client.cert", "PEM file of the client's certificate"},
      {"ssl.client.key", "PEM file of its key"},
      {"rest-page-size", "names per page of a list; default all at once"},
      {"namespace-separator", "between levels in paths, default %1F"},
      {"snapshot-loading-mode", "all"},
      {"view-endpoints-supported",
       "true: a server without a list of endpoints has views"},
      {"scan-planning-mode", "client (default) or server: who chooses a scan's files"},
      {"rest-scan-planning-enabled", "true: scan-planning-mode server"},
      {"rest.scan-planning-timeout-ms",
       "milliseconds to wait for a plan, default 300000"},
  };
}

std::string DecodedSeparator(const RestSettings& settings) {
  const std::string& encoded = settings.namespace_separator;
  std::string decoded;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '%' && i + 2 < encoded.size()) {
      const auto byte = HexDecode(encoded.substr(i + 1, 2));
      if (byte.ok()) {
        decoded += *byte;
        i += 2;
        continue;
      }
    }
    decoded += encoded[i];
  }
  return decoded;
}

arrow::Result<std::vector<TableIdentifier>> IdentifiersOf(
    const std::vector<nlohmann::json>& items) {
  std::vector<TableIdentifier> tables;
  for (const nlohmann::json& item : items) {
    ARROW_ASSIGN_OR_RAISE(TableIdentifier table, TableIdentifierFromJson(item));
    tables.push_back(std::move(table));
  }
  std::sort(tables.begin(), tables.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return tables;
}

}  // namespace floe::iceberg
