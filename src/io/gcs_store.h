#pragma once

#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "base/random.h"
#include "io/bearer_token.h"
#include "io/http_client.h"
#include "io/object_store.h"

namespace floe {

/// One bucket of Google Cloud Storage, by its JSON interface.
struct GcsSettings {
  std::string scheme = "gs";  ///< As its locations are written: gs or gcs.
  std::string bucket;
  std::string endpoint = "https://storage.googleapis.com";
  std::string user_project;  ///< Who pays, where the bucket's owner does not; or "".
  std::shared_ptr<BearerToken> token;
  std::shared_ptr<HttpClient> http;
  Random* random = &Random::System();
};

/// Reads the "gcs." properties and Google's environment (STORAGE_EMULATOR_HOST too).
arrow::Result<GcsSettings> ReadGcsSettings(
    const std::map<std::string, std::string>& properties);

/// A create is conditional (generation 0) for whole objects and uploads alike.
std::shared_ptr<ObjectStore> MakeGcsStore(GcsSettings settings);

}  // namespace floe
