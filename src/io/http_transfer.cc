#include "io/http_transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "base/check.h"
#include "base/env.h"
#include "base/error.h"

namespace floe {
namespace {

constexpr size_t kIdleHandlesMax = 32;
constexpr size_t kResponseHeaderBytesMax = size_t{256} << 10;
constexpr int64_t kReserveBytesMax = int64_t{16} << 20;

using Headers = std::vector<std::pair<std::string, std::string>>;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

// What curl hands over while it receives.
struct Receiver {
  HttpResponse* response = nullptr;
  int64_t max_bytes = 0;
  size_t header_bytes = 0;
  bool is_too_large = false;
  std::array<char, CURL_ERROR_SIZE> error{};

  static size_t OnBody(char* bytes, size_t size, size_t count, void* self) {
    auto* receiver = static_cast<Receiver*>(self);
    std::string& body = receiver->response->body;
    if (size * count > static_cast<size_t>(receiver->max_bytes) - body.size()) {
      receiver->is_too_large = true;
      return 0;
    }
    body.append(bytes, size * count);
    return size * count;
  }

  static size_t OnHeader(char* bytes, size_t size, size_t count, void* self) {
    auto* receiver = static_cast<Receiver*>(self);
    return receiver->TakeHeader({bytes, size * count}) ? size * count : 0;
  }

  bool TakeHeader(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kResponseHeaderBytesMax) {
      is_too_large = true;
      return false;
    }
    if (line.starts_with("HTTP/")) {  // Of a "100 Continue" or of a proxy before.
      response->headers.clear();
      return true;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name(line.substr(0, colon));
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
      value.remove_prefix(1);
    }
    while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') {
      value.remove_suffix(1);
    }
    if (name == "content-length") Reserve(value);
    response->headers.emplace_back(std::move(name), value);
    return true;
  }

  // A header may claim anything, so no more is reserved for it than costs little.
  void Reserve(std::string_view length) {
    int64_t bytes = 0;
    for (char c : length) {
      if (c < '0' || c > '9' || bytes > kReserveBytesMax) break;
      bytes = bytes * 10 + (c - '0');
    }
    response->body.reserve(std::min({bytes, kReserveBytesMax, max_bytes}));
  }
};

arrow::Result<List> HeaderList(const Headers& headers) {
  List list;
  const auto append = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    FLOE_CHECK(longer != nullptr);
    (void)list.release();
    list.reset(longer);
  };
  bool has_content_type = false;
  for (const auto& [name, value] : headers) {
    if (name.empty() || HasControlCharacter(name) || HasControlCharacter(value) ||
        name.find_first_of(" :;") != std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the HTTP header '{}' has a character that cannot be sent in its "
                       "name or value; remove line breaks and control characters",
                       HasControlCharacter(name) ? "?" : name);
    }
    // curl takes "name:" for "leave it out" and "name;" for an empty one.
    append(value.empty() ? name + ";" : name + ": " + value);
    has_content_type |= curl_strequal(name.c_str(), "content-type") != 0;
  }
  if (!has_content_type) append("Content-Type:");
  append("Expect:");
  return list;
}

enum class FailureKind { kNotSent, kNotTrusted, kPerhapsSent };

FailureKind KindOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      return FailureKind::kNotSent;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return FailureKind::kNotTrusted;
    default:
      return FailureKind::kPerhapsSent;
  }
}

std::string_view RemedyOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "check the host name in the configured address";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "check the proxy that https_proxy or http_proxy names";
    case CURLE_COULDNT_CONNECT:
      return "check the configured address, and that the server runs and can be reached";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "name the authority that signed the server's certificate in a PEM file "
             "(SSL_CERT_FILE, or the setting for a CA bundle)";
    case CURLE_SSL_CONNECT_ERROR:
      return "check that the server speaks TLS at this port (https:// or http://)";
    case CURLE_SSL_CERTPROBLEM:
      return "check the files of the client's certificate and key";
    default:
      return "try again later, or look into the server's log";
  }
}

}  // namespace

// Handles that are idle, each with the connections it keeps. The last one used is taken
// first, since its connections are the likeliest to live.
class HttpTransfers::Handles {
 public:
  Handle Take() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    Handle handle(curl_easy_init());
    FLOE_CHECK(handle != nullptr);
    return handle;
  }

  void GiveBack(Handle handle) {
    curl_easy_reset(handle.get());  // Options alone: connections stay.
    std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

namespace {

void SetOptions(CURL* curl, const HttpClientOptions& options) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (!options.proxy_url.empty()) {
    curl_easy_setopt(curl, CURLOPT_PROXY, options.proxy_url.c_str());
  }
  if (!options.client_certificate_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, options.client_certificate_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY,
                     options.client_key_file.empty()
                         ? options.client_certificate_file.c_str()
                         : options.client_key_file.c_str());
  }
}

void SetRequest(CURL* curl, const HttpRequest& request, curl_slist* headers,
                int64_t timeout_ms) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  if (request.accepts_compressed) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
  // curl sends a request again by itself when a kept connection turns out closed, and
  // cannot know whether the server acted on it first.
  if (!request.is_idempotent) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

arrow::Status FailureOf(const HttpRequest& request, CURLcode code,
                        const Receiver& receiver, const HttpClientOptions& options,
                        int64_t timeout_ms, bool is_connected) {
  const std::string what =
      fmt::format("{} {}", request.method, UrlForMessages(request.url));
  if (receiver.is_too_large) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "{}: the answer is larger than the limit of {} bytes; ask for less, "
                     "or raise the limit",
                     what, options.max_response_bytes);
  }
  if (code == CURLE_OPERATION_TIMEDOUT && !is_connected) {
    return MakeError(ErrorCode::kServiceUnavailable, "{}: no connection within {} ms; {}",
                     what, std::min(timeout_ms, options.connect_timeout_ms),
                     RemedyOf(CURLE_COULDNT_CONNECT));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return MakeError(
        ErrorCode::kDeadlineExceeded,
        "{}: no full answer within {} ms; raise the timeout, or look whether "
        "the server is overloaded",
        what, timeout_ms);
  }
  // curl's own text says more about addresses and certificates; it quotes no header.
  const bool is_connecting = KindOf(code) != FailureKind::kPerhapsSent;
  const std::string_view detail = is_connecting && receiver.error[0] != '\0'
                                      ? receiver.error.data()
                                      : curl_easy_strerror(code);
  return MakeError(ErrorCode::kServiceUnavailable, "{}: {}; {}", what, detail,
                   RemedyOf(code));
}

}  // namespace

HttpTransfers::HttpTransfers(HttpClientOptions options)
    : options_([&options] {
        if (options.ca_file.empty()) {
          options.ca_file = GetEnv("SSL_CERT_FILE").value_or("");
        }
        return std::move(options);
      }()),
      handles_(std::make_unique<Handles>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

HttpTransfers::~HttpTransfers() = default;

arrow::Result<HttpTry> HttpTransfers::Run(const HttpRequest& request,
                                          const Headers& headers, int64_t timeout_ms) {
  if (HasControlCharacter(request.url) || request.url.find(' ') != std::string::npos ||
      !(request.url.starts_with("http://") || request.url.starts_with("https://"))) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is no URL that can be asked; write it as http:// or https:// "
                     "with special characters percent-encoded",
                     UrlForMessages(request.url));
  }
  ARROW_ASSIGN_OR_RAISE(const List list, HeaderList(headers));
  Handle handle = handles_->Take();
  CURL* curl = handle.get();
  HttpTry result;
  Receiver receiver;
  receiver.response = &result.response;
  receiver.max_bytes = options_.max_response_bytes;
  SetOptions(curl, options_);
  SetRequest(curl, request, list.get(), timeout_ms);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Receiver::OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Receiver::OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, receiver.error.data());
  const CURLcode code = curl_easy_perform(curl);
  long status = 0, sent_bytes = 0, received_header_bytes = 0;
  curl_off_t body_bytes = 0, sent_body_bytes = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
  curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &received_header_bytes);
  curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &body_bytes);
  curl_easy_getinfo(curl, CURLINFO_SIZE_UPLOAD_T, &sent_body_bytes);
  result.response.status = static_cast<int>(status);
  result.read_bytes = body_bytes;
  result.written_bytes = sent_body_bytes;
  // A handle whose transfer failed has closed its connection and can be used again.
  if (code != CURLE_OK) {
    const bool is_connected = sent_bytes > 0 || status != 0;
    result.failure =
        FailureOf(request, code, receiver, options_, timeout_ms, is_connected);
    result.is_perhaps_sent = KindOf(code) == FailureKind::kPerhapsSent && is_connected;
    result.is_transient =
        !receiver.is_too_large && KindOf(code) != FailureKind::kNotTrusted;
  }
  handles_->GiveBack(std::move(handle));
  return result;
}

}  // namespace floe
