#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "io/http_client.h"

namespace floe {

/// How one try of a request went.
struct HttpTry {
  /// Not OK: no answer came.
  arrow::Status failure;
  HttpResponse response;
  /// Whether the server may have received the request.
  bool is_perhaps_sent = false;
  /// Whether what failed may pass: a lost connection, but not an untrusted certificate.
  bool is_transient = false;
  int64_t read_bytes = 0;
  int64_t written_bytes = 0;
};

/// Sends requests over libcurl, one try each, keeping connections. Thread-safe.
class HttpTransfers {
 public:
  explicit HttpTransfers(HttpClientOptions options);
  ~HttpTransfers();

  /// Sends `request` with `headers` (its own and the signature's). An error is a request
  /// that cannot be sent by anyone: kInvalidArgument.
  arrow::Result<HttpTry> Run(
      const HttpRequest& request,
      const std::vector<std::pair<std::string, std::string>>& headers,
      int64_t timeout_ms);

 private:
  class Handles;

  const HttpClientOptions options_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace floe
