#include "io/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "io/fake_http_server_test.h"

namespace floe {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Ending = FakeAnswer::Ending;

// Time that passes only by waiting.
class FakeTime final : public Clock {
 public:
  int64_t NowMicros() const override { return now_ms * 1000; }
  int64_t now_ms = 1'772'874'303'000;  // 2026-03-07T09:05:03Z
};

// Always the longest wait that the jitter allows.
class AllOnes final : public Random {
 public:
  uint64_t Next() override { return ~uint64_t{0}; }
};

class HttpClientTest : public ::testing::Test {
 protected:
  // Answers in turn, the last one for ever.
  FakeHttpServer::Handler Script(std::deque<FakeAnswer> answers) {
    auto left = std::make_shared<std::deque<FakeAnswer>>(std::move(answers));
    return [left](const FakeRequest&) {
      FakeAnswer answer = left->front();
      if (left->size() > 1) left->pop_front();
      return answer;
    };
  }

  std::shared_ptr<HttpClient> Client(HttpClientOptions options = {}) {
    options.retry.first_delay_ms = 127;
    options.retry.max_delay_ms = 511;
    return *MakeHttpClient(
        options, {.clock = &time_, .random = &ones_, .wait = [this](int64_t wait_ms) {
                    waits_.push_back(wait_ms);
                    time_.now_ms += wait_ms;
                  }});
  }

  FakeTime time_;
  AllOnes ones_;
  std::vector<int64_t> waits_;
};

TEST_F(HttpClientTest, SendsWhatItIsGivenAndKeepsTheConnection) {
  FakeHttpServer server(
      Script({{.status = 201, .body = "made", .headers = {{"X-Two", " b "}}}}));
  auto client = Client();
  HttpRequest request{.method = "POST",
                      .url = server.url() + "/p%20q?a=%1F",
                      .headers = {{"X-One", "1"}, {"X-Empty", ""}},
                      .body = std::string("a\0b", 3)};
  request.is_idempotent = true;
  const auto response = client->Send(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_EQ(*response->FindHeader("x-two"), "b");
  EXPECT_EQ(response->FindHeader("x-three"), nullptr);
  EXPECT_FALSE(response->is_perhaps_repeated);
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    ASSERT_TRUE(client->Send({.method = method, .url = server.url()}).ok());
  }
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/p%20q?a=%1F");
  EXPECT_EQ(requests[0].body, std::string("a\0b", 3));
  EXPECT_EQ(requests[0].headers.at("x-one"), "1");
  EXPECT_EQ(requests[0].headers.at("x-empty"), "");
  EXPECT_EQ(requests[0].headers.count("content-type"), 0u);
  EXPECT_EQ(requests[0].headers.at("user-agent"), "floe");
  EXPECT_EQ(requests[2].method, "HEAD");
  EXPECT_EQ(requests[3].headers.at("content-length"), "0");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, TriesAgainWithJitterAndNoSoonerThanToldTo) {
  FakeHttpServer server(Script(
      {{.status = 503, .headers = {{"Retry-After", "2"}}},
       {.status = 429},
       {.status = 503, .headers = {{"Retry-After", "Sat, 07 Mar 2026 09:05:09 GMT"}}},
       {.body = "done"}}));
  auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  HttpRequest request{.method = "POST", .url = server.url()};
  request.is_idempotent = false;
  const auto response = Client()->Send(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "done");
  EXPECT_FALSE(response->is_perhaps_repeated);
  EXPECT_THAT(waits_, ElementsAre(2000, 254, 6000 - 2000 - 254));
  EXPECT_EQ(counters->totals().of(RequestKind::kCatalog), 4);
  EXPECT_EQ(counters->totals().retries, 3);
}

TEST_F(HttpClientTest, GivesTheLastAnswerWhenTriesAreUsedUp) {
  FakeHttpServer server(Script({{.status = 503, .body = "busy"}}));
  const auto response = Client()->Send({.url = server.url()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 503);
  EXPECT_THAT(waits_, ElementsAre(127, 254, 508, 511));
}

TEST_F(HttpClientTest, WaitsNoLongerThanInAll) {
  FakeHttpServer server(Script({{.status = 429, .headers = {{"Retry-After", "3600"}}}}));
  const auto response = Client()->Send({.url = server.url()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 429);
  EXPECT_THAT(waits_, ElementsAre());
}

TEST_F(HttpClientTest, DoesNotRepeatWhatMayHaveHappened) {
  for (const FakeAnswer& answer : {FakeAnswer{.status = 500}, FakeAnswer{.status = 502},
                                   FakeAnswer{.status = 504}}) {
    FakeHttpServer server(Script({answer, {}}));
    HttpRequest request{.method = "POST", .url = server.url()};
    request.is_idempotent = false;
    EXPECT_EQ(Client()->Send(request)->status, answer.status);
    request.is_idempotent = true;
    FakeHttpServer again(Script({answer, {}}));
    request.url = again.url();
    const auto response = Client()->Send(request);
    EXPECT_EQ(response->status, 200);
    EXPECT_TRUE(response->is_perhaps_repeated);
  }
}

TEST_F(HttpClientTest, SurvivesResets) {
  FakeHttpServer server(
      Script({{.ending = Ending::kResetBefore},
              {.body = "half of it is lost", .ending = Ending::kResetMidBody},
              {.body = "whole"}}));
  const auto response = Client()->Send({.url = server.url()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "whole");
  EXPECT_TRUE(response->is_perhaps_repeated);
  EXPECT_EQ(waits_.size(), 2u);
}

TEST_F(HttpClientTest, SaysThatALostRequestMayHaveArrived) {
  for (Ending ending : {Ending::kResetBefore, Ending::kResetMidBody}) {
    FakeHttpServer server(Script({{.body = "answer", .ending = ending}}));
    HttpRequest request{.method = "POST",
                        .url = server.url() + "/commit?token=secret1",
                        .headers = {{"Authorization", "Bearer secret2"}},
                        .body = "secret3"};
    request.is_idempotent = false;
    request.url.insert(7, "user:secret4@");
    const auto response = Client()->Send(request);
    ASSERT_FALSE(response.ok());
    EXPECT_TRUE(IsError(response.status(), ErrorCode::kServiceUnavailable));
    EXPECT_TRUE(WasPerhapsSent(response.status()));
    EXPECT_THAT(
        response.status().ToString(),
        AllOf(HasSubstr("POST " + server.url() + "/commit"), Not(HasSubstr("secret"))));
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

// A kept connection that the server has closed meanwhile: curl alone would send again.
TEST_F(HttpClientTest, SendsWhatMayNotBeRepeatedOverAFreshConnection) {
  FakeHttpServer server([](const FakeRequest& request) {
    return FakeAnswer{.ending = request.method == "POST" ? Ending::kResetBefore
                                                         : Ending::kKeep};
  });
  auto client = Client();
  ASSERT_TRUE(client->Send({.url = server.url()}).ok());
  HttpRequest request{.method = "POST", .url = server.url()};
  request.is_idempotent = false;
  EXPECT_TRUE(WasPerhapsSent(client->Send(request).status()));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(HttpClientTest, GivesUpOnASilentServer) {
  FakeHttpServer server(Script({{.ending = Ending::kNever}}));
  HttpRequest request{.method = "POST", .url = server.url()};
  request.timeout_ms = 100;
  request.is_idempotent = false;
  const auto response = Client()->Send(request);
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kDeadlineExceeded));
  EXPECT_TRUE(WasPerhapsSent(response.status()));
  EXPECT_THAT(response.status().message(), HasSubstr("100 ms"));
}

TEST_F(HttpClientTest, SaysThatNobodyListens) {
  std::string url;
  {
    FakeHttpServer server(Script({{}}));
    url = server.url();
  }
  HttpRequest request{.method = "POST", .url = url + "/v1/config"};
  request.is_idempotent = false;
  const auto response = Client()->Send(request);
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kServiceUnavailable));
  EXPECT_FALSE(WasPerhapsSent(response.status()));
  EXPECT_THAT(
      response.status().message(),
      AllOf(HasSubstr(url + "/v1/config"), HasSubstr("connect"), HasSubstr("check")));
  EXPECT_EQ(waits_.size(), 4u);
}

TEST_F(HttpClientTest, RefusesAnswersThatAreTooLarge) {
  HttpClientOptions options;
  options.max_response_bytes = 10;
  FakeHttpServer server(Script({{.body = "0123456789"}, {.body = "0123456789a"}}));
  auto client = Client(options);
  EXPECT_TRUE(client->Send({.url = server.url()}).ok());
  const auto response = client->Send({.url = server.url()});
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kResourceExhausted));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(HttpClientTest, UnpacksOnlyWhenAsked) {
  // "hello" by gzip.
  const std::string packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10"
      "\x36\x05"
      "\x00\x00\x00",
      25);
  FakeHttpServer server(
      Script({{.body = packed, .headers = {{"Content-Encoding", "gzip"}}}}));
  auto client = Client();
  EXPECT_EQ(client->Send({.url = server.url()})->body, packed);
  HttpRequest request{.url = server.url()};
  request.accepts_compressed = true;
  EXPECT_EQ(client->Send(request)->body, "hello");
}

TEST_F(HttpClientTest, RefusesWhatCannotBeSent) {
  auto client = Client();
  for (const char* url : {"ftp://h.example/", "relative", "http://h.example/a b",
                          "http://h.example/\r\nX: y"}) {
    EXPECT_TRUE(IsError(client->Send({.url = url}).status(), ErrorCode::kInvalidArgument))
        << url;
  }
  const auto response =
      client->Send({.url = "http://127.0.0.1:1/", .headers = {{"A", "secret\r\nB: c"}}});
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(response.status().ToString(), Not(HasSubstr("secret")));
}

TEST_F(HttpClientTest, SignsEachTryAnew) {
  FakeHttpServer server(Script({{.status = 503, .headers = {{"Retry-After", "2"}}}, {}}));
  HttpRequest request{.method = "POST", .url = server.url(), .body = "{}"};
  request.aws_credentials = AwsCredentials{"AKIDEXAMPLE", "secret", "session"};
  request.sigv4_scope = {"us-east-1", "glue"};
  ASSERT_TRUE(Client()->Send(request).ok());
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].headers.at("x-amz-date"), "20260307T090503Z");
  EXPECT_EQ(requests[1].headers.at("x-amz-date"), "20260307T090505Z");
  EXPECT_EQ(requests[1].headers.at("x-amz-security-token"), "session");
  EXPECT_THAT(requests[1].headers.at("authorization"), HasSubstr("AKIDEXAMPLE"));
  EXPECT_NE(requests[0].headers.at("authorization"),
            requests[1].headers.at("authorization"));
}

// A self-signed certificate for 127.0.0.1.
class HttpsTest : public HttpClientTest {
 protected:
  void SetUp() override {
    key_.reset(EVP_RSA_gen(2048));
    certificate_.reset(X509_new());
    X509* certificate = certificate_.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key_.get());
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("floe test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    ASSERT_GT(X509_sign(certificate, key_.get(), EVP_sha256()), 0);
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), certificate);
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    file_ =
        (std::filesystem::temp_directory_path() / ("floe-" + NewUuid(Random::System())))
            .string();
    BIO* bio = BIO_new_file(file_.c_str(), "w");
    PEM_write_bio_X509(bio, certificate);
    BIO_free(bio);
  }
  void TearDown() override { std::filesystem::remove(file_); }

  template <typename T, void (*kFree)(T*)>
  struct Free {
    void operator()(T* object) const { kFree(object); }
  };
  std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>> key_;
  std::unique_ptr<X509, Free<X509, X509_free>> certificate_;
  std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>> context_;
  std::string file_;
};

TEST_F(HttpsTest, NamesACertificateThatIsNotTrusted) {
  FakeHttpServer server(Script({{.body = "private"}}), context_.get());
  const auto refused = Client()->Send({.url = server.url()});
  EXPECT_TRUE(IsError(refused.status(), ErrorCode::kServiceUnavailable));
  EXPECT_THAT(refused.status().message(),
              AllOf(HasSubstr("certificate"), HasSubstr("SSL_CERT_FILE")));
  EXPECT_FALSE(WasPerhapsSent(refused.status()));
  EXPECT_TRUE(waits_.empty());

  HttpClientOptions options;
  options.ca_file = file_;
  auto client = Client(options);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client->Send({.url = server.url()})->body, "private");
  EXPECT_EQ(server.connections(), 2);

  HttpClientOptions careless;
  careless.verify_tls = false;
  EXPECT_TRUE(Client(careless)->Send({.url = server.url()}).ok());
}

TEST_F(HttpsTest, NamesAServerThatDoesNotSpeakTls) {
  FakeHttpServer server(Script({{}}));
  const auto response =
      Client()->Send({.url = "https://127.0.0.1:" + std::to_string(server.port())});
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kServiceUnavailable));
  EXPECT_THAT(response.status().message(), HasSubstr("TLS"));
  EXPECT_FALSE(WasPerhapsSent(response.status()));
}

// Its kernel accepts the connection, but nobody shakes hands.
TEST_F(HttpsTest, SaysThatNoConnectionCameAbout) {
  FakeHttpServer silent([](const FakeRequest&) { return FakeAnswer{}; }, nullptr,
                        FakeHttpServer::Accepts::kNothing);
  HttpClientOptions options;
  options.connect_timeout_ms = 50;
  HttpRequest request{.method = "POST",
                      .url = "https://127.0.0.1:" + std::to_string(silent.port())};
  request.is_idempotent = false;
  const auto response = Client(options)->Send(request);
  EXPECT_TRUE(IsError(response.status(), ErrorCode::kServiceUnavailable));
  EXPECT_THAT(response.status().message(), HasSubstr("no connection within 50 ms"));
  EXPECT_FALSE(WasPerhapsSent(response.status()));
  EXPECT_EQ(waits_.size(), 4u);
}

TEST(HttpText, EncodesAndHides) {
  EXPECT_EQ(PercentEncode("a-_.~Z9 /+\x1f\xc3\xa4"), "a-_.~Z9%20%2F%2B%1F%C3%A4");
  EXPECT_EQ(UrlForMessages("https://u:p@h.example:8/a?b=c#d"), "https://h.example:8/a");
  EXPECT_EQ(UrlForMessages("https://h.example/a@b"), "https://h.example/a@b");
}

}  // namespace
}  // namespace floe
