#pragma once

#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "base/clock.h"
#include "io/bearer_token.h"
#include "io/http_client.h"

namespace floe {

/// The token that "gcs." properties name or, where they name none, Google's application
/// default credentials: the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file,
/// the machine's account. Of files the kinds service_account and authorized_user are
/// read. None is sent to a plain http:// endpoint unless the properties give it. `http`
/// may be null. kInvalidConfig, kNotSupported name the file.
arrow::Result<std::shared_ptr<BearerToken>> MakeGoogleToken(
    const std::map<std::string, std::string>& properties, const std::string& endpoint,
    std::shared_ptr<HttpClient> http = nullptr, const Clock* clock = &Clock::System());

}  // namespace floe
