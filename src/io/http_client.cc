#include "io/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "io/http_transfer.h"

namespace floe {
namespace {

// Rides in a failure's context, where messages show it too.
constexpr char kSentKey[] = "request";
constexpr char kPerhapsReceived[] = "may have been received";

bool IsRetryableStatus(int status, bool is_idempotent) {
  if (status == 429 || status == 503) return true;
  return is_idempotent && (status == 500 || status == 502 || status == 504);
}

// 429 and 503 say that nothing was done.
bool IsPerhapsActedOn(const HttpTry& result) {
  if (!result.failure.ok()) return result.is_perhaps_sent;
  return result.response.status != 429 && result.response.status != 503;
}

// Milliseconds that a Retry-After header asks for: seconds, or a date.
int64_t RetryAfterMs(const HttpResponse& response, const Clock& clock) {
  const std::string* value = response.FindHeader("retry-after");
  if (value == nullptr || value->empty()) return 0;
  constexpr int64_t kSecondsMax = int64_t{7} * 24 * 3600;
  int64_t seconds = 0;
  if (std::all_of(value->begin(), value->end(),
                  [](char c) { return c >= '0' && c <= '9'; })) {
    for (char c : *value) seconds = std::min(kSecondsMax, seconds * 10 + (c - '0'));
    return seconds * 1000;
  }
  const time_t date = curl_getdate(value->c_str(), nullptr);
  if (date < 0) return 0;
  return std::clamp<int64_t>(date * 1000 - clock.NowMillis(), 0, kSecondsMax * 1000);
}

class RetryingClient final : public HttpClient {
 public:
  RetryingClient(const HttpClientOptions& options, HttpClientEnvironment environment)
      : policy_(options.retry),
        environment_(std::move(environment)),
        transfers_(options) {}

  arrow::Result<HttpResponse> Send(const HttpRequest& request) override {
    const int64_t deadline_ms = Now() + policy_.total_timeout_ms;
    bool is_perhaps_sent = false;
    for (int tries = 1;; ++tries) {
      const int64_t timeout_ms =
          std::max<int64_t>(1, std::min(request.timeout_ms, deadline_ms - Now()));
      ARROW_ASSIGN_OR_RAISE(HttpTry result, Try(request, timeout_ms));
      const bool was_sent_before = is_perhaps_sent;
      is_perhaps_sent |= IsPerhapsActedOn(result);
      const bool may_retry =
          result.failure.ok()
              ? IsRetryableStatus(result.response.status, request.is_idempotent)
              : result.is_transient && (request.is_idempotent || !result.is_perhaps_sent);
      if (may_retry && tries < policy_.max_tries) {
        const int64_t wait_ms = DelayMs(tries, result.response);
        if (Now() + wait_ms < deadline_ms) {
          CountRetry();
          Wait(wait_ms);
          continue;
        }
      }
      if (!result.failure.ok()) {
        return is_perhaps_sent ? WithContext(result.failure, kSentKey, kPerhapsReceived)
                               : result.failure;
      }
      result.response.is_perhaps_repeated = was_sent_before;
      return std::move(result.response);
    }
  }

 private:
  int64_t Now() const { return environment_.clock->NowMillis(); }

  arrow::Result<HttpTry> Try(const HttpRequest& request, int64_t timeout_ms) {
    auto headers = request.headers;
    if (request.aws_credentials.has_value()) {
      ARROW_ASSIGN_OR_RAISE(auto signature, SignSigV4({.method = request.method,
                                                       .url = request.url,
                                                       .headers = request.headers,
                                                       .body = request.body},
                                                      *request.aws_credentials,
                                                      request.sigv4_scope, Now()));
      headers.insert(headers.end(), std::make_move_iterator(signature.begin()),
                     std::make_move_iterator(signature.end()));
    }
    ARROW_ASSIGN_OR_RAISE(HttpTry result, transfers_.Run(request, headers, timeout_ms));
    CountRequest(request.kind, result.read_bytes, result.written_bytes);
    return result;
  }

  int64_t DelayMs(int tries, const HttpResponse& response) {
    int64_t ceiling_ms = policy_.first_delay_ms;
    for (int i = 1; i < tries && ceiling_ms < policy_.max_delay_ms; ++i) ceiling_ms *= 2;
    ceiling_ms = std::min(ceiling_ms, policy_.max_delay_ms);
    const uint64_t random = environment_.random->Next() >> 32;
    const auto jittered_ms =
        static_cast<int64_t>(random * static_cast<uint64_t>(ceiling_ms + 1) >> 32);
    return std::max(jittered_ms, RetryAfterMs(response, *environment_.clock));
  }

  void Wait(int64_t wait_ms) {
    if (environment_.wait) {
      environment_.wait(wait_ms);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    }
  }

  const HttpRetryPolicy policy_;
  const HttpClientEnvironment environment_;
  HttpTransfers transfers_;
};

}  // namespace

const std::string* HttpResponse::FindHeader(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool WasPerhapsSent(const arrow::Status& failure) {
  const auto* detail = dynamic_cast<const ErrorDetail*>(failure.detail().get());
  if (failure.ok() || detail == nullptr) return false;
  const auto& context = detail->context();
  return std::any_of(context.begin(), context.end(), [](const auto& pair) {
    return pair.first == kSentKey && pair.second == kPerhapsReceived;
  });
}

arrow::Result<std::shared_ptr<HttpClient>> MakeHttpClient(
    const HttpClientOptions& options, const HttpClientEnvironment& environment) {
  if (options.retry.max_tries < 1 || options.retry.first_delay_ms < 0 ||
      options.retry.max_delay_ms < 0 || options.retry.total_timeout_ms < 1 ||
      options.connect_timeout_ms < 1 || options.max_response_bytes < 0) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "tries and timeouts of HTTP requests must be at least 1, and delays "
                     "and limits at least 0");
  }
  return std::make_shared<RetryingClient>(options, environment);
}

std::string UrlForMessages(std::string_view url) {
  std::string_view shown = url.substr(0, url.find_first_of("?#"));
  const size_t scheme_end = shown.find("://");
  const size_t host_start = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const size_t host_end = std::min(shown.find('/', host_start), shown.size());
  const size_t user_end = shown.substr(0, host_end).rfind('@');
  if (user_end == std::string_view::npos || user_end < host_start) {
    return std::string(shown);
  }
  return fmt::format("{}{}", shown.substr(0, host_start), shown.substr(user_end + 1));
}

std::string PercentEncode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace floe
