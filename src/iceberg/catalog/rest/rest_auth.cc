#include "iceberg/catalog/rest/rest_auth.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "io/file_io.h"

namespace floe::iceberg {
namespace {

using Kind = RestAuthOptions::Kind;

constexpr char kTokenTypePrefix[] = "urn:ietf:params:oauth:token-type:";
constexpr char kAccessTokenType[] = "urn:ietf:params:oauth:token-type:access_token";
constexpr char kTokenExchange[] = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr char kDefaultScope[] = "catalog";
constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr size_t kShownMessageMax = 300;
// Most specific first.
constexpr const char* kSubjectTokenTypes[] = {"id_token", "access_token", "jwt", "saml2",
                                              "saml1"};

std::string Base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

/// Of the URL-safe alphabet without padding; "" when it is none.
std::string DecodeBase64Url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0 || static_cast<size_t>(size) < padding) return "";
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

arrow::Status ReadTokens(const PropertyMap& properties, RestAuthOptions* options) {
  options->token = FirstProperty(properties, {"token"});
  const std::string credential = FirstProperty(properties, {"credential"});
  for (const char* type : kSubjectTokenTypes) {
    const std::string key = std::string(kTokenTypePrefix) + type;
    if (std::string token = FirstProperty(properties, {key.c_str()}); !token.empty()) {
      options->subject_token = std::move(token);
      options->subject_token_type = key;
      break;
    }
  }
  ARROW_ASSIGN_OR_RAISE(const bool refreshes,
                        BoolProperty(properties, "token-refresh-enabled", false));
  if (!credential.empty()) {
    const size_t colon = credential.find(':');
    if (colon != std::string::npos) options->client_id = credential.substr(0, colon);
    options->client_secret =
        colon == std::string::npos ? credential : credential.substr(colon + 1);
    if (options->client_secret.empty()) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "storage_options: credential has no secret; write it as "
                       "client_id:client_secret");
    }
  }
  if (!options->subject_token.empty()) {
    options->kind = Kind::kTokenExchange;
  } else if (!credential.empty()) {
    options->kind = Kind::kClientCredentials;
  } else if (!options->token.empty() && refreshes) {
    options->kind = Kind::kTokenExchange;
    options->subject_token = std::exchange(options->token, "");
    options->subject_token_type = kAccessTokenType;
  } else if (!options->token.empty()) {
    options->kind = Kind::kToken;
  }
  return arrow::Status::OK();
}

arrow::Status ReadType(const PropertyMap& properties, RestAuthOptions* options) {
  const std::string type = FirstProperty(properties, {"rest.auth.type"});
  if (type == "none") {
    *options = RestAuthOptions();
  } else if (type == "basic") {
    options->kind = Kind::kBasic;
    options->basic_user = FirstProperty(properties, {"rest.auth.basic.username"});
    options->basic_password = FirstProperty(properties, {"rest.auth.basic.password"});
    if (options->basic_user.empty() || options->basic_password.empty()) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "rest.auth.type basic needs rest.auth.basic.username and "
                       "rest.auth.basic.password");
    }
  } else if (type == "oauth2" && options->kind == Kind::kNone) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "rest.auth.type oauth2 needs credential (client_id:client_secret) "
                     "or token");
  } else if (!type.empty() && type != "oauth2" && type != "sigv4") {
    return MakeError(ErrorCode::kInvalidConfig,
                     "storage_options: rest.auth.type is '{}'; expected none, basic, "
                     "oauth2 or sigv4",
                     type);
  }
  return arrow::Status::OK();
}

void AddField(std::string* body, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  if (!body->empty()) *body += '&';
  *body += fmt::format("{}={}", name, PercentEncode(value));
}

/// What a token server says of a refusal (RFC 6749, 5.2), or the catalog's error form.
std::string RefusalText(const std::string& body) {
  const nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  std::string text;
  if (parsed.is_object()) {
    const auto error = parsed.find("error");
    if (error != parsed.end() && error->is_string()) text = error->get<std::string>();
    if (error != parsed.end() && error->is_object()) {
      const auto message = error->find("message");
      if (message != error->end() && message->is_string()) {
        text = message->get<std::string>();
      }
    }
    const auto description = parsed.find("error_description");
    if (description != parsed.end() && description->is_string()) {
      text += (text.empty() ? "" : ": ") + description->get<std::string>();
    }
  }
  if (text.size() > kShownMessageMax) text.resize(kShownMessageMax);
  return text;
}

}  // namespace

arrow::Result<RestAuthOptions> RestAuthOptions::FromProperties(
    const PropertyMap& properties, const std::string& catalog_uri) {
  RestAuthOptions options;
  ARROW_RETURN_NOT_OK(ReadTokens(properties, &options));
  ARROW_RETURN_NOT_OK(ReadType(properties, &options));
  options.token_uri = FirstProperty(properties, {"oauth2-server-uri"});
  if (options.token_uri.empty()) {
    options.token_uri = catalog_uri + RestSettings::kTokensPath;
  } else if (options.token_uri.find("://") == std::string::npos) {
    // Some servers give it as a path of theirs.
    options.token_uri = JoinLocation(catalog_uri, options.token_uri);
  }
  options.scope = FirstProperty(properties, {"scope"});
  if (options.scope.empty()) options.scope = kDefaultScope;
  options.audience = FirstProperty(properties, {"audience"});
  options.resource = FirstProperty(properties, {"resource"});
  ARROW_ASSIGN_OR_RAISE(
      options.default_lifetime_ms,
      NumberProperty(properties, "token-expires-in-ms", 0, 0, 365 * kDayMs));
  return options;
}

std::vector<std::string> RestAuthOptions::Secrets() const {
  return {token, client_secret, subject_token, basic_password};
}

RestAuth::RestAuth(RestAuthOptions options, std::shared_ptr<HttpClient> http,
                   const Clock* clock)
    : options_(std::move(options)), http_(std::move(http)), clock_(clock) {}

bool RestAuth::CanRenew() const {
  return options_.kind == Kind::kClientCredentials ||
         options_.kind == Kind::kTokenExchange;
}

arrow::Result<std::string> RestAuth::Header() {
  switch (options_.kind) {
    case Kind::kNone:
      return "";
    case Kind::kBasic:
      return "Basic " + Base64(options_.basic_user + ":" + options_.basic_password);
    case Kind::kToken:
      return "Bearer " + options_.token;
    default:
      break;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  const bool is_due = renew_at_ms_ != 0 && clock_->NowMillis() >= renew_at_ms_;
  if (token_.empty() || is_due) ARROW_RETURN_NOT_OK(Fetch());
  return "Bearer " + token_;
}

arrow::Result<bool> RestAuth::Renew(const std::string& refused) {
  if (!CanRenew()) return false;
  std::lock_guard<std::mutex> lock(mutex_);
  // Another thread may have renewed it meanwhile.
  if (refused == "Bearer " + token_) ARROW_RETURN_NOT_OK(Fetch());
  return refused != "Bearer " + token_;
}

arrow::Result<std::string> RestAuth::TokenRequestBody() const {
  std::string body;
  if (options_.kind == Kind::kClientCredentials) {
    AddField(&body, "grant_type", "client_credentials");
    AddField(&body, "client_id", options_.client_id);
    AddField(&body, "client_secret", options_.client_secret);
  } else {
    AddField(&body, "grant_type", kTokenExchange);
    AddField(&body, "subject_token", options_.subject_token);
    AddField(&body, "subject_token_type", options_.subject_token_type);
    AddField(&body, "actor_token", options_.token);
    if (!options_.token.empty()) AddField(&body, "actor_token_type", kAccessTokenType);
  }
  AddField(&body, "scope", options_.scope);
  AddField(&body, "audience", options_.audience);
  AddField(&body, "resource", options_.resource);
  return body;
}

arrow::Status RestAuth::Fetch() {
  HttpRequest request{.method = "POST", .url = options_.token_uri};
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  if (options_.kind == Kind::kTokenExchange && !options_.client_secret.empty()) {
    request.headers.emplace_back(
        "Authorization",
        "Basic " + Base64(options_.client_id + ":" + options_.client_secret));
  }
  ARROW_ASSIGN_OR_RAISE(request.body, TokenRequestBody());
  auto answer = http_->Send(request);
  if (!answer.ok()) return WithContext(answer.status(), "asked for", "an OAuth2 token");
  const std::string shown = UrlForMessages(options_.token_uri);
  if (answer->status != 200) {
    const bool is_refusal = answer->status >= 400 && answer->status < 500 &&
                            answer->status != 429 && answer->status != 404;
    return MakeError(
        is_refusal ? ErrorCode::kNotAuthorized : ErrorCode::kServiceUnavailable,
        "the token server {} answered {}{}{}; check {}", shown, answer->status,
        RefusalText(answer->body).empty() ? "" : ": ", RefusalText(answer->body),
        is_refusal ? "credential (client_id:client_secret), scope and oauth2-server-uri"
                   : "oauth2-server-uri");
  }
  auto parsed = ParseJson(answer->body, "the token server's answer");
  // Its text may hold a token, so no parser's message is passed on.
  const bool is_object = parsed.ok() && parsed->is_object();
  const auto token =
      is_object ? parsed->find("access_token") : nlohmann::json::iterator();
  if (!is_object || token == parsed->end() || !token->is_string()) {
    return MakeError(ErrorCode::kServiceUnavailable,
                     "the token server {} answered without an access_token; check "
                     "oauth2-server-uri",
                     shown);
  }
  token_ = token->get<std::string>();
  const int64_t now_ms = clock_->NowMillis();
  const auto lifetime = parsed->find("expires_in");
  int64_t expires_ms = TokenExpiryMs(token_);
  if (lifetime != parsed->end() && JsonToLong(*lifetime)) {
    expires_ms = now_ms + *JsonToLong(*lifetime) * 1000;
  } else if (expires_ms == 0 && options_.default_lifetime_ms > 0) {
    expires_ms = now_ms + options_.default_lifetime_ms;
  }
  // A token that lives shorter than the margin is used for half of its life.
  const int64_t margin_ms = std::min(kRenewBeforeMs, (expires_ms - now_ms) / 2);
  renew_at_ms_ = expires_ms == 0 ? 0 : expires_ms - margin_ms;
  return arrow::Status::OK();
}

int64_t TokenExpiryMs(const std::string& token) {
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos) return 0;
  const nlohmann::json claims = nlohmann::json::parse(
      DecodeBase64Url(token.substr(first + 1, second - first - 1)), nullptr, false);
  if (!claims.is_object()) return 0;
  const auto expiry = claims.find("exp");
  if (expiry == claims.end() || !expiry->is_number()) return 0;
  constexpr double kLatest = 1e11;  // Seconds; beyond it something else is meant.
  const double seconds = expiry->get<double>();
  return seconds > 0 && seconds < kLatest ? static_cast<int64_t>(seconds * 1000) : 0;
}

}  // namespace floe::iceberg
