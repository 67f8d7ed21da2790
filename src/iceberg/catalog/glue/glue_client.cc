#include "iceberg/catalog/glue/glue_client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/request_counters.h"

namespace floe::iceberg::glue {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxServerTextBytes = 500;
constexpr int kMaxDoublings = 20;

/// What Glue's and AWS's errors mean to a caller, and what to do about them.
struct Meaning {
  std::string_view type;
  ErrorCode code;
  std::string_view remedy;
};
constexpr std::string_view kCheckKeys =
    "; check the access key, the secret and, of temporary keys, the session token";
constexpr std::string_view kCheckClock =
    "; check this machine's clock, then the access key and the secret";
constexpr std::string_view kRenew = "; the keys are temporary and over: renew them";
constexpr Meaning kMeanings[] = {
    {"EntityNotFoundException", ErrorCode::kNoSuchTable, ""},
    {"AlreadyExistsException", ErrorCode::kAlreadyExists, ""},
    {"ConcurrentModificationException", ErrorCode::kCommitConflict, ""},
    {"VersionMismatchException", ErrorCode::kCommitConflict, ""},
    {"AccessDeniedException", ErrorCode::kNotAuthorized,
     "; the keys' owner lacks the right: see IAM's policies and Lake Formation's grants"},
    {"AccessDenied", ErrorCode::kNotAuthorized, kCheckKeys},
    {"UnrecognizedClientException", ErrorCode::kNotAuthorized, kCheckKeys},
    {"InvalidClientTokenId", ErrorCode::kNotAuthorized, kCheckKeys},
    {"MissingAuthenticationTokenException", ErrorCode::kNotAuthorized, kCheckKeys},
    {"IncompleteSignatureException", ErrorCode::kNotAuthorized, kCheckKeys},
    {"SignatureDoesNotMatch", ErrorCode::kNotAuthorized, kCheckClock},
    {"InvalidSignatureException", ErrorCode::kNotAuthorized, kCheckClock},
    {"RequestExpired", ErrorCode::kNotAuthorized, kCheckClock},
    {"ExpiredTokenException", ErrorCode::kNotAuthorized, kRenew},
    {"ExpiredToken", ErrorCode::kNotAuthorized, kRenew},
    {"ThrottlingException", ErrorCode::kThrottled, ""},
    {"Throttling", ErrorCode::kThrottled, ""},
    {"TooManyRequestsException", ErrorCode::kThrottled, ""},
    {"RequestLimitExceeded", ErrorCode::kThrottled, ""},
    {"InvalidInputException", ErrorCode::kInvalidArgument, ""},
    {"ValidationException", ErrorCode::kInvalidArgument, ""},
    {"ResourceNumberLimitExceededException", ErrorCode::kResourceExhausted,
     "; a quota of the account is used up: for versions of tables set "
     "`glue.skip-archive` to true and delete old ones"},
    {"OperationTimeoutException", ErrorCode::kServiceUnavailable, ""},
    {"InternalServiceException", ErrorCode::kServiceUnavailable, ""},
    {"ServiceUnavailableException", ErrorCode::kServiceUnavailable, ""},
};

/// The exception's name, of "com.amazonaws.glue#Name" and "Name:http://...".
std::string ExceptionName(const HttpResponse& response, const Json& body) {
  std::string name;
  if (body.is_object() && body.contains("__type") && body["__type"].is_string()) {
    name = body["__type"].get<std::string>();
  } else if (const std::string* header = response.FindHeader("x-amzn-errortype")) {
    name = *header;
  }
  name = name.substr(0, name.find(':'));
  return name.substr(name.rfind('#') == std::string::npos ? 0 : name.rfind('#') + 1);
}

std::string ServerText(const Json& body) {
  for (const char* key : {"Message", "message"}) {
    if (body.is_object() && body.contains(key) && body[key].is_string()) {
      return body[key].get<std::string>().substr(0, kMaxServerTextBytes);
    }
  }
  return "";
}

arrow::Status ErrorOf(const HttpResponse& response, const std::string& endpoint,
                      const std::string& action) {
  Json body = Json::parse(response.body, nullptr, false);
  const std::string name = ExceptionName(response, body);
  Meaning meaning{"", ErrorCode::kIo, ""};
  if (response.status == 429) meaning.code = ErrorCode::kThrottled;
  if (response.status >= 500) meaning.code = ErrorCode::kServiceUnavailable;
  if (response.status == 401 || response.status == 403) {
    meaning.code = ErrorCode::kNotAuthorized;
    meaning.remedy = kCheckKeys;
  }
  for (const Meaning& known : kMeanings) {
    if (known.type == name) meaning = known;
  }
  return MakeError(meaning.code, "Glue at {} answers {} with {} {}: {}{}", endpoint,
                   action, response.status, name.empty() ? "no reason" : name,
                   ServerText(body), meaning.remedy);
}

}  // namespace

GlueClient::GlueClient(GlueClientOptions options, std::shared_ptr<HttpClient> http,
                       std::shared_ptr<AwsCredentialsProvider> credentials,
                       Random& random)
    : options_(std::move(options)),
      http_(std::move(http)),
      credentials_(std::move(credentials)),
      random_(random) {}

void GlueClient::Wait(int attempt) {
  int64_t full_ms =
      std::min(options_.first_wait_ms << std::min(attempt - 1, kMaxDoublings),
               options_.max_wait_ms);
  auto wait_ms = static_cast<int64_t>(random_.Next() % (full_ms + 1));
  if (options_.sleep) {
    options_.sleep(wait_ms);
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

arrow::Result<HttpResponse> GlueClient::Send(const std::string& action,
                                             const std::string& body, Effect effect) {
  HttpRequest request;
  request.method = "POST";
  request.url = options_.endpoint;
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "AWSGlue." + action}};
  request.body = body;
  ARROW_ASSIGN_OR_RAISE(request.aws_credentials, credentials_->Get());
  request.sigv4_scope = {options_.region, "glue"};
  request.timeout_ms = options_.call_timeout_ms;
  request.is_idempotent = effect != Effect::kChanges;
  request.kind = RequestKind::kCatalog;
  arrow::Result<HttpResponse> response = http_->Send(request);
  if (response.ok()) return response;
  if (effect != Effect::kReads && WasPerhapsSent(response.status())) {
    return MakeError(ErrorCode::kCommitStateUnknown,
                     "whether Glue at {} carried out {} is not known: {}",
                     options_.endpoint, action, ErrorText(response.status()));
  }
  return WithContext(response.status(), "Glue", action);
}

arrow::Result<Json> GlueClient::Call(const std::string& action, Json request,
                                     Effect effect) {
  if (!options_.catalog_id.empty()) request["CatalogId"] = options_.catalog_id;
  const std::string body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(HttpResponse response, Send(action, body, effect));
    if (response.status == 200) {
      Json answer = Json::parse(response.body, nullptr, false);
      if (answer.is_object()) return answer;
      return MakeError(effect == Effect::kReads ? ErrorCode::kCorruptData
                                                : ErrorCode::kCommitStateUnknown,
                       "Glue at {} answers {} with what is no JSON object",
                       options_.endpoint, action);
    }
    arrow::Status error = ErrorOf(response, options_.endpoint, action);
    bool is_throttled = IsError(error, ErrorCode::kThrottled);
    if (is_throttled && attempt < options_.max_tries) {
      CountRetry();
      Wait(attempt);
      continue;
    }
    // A service that failed inside may have done its work first.
    if (effect != Effect::kReads && IsError(error, ErrorCode::kServiceUnavailable) &&
        response.status != 503) {
      return MakeError(ErrorCode::kCommitStateUnknown, "{}", ErrorText(error));
    }
    return error;
  }
}

}  // namespace floe::iceberg::glue
