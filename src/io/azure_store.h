#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "base/random.h"
#include "io/azure_credentials.h"
#include "io/http_client.h"
#include "io/object_store.h"

namespace floe {

/// One container of Azure Blob Storage, ADLS Gen2 accounts too: both kinds of account are
/// served by the blob service.
struct AzureSettings {
  /// What stands before the key in its locations: "abfss://c@account.host/".
  std::string location_prefix;
  std::string container;
  /// "https://account.blob.core.windows.net", or with the account in the path as
  /// emulators have it; no slash at the end.
  std::string account_url;
  std::shared_ptr<const AzureCredentials> credentials;
  std::shared_ptr<HttpClient> http;
  const Clock* clock = &Clock::System();
  Random* random = &Random::System();
};

/// A create is conditional (If-None-Match: *) for whole objects and uploads alike.
std::shared_ptr<ObjectStore> MakeAzureStore(AzureSettings settings);

}  // namespace floe
