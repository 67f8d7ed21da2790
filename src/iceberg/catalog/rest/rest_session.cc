#include "iceberg/catalog/rest/rest_session.h"

#include <algorithm>

#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

constexpr size_t kShownMessageMax = 500;
constexpr int kOk = 200;
constexpr int kMultipleChoices = 300;
constexpr int kNotModified = 304;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kAuthenticationTimeout = 419;

bool IsAuthenticationFailure(int status) {
  return status == kUnauthorized || status == kAuthenticationTimeout;
}

// The commit may have happened (the specification's answers to updateTable).
bool LeavesStateUnknown(int status) {
  return status >= 500 && status != 501 && status != 503;
}

/// The IcebergErrorResponse of an answer.
struct ServerError {
  bool is_given = false;
  std::string type;
  std::string message;
};

ServerError ParseServerError(const std::string& body) {
  ServerError error;
  const nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (!parsed.is_object()) return error;
  const auto found = parsed.find("error");
  if (found == parsed.end() || !found->is_object()) return error;
  const auto text = [&](const char* key) {
    const auto member = found->find(key);
    return member != found->end() && member->is_string() ? member->get<std::string>()
                                                         : std::string();
  };
  error.type = text("type");
  error.message = text("message");
  error.is_given = !error.type.empty() || !error.message.empty();
  return error;
}

struct Meaning {
  ErrorCode code;
  std::string_view remedy;
};

Meaning MeaningOfNotFound(const RestCall& call, const ServerError& error) {
  const auto names = [&](std::string_view word) {
    return error.type.find(word) != std::string::npos;
  };
  if (names("NoSuchNamespace")) {
    return {ErrorCode::kNoSuchNamespace, "create the namespace, or check its name"};
  }
  if (names("NoSuchWarehouse")) {
    return {ErrorCode::kInvalidConfig, "check `warehouse`"};
  }
  if (names("NoSuchTable") || names("NoSuchView")) {
    return {ErrorCode::kNoSuchTable, "check the table's name"};
  }
  // A 404 of some other server on the way says nothing about the catalog's content.
  if (!error.is_given) {
    return {ErrorCode::kServiceUnavailable,
            "nothing says that this is an Iceberg REST catalog's answer: check `uri`, "
            "`warehouse` and `prefix`"};
  }
  return {call.not_found, "check the name"};
}

Meaning MeaningOf(const RestCall& call, int status, const ServerError& error) {
  switch (status) {
    case kUnauthorized:
      return {ErrorCode::kNotAuthorized,
              "check the login: credential (client_id:client_secret), token, or "
              "rest.sigv4-enabled with its keys"};
    case kAuthenticationTimeout:
      return {ErrorCode::kNotAuthorized,
              "the login has expired: give a fresh token, or credential so that Floe "
              "renews it"};
    case kForbidden:
      return {ErrorCode::kNotAuthorized,
              "this login may not do that: ask for the permission in the catalog"};
    case kNotFound:
      return MeaningOfNotFound(call, error);
    case kConflict:
      return {call.conflict, call.conflict == ErrorCode::kCommitConflict
                                 ? "another writer was first; load the table and repeat"
                                 : "choose another name, or use what is there"};
    case 405:
    case 406:
    case 501:
      return {ErrorCode::kNotSupported, "this server does not offer it"};
    case 429:
      return {ErrorCode::kThrottled, "the server is asked too often: try again later"};
    case 400:
    case 422:
      return {ErrorCode::kInvalidArgument, "the server finds the request wrong"};
    default:
      break;
  }
  if (status >= kMultipleChoices && status < 400) {
    return {ErrorCode::kInvalidConfig,
            "the server redirects, which is not followed with credentials: set `uri` to "
            "the address itself"};
  }
  if (status < 500) return {ErrorCode::kInvalidArgument, "check the request"};
  return {call.is_change && LeavesStateUnknown(status) ? ErrorCode::kCommitStateUnknown
                                                       : ErrorCode::kServiceUnavailable,
          "look into the server's log, or try again later"};
}

// A UUID of version 7 (RFC 9562): a time, then randomness.
std::string NewIdempotencyKey(const Clock& clock, Random& random) {
  const auto millis = static_cast<uint64_t>(clock.NowMillis());
  const uint64_t a = random.Next() & 0xfff;
  const uint64_t b = (random.Next() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", (millis >> 16) & 0xffffffff,
                     millis & 0xffff, a, b >> 48, b & 0xffffffffffffULL);
}

}  // namespace

RestSession::RestSession(RestSettings settings, Parts parts)
    : settings_(std::move(settings)), parts_(std::move(parts)) {
  if (parts_.auth != nullptr) secrets_ = parts_.auth->options().Secrets();
  std::erase(secrets_, std::string());
}

arrow::Result<HttpResponse> RestSession::SendOnce(
    const RestCall& call, const std::string& key,
    const std::string& authorization) const {
  HttpRequest request{.method = call.method, .url = settings_.uri + call.path};
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    request.url += separator + PercentEncode(name) + "=" + PercentEncode(value);
    separator = '&';
  }
  request.headers = settings_.headers;
  request.headers.emplace_back("Accept", "application/json");
  if (!call.body.empty())
    request.headers.emplace_back("Content-Type", "application/json");
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
  request.headers.insert(request.headers.end(), call.headers.begin(), call.headers.end());
  if (!authorization.empty()) {
    // The signature takes the Authorization header for itself.
    request.headers.emplace_back(
        parts_.signing_keys != nullptr ? "Original-Authorization" : "Authorization",
        authorization);
  }
  if (parts_.signing_keys != nullptr) {
    ARROW_ASSIGN_OR_RAISE(request.aws_credentials, parts_.signing_keys->Get());
    request.sigv4_scope = settings_.signing_scope;
  }
  request.body = call.body;
  request.accepts_compressed = true;
  request.is_idempotent = call.is_idempotent || !key.empty();
  return parts_.http->Send(request);
}

arrow::Result<RestAnswer> RestSession::Send(const RestCall& call) const {
  std::string authorization = call.token.empty() ? "" : "Bearer " + call.token;
  if (authorization.empty() && parts_.auth != nullptr) {
    ARROW_ASSIGN_OR_RAISE(authorization, parts_.auth->Header());
  }
  const std::string key = call.is_change && parts_.takes_idempotency_keys
                              ? NewIdempotencyKey(*parts_.clock, *parts_.random)
                              : "";
  auto sent = SendOnce(call, key, authorization);
  if (sent.ok() && IsAuthenticationFailure(sent->status) && parts_.auth != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const bool is_renewed, parts_.auth->Renew(authorization));
    if (is_renewed) {
      ARROW_ASSIGN_OR_RAISE(authorization, parts_.auth->Header());
      sent = SendOnce(call, key, authorization);
    }
  }
  if (!sent.ok()) {
    const arrow::Status& failure = sent.status();
    if (call.is_change && WasPerhapsSent(failure)) {
      return WithContext(MakeErrorMessage(ErrorCode::kCommitStateUnknown,
                                          fmt::format("{}: no answer: {}", call.what,
                                                      failure.message())),
                         "catalog", parts_.catalog_name);
    }
    return WithContext(WithContext(failure, "to", call.what), "catalog",
                       parts_.catalog_name);
  }
  RestAnswer answer;
  answer.status = sent->status;
  const bool is_success = sent->status >= kOk && sent->status < kMultipleChoices;
  const bool is_answer =
      is_success || sent->status == kNotModified ||
      (sent->status == kNotFound && call.asks_existence &&
       (call.method == "HEAD" || ParseServerError(sent->body).is_given));
  if (!is_answer) return Refusal(call, *sent);
  answer.is_perhaps_repeated = sent->is_perhaps_repeated;
  if (const std::string* etag = sent->FindHeader("etag")) answer.etag = *etag;
  answer.body_bytes = static_cast<int64_t>(sent->body.size());
  if (is_success && !sent->body.empty()) {
    auto parsed = ParseJson(sent->body, "the catalog's answer");
    if (!parsed.ok()) {
      // It happened, but what came of it cannot be read.
      const ErrorCode code = call.is_change ? ErrorCode::kCommitStateUnknown
                                            : ErrorCode::kServiceUnavailable;
      return MakeError(code,
                       "{}: catalog '{}' answered with what is no JSON; check `uri`",
                       call.what, parts_.catalog_name);
    }
    answer.body = std::move(*parsed);
  }
  return answer;
}

arrow::Status RestSession::Refusal(const RestCall& call,
                                   const HttpResponse& response) const {
  const ServerError error = ParseServerError(response.body);
  const Meaning meaning = MeaningOf(call, response.status, error);
  std::string message = Redacted(error.message);
  std::string redirect;
  if (const std::string* location = response.FindHeader("location")) {
    redirect = " to " + UrlForMessages(*location);
  }
  return MakeErrorMessage(
      meaning.code, fmt::format("{}: catalog '{}' answered {}{} to {} {}{}{}; {}",
                                call.what, parts_.catalog_name, response.status, redirect,
                                call.method, UrlForMessages(settings_.uri + call.path),
                                message.empty() ? "" : ": ", message, meaning.remedy));
}

std::string RestSession::Redacted(std::string text) const {
  for (const std::string& secret : secrets_) {
    constexpr std::string_view kHidden = "***";
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos;
         at += kHidden.size()) {
      text.replace(at, secret.size(), kHidden);
    }
  }
  if (text.size() > kShownMessageMax) text = text.substr(0, kShownMessageMax) + "...";
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

}  // namespace floe::iceberg
