#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/request_counters.h"
#include "io/aws_sigv4.h"

namespace floe {

struct HttpRequest {
  static constexpr int64_t kDefaultTimeoutMs = 60'000;

  std::string method = "GET";
  /// Absolute (http or https); query parameters are already percent-encoded.
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  /// Set: signed at each try, so that a retry after a minute is not out of date.
  std::optional<AwsCredentials> aws_credentials = {};
  SigV4Scope sigv4_scope = {};
  /// Asks for a compressed answer and unpacks it. Not for objects of a store, whose
  /// Content-Encoding is a part of what was stored.
  bool accepts_compressed = false;
  /// Of one try, connecting included.
  int64_t timeout_ms = kDefaultTimeoutMs;
  /// Whether a second arrival does no harm. Of requests that may not be repeated only
  /// those are tried again that cannot have been acted on: refused connections, 429, 503.
  bool is_idempotent = true;
  /// What its tries are counted as.
  RequestKind kind = RequestKind::kCatalog;
};

struct HttpResponse {
  int status = 0;
  /// Names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// An earlier try may have reached the server too, so that this answer may be to a
  /// repetition (a delete that finds nothing any more).
  bool is_perhaps_repeated = false;

  /// The first header of this (lower-case) name; nullptr when absent.
  const std::string* FindHeader(std::string_view name) const;
};

/// How often and how patiently a request is tried again: exponential with full jitter,
/// never sooner than a Retry-After header says.
struct HttpRetryPolicy {
  int max_tries = 5;
  int64_t first_delay_ms = 100;
  int64_t max_delay_ms = 10'000;
  /// Of all tries and waits together; no try starts after it.
  int64_t total_timeout_ms = 120'000;
};

struct HttpClientOptions {
  /// A PEM file of authorities to trust instead of the system's; empty: that of the
  /// environment variable SSL_CERT_FILE, or the system's.
  std::string ca_file;
  /// PEM files with which the client shows who it is (mutual TLS); empty: it does not.
  std::string client_certificate_file;
  std::string client_key_file;
  /// false accepts any certificate; for tests of one's own servers only.
  bool verify_tls = true;
  int64_t connect_timeout_ms = 10'000;
  /// An answer larger than this is an error (kResourceExhausted).
  int64_t max_response_bytes = int64_t{1} << 30;
  HttpRetryPolicy retry;
  std::string user_agent = "floe";
  /// Empty: those of the environment (https_proxy, no_proxy, ...).
  std::string proxy_url;
};

/// What a client takes from its surroundings; tests replace the parts.
struct HttpClientEnvironment {
  const Clock* clock = &Clock::System();
  Random* random = &Random::System();
  /// Waits between tries; empty: the thread sleeps.
  std::function<void(int64_t wait_ms)> wait;
};

/// Sends requests over kept connections. Redirects are answers like others: credentials
/// are for the server they were meant for. Proxies are those of the environment
/// (https_proxy, no_proxy, ...). Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  /// The answer, whatever its status, once tries are used up or it is not one to retry
  /// (429 and 503 always are; 500, 502 and 504 only when the request is idempotent).
  /// Errors are for requests without an answer: kServiceUnavailable (cannot connect or
  /// resolve, TLS failure, connection lost: the message says which), kDeadlineExceeded,
  /// kResourceExhausted (the answer is too large), kInvalidArgument (a URL or header that
  /// cannot be sent); kCommitStateUnknown never, that is the caller's to conclude: see
  /// `WasPerhapsSent`. No message holds a header, a body, a query string or a user name
  /// or password of the URL.
  virtual arrow::Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

/// Whether a failed Send may have reached the server all the same: the connection broke
/// or the time ran out after the request was on its way.
bool WasPerhapsSent(const arrow::Status& failure);

/// A client over libcurl.
arrow::Result<std::shared_ptr<HttpClient>> MakeHttpClient(
    const HttpClientOptions& options, const HttpClientEnvironment& environment = {});

/// "https://host:port/path" of a URL: what a message may show. No user, password, query
/// or fragment.
std::string UrlForMessages(std::string_view url);

/// Percent-encodes all but unreserved characters (RFC 3986), as paths' parts and query
/// values need.
std::string PercentEncode(std::string_view text);

}  // namespace floe
