#include "io/store_properties.h"

#include <algorithm>

#include "base/error.h"

namespace floe {
namespace {

bool Names(const PropertyKey& known, std::string_view key) {
  if (!known.name.ends_with('*')) return known.name == key;
  return key.starts_with(std::string_view(known.name).substr(0, known.name.size() - 1));
}

std::vector<PropertyKey> S3Properties() {
  return {
      // Amazon S3 and compatibles.
      {"s3.endpoint",
       "URL of a compatible store, e.g. http://127.0.0.1:9000; without a scheme https"},
      {"s3.region", "region of the buckets; auto for Cloudflare R2"},
      {"s3.access-key-id", "key id; without it the environment, profiles and roles"},
      {"s3.secret-access-key", "secret of the key id"},
      {"s3.session-token", "token of temporary keys"},
      {"s3.profile-name", "profile of ~/.aws/credentials and ~/.aws/config"},
      {"s3.role-arn", "role to assume with the credentials found"},
      {"s3.role-session-name", "name of the assumed role's session"},
      {"s3.anonymous", "true: requests are not signed"},
      {"s3.force-virtual-addressing",
       "true: bucket.host instead of host/bucket at a custom endpoint"},
      {"s3.resolve-region", "true: the bucket's region is asked for even if one is set"},
      {"s3.proxy-uri", "URL of an HTTP proxy"},
      {"s3.connect-timeout", "seconds to connect"},
      {"s3.request-timeout", "seconds of one try of a request"},
      {"s3.server-side-encryption", "AES256 or aws:kms, asked for with every write"},
      {"s3.sse-kms-key-id", "key of aws:kms"},
      {"s3.remote-signing-enabled", "true is refused: requests are signed here"},
      {"s3.signer", "not used: requests are signed here"},
      {"s3.signer.*", "not used: requests are signed here"},
      {"s3.retry-strategy-impl", "not used: a class of PyIceberg's"},
      {"client.region", "s3.region, for catalogs of AWS too"},
      {"client.access-key-id", "s3.access-key-id, for catalogs of AWS too"},
      {"client.secret-access-key", "s3.secret-access-key, for catalogs of AWS too"},
      {"client.session-token", "s3.session-token, for catalogs of AWS too"},
      {"client.profile-name", "s3.profile-name, for catalogs of AWS too"},
      {"client.role-arn", "s3.role-arn, for catalogs of AWS too"},
      {"client.role-session-name", "s3.role-session-name, for catalogs of AWS too"},
  };
}

std::vector<PropertyKey> GoogleProperties() {
  return {
      // Google Cloud Storage.
      {"gcs.service.host", "URL of a compatible store, e.g. http://127.0.0.1:4443"},
      {"gcs.oauth2.token",
       "access token; without it Google's application default credentials"},
      {"gcs.oauth2.token-expires-at", "when the token ends, in milliseconds since 1970"},
      {"gcs.project-id", "project that requests are billed to"},
      {"gcs.user-project", "project that pays for buckets with requester pays"},
      {"gcs.anonymous", "true: requests carry no credentials"},
      {"gcs.no-auth", "gcs.anonymous"},
      {"gcs.requester-pays", "true: gcs.project-id pays"},
      {"gcs.default-bucket-location", "not used: Floe makes no buckets"},
      {"gcs.access", "not used: a setting of PyIceberg's"},
      {"gcs.consistency", "not used: a setting of PyIceberg's"},
      {"gcs.cache-timeout", "not used: a setting of PyIceberg's"},
      {"gcs.session-kwargs", "not used: a setting of PyIceberg's"},
      {"gcs.version-aware", "not used: a setting of PyIceberg's"},
  };
}

std::vector<PropertyKey> AzureProperties() {
  return {
      // Azure Blob Storage and ADLS Gen2.
      {"adls.account-name", "storage account, where locations do not name it"},
      {"adls.account-key", "shared key of the account, base64"},
      {"adls.connection-string",
       "the portal's connection string, in place of the others"},
      {"adls.sas-token", "shared access signature"},
      {"adls.sas-token.*", "shared access signature of the account named in the key"},
      {"adls.sas-token-expires-at-ms.*", "when that signature ends"},
      {"adls.token", "bearer token"},
      {"adls.tenant-id", "tenant of adls.client-id"},
      {"adls.client-id", "service principal, or the managed identity to use"},
      {"adls.client-secret", "secret of adls.client-id"},
      {"adls.credential", "not used: a setting of PyIceberg's"},
      {"adls.account-host", "host of the account, in place of the public one"},
      {"adls.anon", "true: requests carry no credentials"},
      {"adls.blob-storage-authority",
       "host[:port] of the service; with a leading dot the account goes before it"},
      {"adls.blob-storage-scheme", "http or https"},
      {"adls.dfs-storage-authority", "not used: requests go to the blob service"},
      {"adls.dfs-storage-scheme", "not used: requests go to the blob service"},
  };
}

std::vector<PropertyKey> FloeProperties() {
  return {
      // Floe's own.
      {"floe.path-prefixes", "from=to;...: what to read in place of moved locations"},
      {"floe.disk-cache.path",
       "folder that keeps remote data files; unset: none is kept"},
      {"floe.disk-cache.max-bytes", "bytes it may hold, default 10737418240"},
      {"floe.ca-file", "PEM file of authorities to trust in place of the system's"},
      {"floe.max-connections", "requests of one store at a time, default 32"},
  };
}

}  // namespace

const std::vector<PropertyKey>& StoreProperties() {
  static const std::vector<PropertyKey> properties = [] {
    std::vector<PropertyKey> all;
    for (const auto& some :
         {S3Properties(), GoogleProperties(), AzureProperties(), FloeProperties()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return properties;
}

arrow::Status CheckPropertyKeys(const std::map<std::string, std::string>& properties,
                                const std::vector<PropertyKey>& known) {
  for (const auto& [key, value] : properties) {
    const bool is_known =
        std::any_of(known.begin(), known.end(),
                    [&key = key](const PropertyKey& entry) { return Names(entry, key); });
    if (is_known) continue;
    std::vector<std::string> names;
    for (const PropertyKey& entry : known) names.push_back(entry.name);
    const std::string nearest = NearestName(key, names);
    return MakeError(ErrorCode::kInvalidConfig,
                     "unknown key '{}' in storage_options{}; docs/object_stores.md lists "
                     "those of stores",
                     key,
                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
  }
  return arrow::Status::OK();
}

}  // namespace floe
