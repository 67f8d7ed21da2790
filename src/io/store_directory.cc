#include "io/store_directory.h"

#include <semaphore>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "io/aws_credentials.h"
#include "io/azure_store.h"
#include "io/gcs_store.h"
#include "io/google_credentials.h"
#include "io/property_reader.h"
#include "io/s3_store.h"

namespace floe {
namespace {

using Kind = ObjectLocation::Kind;
using Properties = std::map<std::string, std::string>;

constexpr int64_t kDefaultConnections = 32;
constexpr int64_t kConnectionsMax = 1024;
constexpr int64_t kDefaultConnectMs = 10'000;

/// Holds requests back while as many as allowed are under way.
class LimitedHttpClient final : public HttpClient {
 public:
  LimitedHttpClient(std::shared_ptr<HttpClient> base, int64_t requests_max)
      : base_(std::move(base)), free_(requests_max) {}

  arrow::Result<HttpResponse> Send(const HttpRequest& request) override {
    free_.acquire();
    auto response = base_->Send(request);
    free_.release();
    return response;
  }

 private:
  const std::shared_ptr<HttpClient> base_;
  std::counting_semaphore<kConnectionsMax> free_;
};

arrow::Result<std::shared_ptr<HttpClient>> MakeStoreClient(const Properties& properties,
                                                           Kind kind) {
  const PropertyReader reader(properties);
  HttpClientOptions options;
  options.ca_file = reader.Text("floe.ca-file").value_or("");
  if (kind == Kind::kS3) {
    if (options.ca_file.empty()) options.ca_file = GetEnv("AWS_CA_BUNDLE").value_or("");
    options.proxy_url = reader.Text("s3.proxy-uri").value_or("");
    ARROW_ASSIGN_OR_RAISE(
        options.connect_timeout_ms,
        reader.SecondsAsMillis("s3.connect-timeout", kDefaultConnectMs));
  }
  ARROW_ASSIGN_OR_RAISE(
      const int64_t requests_max,
      reader.Integer("floe.max-connections", kDefaultConnections, 1, kConnectionsMax));
  ARROW_ASSIGN_OR_RAISE(auto client, MakeHttpClient(options));
  return std::make_shared<LimitedHttpClient>(std::move(client), requests_max);
}

/// As StoreDirectory::Address.
arrow::Result<std::string> ReadAddress(const Properties& properties,
                                       const ObjectLocation& location) {
  switch (location.kind) {
    case Kind::kS3: {
      ARROW_ASSIGN_OR_RAISE(S3Settings settings, ReadS3Settings(properties));
      return std::move(settings.endpoint);
    }
    case Kind::kGcs: {
      ARROW_ASSIGN_OR_RAISE(GcsSettings settings, ReadGcsSettings(properties));
      if (settings.endpoint == GcsSettings().endpoint) return "";
      return std::move(settings.endpoint);
    }
    case Kind::kAzure: {
      ARROW_ASSIGN_OR_RAISE(AzureAccount account,
                            FindAzureAccount(properties, location.host));
      return std::move(account.url);
    }
  }
  return MakeError(ErrorCode::kInternal, "unknown kind of store");
}

}  // namespace

/// All that was made of one generation of properties.
struct StoreDirectory::Made {
  explicit Made(std::shared_ptr<const CurrentProperties::Generation> from)
      : generation(std::move(from)) {}

  arrow::Result<std::shared_ptr<ObjectStore>> Make(const ObjectLocation& location) {
    std::shared_ptr<HttpClient>& http = clients[location.kind];
    if (http == nullptr) {
      ARROW_ASSIGN_OR_RAISE(http, MakeStoreClient(properties(), location.kind));
    }
    switch (location.kind) {
      case Kind::kS3:
        return MakeS3(location, http);
      case Kind::kGcs:
        return MakeGcs(location, http);
      case Kind::kAzure:
        return MakeAzure(location, http);
    }
    return MakeError(ErrorCode::kInternal, "unknown kind of store");
  }

  arrow::Result<std::shared_ptr<ObjectStore>> MakeS3(const ObjectLocation& location,
                                                     std::shared_ptr<HttpClient> http) {
    ARROW_ASSIGN_OR_RAISE(S3Settings settings, ReadS3Settings(properties()));
    if (aws == nullptr) {
      ARROW_ASSIGN_OR_RAISE(aws, MakeAwsCredentialsProvider(properties()));
    }
    settings.scheme = location.scheme;
    settings.bucket = location.bucket;
    settings.credentials = aws;
    settings.http = std::move(http);
    return MakeS3Store(std::move(settings));
  }

  arrow::Result<std::shared_ptr<ObjectStore>> MakeGcs(const ObjectLocation& location,
                                                      std::shared_ptr<HttpClient> http) {
    ARROW_ASSIGN_OR_RAISE(GcsSettings settings, ReadGcsSettings(properties()));
    if (google == nullptr) {
      ARROW_ASSIGN_OR_RAISE(google, MakeGoogleToken(properties(), settings.endpoint));
    }
    settings.scheme = location.scheme;
    settings.bucket = location.bucket;
    settings.token = google;
    settings.http = std::move(http);
    return MakeGcsStore(std::move(settings));
  }

  arrow::Result<std::shared_ptr<ObjectStore>> MakeAzure(
      const ObjectLocation& location, std::shared_ptr<HttpClient> http) {
    ARROW_ASSIGN_OR_RAISE(const AzureAccount account,
                          FindAzureAccount(properties(), location.host));
    auto& credentials = azure[account.url];
    if (credentials == nullptr) {
      ARROW_ASSIGN_OR_RAISE(credentials, MakeAzureCredentials(properties(), account));
    }
    AzureSettings settings;
    settings.location_prefix = location.Root();
    settings.container = location.bucket;
    settings.account_url = account.url;
    settings.credentials = credentials;
    settings.http = std::move(http);
    return MakeAzureStore(std::move(settings));
  }

  const Properties& properties() const { return generation->properties; }

  const std::shared_ptr<const CurrentProperties::Generation> generation;
  std::map<Kind, std::shared_ptr<HttpClient>> clients;
  std::shared_ptr<AwsCredentialsProvider> aws;
  std::shared_ptr<BearerToken> google;
  std::map<std::string, std::shared_ptr<const AzureCredentials>> azure;
  std::map<std::string, std::shared_ptr<ObjectStore>> stores;
};

StoreDirectory::StoreDirectory(std::shared_ptr<CurrentProperties> properties)
    : properties_(std::move(properties)) {}

StoreDirectory::~StoreDirectory() = default;

arrow::Result<std::shared_ptr<ObjectStore>> StoreDirectory::Find(
    const ObjectLocation& location) {
  ARROW_ASSIGN_OR_RAISE(auto generation, properties_->Get());
  std::lock_guard<std::mutex> lock(mutex_);
  if (made_ == nullptr || generation->number > generation_) {
    generation_ = generation->number;
    made_ = std::make_unique<Made>(std::move(generation));
  }
  std::shared_ptr<ObjectStore>& store = made_->stores[location.Root()];
  if (store == nullptr) {
    ARROW_ASSIGN_OR_RAISE(store, made_->Make(location));
  }
  return store;
}

std::string StoreDirectory::Address(const ObjectLocation& location) {
  const std::string root = location.Root();
  std::lock_guard<std::mutex> lock(mutex_);
  const auto known = addresses_.find(root);
  if (known != addresses_.end()) return known->second;
  auto address = ReadAddress(properties_->Latest()->properties, location);
  return addresses_[root] = address.ok() ? *address : address.status().ToString();
}

}  // namespace floe
