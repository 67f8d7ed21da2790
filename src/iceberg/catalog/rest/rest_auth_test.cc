#include "iceberg/catalog/rest/rest_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "io/fake_http_server_test.h"

namespace floe::iceberg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeTime final : public Clock {
 public:
  int64_t NowMicros() const override { return now_ms * 1000; }
  int64_t now_ms = 1'000'000;
};

class RestAuthTest : public ::testing::Test {
 protected:
  RestAuthTest()
      : server_([this](const FakeRequest&) {
          ++tokens_;
          if (refuses_) {
            return FakeAnswer{
                .status = 401,
                .body = R"({"error":"invalid_client","error_description":"no such"})"};
          }
          return FakeAnswer{.body = R"({"access_token":"t)" + std::to_string(tokens_) +
                                    R"(","expires_in":)" + std::to_string(lifetime_s_) +
                                    "}"};
        }) {}

  std::unique_ptr<RestAuth> Make(PropertyMap properties) {
    auto options = RestAuthOptions::FromProperties(properties, server_.url());
    EXPECT_TRUE(options.ok()) << options.status();
    HttpClientOptions http;
    http.retry.max_tries = 1;
    return std::make_unique<RestAuth>(*options, *MakeHttpClient(http), &time_);
  }

  FakeTime time_;
  int tokens_ = 0;
  int lifetime_s_ = 600;
  bool refuses_ = false;
  FakeHttpServer server_;
};

TEST_F(RestAuthTest, ExchangesAClientsSecretForATokenAndRenewsItInTime) {
  auto auth = Make({{"credential", "me:se:cret&"}, {"scope", "a b"}, {"audience", "x"}});
  EXPECT_EQ(*auth->Header(), "Bearer t1");
  EXPECT_EQ(*auth->Header(), "Bearer t1");
  const FakeRequest request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/v1/oauth/tokens");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "grant_type=client_credentials&client_id=me&client_secret=se%3Acret%26"
            "&scope=a%20b&audience=x");
  time_.now_ms += 600'000 - RestAuth::kRenewBeforeMs;
  EXPECT_EQ(*auth->Header(), "Bearer t2");
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(RestAuthTest, RenewsARefusedTokenOnce) {
  auto auth = Make({{"credential", "me:secret"}});
  const std::string first = *auth->Header();
  EXPECT_TRUE(*auth->Renew(first));
  EXPECT_EQ(*auth->Header(), "Bearer t2");
  // Another thread that was refused with the old one finds the new one there.
  EXPECT_TRUE(*auth->Renew(first));
  EXPECT_EQ(server_.requests().size(), 2u);
  EXPECT_FALSE(*Make({{"token", "fixed"}})->Renew("Bearer fixed"));
}

TEST_F(RestAuthTest, NamesARefusalWithoutTheSecret) {
  refuses_ = true;
  const auto header = Make({{"credential", "me:hunter2"}})->Header();
  EXPECT_TRUE(IsError(header.status(), ErrorCode::kNotAuthorized));
  EXPECT_THAT(header.status().ToString(), HasSubstr("invalid_client: no such"));
  EXPECT_THAT(header.status().ToString(), HasSubstr("credential"));
  EXPECT_THAT(header.status().ToString(), Not(HasSubstr("hunter2")));
}

TEST_F(RestAuthTest, ExchangesTokens) {
  auto auth = Make(
      {{"urn:ietf:params:oauth:token-type:id_token", "subject"}, {"token", "actor"}});
  EXPECT_EQ(*auth->Header(), "Bearer t1");
  EXPECT_EQ(server_.requests().at(0).body,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
            "&subject_token=subject"
            "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token"
            "&actor_token=actor"
            "&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
            "&scope=catalog");
  auto refreshing = Make({{"token", "old"}, {"token-refresh-enabled", "true"}});
  EXPECT_EQ(*refreshing->Header(), "Bearer t2");
}

TEST_F(RestAuthTest, TakesTheOtherWaysIn) {
  EXPECT_EQ(*Make({})->Header(), "");
  EXPECT_EQ(*Make({{"token", "abc"}})->Header(), "Bearer abc");
  EXPECT_EQ(*Make({{"rest.auth.type", "basic"},
                   {"rest.auth.basic.username", "u"},
                   {"rest.auth.basic.password", "p"}})
                 ->Header(),
            "Basic dTpw");
  EXPECT_EQ(server_.requests().size(), 0u);
  for (const PropertyMap& wrong :
       {PropertyMap{{"credential", "id:"}}, PropertyMap{{"rest.auth.type", "oauth2"}},
        PropertyMap{{"rest.auth.type", "kerberos"}},
        PropertyMap{{"rest.auth.type", "basic"}}}) {
    const auto options = RestAuthOptions::FromProperties(wrong, "http://h.example");
    EXPECT_TRUE(IsError(options.status(), ErrorCode::kInvalidConfig));
  }
}

TEST(TokenExpiry, ReadsAJsonWebToken) {
  // {"alg":"none"}.{"exp":1767225600}.
  EXPECT_EQ(TokenExpiryMs("eyJhbGciOiJub25lIn0.eyJleHAiOjE3NjcyMjU2MDB9."),
            1'767'225'600'000);
  for (const char* none : {"", "opaque", "a.b.c", "..", "eyJ.!!.x"}) {
    EXPECT_EQ(TokenExpiryMs(none), 0) << none;
  }
}

}  // namespace
}  // namespace floe::iceberg
