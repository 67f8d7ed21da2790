// Credentials of AWS, Google and Azure against services in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/env.h"
#include "base/error.h"
#include "base/random.h"
#include "io/aws_credentials.h"
#include "io/aws_profile.h"
#include "io/azure_credentials.h"
#include "io/base64_text.h"
#include "io/fake_http_server_test.h"
#include "io/google_credentials.h"
#include "io/iso_time.h"

namespace floe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;

/// Sets variables for a test and puts them back.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const Variables& values) {
    for (const char* name :
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
          "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
          "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL_STS",
          "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
          "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
          "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_ID", "AZURE_AUTHORITY_HOST",
          "AZURE_STORAGE_KEY"}) {
      if (const auto old = GetEnv(name)) old_[name] = *old;
      ::unsetenv(name);
    }
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    ::setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    for (const auto& [name, value] : values) {
      set_.push_back(name);
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~ScopedEnvironment() {
    ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    ::unsetenv("AWS_CONFIG_FILE");
    for (const std::string& name : set_) ::unsetenv(name.c_str());
    for (const auto& [name, value] : old_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::map<std::string, std::string> old_;
  std::vector<std::string> set_;
};

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_((fs::temp_directory_path() / ("floe-" + NewUuid(Random::System())))
                  .string()) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { fs::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::string KeysXml(const std::string& id) {
  return "<R><Credentials><AccessKeyId>" + id +
         "</AccessKeyId><SecretAccessKey>s2</SecretAccessKey><SessionToken>t2"
         "</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></R>";
}

TEST(AwsCredentialsTest, PropertiesGoBeforeTheEnvironment) {
  ScopedEnvironment environment(
      Variables{{"AWS_ACCESS_KEY_ID", "env"}, {"AWS_SECRET_ACCESS_KEY", "env-secret"}});
  auto own = MakeAwsCredentialsProvider({{"client.access-key-id", "own"},
                                         {"client.secret-access-key", "x"},
                                         {"s3.session-token", "t"}})
                 .ValueOrDie();
  EXPECT_EQ((*own->Get())->access_key_id, "own");
  EXPECT_EQ((*own->Get())->session_token, "t");
  auto found = MakeAwsCredentialsProvider({}).ValueOrDie();
  EXPECT_EQ((*found->Get())->access_key_id, "env");
  EXPECT_EQ(MakeAwsCredentialsProvider({{"s3.anonymous", "true"}})
                .ValueOrDie()
                ->Get()
                .ValueOrDie(),
            std::nullopt);
  EXPECT_TRUE(IsError(MakeAwsCredentialsProvider({{"s3.access-key-id", "half"}}).status(),
                      ErrorCode::kInvalidConfig));
}

TEST(AwsCredentialsTest, ReadsProfilesAndTheirRegions) {
  const TemporaryFile credentials(
      "[work]\naws_access_key_id = id1\n"
      "aws_secret_access_key=se=cret\n# no\n");
  const TemporaryFile config(
      "[profile work]\nregion = eu-central-1\ns3 =\n  x = y\n"
      "[profile sso]\nsso_session = a\n[other work]\nregion=no\n");
  ScopedEnvironment environment(
      Variables{{"AWS_SHARED_CREDENTIALS_FILE", credentials.path()},
                {"AWS_CONFIG_FILE", config.path()}});
  const std::map<std::string, std::string> work = {{"s3.profile-name", "work"}};
  auto provider = MakeAwsCredentialsProvider(work).ValueOrDie();
  EXPECT_EQ((*provider->Get())->secret_access_key, "se=cret");
  EXPECT_EQ(AwsRegion(work).ValueOrDie(), "eu-central-1");
  const arrow::Status none =
      MakeAwsCredentialsProvider({{"s3.profile-name", "none"}}).status();
  EXPECT_TRUE(IsError(none, ErrorCode::kInvalidConfig));
  for (const std::string& part : {std::string("'none'"), credentials.path(),
                                  config.path(), std::string("'sso', 'work'")}) {
    EXPECT_THAT(ErrorText(none), HasSubstr(part));
  }
  EXPECT_THAT(ErrorText(none), Not(HasSubstr("se=cret")));
  const arrow::Status sso =
      MakeAwsCredentialsProvider({{"s3.profile-name", "sso"}}).status();
  EXPECT_TRUE(IsError(sso, ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(sso), HasSubstr("export-credentials --profile sso"));
}

TEST(AwsCredentialsTest, TakesARole) {
  FakeHttpServer service([](const FakeRequest& request) {
    return FakeAnswer{
        .body = KeysXml(request.headers.contains("authorization") ? "role" : "web")};
  });
  const TemporaryFile token("web token");
  ScopedEnvironment environment(Variables{{"AWS_ENDPOINT_URL_STS", service.url()}});
  auto role = MakeAwsCredentialsProvider({{"s3.access-key-id", "id"},
                                          {"s3.secret-access-key", "hidden"},
                                          {"s3.role-arn", "arn:aws:iam::1:role/r"}})
                  .ValueOrDie();
  EXPECT_EQ((*role->Get())->access_key_id, "role");
  EXPECT_EQ((*role->Get())->session_token, "t2");
  EXPECT_EQ(service.requests().size(), 1u);  // Kept until they expire.
  EXPECT_THAT(service.requests()[0].body,
              HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"));
  ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().c_str(), 1);
  ::setenv("AWS_ROLE_ARN", "arn:r", 1);
  EXPECT_EQ((*MakeAwsCredentialsProvider({}).ValueOrDie()->Get())->access_key_id, "web");
  EXPECT_THAT(service.requests()[1].body, HasSubstr("WebIdentityToken=web%20token"));
  ::unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
  ::unsetenv("AWS_ROLE_ARN");
}

TEST(AwsCredentialsTest, TakesTheRoleOfTheMachineOrSaysWhatItLookedAt) {
  FakeHttpServer machine([](const FakeRequest& request) {
    if (request.method == "PUT") return FakeAnswer{.body = "imds-token"};
    if (request.headers.at("x-aws-ec2-metadata-token") != "imds-token") {
      return FakeAnswer{.status = 401};
    }
    if (request.target.ends_with("/")) return FakeAnswer{.body = "the-role"};
    return FakeAnswer{.status = request.target.ends_with("/the-role") ? 200 : 404,
                      .body =
                          R"({"AccessKeyId":"imds","SecretAccessKey":"s","Token":"t",)"
                          R"("Expiration":"2100-01-01T00:00:00Z"})"};
  });
  ScopedEnvironment environment(
      Variables{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url()}});
  EXPECT_EQ((*MakeAwsCredentialsProvider({}).ValueOrDie()->Get())->access_key_id, "imds");
  FakeHttpServer none([](const FakeRequest&) { return FakeAnswer{.status = 404}; });
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", none.url().c_str(), 1);
  const arrow::Status nothing =
      MakeAwsCredentialsProvider({}).ValueOrDie()->Get().status();
  EXPECT_TRUE(IsError(nothing, ErrorCode::kNotAuthorized));
  EXPECT_THAT(ErrorText(nothing), HasSubstr("s3.access-key-id"));
}

TEST(AwsCredentialsTest, TakesTheRoleOfAContainerBesideIt) {
  FakeHttpServer container([](const FakeRequest& request) {
    const auto token = request.headers.find("authorization");
    const bool is_known =
        token != request.headers.end() && token->second == "container-token";
    return FakeAnswer{.status = is_known ? 200 : 401,
                      .body = R"({"AccessKeyId":"ecs","SecretAccessKey":"s","Token":"t",)"
                              R"("Expiration":"2100-01-01T00:00:00Z"})"};
  });
  ScopedEnvironment environment(
      Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url() + "/role"},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"}});
  EXPECT_EQ((*MakeAwsCredentialsProvider({}).ValueOrDie()->Get())->access_key_id, "ecs");
}

TEST(AwsCredentialsTest, SendsAContainersTokenToNoNetworkInTheClear) {
  ScopedEnvironment environment(
      Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", ""},
                {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"}});
  const auto made_with = [](const std::string& uri) {
    ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.c_str(), 1);
    return MakeAwsCredentialsProvider({}).status();
  };
  for (const char* uri :
       {"https://keys.example/role", "http://localhost/role", "http://127.0.0.1:80/role",
        "http://127.8.9.1", "http://[::1]:8080/role", "http://[::1]/",
        "http://169.254.170.2/role", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials"}) {
    EXPECT_TRUE(made_with(uri).ok()) << uri;
  }
  for (const char* uri :
       {"http://keys.example/role", "http://127.keys.example/",
        "http://127.0.0.1.keys.example/", "http://127.0.0.x/",
        "http://169.254.169.254/role", "http://user:hidden@keys.example/",
        "http://127.0.0.1@keys.example/", "http://127.0.0.1:80@keys.example/",
        "http://127.0.0.1\\@keys.example/", "http://[::1].keys.example/",
        "http://0.0.0.0/", "ftp://127.0.0.1/", "keys.example", "http://"}) {
    const arrow::Status refused = made_with(uri);
    EXPECT_TRUE(IsError(refused, ErrorCode::kInvalidConfig)) << uri;
    EXPECT_THAT(ErrorText(refused), HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    EXPECT_THAT(ErrorText(refused), Not(HasSubstr("hidden")));
    EXPECT_THAT(ErrorText(refused), Not(HasSubstr("container-token")));
  }
  ::setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials", 1);
  EXPECT_TRUE(MakeAwsCredentialsProvider({}).ok());
  ::setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@keys.example/", 1);
  const arrow::Status no_path = MakeAwsCredentialsProvider({}).status();
  EXPECT_TRUE(IsError(no_path, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(no_path), HasSubstr("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"));
}

std::string NewPrivateKey() {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string pem(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

std::string JsonEscaped(std::string text) {
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.replace(at, 1, "\\n");
  }
  return text;
}

TEST(GoogleCredentialsTest, AServiceAccountSignsForItsToken) {
  FakeHttpServer service([](const FakeRequest&) {
    return FakeAnswer{.body = R"({"access_token":"from-jwt","expires_in":3600})"};
  });
  const TemporaryFile file(
      R"({"type":"service_account","client_email":"a@b","private_key_id":"k1",)"
      R"("private_key":")" +
      JsonEscaped(NewPrivateKey()) + R"(","token_uri":")" + service.url() +
      R"(/token"})");
  ScopedEnvironment environment(
      Variables{{"GOOGLE_APPLICATION_CREDENTIALS", file.path()}});
  auto token = MakeGoogleToken({}, "https://storage.googleapis.com").ValueOrDie();
  EXPECT_EQ(token->Get().ValueOrDie(), "from-jwt");
  EXPECT_EQ(token->Get().ValueOrDie(), "from-jwt");
  ASSERT_EQ(service.requests().size(), 1u);
  const std::string body = service.requests()[0].body;
  ASSERT_THAT(body, HasSubstr("jwt-bearer&assertion="));
  std::string claims = body.substr(body.find('.') + 1);
  claims = claims.substr(0, claims.find('.'));
  for (char& c : claims) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (claims.size() % 4 != 0) claims += '=';
  EXPECT_THAT(Base64Decode(claims).value_or(""), HasSubstr(R"("iss":"a@b")"));
  // An emulator at a plain address gets no token of the machine's.
  EXPECT_EQ(MakeGoogleToken({}, "http://127.0.0.1:1").ValueOrDie()->Get().ValueOrDie(),
            std::nullopt);
}

TEST(GoogleCredentialsTest, RefusedAndUnknownOnesAreNamedWithoutSecrets) {
  FakeHttpServer service([](const FakeRequest&) {
    return FakeAnswer{.status = 400, .body = R"({"error":"invalid_grant","x":"hidden"})"};
  });
  const TemporaryFile file(
      R"({"type":"authorized_user","client_id":"c","client_secret":"hidden",)"
      R"("refresh_token":"hidden","token_uri":")" +
      service.url() + R"("})");
  ScopedEnvironment environment(
      Variables{{"GOOGLE_APPLICATION_CREDENTIALS", file.path()}});
  const arrow::Status refused =
      MakeGoogleToken({}, "https://x").ValueOrDie()->Get().status();
  EXPECT_TRUE(IsError(refused, ErrorCode::kNotAuthorized));
  EXPECT_THAT(ErrorText(refused), HasSubstr("invalid_grant"));
  EXPECT_THAT(ErrorText(refused), Not(HasSubstr("hidden")));
  const TemporaryFile other(R"({"type":"external_account"})");
  ::setenv("GOOGLE_APPLICATION_CREDENTIALS", other.path().c_str(), 1);
  EXPECT_TRUE(
      IsError(MakeGoogleToken({}, "https://x").status(), ErrorCode::kNotSupported));
  auto given = MakeGoogleToken(
                   {{"gcs.oauth2.token", "mine"}, {"gcs.oauth2.token-expires-at", "1"}},
                   "http://x")
                   .ValueOrDie();
  EXPECT_TRUE(IsError(given->Get().status(), ErrorCode::kNotAuthorized));
}

TEST(AzureCredentialsTest, FindsTheAccountAndItsAddress) {
  ScopedEnvironment environment(Variables{});
  const auto account = [](const std::map<std::string, std::string>& properties,
                          const std::string& host) {
    return FindAzureAccount(properties, host).ValueOrDie();
  };
  EXPECT_EQ(account({}, "acc.dfs.core.windows.net").url,
            "https://acc.blob.core.windows.net");
  EXPECT_EQ(account({{"adls.account-name", "acc"}}, "").url,
            "https://acc.blob.core.windows.net");
  EXPECT_EQ(account({{"adls.account-name", "acc"},
                     {"adls.blob-storage-authority", "127.0.0.1:10000"},
                     {"adls.blob-storage-scheme", "http"}},
                    "")
                .url,
            "http://127.0.0.1:10000/acc");
  EXPECT_EQ(account({{"adls.connection-string",
                      "AccountName=acc;BlobEndpoint=http://h:1/acc/;AccountKey=a2V5"}},
                    "")
                .url,
            "http://h:1/acc");
  EXPECT_TRUE(IsError(FindAzureAccount({}, "").status(), ErrorCode::kInvalidConfig));
}

TEST(AzureCredentialsTest, ChoosesWhatThePropertiesGive) {
  ScopedEnvironment environment(Variables{{"AZURE_STORAGE_KEY", "ZW52"}});
  const AzureAccount account{"acc", "https://acc.blob.core.windows.net"};
  const auto make = [&](const std::map<std::string, std::string>& properties) {
    return MakeAzureCredentials(properties, account).ValueOrDie();
  };
  EXPECT_EQ(make({})->shared_key, "env");
  EXPECT_EQ(make({{"adls.account-key", "a2V5"}})->shared_key, "key");
  EXPECT_EQ(make({{"adls.sas-token.acc.dfs.core.windows.net", "?sig=1"}})->signature,
            "sig=1");
  EXPECT_EQ(make({{"adls.sas-token", "sig=2"}})->signature, "sig=2");
  const arrow::Status bad =
      MakeAzureCredentials({{"adls.account-key", "hidden!"}}, account).status();
  EXPECT_TRUE(IsError(bad, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(bad), Not(HasSubstr("hidden")));
  EXPECT_TRUE(
      IsError(MakeAzureCredentials(
                  {{"adls.account-key", "a2V5"}, {"adls.account-name", "other"}}, account)
                  .status(),
              ErrorCode::kInvalidConfig));
}

TEST(AzureCredentialsTest, AServicePrincipalAsksForItsToken) {
  FakeHttpServer authority([](const FakeRequest&) {
    return FakeAnswer{.body = R"({"access_token":"entra","expires_in":"3599"})"};
  });
  ScopedEnvironment environment(Variables{{"AZURE_AUTHORITY_HOST", authority.url()}});
  const AzureAccount account{"acc", "https://acc.blob.core.windows.net"};
  auto credentials = MakeAzureCredentials({{"adls.tenant-id", "t"},
                                           {"adls.client-id", "c"},
                                           {"adls.client-secret", "s&s"}},
                                          account)
                         .ValueOrDie();
  EXPECT_EQ(credentials->token->Get().ValueOrDie(), "entra");
  EXPECT_EQ(authority.requests().at(0).target, "/t/oauth2/v2.0/token");
  EXPECT_THAT(authority.requests()[0].body, HasSubstr("client_secret=s%26s"));
}

TEST(IsoTimeTest, ReadsAndWritesWhatServersSay) {
  EXPECT_EQ(ParseIsoTimeMillis("2026-01-02T03:04:05.678Z"), 1767323045678);
  EXPECT_EQ(ParseIsoTimeMillis("2026-01-02T03:04:05Z"), 1767323045000);
  EXPECT_EQ(ParseIsoTimeMillis("2026-01-02T03:04:05.6789123Z"), 1767323045678);
  EXPECT_EQ(ParseIsoTimeMillis("1969-12-31T23:59:59Z"), -1000);
  for (const char* bad : {"", "2026-13-01T00:00:00Z", "2026-01-02 03:04:05", "x"}) {
    EXPECT_EQ(ParseIsoTimeMillis(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(HttpDate(1767323045678), "Fri, 02 Jan 2026 03:04:05 GMT");
  EXPECT_EQ(ParseHttpDateMillis("Fri, 02 Jan 2026 03:04:05 GMT"), 1767323045000);
  EXPECT_EQ(ParseHttpDateMillis("Fri, 02 Foo 2026 03:04:05 GMT"), std::nullopt);
}

}  // namespace
}  // namespace floe
