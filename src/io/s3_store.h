#pragma once

#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "base/random.h"
#include "io/aws_credentials.h"
#include "io/http_client.h"
#include "io/object_store.h"

namespace floe {

/// One bucket of Amazon S3 or a compatible store.
struct S3Settings {
  std::string scheme = "s3";  ///< As its locations are written: s3, s3a or s3n.
  std::string bucket;
  /// "https://host[:port]" of a compatible store; empty: Amazon's own for the region.
  std::string endpoint;
  /// Empty: us-east-1, and what the bucket's answer says it is.
  std::string region;
  /// bucket.host in place of host/bucket; always so at Amazon, but for names with dots.
  bool uses_virtual_addressing = false;
  std::string encryption;         ///< x-amz-server-side-encryption, or "".
  std::string encryption_key_id;  ///< Of aws:kms.
  int64_t request_timeout_ms = HttpRequest::kDefaultTimeoutMs;
  std::shared_ptr<AwsCredentialsProvider> credentials;
  std::shared_ptr<HttpClient> http;
  Random* random = &Random::System();
};

/// Reads the "s3." and "client." properties and AWS's environment. kInvalidConfig names
/// a key with a bad value; kNotSupported remote signing.
arrow::Result<S3Settings> ReadS3Settings(
    const std::map<std::string, std::string>& properties);

/// A create is conditional (If-None-Match: *) for whole objects and uploads alike. A
/// store that ignores the condition, as some compatibles do for uploads in parts,
/// replaces.
std::shared_ptr<ObjectStore> MakeS3Store(S3Settings settings);

}  // namespace floe
