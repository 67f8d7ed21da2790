#include "io/refreshing_file_io.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "arrow/buffer.h"
#include "base/error.h"
#include "base/random.h"
#include "io/fake_http_server_test.h"

namespace floe {
namespace {

class ManualClock final : public Clock {
 public:
  int64_t NowMicros() const override { return now_ms * 1000; }
  std::atomic<int64_t> now_ms = 0;
};

/// One object, "gs://b/k", for whoever brings the token of the day.
class RefreshingFileIOTest : public ::testing::Test {
 protected:
  FakeAnswer Serve(const FakeRequest& request) {
    if (request.headers.at("authorization") != "Bearer " + token_) return {.status = 401};
    FakeAnswer answer{.status = 206, .body = "bytes"};
    answer.headers = {{"Content-Range", "bytes 0-4/5"}};
    return answer;
  }

  VendedProperties Vended(const std::string& token, int64_t expires_at_ms) const {
    return {{{"gcs.service.host", server_.url()}, {"gcs.oauth2.token", token}},
            expires_at_ms};
  }

  static std::string Read(arrow::io::RandomAccessFile& input) {
    auto buffer = input.ReadAt(0, 5);
    return buffer.ok() ? (*buffer)->ToString() : ErrorText(buffer.status());
  }

  std::string token_ = "monday";  ///< Changed between requests alone.
  ManualClock clock_;
  FakeHttpServer server_{[this](const FakeRequest& request) { return Serve(request); }};
};

TEST_F(RefreshingFileIOTest, AnOpenInputGoesOnWithTheNewCredentials) {
  int asked = 0;
  auto io = MakeRefreshingFileIO(Vended("monday", 1000),
                                 [&]() -> arrow::Result<VendedProperties> {
                                   ++asked;
                                   return Vended("tuesday", 5000);
                                 },
                                 {.margin_ms = 100, .pause_ms = 10, .clock = &clock_})
                .ValueOrDie();
  auto input = io->OpenInput("gs://b/k", 5).ValueOrDie();
  EXPECT_EQ(Read(*input), "bytes");
  token_ = "tuesday";
  clock_.now_ms = 950;
  EXPECT_EQ(Read(*input), "bytes");
  EXPECT_EQ(io->ReadAll("gs://b/k").ValueOrDie(), "bytes");
  EXPECT_EQ(asked, 1);
}

TEST_F(RefreshingFileIOTest, ARefusedRenewalIsTheErrorOnceTheOldOnesAreOver) {
  auto io = MakeRefreshingFileIO(Vended("monday", 1000),
                                 []() -> arrow::Result<VendedProperties> {
                                   return MakeError(ErrorCode::kNotAuthorized,
                                                    "the catalog says no");
                                 },
                                 {.margin_ms = 100, .pause_ms = 10, .clock = &clock_})
                .ValueOrDie();
  auto input = io->OpenInput("gs://b/k", 5).ValueOrDie();
  clock_.now_ms = 950;
  EXPECT_EQ(Read(*input), "bytes");
  clock_.now_ms = 1000;
  EXPECT_NE(Read(*input).find("the catalog says no"), std::string::npos);
}

TEST_F(RefreshingFileIOTest, ReadsOfOneFileComeFromTheDiskOnceTheyWereMade) {
  const std::string folder =
      (std::filesystem::temp_directory_path() / ("floe-" + NewUuid(Random::System())))
          .string();
  VendedProperties vended = Vended("monday", VendedProperties::kNeverExpires);
  vended.properties["floe.disk-cache.path"] = folder;
  for (int process = 0; process < 2; ++process) {
    auto io = MakeFileIO(vended.properties).ValueOrDie();
    EXPECT_EQ(Read(*io->OpenInput("gs://b/k", 5).ValueOrDie()), "bytes");
  }
  EXPECT_EQ(server_.requests().size(), 1u);
  // A bucket of the same name at another server is another bucket.
  FakeHttpServer elsewhere([](const FakeRequest&) {
    FakeAnswer answer{.status = 206, .body = "other"};
    answer.headers = {{"Content-Range", "bytes 0-4/5"}};
    return answer;
  });
  vended.properties["gcs.service.host"] = elsewhere.url();
  auto io = MakeFileIO(vended.properties).ValueOrDie();
  EXPECT_EQ(Read(*io->OpenInput("gs://b/k", 5).ValueOrDie()), "other");
  std::filesystem::remove_all(folder);
}

TEST(CacheNameTest, TellsStoresApartWithoutAskingThem) {
  const auto name = [](std::map<std::string, std::string> properties,
                       const std::string& location) {
    return (*MakeFileIO(properties))->CacheName(location);
  };
  EXPECT_EQ(name({}, "/wh/t/a"), "/wh/t/a");
  EXPECT_EQ(name({{"s3.endpoint", "http://127.0.0.1:1/"}}, "/wh/t/a"), "/wh/t/a");
  EXPECT_EQ(name({}, "gs://b/k"), "gs://b/k");
  const std::string first = name({{"s3.endpoint", "http://127.0.0.1:1/"}}, "s3://b/k");
  EXPECT_EQ(first, "http://127.0.0.1:1 s3://b/k");
  EXPECT_NE(first, name({{"s3.endpoint", "http://127.0.0.1:2"}}, "s3://b/k"));
  EXPECT_NE(name({{"adls.account-name", "one"}}, "abfss://c/k"),
            name({{"adls.account-name", "two"}}, "abfss://c/k"));
}

}  // namespace
}  // namespace floe
