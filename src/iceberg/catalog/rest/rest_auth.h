#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "iceberg/catalog/rest/rest_settings.h"
#include "io/http_client.h"

namespace floe::iceberg {

/// How a client shows who it is.
struct RestAuthOptions {
  enum class Kind {
    kNone,
    kBasic,              ///< User name and password.
    kToken,              ///< A bearer token as it is.
    kClientCredentials,  ///< OAuth2: client id and secret for a token.
    kTokenExchange,      ///< OAuth2: another token for one of the catalog's.
  };
  Kind kind = Kind::kNone;
  std::string basic_user;
  std::string basic_password;
  std::string token;      ///< kToken; with kTokenExchange the actor's, if any.
  std::string client_id;  ///< May be empty: the secret alone.
  std::string client_secret;
  std::string subject_token;
  std::string subject_token_type;
  std::string token_uri;
  std::string scope;
  std::string audience;
  std::string resource;
  /// Of tokens that do not say when they expire; 0: they are used until refused.
  int64_t default_lifetime_ms = 0;

  bool operator==(const RestAuthOptions& other) const = default;

  /// From `token`, `credential`, `oauth2-server-uri`, `scope`, `audience`, `resource`,
  /// `token-refresh-enabled`, `urn:ietf:params:oauth:token-type:*`, `rest.auth.type` and
  /// `rest.auth.basic.*`. kInvalidConfig names what does not fit together.
  static arrow::Result<RestAuthOptions> FromProperties(const PropertyMap& properties,
                                                       const std::string& catalog_uri);

  /// What must never be shown.
  std::vector<std::string> Secrets() const;
};

/// Gives the Authorization header, renewing tokens before they expire and when they are
/// refused. Thread-safe: one thread renews, the others wait for it.
class RestAuth {
 public:
  /// A token this close to its end is renewed first.
  static constexpr int64_t kRenewBeforeMs = 60'000;

  RestAuth(RestAuthOptions options, std::shared_ptr<HttpClient> http, const Clock* clock);

  /// The header's value, or "" for none. kNotAuthorized when the token server refuses.
  arrow::Result<std::string> Header();

  /// After `refused` was answered 401 or 419: whether there is another one to try.
  arrow::Result<bool> Renew(const std::string& refused);

  const RestAuthOptions& options() const { return options_; }

 private:
  bool CanRenew() const;
  arrow::Status Fetch();
  arrow::Result<std::string> TokenRequestBody() const;

  const RestAuthOptions options_;
  const std::shared_ptr<HttpClient> http_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::string token_;
  int64_t renew_at_ms_ = 0;  ///< 0: not by time.
};

/// When a JSON Web Token expires, in ms since the epoch, by its "exp"; 0 when the token
/// is none or does not say. The signature is the server's to check.
int64_t TokenExpiryMs(const std::string& token);

}  // namespace floe::iceberg
