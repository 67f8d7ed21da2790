#include "io/store_error.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace floe {
namespace {

template <size_t N>
bool IsOneOf(std::string_view code, const std::array<std::string_view, N>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// The words of S3 and its compatibles, of Google (XML and JSON) and of Azure.
constexpr std::array<std::string_view, 3> kMissingBucket = {
    "NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"};
constexpr std::array<std::string_view, 3> kClockSkew = {
    "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"};
constexpr std::array<std::string_view, 4> kExpired = {
    "ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException",
    "AuthenticationTokenExpired"};
constexpr std::array<std::string_view, 9> kNotAuthorized = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidSecurity",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "NoAuthenticationInformation"};
constexpr std::array<std::string_view, 6> kThrottled = {
    "SlowDown",   "ServerBusy",          "TooManyRequests",
    "Throttling", "ThrottlingException", "RequestLimitExceeded"};

std::string Word(std::string_view code, int status) {
  return code.empty() ? fmt::format("HTTP status {}", status)
                      : fmt::format("{}, HTTP status {}", code, status);
}

}  // namespace

arrow::Status StoreError(const StoreRequest& request, const HttpResponse& response,
                         std::string_view code) {
  const int status = response.status;
  const std::string word = Word(code, status);
  const auto failed = [&](ErrorCode error, std::string_view why) {
    return MakeError(error, "cannot {} '{}': {} ({})", request.action, request.location,
                     why, word);
  };
  if (IsOneOf(code, kMissingBucket)) {
    return failed(ErrorCode::kInvalidConfig,
                  fmt::format("{} does not exist at {}; check its name and the endpoint "
                              "and region",
                              request.bucket, request.endpoint));
  }
  if (IsOneOf(code, kClockSkew)) {
    return failed(
        ErrorCode::kNotAuthorized,
        "this machine's clock differs from the store's by too much; set it, e.g. "
        "with NTP");
  }
  if (IsOneOf(code, kExpired)) {
    return failed(ErrorCode::kNotAuthorized,
                  fmt::format("the credentials have expired ({}); renew them",
                              request.credentials));
  }
  if (status == 401 || status == 403 || IsOneOf(code, kNotAuthorized)) {
    return failed(
        ErrorCode::kNotAuthorized,
        fmt::format(
            "{} refused the credentials used: {}; check them and what they may do "
            "with {}",
            request.endpoint, request.credentials, request.bucket));
  }
  if (status == 404) {
    return MakeError(ErrorCode::kNoSuchFile, "'{}' does not exist", request.location);
  }
  if (status == 412) {
    return MakeError(ErrorCode::kAlreadyExists, "'{}' exists already", request.location);
  }
  if (status == 429 || IsOneOf(code, kThrottled)) {
    return failed(ErrorCode::kThrottled,
                  fmt::format("{} asks to slow down; use fewer readers at a time or try "
                              "again later",
                              request.endpoint));
  }
  if (status >= 500) {
    return failed(
        ErrorCode::kServiceUnavailable,
        fmt::format("{} failed again and again; try again later", request.endpoint));
  }
  return failed(ErrorCode::kIo, fmt::format("{} refused the request", request.endpoint));
}

arrow::Status WithStoreContext(const StoreRequest& request,
                               const arrow::Status& failure) {
  return WithContext(failure, request.action, request.location);
}

std::string EncodeKey(std::string_view key) {
  std::string encoded;
  while (true) {
    const size_t slash = std::min(key.find('/'), key.size());
    encoded += PercentEncode(key.substr(0, slash));
    if (slash == key.size()) return encoded;
    encoded += '/';
    key.remove_prefix(slash + 1);
  }
}

int64_t ObjectSizeOfRange(const HttpResponse& response) {
  const std::string* header = response.FindHeader("content-range");
  if (header == nullptr) return -1;
  const size_t slash = header->rfind('/');
  if (slash == std::string::npos) return -1;
  int64_t size = -1;
  const char* end = header->data() + header->size();
  const auto [stop, error] = std::from_chars(header->data() + slash + 1, end, size);
  return error == std::errc() && stop == end && size >= 0 ? size : -1;
}

std::string RangeHeader(int64_t begin, int64_t length) {
  return fmt::format("bytes={}-{}", begin, begin + length - 1);
}

std::string HostOfUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  return std::string(url.substr(url.find('@') + 1));
}

}  // namespace floe
