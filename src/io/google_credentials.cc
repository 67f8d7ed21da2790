#include "io/google_credentials.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "io/base64_text.h"
#include "io/local_file_io.h"
#include "io/property_reader.h"
#include "io/token_answer.h"

namespace floe {
namespace {

using Json = nlohmann::json;

constexpr int64_t kFileBytesMax = 1 << 20;
constexpr int64_t kAssertionSeconds = 3600;
constexpr char kScope[] = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr char kTokenService[] = "https://oauth2.googleapis.com/token";

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

std::string TextOf(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// RS256 of `text` by a private key in PEM.
arrow::Result<std::string> SignRs256(const std::string& text, const std::string& pem,
                                     const std::string& file) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (key == nullptr || digest == nullptr ||
      EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) != 1) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the private key in '{}' cannot be used; make a new key file", file);
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()),
                     &size, bytes, text.size()) != 1) {
    return MakeError(ErrorCode::kInternal, "signing with the key of '{}' failed", file);
  }
  signature.resize(size);
  return signature;
}

/// A service account's signed request for a token (RFC 7523).
arrow::Result<HttpRequest> ServiceAccountRequest(const Json& account,
                                                 const std::string& file,
                                                 int64_t now_ms) {
  const std::string token_uri = TextOf(account, "token_uri");
  const std::string audience = token_uri.empty() ? kTokenService : token_uri;
  const int64_t now = now_ms / 1000;
  const Json header = {
      {"alg", "RS256"}, {"typ", "JWT"}, {"kid", TextOf(account, "private_key_id")}};
  const Json claims = {{"iss", TextOf(account, "client_email")},
                       {"scope", kScope},
                       {"aud", audience},
                       {"iat", now},
                       {"exp", now + kAssertionSeconds}};
  const auto encoded = [](const Json& json) {
    return Base64UrlEncode(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  const std::string text = encoded(header) + "." + encoded(claims);
  ARROW_ASSIGN_OR_RAISE(const std::string signature,
                        SignRs256(text, TextOf(account, "private_key"), file));
  HttpRequest request;
  request.method = "POST";
  request.url = audience;
  request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  request.body =
      "grant_type=" + PercentEncode("urn:ietf:params:oauth:grant-type:jwt-bearer") +
      "&assertion=" + text + "." + Base64UrlEncode(signature);
  return request;
}

HttpRequest UserRequest(const Json& user) {
  HttpRequest request;
  request.method = "POST";
  const std::string token_uri = TextOf(user, "token_uri");
  request.url = token_uri.empty() ? kTokenService : token_uri;
  request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  request.body = fmt::format(
      "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
      PercentEncode(TextOf(user, "client_id")),
      PercentEncode(TextOf(user, "client_secret")),
      PercentEncode(TextOf(user, "refresh_token")));
  return request;
}

using TokenPtr = std::shared_ptr<BearerToken>;

arrow::Result<TokenPtr> TokenOfFile(const std::string& file, const std::string& text,
                                    std::shared_ptr<HttpClient> http,
                                    const Clock* clock) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const std::string type = json.is_object() ? TextOf(json, "type") : "";
  const std::string origin = fmt::format("the Google credentials of '{}'", file);
  if (type == "service_account") {
    const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
      ARROW_ASSIGN_OR_RAISE(const HttpRequest request,
                            ServiceAccountRequest(json, file, clock->NowMillis()));
      return AskForToken(http.get(), request, origin, clock->NowMillis());
    };
    return std::make_shared<BearerToken>(origin, source, clock);
  }
  if (type == "authorized_user") {
    const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
      return AskForToken(http.get(), UserRequest(json), origin, clock->NowMillis());
    };
    return std::make_shared<BearerToken>(origin, source, clock);
  }
  return MakeError(
      ErrorCode::kNotSupported,
      "the Google credentials in '{}' are of the kind '{}'; Floe reads service_account "
      "and authorized_user. Put the output of \"gcloud auth print-access-token\" in "
      "gcs.oauth2.token",
      file, type);
}

/// The account of the machine, by its metadata service.
TokenPtr MachineToken(std::shared_ptr<HttpClient> http, const Clock* clock) {
  const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
    HttpRequest request;
    request.url = fmt::format(
        "http://{}/computeMetadata/v1/instance/service-accounts/default/token",
        GetEnv("GCE_METADATA_HOST").value_or("metadata.google.internal"));
    request.headers.emplace_back("metadata-flavor", "Google");
    auto token =
        AskForToken(http.get(), request, "the machine's metadata", clock->NowMillis());
    if (token.ok()) return token;
    return MakeError(
        ErrorCode::kNotAuthorized,
        "no Google credentials were found: neither gcs.oauth2.token, nor "
        "GOOGLE_APPLICATION_CREDENTIALS, nor gcloud's own, nor an account of "
        "this machine ({}). Set one of them, or gcs.anonymous=true for public "
        "data",
        ErrorText(token.status()));
  };
  return std::make_shared<BearerToken>("the machine's Google account", source, clock);
}

/// Where gcloud keeps the credentials of "gcloud auth application-default login".
std::optional<std::string> GcloudFile() {
  std::string folder = GetEnv("CLOUDSDK_CONFIG").value_or("");
  if (folder.empty()) {
    const auto home = GetEnv("HOME");
    if (!home.has_value()) return std::nullopt;
    folder = *home + "/.config/gcloud";
  }
  return folder + "/application_default_credentials.json";
}

arrow::Result<TokenPtr> DefaultToken(std::shared_ptr<HttpClient> http,
                                     const Clock* clock) {
  const auto named = GetEnv("GOOGLE_APPLICATION_CREDENTIALS");
  if (named.has_value() && !named->empty()) {
    auto text = MakeLocalFileIO()->ReadAll(*named, kFileBytesMax);
    if (!text.ok()) {
      return WithContext(text.status(), "named by", "GOOGLE_APPLICATION_CREDENTIALS");
    }
    return TokenOfFile(*named, *text, std::move(http), clock);
  }
  if (const auto file = GcloudFile()) {
    auto text = MakeLocalFileIO()->ReadAll(*file, kFileBytesMax);
    if (text.ok()) return TokenOfFile(*file, *text, std::move(http), clock);
    if (!IsError(text.status(), ErrorCode::kNoSuchFile)) return text.status();
  }
  return MachineToken(std::move(http), clock);
}

}  // namespace

arrow::Result<std::shared_ptr<BearerToken>> MakeGoogleToken(
    const std::map<std::string, std::string>& properties, const std::string& endpoint,
    std::shared_ptr<HttpClient> http, const Clock* clock) {
  const PropertyReader reader(properties);
  ARROW_ASSIGN_OR_RAISE(const bool is_anonymous, reader.Bool("gcs.anonymous", false));
  ARROW_ASSIGN_OR_RAISE(const bool has_no_auth, reader.Bool("gcs.no-auth", false));
  if (is_anonymous || has_no_auth) {
    return std::make_shared<BearerToken>("no credentials (anonymous is set)", nullptr);
  }
  if (const auto token = reader.Text("gcs.oauth2.token")) {
    constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
    ARROW_ASSIGN_OR_RAISE(
        const int64_t expires_at_ms,
        reader.Integer("gcs.oauth2.token-expires-at", kNever, 0, kNever));
    const auto source = [=]() -> arrow::Result<BearerToken::Lasting> {
      if (clock->NowMillis() >= expires_at_ms) {
        return MakeError(ErrorCode::kNotAuthorized,
                         "gcs.oauth2.token has expired, as gcs.oauth2.token-expires-at "
                         "says; give a new one");
      }
      return BearerToken::Lasting{*token, expires_at_ms};
    };
    return std::make_shared<BearerToken>("gcs.oauth2.token", source, clock);
  }
  if (endpoint.starts_with("http://")) {
    return std::make_shared<BearerToken>(
        "no credentials (an http:// endpoint is sent none that gcs.oauth2.token does not "
        "hold)",
        nullptr);
  }
  if (http == nullptr) {
    ARROW_ASSIGN_OR_RAISE(http, MakeTokenClient());
  }
  return DefaultToken(std::move(http), clock);
}

}  // namespace floe
