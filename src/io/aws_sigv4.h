#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"

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

/// A request as its signature sees it.
struct SigV4Request {
  std::string_view method;
  /// Absolute; the path and the query parameters are already percent-encoded.
  std::string_view url;
  /// Signed all but those that proxies change (user-agent, expect, ...). An
  /// x-amz-content-sha256 among them is taken for the body's hash, so that
  /// "UNSIGNED-PAYLOAD" is possible.
  const std::vector<std::pair<std::string, std::string>>& headers;
  std::string_view body;
};

/// The headers to add to a request so that it is signed at `now_ms` (since the epoch):
/// x-amz-date, x-amz-content-sha256, x-amz-security-token (of session keys) and
/// authorization. Paths are encoded twice for every service but s3, as AWS does.
/// kInvalidArgument for a URL without host, kInvalidConfig for keys that are missing.
arrow::Result<std::vector<std::pair<std::string, std::string>>> SignSigV4(
    const SigV4Request& request, const AwsCredentials& credentials,
    const SigV4Scope& scope, int64_t now_ms);

}  // namespace floe
