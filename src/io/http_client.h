#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "base/request_counters.h"

namespace floe {

/// Keys that sign a request by AWS Signature Version 4.
struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< Empty: long-lived keys.
};

/// What a request is signed for; see the AWS General Reference, "Signature Version 4".
struct SigV4Scope {
  std::string region;   ///< "us-east-1"
  std::string service;  ///< "glue", "s3", "execute-api"
};

struct HttpRequest {
  static constexpr int64_t kDefaultTimeoutMs = 60'000;

  std::string method = "GET";
  /// Absolute; query parameters are already percent-encoded.
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Set: signed at each try, so that a retry after a minute is not out of date.
  std::optional<AwsCredentials> aws_credentials;
  SigV4Scope sigv4_scope;
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
  /// A PEM file of authorities to trust instead of the system's; empty: the system's.
  std::string ca_file;
  /// false accepts any certificate; for tests of one's own servers only.
  bool verify_tls = true;
  int64_t connect_timeout_ms = 10'000;
  /// An answer larger than this is an error (kResourceExhausted).
  int64_t max_response_bytes = int64_t{1} << 30;
  HttpRetryPolicy retry;
};

/// Sends requests over kept connections. Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  /// The answer, whatever its status, once tries are used up or it is not one to retry
  /// (429, 500, 502, 503, 504; the last four only when idempotent, but 503 always).
  /// Errors are for requests without an answer: kServiceUnavailable (cannot connect or
  /// resolve, TLS failure: the message says which), kDeadlineExceeded,
  /// kCommitStateUnknown never (that is the caller's to conclude: see `WasPerhapsSent`).
  /// No message holds a header, a body, a query string or a password of the URL.
  virtual arrow::Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

/// Whether a failed Send may have reached the server all the same: the connection broke
/// or the time ran out after the request was on its way.
bool WasPerhapsSent(const arrow::Status& failure);

/// A client over libcurl.
arrow::Result<std::shared_ptr<HttpClient>> MakeHttpClient(
    const HttpClientOptions& options);

/// Percent-encodes all but unreserved characters (RFC 3986), as paths' parts and query
/// values need.
std::string PercentEncode(std::string_view text);

}  // namespace floe
