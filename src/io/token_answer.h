#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "arrow/result.h"
#include "io/bearer_token.h"
#include "io/http_client.h"

namespace floe {

/// Sends `request` to an OAuth2 token service and reads access_token and expires_in.
/// `who` is for messages, which hold the service's error code but nothing else of it.
arrow::Result<BearerToken::Lasting> AskForToken(HttpClient* http,
                                                const HttpRequest& request,
                                                std::string_view who, int64_t now_ms);

/// A client for token services, which answer soon.
arrow::Result<std::shared_ptr<HttpClient>> MakeTokenClient();

}  // namespace floe
