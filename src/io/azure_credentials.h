#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "io/bearer_token.h"
#include "io/http_client.h"

namespace floe {

/// An account of Azure Storage: where it is, and what opens it.
struct AzureAccount {
  std::string name;
  std::string url;  ///< See AzureSettings::account_url.
};

/// How requests to one account are allowed: a shared key, a shared access signature, a
/// token, or nothing. Immutable; its token is thread-safe.
struct AzureCredentials {
  std::string account;
  std::string shared_key;              ///< Decoded bytes; empty: none.
  std::string signature;               ///< Query parameters without a '?'; empty: none.
  std::shared_ptr<BearerToken> token;  ///< Null: none.
  std::string origin;                  ///< For messages.
};

/// The account that a location's host ("account.dfs.core.windows.net", or "" for none) or
/// else the properties or AZURE_STORAGE_ACCOUNT name. kInvalidConfig when nothing does.
arrow::Result<AzureAccount> FindAzureAccount(
    const std::map<std::string, std::string>& properties, const std::string& host);

/// What the "adls." properties give for `account` or, where they give nothing, what
/// Azure's environment does (AZURE_STORAGE_KEY, AZURE_CLIENT_ID with a secret or a
/// federated token, the machine's identity). `http` may be null.
arrow::Result<std::shared_ptr<const AzureCredentials>> MakeAzureCredentials(
    const std::map<std::string, std::string>& properties, const AzureAccount& account,
    std::shared_ptr<HttpClient> http = nullptr, const Clock* clock = &Clock::System());

/// The Authorization header of a shared key, for a request with these headers (lower-case
/// names) and query parameters (not encoded). See "Authorize with Shared Key".
std::string SignSharedKey(const AzureCredentials& credentials, std::string_view method,
                          std::string_view encoded_path,
                          std::vector<std::pair<std::string, std::string>> query,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          size_t body_bytes);

}  // namespace floe
