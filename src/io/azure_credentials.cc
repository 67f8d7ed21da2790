#include "io/azure_credentials.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/env.h"
#include "base/error.h"
#include "io/base64_text.h"
#include "io/local_file_io.h"
#include "io/property_reader.h"
#include "io/token_answer.h"

namespace floe {
namespace {

using Properties = std::map<std::string, std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr int64_t kTokenFileBytesMax = 64 << 10;
constexpr char kPublicAuthority[] = ".blob.core.windows.net";
constexpr char kStorageScope[] = "https://storage.azure.com/.default";
// The account and key of Azurite and the older emulator, which Microsoft publishes.
constexpr char kEmulatorAccount[] = "devstoreaccount1";
constexpr char kEmulatorKey[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
    "KBHBeksoGMGw==";

/// "Name=value;..." of the portal.
Properties ParseConnectionString(std::string_view text) {
  Properties parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    parts[std::string(part.substr(0, equals))] = std::string(part.substr(equals + 1));
  }
  if (parts["UseDevelopmentStorage"] == "true") {
    parts["AccountName"] = kEmulatorAccount;
    parts["AccountKey"] = kEmulatorKey;
    parts["BlobEndpoint"] = std::string("http://127.0.0.1:10000/") + kEmulatorAccount;
  }
  return parts;
}

Properties ConnectionString(const PropertyReader& reader) {
  const auto own = reader.Text("adls.connection-string");
  return ParseConnectionString(
      own.has_value() ? *own : GetEnv("AZURE_STORAGE_CONNECTION_STRING").value_or(""));
}

/// The blob service's host of an account whose ADLS host is given.
std::string BlobHost(std::string host) {
  constexpr std::string_view kDfs = ".dfs.";
  const size_t at = host.find(kDfs);
  if (at != std::string::npos) host.replace(at, kDfs.size(), ".blob.");
  return host;
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// Lower-cased, sorted x-ms- headers, a line each.
std::string CanonicalHeaders(const Pairs& headers) {
  Pairs chosen;
  for (const auto& header : headers) {
    if (header.first.starts_with("x-ms-")) chosen.push_back(header);
  }
  std::sort(chosen.begin(), chosen.end());
  std::string text;
  for (const auto& [name, value] : chosen) text += name + ":" + value + "\n";
  return text;
}

std::string HeaderOf(const Pairs& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

using CredentialsResult = arrow::Result<std::shared_ptr<const AzureCredentials>>;

arrow::Result<std::string> DecodeKey(const std::string& text, std::string_view where) {
  auto key = Base64Decode(text);
  if (!key.has_value() || key->empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the account key in {} is not base64; copy it from the portal whole",
                     where);
  }
  return *std::move(key);
}

CredentialsResult SharedKey(const AzureAccount& account, const std::string& text,
                            const std::string& origin) {
  AzureCredentials credentials;
  credentials.account = account.name;
  credentials.origin = origin;
  ARROW_ASSIGN_OR_RAISE(credentials.shared_key, DecodeKey(text, origin));
  return std::make_shared<const AzureCredentials>(std::move(credentials));
}

CredentialsResult Signature(const AzureAccount& account, std::string text,
                            const std::string& origin) {
  AzureCredentials credentials;
  credentials.account = account.name;
  credentials.origin = origin;
  credentials.signature = text.starts_with('?') ? text.substr(1) : std::move(text);
  return std::make_shared<const AzureCredentials>(std::move(credentials));
}

CredentialsResult Token(const AzureAccount& account, std::shared_ptr<BearerToken> token) {
  AzureCredentials credentials;
  credentials.account = account.name;
  credentials.origin = token->origin();
  credentials.token = std::move(token);
  if (account.url.starts_with("http://")) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "{} would go to '{}' unencrypted; use https, or a shared key",
                     credentials.origin, account.url);
  }
  return std::make_shared<const AzureCredentials>(std::move(credentials));
}

/// Asks Entra ID as a service principal, with a secret or the token in a file.
std::shared_ptr<BearerToken> PrincipalToken(std::shared_ptr<HttpClient> http,
                                            const Clock* clock, const std::string& tenant,
                                            const std::string& client,
                                            const std::string& secret,
                                            const std::string& token_file) {
  const std::string origin =
      fmt::format("client '{}' of tenant '{}'{}", client, tenant,
                  token_file.empty() ? "" : " with a federated token");
  const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
    HttpRequest request;
    request.method = "POST";
    request.url = WithoutSlash(GetEnv("AZURE_AUTHORITY_HOST")
                                   .value_or("https://login.microsoftonline.com")) +
                  "/" + PercentEncode(tenant) + "/oauth2/v2.0/token";
    request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    request.body = fmt::format("grant_type=client_credentials&client_id={}&scope={}",
                               PercentEncode(client), PercentEncode(kStorageScope));
    if (token_file.empty()) {
      request.body += "&client_secret=" + PercentEncode(secret);
    } else {
      ARROW_ASSIGN_OR_RAISE(const std::string assertion,
                            MakeLocalFileIO()->ReadAll(token_file, kTokenFileBytesMax));
      request.body +=
          "&client_assertion_type=" +
          PercentEncode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
          "&client_assertion=" + PercentEncode(assertion);
    }
    return AskForToken(http.get(), request, origin, clock->NowMillis());
  };
  return std::make_shared<BearerToken>(origin, source, clock);
}

/// The identity of the machine or of the app's service.
std::shared_ptr<BearerToken> ManagedIdentityToken(std::shared_ptr<HttpClient> http,
                                                  const Clock* clock,
                                                  const std::string& client) {
  const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
    HttpRequest request;
    const std::string resource = PercentEncode("https://storage.azure.com/");
    const auto endpoint = GetEnv("IDENTITY_ENDPOINT");
    if (endpoint.has_value()) {
      request.url = *endpoint + "?api-version=2019-08-01&resource=" + resource;
      request.headers.emplace_back("x-identity-header",
                                   GetEnv("IDENTITY_HEADER").value_or(""));
    } else {
      request.url =
          "http://169.254.169.254/metadata/identity/oauth2/token"
          "?api-version=2018-02-01&resource=" +
          resource;
      request.headers.emplace_back("metadata", "true");
    }
    if (!client.empty()) request.url += "&client_id=" + PercentEncode(client);
    auto token = AskForToken(http.get(), request, "the machine's managed identity",
                             clock->NowMillis());
    if (token.ok()) return token;
    return MakeError(ErrorCode::kNotAuthorized,
                     "no Azure credentials were found: neither adls.account-key, "
                     "adls.sas-token or adls.client-id, nor AZURE_STORAGE_KEY, "
                     "AZURE_CLIENT_ID or a managed identity ({}). Set one of them, or "
                     "adls.anon=true for public data",
                     ErrorText(token.status()));
  };
  return std::make_shared<BearerToken>("the machine's managed identity", source, clock);
}

/// What names the account, as keys of vended signatures end.
std::optional<std::string> FindSignature(const PropertyReader& reader,
                                         const AzureAccount& account, std::string* key) {
  const std::string prefix = "adls.sas-token.";
  for (const std::string& name :
       {account.name + ".dfs.core.windows.net", account.name + ".blob.core.windows.net",
        account.name}) {
    *key = prefix + name;
    if (auto found = reader.Text(*key)) return found;
  }
  *key = "adls.sas-token";
  return reader.Text(*key);
}

/// Keys, signatures and tokens that the properties hold; null when they hold none.
CredentialsResult GivenCredentials(const PropertyReader& reader,
                                   const AzureAccount& account) {
  ARROW_ASSIGN_OR_RAISE(const bool is_anonymous, reader.Bool("adls.anon", false));
  if (is_anonymous) {
    AzureCredentials none;
    none.account = account.name;
    none.origin = "no credentials (adls.anon is set)";
    return std::make_shared<const AzureCredentials>(std::move(none));
  }
  std::string signature_key;
  if (auto signature = FindSignature(reader, account, &signature_key)) {
    return Signature(account, *std::move(signature), signature_key);
  }
  if (const auto key = reader.Text("adls.account-key")) {
    const auto owner = reader.Text("adls.account-name");
    if (owner.has_value() && *owner != account.name) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "adls.account-key is that of '{}', but the location is in account "
                       "'{}'",
                       *owner, account.name);
    }
    return SharedKey(account, *key, "adls.account-key");
  }
  if (const auto token = reader.Text("adls.token")) {
    return Token(account, std::make_shared<BearerToken>(
                              "adls.token",
                              [token = *token]() -> arrow::Result<BearerToken::Lasting> {
                                return BearerToken::Lasting{token};
                              }));
  }
  return nullptr;
}

CredentialsResult EnvironmentKeys(const PropertyReader& reader,
                                  const AzureAccount& account) {
  const Properties connection = ConnectionString(reader);
  const PropertyReader parts(connection);
  const auto owner = parts.Text("AccountName");
  if (owner.value_or(account.name) == account.name) {
    if (const auto key = parts.Text("AccountKey")) {
      return SharedKey(account, *key, "the connection string");
    }
    if (const auto signature = parts.Text("SharedAccessSignature")) {
      return Signature(account, *signature, "the connection string");
    }
  }
  const auto key = GetEnv("AZURE_STORAGE_KEY");
  if (key.has_value() && !key->empty()) {
    return SharedKey(account, *key, "AZURE_STORAGE_KEY of the environment");
  }
  const auto signature = GetEnv("AZURE_STORAGE_SAS_TOKEN");
  if (signature.has_value() && !signature->empty()) {
    return Signature(account, *signature, "AZURE_STORAGE_SAS_TOKEN of the environment");
  }
  return nullptr;
}

CredentialsResult Principal(const PropertyReader& reader, const AzureAccount& account,
                            std::shared_ptr<HttpClient> http, const Clock* clock) {
  const auto either = [&reader](std::string_view key, const char* variable) {
    const auto own = reader.Text(key);
    return own.has_value() ? *own : GetEnv(variable).value_or("");
  };
  const std::string tenant = either("adls.tenant-id", "AZURE_TENANT_ID");
  const std::string client = either("adls.client-id", "AZURE_CLIENT_ID");
  const std::string secret = either("adls.client-secret", "AZURE_CLIENT_SECRET");
  if (!secret.empty() && (tenant.empty() || client.empty())) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "adls.tenant-id, adls.client-id and adls.client-secret go together; "
                     "'{}' is missing",
                     tenant.empty() ? "adls.tenant-id" : "adls.client-id");
  }
  if (!secret.empty()) {
    return Token(account, PrincipalToken(http, clock, tenant, client, secret, ""));
  }
  const std::string token_file = GetEnv("AZURE_FEDERATED_TOKEN_FILE").value_or("");
  if (!token_file.empty() && !tenant.empty() && !client.empty()) {
    return Token(account, PrincipalToken(http, clock, tenant, client, "", token_file));
  }
  return Token(account, ManagedIdentityToken(http, clock, client));
}

}  // namespace

arrow::Result<AzureAccount> FindAzureAccount(const Properties& properties,
                                             const std::string& host) {
  const PropertyReader reader(properties);
  const Properties connection = ConnectionString(reader);
  const PropertyReader parts(connection);
  const std::string scheme = reader.Text("adls.blob-storage-scheme").value_or("https");
  AzureAccount account;
  account.name = host.substr(0, host.find('.'));
  if (account.name.empty()) {
    account.name = reader.Text("adls.account-name").value_or("");
  }
  if (account.name.empty()) account.name = parts.Text("AccountName").value_or("");
  if (account.name.empty()) account.name = GetEnv("AZURE_STORAGE_ACCOUNT").value_or("");
  if (account.name.empty()) {
    return MakeError(
        ErrorCode::kInvalidConfig,
        "the location names no storage account, and 'adls.account-name' is "
        "not set; write abfss://container@account.dfs.core.windows.net/path");
  }
  if (const auto own = reader.Text("adls.account-host")) {
    account.url = own->find("://") == std::string::npos ? scheme + "://" + BlobHost(*own)
                                                        : BlobHost(*own);
  } else if (const auto authority = reader.Text("adls.blob-storage-authority")) {
    // As Arrow and PyIceberg read it: a leading dot puts the account before the host.
    account.url = authority->starts_with('.')
                      ? fmt::format("{}://{}{}", scheme, account.name, *authority)
                      : fmt::format("{}://{}/{}", scheme, *authority, account.name);
  } else if (const auto endpoint = parts.Text("BlobEndpoint")) {
    account.url = *endpoint;
  } else if (const auto suffix = parts.Text("EndpointSuffix"); suffix && host.empty()) {
    account.url = fmt::format("{}://{}.blob.{}", scheme, account.name, *suffix);
  } else if (host.find('.') != std::string::npos) {
    account.url = scheme + "://" + BlobHost(host);
  } else {
    account.url = scheme + "://" + account.name + kPublicAuthority;
  }
  account.url = WithoutSlash(account.url);
  return account;
}

CredentialsResult MakeAzureCredentials(const Properties& properties,
                                       const AzureAccount& account,
                                       std::shared_ptr<HttpClient> http,
                                       const Clock* clock) {
  const PropertyReader reader(properties);
  ARROW_ASSIGN_OR_RAISE(auto given, GivenCredentials(reader, account));
  if (given != nullptr) return given;
  // A service principal of the properties goes before keys of the environment.
  if (!reader.Text("adls.client-secret").has_value()) {
    ARROW_ASSIGN_OR_RAISE(given, EnvironmentKeys(reader, account));
    if (given != nullptr) return given;
  }
  if (http == nullptr) {
    ARROW_ASSIGN_OR_RAISE(http, MakeTokenClient());
  }
  return Principal(reader, account, std::move(http), clock);
}

std::string SignSharedKey(const AzureCredentials& credentials, std::string_view method,
                          std::string_view encoded_path, Pairs query,
                          const Pairs& headers, size_t body_bytes) {
  constexpr std::array<std::string_view, 5> kConditions = {
      "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"};
  std::string text(method);
  // Encoding and language, length, checksum.
  text += fmt::format("\n\n\n{}\n\n", body_bytes == 0 ? "" : fmt::to_string(body_bytes));
  text += HeaderOf(headers, "content-type") + "\n";
  text += "\n";  // Date: x-ms-date stands for it.
  for (const std::string_view name : kConditions) text += HeaderOf(headers, name) + "\n";
  text += CanonicalHeaders(headers);
  text += "/" + credentials.account;
  text += encoded_path;
  std::sort(query.begin(), query.end());
  for (const auto& [name, value] : query) text += "\n" + name + ":" + value;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), credentials.shared_key.data(),
       static_cast<int>(credentials.shared_key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
       &size);
  return fmt::format("SharedKey {}:{}", credentials.account,
                     Base64Encode({reinterpret_cast<const char*>(digest.data()), size}));
}

}  // namespace floe
