#include "io/aws_sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "base/error.h"
#include "base/hex.h"
#include "io/http_client.h"

namespace floe {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";
// What is on the way between here and the server may change these.
constexpr std::array<std::string_view, 5> kUnsignedHeaders = {
    "authorization", "connection", "expect", "user-agent", "x-amzn-trace-id"};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string Sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(),
       &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

struct UrlParts {
  std::string_view host;  ///< With the port unless it is the scheme's own.
  std::string_view path;
  std::string_view query;
};

arrow::Result<UrlParts> SplitUrl(std::string_view url) {
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "cannot sign a request whose URL is not absolute; write the URL "
                     "with its scheme and host");
  }
  const std::string_view scheme = url.substr(0, scheme_end);
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  UrlParts parts;
  parts.host = rest.substr(0, authority_end);
  parts.host = parts.host.substr(parts.host.find('@') + 1);  // npos + 1 is 0.
  const std::string_view own_port = scheme == "https" ? ":443" : ":80";
  if (parts.host.ends_with(own_port)) parts.host.remove_suffix(own_port.size());
  if (parts.host.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "cannot sign a request whose URL names no host");
  }
  rest.remove_prefix(authority_end);
  const size_t query_start = std::min(rest.find('?'), rest.size());
  parts.path = rest.substr(0, query_start);
  if (query_start < rest.size()) parts.query = rest.substr(query_start + 1);
  return parts;
}

// "/a//./b/../c/" is "/a/c/": what AWS signs for all services but s3.
std::string WithoutDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!part.empty() && part != ".") {
      kept.push_back(part);
    }
    start = end + 1;
  }
  std::string normal;
  for (std::string_view part : kept) {
    normal += '/';
    normal += part;
  }
  if (normal.empty() || path.ends_with('/')) normal += '/';
  return normal;
}

std::string CanonicalPath(std::string_view path, std::string_view service) {
  if (service == "s3") return path.empty() ? "/" : std::string(path);
  std::string encoded;
  for (char c : WithoutDotSegments(path)) {
    encoded += c == '/' ? "/" : PercentEncode({&c, 1});
  }
  return encoded;
}

std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (size_t start = 0; start < query.size();) {
    const size_t end = std::min(query.find('&', start), query.size());
    const std::string_view parameter = query.substr(start, end - start);
    const size_t equals = std::min(parameter.find('='), parameter.size());
    if (!parameter.empty()) {
      parameters.emplace_back(
          parameter.substr(0, equals),
          equals < parameter.size() ? parameter.substr(equals + 1) : "");
    }
    start = end + 1;
  }
  std::sort(parameters.begin(), parameters.end());
  std::string canonical;
  for (const auto& [name, value] : parameters) {
    if (!canonical.empty()) canonical += '&';
    canonical += name;
    canonical += '=';
    canonical += value;
  }
  return canonical;
}

// Runs of white space are one space, and none is at the ends.
std::string Collapsed(std::string_view value) {
  std::string collapsed;
  for (char c : value) {
    if (c != ' ' && c != '\t') {
      collapsed += c;
    } else if (!collapsed.empty() && collapsed.back() != ' ') {
      collapsed += ' ';
    }
  }
  if (collapsed.ends_with(' ')) collapsed.pop_back();
  return collapsed;
}

struct SignedHeaders {
  std::string names;  ///< "host;x-amz-date"
  std::string lines;  ///< "host:h\nx-amz-date:d\n"
};

SignedHeaders CanonicalHeaders(std::string_view host, const Headers& given,
                               const Headers& added) {
  std::map<std::string, std::string> values;
  for (const Headers* headers : {&given, &added}) {
    for (const auto& [name, value] : *headers) {
      const std::string lower = Lower(name);
      if (std::find(kUnsignedHeaders.begin(), kUnsignedHeaders.end(), lower) !=
          kUnsignedHeaders.end()) {
        continue;
      }
      std::string& all = values[lower];
      if (!all.empty()) all += ',';
      all += Collapsed(value);
    }
  }
  values.try_emplace("host", host);
  SignedHeaders canonical;
  for (const auto& [name, value] : values) {
    if (!canonical.names.empty()) canonical.names += ';';
    canonical.names += name;
    canonical.lines += fmt::format("{}:{}\n", name, value);
  }
  return canonical;
}

// "20240131T235959Z"
std::string IsoBasic(int64_t now_ms) {
  const std::time_t seconds = now_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

const std::string* FindHeader(const Headers& headers, std::string_view lower_name) {
  for (const auto& [name, value] : headers) {
    if (Lower(name) == lower_name) return &value;
  }
  return nullptr;
}

}  // namespace

arrow::Result<Headers> SignSigV4(const SigV4Request& request,
                                 const AwsCredentials& credentials,
                                 const SigV4Scope& scope, int64_t now_ms) {
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "cannot sign a request to AWS without an access key id and a "
                     "secret access key; set both");
  }
  if (scope.region.empty() || scope.service.empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "cannot sign a request to AWS without region and service; set the "
                     "region");
  }
  ARROW_ASSIGN_OR_RAISE(const UrlParts url, SplitUrl(request.url));
  const std::string time = IsoBasic(now_ms);
  const std::string date = time.substr(0, 8);
  Headers added = {{"x-amz-date", time}};
  std::string body_hash;
  if (const std::string* given = FindHeader(request.headers, "x-amz-content-sha256")) {
    body_hash = *given;
  } else {
    body_hash = HexEncode(Sha256(request.body));
    added.emplace_back("x-amz-content-sha256", body_hash);
  }
  if (!credentials.session_token.empty()) {
    added.emplace_back("x-amz-security-token", credentials.session_token);
  }
  const SignedHeaders headers = CanonicalHeaders(url.host, request.headers, added);
  const std::string canonical = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}", request.method, CanonicalPath(url.path, scope.service),
      CanonicalQuery(url.query), headers.lines, headers.names, body_hash);
  const std::string credential_scope =
      fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time,
                                          credential_scope, HexEncode(Sha256(canonical)));
  std::string key = HmacSha256("AWS4" + credentials.secret_access_key, date);
  for (std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = HmacSha256(key, part);
  }
  added.emplace_back("authorization",
                     fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                 kAlgorithm, credentials.access_key_id, credential_scope,
                                 headers.names, HexEncode(HmacSha256(key, to_sign))));
  return added;
}

}  // namespace floe
