#include "io/aws_credentials.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "io/aws_profile.h"
#include "io/iso_time.h"
#include "io/local_file_io.h"
#include "io/property_reader.h"
#include "io/xml_text.h"

namespace floe {
namespace {

/// Temporary keys are renewed so long before they expire.
constexpr int64_t kRenewMarginMs = int64_t{5} * 60 * 1000;
constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::max();
constexpr int64_t kTokenFileBytesMax = 64 << 10;
constexpr int kSourceProfilesMax = 5;
constexpr char kDefaultSessionName[] = "floe";

struct KeysForAWhile {
  AwsCredentials keys;
  int64_t expires_at_ms = kNeverMs;
};
using KeySource = std::function<arrow::Result<KeysForAWhile>()>;

class CachedProvider final : public AwsCredentialsProvider {
 public:
  CachedProvider(std::string origin, KeySource source, const Clock* clock)
      : origin_(std::move(origin)), source_(std::move(source)), clock_(clock) {}

  arrow::Result<std::optional<AwsCredentials>> Get() override {
    std::lock_guard<std::mutex> lock(mutex_);
    const int64_t now_ms = clock_->NowMillis();
    if (held_.has_value() && now_ms < held_->expires_at_ms - kRenewMarginMs) {
      return held_->keys;
    }
    auto fresh = source_();
    if (fresh.ok()) {
      held_ = *std::move(fresh);
      return held_->keys;
    }
    // What is held may still be good for a few minutes.
    if (held_.has_value() && now_ms < held_->expires_at_ms) return held_->keys;
    return fresh.status();
  }

  std::string origin() const override { return origin_; }

 private:
  const std::string origin_;
  const KeySource source_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::optional<KeysForAWhile> held_;
};

class AnonymousProvider final : public AwsCredentialsProvider {
 public:
  arrow::Result<std::optional<AwsCredentials>> Get() override { return std::nullopt; }
  std::string origin() const override { return "no credentials (anonymous is set)"; }
};

using ProviderPtr = std::shared_ptr<AwsCredentialsProvider>;

/// What every way to find keys needs.
struct Surroundings {
  const Clock* clock;
  std::shared_ptr<HttpClient> http;
  std::string region;
};

arrow::Status NotGiven(std::string_view who, int status) {
  return MakeError(
      ErrorCode::kNotAuthorized,
      "{} gave no credentials (HTTP status {}); check the role and its trust "
      "policy",
      who, status);
}

arrow::Result<KeysForAWhile> KeysOfJson(std::string_view text, std::string_view who) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto member = [&json](const char* name) -> std::string {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (!json.is_object()) {
    return MakeError(ErrorCode::kServiceUnavailable, "{} gave an answer that is no JSON",
                     who);
  }
  KeysForAWhile given;
  given.keys = {member("AccessKeyId"), member("SecretAccessKey"), member("Token")};
  if (const auto expires = ParseIsoTimeMillis(member("Expiration"))) {
    given.expires_at_ms = *expires;
  }
  if (given.keys.access_key_id.empty() || given.keys.secret_access_key.empty()) {
    return MakeError(ErrorCode::kNotAuthorized, "{} gave an answer without keys", who);
  }
  return given;
}

arrow::Result<KeysForAWhile> KeysOfXml(std::string_view xml, std::string_view who) {
  KeysForAWhile given;
  given.keys = {XmlText(xml, "AccessKeyId").value_or(""),
                XmlText(xml, "SecretAccessKey").value_or(""),
                XmlText(xml, "SessionToken").value_or("")};
  const auto expires = ParseIsoTimeMillis(XmlText(xml, "Expiration").value_or(""));
  if (given.keys.access_key_id.empty() || given.keys.secret_access_key.empty() ||
      !expires.has_value()) {
    return MakeError(ErrorCode::kServiceUnavailable, "{} gave an answer without keys",
                     who);
  }
  given.expires_at_ms = *expires;
  return given;
}

HttpRequest TokenServiceRequest(const std::string& region, std::string form) {
  HttpRequest request;
  request.method = "POST";
  const auto endpoint = GetEnv("AWS_ENDPOINT_URL_STS");
  const std::string_view suffix = region.starts_with("cn-") ? ".cn" : "";
  request.url = endpoint.has_value()
                    ? *endpoint + "/"
                    : fmt::format("https://sts.{}.amazonaws.com{}/", region, suffix);
  request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  request.body = std::move(form);
  return request;
}

arrow::Result<KeysForAWhile> AskTokenService(HttpClient* http, const HttpRequest& request,
                                             const std::string& role) {
  const std::string who = fmt::format("AWS's token service, asked for role '{}',", role);
  ARROW_ASSIGN_OR_RAISE(const HttpResponse response, http->Send(request));
  if (response.status == 200) return KeysOfXml(response.body, who);
  const std::string code = XmlText(response.body, "Code").value_or("");
  return MakeError(
      response.status >= 500 ? ErrorCode::kServiceUnavailable : ErrorCode::kNotAuthorized,
      "{} answered {} {}; check the role's trust policy and the credentials "
      "that ask for it",
      who, response.status, code);
}

ProviderPtr RoleProvider(const Surroundings& around, ProviderPtr base, std::string role,
                         std::string session, std::string external_id) {
  const std::string origin = fmt::format("role '{}' taken with {}", role, base->origin());
  const auto source = [=]() -> arrow::Result<KeysForAWhile> {
    ARROW_ASSIGN_OR_RAISE(const auto keys, base->Get());
    std::string form =
        fmt::format("Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
                    PercentEncode(role), PercentEncode(session));
    if (!external_id.empty()) form += "&ExternalId=" + PercentEncode(external_id);
    HttpRequest request = TokenServiceRequest(around.region, std::move(form));
    request.aws_credentials = keys;
    request.sigv4_scope = {around.region, "sts"};
    return AskTokenService(around.http.get(), request, role);
  };
  return std::make_shared<CachedProvider>(origin, source, around.clock);
}

ProviderPtr WebIdentityProvider(const Surroundings& around, std::string token_file,
                                std::string role, std::string session) {
  const std::string origin =
      fmt::format("role '{}' taken with the web identity of '{}'", role, token_file);
  const auto source = [=]() -> arrow::Result<KeysForAWhile> {
    // Read each time: the platform replaces the file before the token ends.
    ARROW_ASSIGN_OR_RAISE(const std::string token,
                          MakeLocalFileIO()->ReadAll(token_file, kTokenFileBytesMax));
    const HttpRequest request = TokenServiceRequest(
        around.region,
        fmt::format("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}"
                    "&RoleSessionName={}&WebIdentityToken={}",
                    PercentEncode(role), PercentEncode(session), PercentEncode(token)));
    return AskTokenService(around.http.get(), request, role);
  };
  return std::make_shared<CachedProvider>(origin, source, around.clock);
}

constexpr char kContainerUri[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr char kContainerRelativeUri[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

/// Whether the host is an address of 127.0.0.0/8, all four numbers written out.
bool IsLoopbackAddress(std::string_view host) {
  if (!host.starts_with("127.")) return false;
  int numbers = 1;
  for (host.remove_prefix(4); !host.empty(); ++numbers) {
    const size_t end = std::min(host.find('.'), host.size());
    const std::string_view number = host.substr(0, end);
    if (number.empty() || number.size() > 3 ||
        number.find_first_not_of("0123456789") != std::string_view::npos) {
      return false;
    }
    host.remove_prefix(std::min(end + 1, host.size()));
  }
  return numbers == 4;
}

/// Whether what is sent to that host without TLS stays on the machine: loopback, and the
/// link-local addresses at which ECS and EKS give credentials.
bool IsNearContainer(std::string_view host) {
  constexpr std::array<std::string_view, 5> kHosts = {
      "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  if (std::find(kHosts.begin(), kHosts.end(), host) != kHosts.end()) return true;
  return IsLoopbackAddress(host);
}

/// kInvalidConfig unless the container's token may be sent there.
arrow::Status CheckContainerUri(const std::string& uri) {
  const size_t scheme_end = uri.find("://");
  const std::string scheme =
      scheme_end == std::string::npos ? "" : uri.substr(0, scheme_end);
  if (scheme == "https") return arrow::Status::OK();
  std::string host;
  if (scheme == "http") {
    host = uri.substr(scheme_end + 3);
    // A name before '@' stays in it and is no address: what follows is where curl goes.
    host = host.substr(0, host.find_first_of("/?#"));
    const size_t colon = host.rfind(':');
    const size_t port = colon == std::string::npos ? colon : colon + 1;
    if (port != std::string::npos && host.back() != ']' &&
        host.find_first_not_of("0123456789", port) == std::string::npos) {
      host.resize(colon);
    }
    if (IsNearContainer(host)) return arrow::Status::OK();
    host = host.substr(host.rfind('@') + 1);
  }
  return MakeError(ErrorCode::kInvalidConfig,
                   "{} names the host '{}' with the scheme '{}'; without https the "
                   "container's token goes only to loopback, 169.254.170.2, "
                   "169.254.170.23 or [fd00:ec2::23]. Give it an https URL or one of "
                   "these hosts",
                   kContainerUri, host, scheme);
}

/// Where the environment says that a container's credentials are; "" where it does not.
arrow::Result<std::string> ContainerUri() {
  const std::string relative = GetEnv(kContainerRelativeUri).value_or("");
  if (!relative.empty()) {
    // Without it the address could go on: "http://169.254.170.2@elsewhere".
    if (!relative.starts_with('/')) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "{} is no path; it starts with '/', as ECS sets it",
                       kContainerRelativeUri);
    }
    return "http://169.254.170.2" + relative;
  }
  std::string uri = GetEnv(kContainerUri).value_or("");
  if (!uri.empty()) ARROW_RETURN_NOT_OK(CheckContainerUri(uri));
  return uri;
}

/// The role of a container: its service's URL is in the environment. Null: none is.
arrow::Result<ProviderPtr> ContainerProvider(const Surroundings& around) {
  ARROW_ASSIGN_OR_RAISE(const std::string url, ContainerUri());
  if (url.empty()) return nullptr;
  const auto source = [=]() -> arrow::Result<KeysForAWhile> {
    HttpRequest request;
    request.url = url;
    std::string token = GetEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
    if (const auto file = GetEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      ARROW_ASSIGN_OR_RAISE(token, MakeLocalFileIO()->ReadAll(*file, kTokenFileBytesMax));
    }
    if (!token.empty()) request.headers.emplace_back("authorization", token);
    ARROW_ASSIGN_OR_RAISE(const HttpResponse response, around.http->Send(request));
    if (response.status != 200) return NotGiven("the container's role", response.status);
    return KeysOfJson(response.body, "the container's role");
  };
  return std::make_shared<CachedProvider>("the container's role", source, around.clock);
}

arrow::Result<KeysForAWhile> AskInstance(HttpClient* http, const std::string& server) {
  constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";
  HttpRequest ask;
  ask.method = "PUT";
  ask.url = server + "/latest/api/token";
  ask.headers.emplace_back("x-aws-ec2-metadata-token-ttl-seconds", "21600");
  ARROW_ASSIGN_OR_RAISE(HttpResponse response, http->Send(ask));
  if (response.status != 200) return NotGiven("the instance's role", response.status);
  HttpRequest request;
  request.headers.emplace_back("x-aws-ec2-metadata-token", response.body);
  request.url = server + std::string(kRoles);
  ARROW_ASSIGN_OR_RAISE(response, http->Send(request));
  if (response.status != 200) return NotGiven("the instance's role", response.status);
  request.url += response.body.substr(0, response.body.find('\n'));
  ARROW_ASSIGN_OR_RAISE(response, http->Send(request));
  if (response.status != 200) return NotGiven("the instance's role", response.status);
  return KeysOfJson(response.body, "the instance's role");
}

/// The role of the machine, by the second version of its metadata service.
ProviderPtr InstanceProvider(const Surroundings& around) {
  const auto source = [=]() -> arrow::Result<KeysForAWhile> {
    constexpr std::string_view kNothingFound =
        "no AWS credentials were found: neither keys in the properties or the "
        "environment, nor a profile, nor a role of the container or machine. Set "
        "s3.access-key-id and s3.secret-access-key, AWS_PROFILE, or s3.anonymous=true "
        "for public data";
    if (GetEnv("AWS_EC2_METADATA_DISABLED").value_or("") == "true") {
      return MakeError(ErrorCode::kNotAuthorized, "{}", kNothingFound);
    }
    const std::string server =
        GetEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
    auto keys = AskInstance(around.http.get(), server);
    if (keys.ok()) return keys;
    return MakeError(ErrorCode::kNotAuthorized, "{} ({})", kNothingFound,
                     ErrorText(keys.status()));
  };
  return std::make_shared<CachedProvider>("the machine's role", source, around.clock);
}

arrow::Result<ProviderPtr> ProfileProvider(const Surroundings& around,
                                           const std::string& name, int depth);

/// Who asks for the role of a profile.
arrow::Result<ProviderPtr> SourceOfProfile(const Surroundings& around,
                                           const std::string& name,
                                           const AwsProfile& profile, int depth) {
  const PropertyReader reader(profile);
  if (const auto source = reader.Text("source_profile")) {
    if (*source != name) return ProfileProvider(around, *source, depth + 1);
  }
  const std::string source = reader.Text("credential_source").value_or("");
  if (source == "Ec2InstanceMetadata") return InstanceProvider(around);
  if (source == "EcsContainer") {
    ARROW_ASSIGN_OR_RAISE(ProviderPtr container, ContainerProvider(around));
    if (container != nullptr) return container;
  }
  if (source == "Environment") {
    return MakeAwsCredentialsProvider({}, {"s3.", around.clock, around.http});
  }
  return MakeError(ErrorCode::kInvalidConfig,
                   "profile '{}' names a role but not who asks for it; give it a "
                   "source_profile or a credential_source",
                   name);
}

ProviderPtr StaticProvider(const Surroundings& around, std::string origin,
                           AwsCredentials keys) {
  return std::make_shared<CachedProvider>(
      std::move(origin),
      [keys = std::move(keys)]() -> arrow::Result<KeysForAWhile> {
        return KeysForAWhile{keys, kNeverMs};
      },
      around.clock);
}

arrow::Result<ProviderPtr> ProfileProvider(const Surroundings& around,
                                           const std::string& name, int depth) {
  if (depth > kSourceProfilesMax) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the source profiles of '{}' lead in a circle", name);
  }
  ARROW_ASSIGN_OR_RAISE(const auto profile, ReadAwsProfile(name));
  if (!profile.has_value()) return NoSuchAwsProfile(name);
  const PropertyReader reader(*profile);
  const auto role = reader.Text("role_arn");
  const std::string session =
      reader.Text("role_session_name").value_or(kDefaultSessionName);
  if (role.has_value() && reader.Text("web_identity_token_file").has_value()) {
    return WebIdentityProvider(around, *reader.Text("web_identity_token_file"), *role,
                               session);
  }
  const auto key_id = reader.Text("aws_access_key_id");
  const auto secret = reader.Text("aws_secret_access_key");
  ProviderPtr own;
  if (key_id.has_value() && secret.has_value()) {
    own =
        StaticProvider(around, fmt::format("profile '{}' of ~/.aws", name),
                       {*key_id, *secret, reader.Text("aws_session_token").value_or("")});
    if (!role.has_value() || reader.Text("source_profile") != name) return own;
  }
  if (role.has_value()) {
    if (own == nullptr) {
      ARROW_ASSIGN_OR_RAISE(own, SourceOfProfile(around, name, *profile, depth));
    }
    return RoleProvider(around, std::move(own), *role, session,
                        reader.Text("external_id").value_or(""));
  }
  return MakeError(
      ErrorCode::kNotSupported,
      "profile '{0}' holds neither keys nor a role that Floe can take (sso and "
      "credential_process are not read); run \"aws configure export-credentials "
      "--profile {0} --format env\" and use what it prints",
      name);
}

/// What AWS's own tools would use.
arrow::Result<ProviderPtr> DefaultProvider(const Surroundings& around) {
  const auto key_id = GetEnv("AWS_ACCESS_KEY_ID");
  const auto secret = GetEnv("AWS_SECRET_ACCESS_KEY");
  if (key_id.has_value() && secret.has_value() && !key_id->empty()) {
    return StaticProvider(around, "AWS_ACCESS_KEY_ID of the environment",
                          {*key_id, *secret, GetEnv("AWS_SESSION_TOKEN").value_or("")});
  }
  const auto token_file = GetEnv("AWS_WEB_IDENTITY_TOKEN_FILE");
  const auto role = GetEnv("AWS_ROLE_ARN");
  if (token_file.has_value() && role.has_value()) {
    return WebIdentityProvider(
        around, *token_file, *role,
        GetEnv("AWS_ROLE_SESSION_NAME").value_or(kDefaultSessionName));
  }
  const bool is_named = GetEnv("AWS_PROFILE").has_value();
  ARROW_ASSIGN_OR_RAISE(const auto profile, ReadAwsProfile(DefaultAwsProfileName()));
  const bool has_credentials =
      profile.has_value() &&
      (profile->contains("aws_access_key_id") || profile->contains("role_arn") ||
       profile->contains("sso_session") || profile->contains("sso_start_url") ||
       profile->contains("credential_process"));
  // A default profile often holds nothing but a region.
  if (is_named || has_credentials) {
    return ProfileProvider(around, DefaultAwsProfileName(), 0);
  }
  ARROW_ASSIGN_OR_RAISE(ProviderPtr container, ContainerProvider(around));
  if (container != nullptr) return container;
  return InstanceProvider(around);
}

/// A client for services next to the machine, which answer at once or are not there.
arrow::Result<std::shared_ptr<HttpClient>> MakeNearbyClient() {
  HttpClientOptions options;
  options.connect_timeout_ms = 2'000;
  options.retry.max_tries = 3;
  options.retry.total_timeout_ms = 15'000;
  options.max_response_bytes = 1 << 20;
  return MakeHttpClient(options);
}

}  // namespace

arrow::Result<std::shared_ptr<AwsCredentialsProvider>> MakeAwsCredentialsProvider(
    const std::map<std::string, std::string>& properties, const AwsSettings& settings) {
  const PropertyReader reader(properties);
  const auto text = [&](std::string_view name) {
    const std::string own = settings.prefix + std::string(name);
    const std::string shared = "client." + std::string(name);
    return reader.Text({own, shared});
  };
  ARROW_ASSIGN_OR_RAISE(const bool is_anonymous,
                        reader.Bool(settings.prefix + "anonymous", false));
  if (is_anonymous) return std::make_shared<AnonymousProvider>();

  Surroundings around{settings.clock, settings.http, ""};
  if (around.http == nullptr) {
    ARROW_ASSIGN_OR_RAISE(around.http, MakeNearbyClient());
  }
  ARROW_ASSIGN_OR_RAISE(around.region, AwsRegion(properties, settings.prefix));
  // "auto" is Cloudflare's, which has no token service.
  if (around.region.empty() || around.region == "auto") around.region = "us-east-1";

  ProviderPtr base;
  const auto key_id = text("access-key-id");
  const auto secret = text("secret-access-key");
  if (key_id.has_value() != secret.has_value()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "'{0}access-key-id' and '{0}secret-access-key' go together; one of "
                     "them is missing",
                     settings.prefix);
  }
  if (key_id.has_value()) {
    base = StaticProvider(around, fmt::format("{}access-key-id", settings.prefix),
                          {*key_id, *secret, text("session-token").value_or("")});
  } else if (const auto profile = text("profile-name")) {
    ARROW_ASSIGN_OR_RAISE(base, ProfileProvider(around, *profile, 0));
  } else {
    ARROW_ASSIGN_OR_RAISE(base, DefaultProvider(around));
  }
  const auto role = text("role-arn");
  if (!role.has_value()) return base;
  return RoleProvider(around, std::move(base), *role,
                      text("role-session-name").value_or(kDefaultSessionName), "");
}

arrow::Result<std::string> AwsRegion(const std::map<std::string, std::string>& properties,
                                     const std::string& prefix) {
  const PropertyReader reader(properties);
  const std::string own = prefix + "region";
  if (const auto region = reader.Text({own, "client.region"})) return *region;
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto region = GetEnv(variable);
    if (region.has_value() && !region->empty()) return *region;
  }
  const std::string own_profile = prefix + "profile-name";
  const std::string name =
      reader.Text({own_profile, "client.profile-name"}).value_or(DefaultAwsProfileName());
  ARROW_ASSIGN_OR_RAISE(const auto profile, ReadAwsProfile(name));
  if (!profile.has_value()) return "";
  return PropertyReader(*profile).Text("region").value_or("");
}

}  // namespace floe
