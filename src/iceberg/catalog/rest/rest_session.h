#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "iceberg/catalog/rest/rest_auth.h"
#include "iceberg/catalog/rest/rest_settings.h"
#include "io/aws_credentials.h"
#include "io/http_client.h"

namespace floe::iceberg {

/// One call of the catalog's API, and what its refusals mean.
struct RestCall {
  std::string method = "GET";
  std::string path = {};  ///< From the slash on, "/v1/p/namespaces"; encoded.
  std::vector<std::pair<std::string, std::string>> query = {};  ///< Not encoded.
  std::string body = {};                                        ///< JSON; "" for none.
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// A table's own bearer token; "": the catalog's.
  std::string token = {};
  /// Whether a second arrival does no harm.
  bool is_idempotent = true;
  /// What is lost when no answer comes: kCommitStateUnknown rather than
  /// kServiceUnavailable.
  bool is_change = false;
  /// What messages call it: "load table 'a.b'".
  std::string what = {};
  /// What 404 and 409 mean where the answer does not name it.
  ErrorCode not_found = ErrorCode::kNoSuchTable;
  ErrorCode conflict = ErrorCode::kAlreadyExists;
  /// 404 is an answer rather than an error: the call asks whether a thing exists.
  bool asks_existence = false;
};

struct RestAnswer {
  int status = 0;       ///< 2xx, 304, or 404 when the call asks for existence.
  nlohmann::json body;  ///< null when there is none.
  std::string etag;
  bool is_perhaps_repeated = false;
  int64_t body_bytes = 0;
};

/// Speaks to one server as one client: headers, login, signatures, errors. Thread-safe.
class RestSession {
 public:
  struct Parts {
    std::string catalog_name;
    std::shared_ptr<HttpClient> http;
    std::shared_ptr<RestAuth> auth;
    /// Of the signature; null: requests are not signed.
    std::shared_ptr<AwsCredentialsProvider> signing_keys;
    const Clock* clock = nullptr;
    Random* random = nullptr;
    bool takes_idempotency_keys = false;
  };

  RestSession(RestSettings settings, Parts parts);

  /// Errors name the catalog, the call and the remedy; they hold no secret.
  arrow::Result<RestAnswer> Send(const RestCall& call) const;

  const RestSettings& settings() const { return settings_; }
  const Parts& parts() const { return parts_; }

 private:
  arrow::Result<HttpResponse> SendOnce(const RestCall& call, const std::string& key,
                                       const std::string& authorization) const;
  arrow::Status Refusal(const RestCall& call, const HttpResponse& response) const;
  std::string Redacted(std::string text) const;

  const RestSettings settings_;
  const Parts parts_;
  std::vector<std::string> secrets_;
};

}  // namespace floe::iceberg
