#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "base/clock.h"
#include "io/http_client.h"

namespace floe {

/// Where requests to AWS get their signature's keys from. Thread-safe.
class AwsCredentialsProvider {
 public:
  virtual ~AwsCredentialsProvider() = default;

  /// Keys that are good for a while; nullopt: requests are not signed. Temporary keys are
  /// renewed before they expire.
  virtual arrow::Result<std::optional<AwsCredentials>> Get() = 0;

  /// For messages: "the keys of s3.access-key-id", "profile 'x' of ~/.aws/credentials".
  virtual std::string origin() const = 0;
};

struct AwsSettings {
  /// The prefix looked at before "client.": "s3.", "glue.".
  std::string prefix = "s3.";
  const Clock* clock = &Clock::System();
  /// For the token services and the machine's metadata; null: made when needed.
  std::shared_ptr<HttpClient> http;
};

/// The credentials that `properties` name or, where they name none, those that AWS's own
/// tools would find: AWS_ACCESS_KEY_ID, a web identity (AWS_WEB_IDENTITY_TOKEN_FILE), the
/// profile (AWS_PROFILE) of ~/.aws/credentials and ~/.aws/config with its keys, source
/// profile and role, a container's role, the instance's role; with role-arn that role,
/// taken with them. Makes no request before Get. kInvalidConfig: half a pair of keys, a
/// profile that is not there or needs what Floe has not (sso, credential_process), a
/// container's URL that would show its token to a network.
arrow::Result<std::shared_ptr<AwsCredentialsProvider>> MakeAwsCredentialsProvider(
    const std::map<std::string, std::string>& properties,
    const AwsSettings& settings = {});

/// The region of `properties`, of AWS_REGION or AWS_DEFAULT_REGION, or of the profile;
/// "" where none says.
arrow::Result<std::string> AwsRegion(const std::map<std::string, std::string>& properties,
                                     const std::string& prefix = "s3.");

}  // namespace floe
