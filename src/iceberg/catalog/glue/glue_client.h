#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "arrow/result.h"
#include "base/random.h"
#include "io/aws_credentials.h"
#include "io/http_client.h"

namespace floe::iceberg::glue {

struct GlueClientOptions {
  /// "https://glue.us-east-1.amazonaws.com", or a service that speaks the same.
  std::string endpoint;
  std::string region;
  /// The account whose catalog is used; empty: the caller's own.
  std::string catalog_id;
  /// Tries of a request that is throttled, the first included.
  int max_tries = 10;
  /// The waits between them grow from the one to the other, at random.
  int64_t first_wait_ms = 100;
  int64_t max_wait_ms = 20'000;
  int64_t call_timeout_ms = 60'000;
  /// Waits; for tests to replace.
  std::function<void(int64_t wait_ms)> sleep;
};

/// The calls of AWS Glue, signed. Thread-safe.
///
/// Errors name the endpoint, the call and what it said: kNoSuchTable for an entity that
/// is not found (the caller knows of what kind), kAlreadyExists, kCommitConflict for a
/// concurrent modification, kNotAuthorized, kInvalidArgument, kThrottled once tries are
/// used up, kResourceExhausted for a quota, kServiceUnavailable and kDeadlineExceeded; of
/// calls that change something, kCommitStateUnknown when the answer was lost.
class GlueClient {
 public:
  GlueClient(GlueClientOptions options, std::shared_ptr<HttpClient> http,
             std::shared_ptr<AwsCredentialsProvider> credentials, Random& random);

  enum class Effect {
    kReads,
    kChanges,            ///< A second arrival would do harm, or be refused.
    kChangesRepeatably,  ///< A second arrival is refused by its version.
  };

  /// Calls `action` ("GetTable") with `request` and the catalog's id.
  arrow::Result<nlohmann::json> Call(const std::string& action, nlohmann::json request,
                                     Effect effect);

  const std::string& endpoint() const { return options_.endpoint; }

 private:
  arrow::Result<HttpResponse> Send(const std::string& action, const std::string& body,
                                   Effect effect);
  void Wait(int attempt);

  const GlueClientOptions options_;
  const std::shared_ptr<HttpClient> http_;
  const std::shared_ptr<AwsCredentialsProvider> credentials_;
  Random& random_;
};

}  // namespace floe::iceberg::glue
