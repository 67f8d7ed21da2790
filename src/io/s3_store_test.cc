#include "io/s3_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/request_counters.h"
#include "io/fake_http_server_test.h"
#include "io/remote_output.h"

namespace floe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKeyId[] = "AKIAEXAMPLE";
constexpr char kSecret[] = "very-secret-value";

FakeAnswer S3Error(int status, const std::string& code) {
  FakeAnswer answer;
  answer.status = status;
  answer.body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" +
                kKeyId + " " + kSecret + "</Message><StringToSign>" + kSecret +
                "</StringToSign></Error>";
  return answer;
}

/// A bucket in memory that a test may make fail.
class S3StoreTest : public ::testing::Test {
 protected:
  S3StoreTest()
      : server_([this](const FakeRequest& request) { return Serve(request); }) {}

  std::shared_ptr<ObjectStore> Store(const std::string& region = "us-east-1") {
    S3Settings settings;
    settings.bucket = "b";
    settings.endpoint = server_.url();
    settings.region = region;
    settings.credentials = MakeAwsCredentialsProvider({{"s3.access-key-id", kKeyId},
                                                       {"s3.secret-access-key", kSecret}})
                               .ValueOrDie();
    HttpClientOptions options;
    options.retry.first_delay_ms = 1;
    options.retry.max_delay_ms = 2;
    options.retry.max_tries = 3;
    settings.http = MakeHttpClient(options).ValueOrDie();
    return MakeS3Store(std::move(settings));
  }

  FakeAnswer Serve(const FakeRequest& request) {
    if (fault_) {
      if (auto answer = fault_(request)) return *answer;
    }
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::string query = path.size() == request.target.size()
                                  ? ""
                                  : request.target.substr(path.size() + 1);
    if (request.method == "PUT" && query.empty()) return Put(path, request);
    if (request.method == "GET" && query.empty()) return Get(path, request);
    if (request.method == "POST" && query == "uploads=") {
      upload_id_headers_ = request.headers;
      return {.body = "<R><UploadId>u/1</UploadId></R>"};
    }
    if (request.method == "PUT") {
      parts_[std::stoi(query.substr(query.find('=') + 1))] = request.body;
      return {.headers = {{"ETag", "\"tag\""}}};
    }
    if (request.method == "POST") {
      FakeRequest whole = request;
      whole.headers["x-amz-meta-floe-write"] =
          upload_id_headers_["x-amz-meta-floe-write"];
      whole.body.clear();
      for (const auto& [number, bytes] : parts_) whole.body += bytes;
      FakeAnswer answer = Put(path, whole);
      if (answer.status == 200) answer.body = "<CompleteMultipartUploadResult/>";
      return answer;
    }
    return {.status = 204};
  }

  FakeAnswer Put(const std::string& path, const FakeRequest& request) {
    if (request.headers.contains("if-none-match") && objects_.contains(path)) {
      return S3Error(412, "PreconditionFailed");
    }
    objects_[path] = request;
    return {};
  }

  FakeAnswer Get(const std::string& path, const FakeRequest& request) {
    const auto found = objects_.find(path);
    if (found == objects_.end()) return S3Error(404, "NoSuchKey");
    const std::string& bytes = found->second.body;
    const std::string range = request.headers.at("range").substr(6);
    const size_t begin = std::stoul(range);
    const size_t end =
        std::min(bytes.size(), std::stoul(range.substr(range.find('-') + 1)) + 1);
    if (begin >= bytes.size()) return S3Error(416, "InvalidRange");
    FakeAnswer answer{.status = 206, .body = bytes.substr(begin, end - begin)};
    answer.headers = {
        {"Content-Range", fmt::format("bytes {}-{}/{}", begin, end - 1, bytes.size())}};
    const auto id = found->second.headers.find("x-amz-meta-floe-write");
    if (id != found->second.headers.end()) answer.headers.push_back(*id);
    return answer;
  }

  /// Answers the next `count` requests of a method so, after acting on them if `acts`.
  void FailNext(const std::string& method, int count, FakeAnswer answer,
                bool acts = false) {
    fault_ = [=, this, left = count](
                 const FakeRequest& request) mutable -> std::optional<FakeAnswer> {
      if (request.method != method || left == 0) return std::nullopt;
      --left;
      if (acts) {
        auto fault = std::exchange(fault_, nullptr);
        static_cast<void>(Serve(request));
        fault_ = std::move(fault);
      }
      return answer;
    };
  }

  std::map<std::string, FakeRequest> objects_;
  std::map<int, std::string> parts_;
  std::map<std::string, std::string> upload_id_headers_;
  std::function<std::optional<FakeAnswer>(const FakeRequest&)> fault_;
  FakeHttpServer server_;
};

TEST_F(S3StoreTest, SignsWhatItSendsAndEncodesKeys) {
  auto store = Store();
  ASSERT_EQ(store->Put("a b/c=1/%.x", "bytes", WriteMode::kReplace), arrow::Status::OK());
  const FakeRequest request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/b/a%20b/c%3D1/%25.x");
  EXPECT_THAT(request.headers.at("authorization"), HasSubstr("Credential=AKIAEXAMPLE/"));
  EXPECT_THAT(request.headers.at("authorization"), HasSubstr("/us-east-1/s3/"));
  const ObjectPart part = store->Get("a b/c=1/%.x", 1, 100).ValueOrDie();
  EXPECT_EQ(part.bytes, "ytes");
  EXPECT_EQ(part.object_size_bytes, 5);
  EXPECT_EQ(store->Get("a b/c=1/%.x", 5, 100)->bytes, "");
}

TEST_F(S3StoreTest, ThrottlingPassesAndItsTriesAreCounted) {
  auto store = Store();
  ASSERT_TRUE(store->Put("k", "bytes", WriteMode::kReplace).ok());
  FailNext("GET", 2, S3Error(503, "SlowDown"));
  auto counters = std::make_shared<RequestCounters>();
  {
    RequestScope scope(counters);
    EXPECT_EQ(store->Get("k", 0, 5)->bytes, "bytes");
  }
  EXPECT_EQ(counters->totals().of(RequestKind::kGet), 3);
  EXPECT_EQ(counters->totals().retries, 2);
  FailNext("GET", 100, S3Error(503, "SlowDown"));
  const arrow::Status throttled = store->Get("k", 0, 5).status();
  EXPECT_TRUE(IsError(throttled, ErrorCode::kThrottled)) << throttled.ToString();
  EXPECT_TRUE(IsRetryable(throttled));
}

TEST_F(S3StoreTest, AResetInMidReadGoesUnnoticed) {
  auto store = Store();
  ASSERT_TRUE(store->Put("k", std::string(100'000, 'x'), WriteMode::kReplace).ok());
  FakeAnswer broken{.status = 206, .body = std::string(100'000, 'x')};
  broken.headers = {{"Content-Range", "bytes 0-99999/100000"},
                    {"Content-Length", "100000"}};
  broken.ending = FakeAnswer::Ending::kResetMidBody;
  FailNext("GET", 1, broken);
  EXPECT_EQ(store->Get("k", 0, 100'000)->bytes, std::string(100'000, 'x'));
}

TEST_F(S3StoreTest, ACreateWhoseAnswerIsLostIsKnownAgain) {
  auto store = Store();
  FakeAnswer lost;
  lost.ending = FakeAnswer::Ending::kResetBefore;
  FailNext("PUT", 1, lost, /*acts=*/true);
  EXPECT_EQ(store->Put("k", "mine", WriteMode::kCreate), arrow::Status::OK());
  fault_ = nullptr;
  EXPECT_TRUE(
      IsError(store->Put("k", "other", WriteMode::kCreate), ErrorCode::kAlreadyExists));
  EXPECT_EQ(objects_.at("/b/k").body, "mine");
  // Of somebody else's object a repeated create says the truth.
  FailNext("PUT", 1, lost, /*acts=*/false);
  EXPECT_TRUE(
      IsError(store->Put("k", "third", WriteMode::kCreate), ErrorCode::kAlreadyExists));
}

TEST_F(S3StoreTest, AnUploadInPartsIsOneObjectAndConditionalToo) {
  auto store = Store();
  for (const bool is_new : {true, false}) {
    parts_.clear();
    RemoteOutput output(store, "large", "s3://b/large", WriteMode::kCreate);
    const std::string bytes(static_cast<size_t>(RemoteOutput::kPartBytes) + 3, 'y');
    ASSERT_TRUE(output.Write(bytes.data(), static_cast<int64_t>(bytes.size())).ok());
    EXPECT_EQ(objects_.contains("/b/large"), !is_new);
    const arrow::Status status = output.Close();
    if (is_new) {
      EXPECT_EQ(status, arrow::Status::OK());
      EXPECT_EQ(objects_.at("/b/large").body, bytes);
    } else {
      EXPECT_TRUE(IsError(status, ErrorCode::kAlreadyExists)) << status.ToString();
      EXPECT_EQ(server_.requests().back().method, "DELETE");
    }
  }
}

TEST_F(S3StoreTest, ACompletionMayFailBehindAStatusOf200) {
  auto store = Store();
  auto upload = store->StartUpload("k", WriteMode::kReplace).ValueOrDie();
  ASSERT_TRUE(upload->PutPart(0, "x").ok());
  FakeAnswer failed = S3Error(200, "InternalError");
  FailNext("POST", 1, failed);
  EXPECT_FALSE(upload->Complete().ok());
}

TEST_F(S3StoreTest, ErrorsNameTheCauseAndNoSecret) {
  struct Case {
    int status;
    const char* code;
    ErrorCode expected;
    const char* text;
  };
  auto store = Store();
  for (const Case& c : {
           Case{403, "AccessDenied", ErrorCode::kNotAuthorized, "bucket 'b'"},
           Case{403, "SignatureDoesNotMatch", ErrorCode::kNotAuthorized,
                "s3.access-key-id"},
           Case{404, "InvalidAccessKeyId", ErrorCode::kNotAuthorized, "s3.access-key-id"},
           Case{403, "RequestTimeTooSkewed", ErrorCode::kNotAuthorized, "clock"},
           Case{400, "ExpiredToken", ErrorCode::kNotAuthorized, "expired"},
           Case{404, "NoSuchBucket", ErrorCode::kInvalidConfig, "does not exist"},
           Case{404, "NoSuchKey", ErrorCode::kNoSuchFile, "s3://b/k"},
           Case{500, "InternalError", ErrorCode::kServiceUnavailable, "InternalError"},
           Case{400, "Strange", ErrorCode::kIo, "Strange"},
       }) {
    FailNext("GET", 100, S3Error(c.status, c.code));
    const arrow::Status status = store->Get("k", 0, 1).status();
    EXPECT_TRUE(IsError(status, c.expected)) << c.code << ": " << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr(c.text));
    EXPECT_THAT(status.ToString(), Not(HasSubstr(kSecret)));
    EXPECT_THAT(status.ToString(), Not(HasSubstr(kKeyId)));
  }
}

TEST_F(S3StoreTest, FollowsTheBucketToItsRegion) {
  auto store = Store("us-east-1");
  ASSERT_TRUE(store->Put("k", "bytes", WriteMode::kReplace).ok());
  fault_ = [](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.headers.at("authorization").find("/eu-west-1/") != std::string::npos) {
      return std::nullopt;
    }
    FakeAnswer answer = S3Error(400, "AuthorizationHeaderMalformed");
    answer.headers = {{"x-amz-bucket-region", "eu-west-1"}};
    return answer;
  };
  EXPECT_EQ(store->Get("k", 0, 5)->bytes, "bytes");
  const size_t before = server_.requests().size();
  EXPECT_EQ(store->Get("k", 0, 5)->bytes, "bytes");
  EXPECT_EQ(server_.requests().size(), before + 1);  // It is remembered.
}

TEST_F(S3StoreTest, ListsPageByPage) {
  auto store = Store();
  fault_ = [](const FakeRequest& request) -> std::optional<FakeAnswer> {
    const bool is_second =
        request.target.find("continuation-token=t%2F1") != std::string::npos;
    return FakeAnswer{
        .body = std::string("<ListBucketResult><IsTruncated>") +
                (is_second ? "false" : "true") +
                "</IsTruncated><NextContinuationToken>t/1</NextContinuationToken>"
                "<Contents><Key>p/" +
                (is_second ? "b&amp;c" : "a") +
                "</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
                "<Size>7</Size></Contents><CommonPrefixes><Prefix>p/q/</Prefix>"
                "</CommonPrefixes></ListBucketResult>"};
  };
  const ObjectPage first = store->List("p/", false, "").ValueOrDie();
  ASSERT_EQ(first.objects.size(), 1u);
  EXPECT_EQ(first.objects[0].key, "p/a");
  EXPECT_EQ(first.objects[0].size_bytes, 7);
  EXPECT_EQ(first.objects[0].modified_ms, 1767323045000);
  EXPECT_EQ(first.next_token, "t/1");
  const ObjectPage second = store->List("p/", false, first.next_token).ValueOrDie();
  EXPECT_EQ(second.objects.at(0).key, "p/b&c");
  EXPECT_EQ(second.next_token, "");
}

}  // namespace
}  // namespace floe
