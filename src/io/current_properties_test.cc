#include "io/current_properties.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"

namespace floe {
namespace {

class ManualClock final : public Clock {
 public:
  int64_t NowMicros() const override { return now_ms * 1000; }
  std::atomic<int64_t> now_ms = 0;
};

VendedProperties Vended(const std::string& token, int64_t expires_at_ms) {
  return {{{"gcs.oauth2.token", token}}, expires_at_ms};
}

class CurrentPropertiesTest : public ::testing::Test {
 protected:
  std::string Token(CurrentProperties* properties) {
    auto generation = properties->Get();
    return generation.ok() ? (*generation)->properties.at("gcs.oauth2.token")
                           : ErrorText(generation.status());
  }

  ManualClock clock_;
  RefreshOptions options_{.margin_ms = 100, .pause_ms = 10, .clock = &clock_};
};

TEST_F(CurrentPropertiesTest, AreAskedForAgainBeforeTheyExpire) {
  int asked = 0;
  CurrentProperties properties(
      Vended("first", 1000),
      [&]() -> arrow::Result<VendedProperties> {
        ++asked;
        return Vended("next", 2000);
      },
      options_);
  EXPECT_EQ(Token(&properties), "first");
  clock_.now_ms = 899;
  EXPECT_EQ(Token(&properties), "first");
  EXPECT_EQ(asked, 0);
  clock_.now_ms = 900;
  EXPECT_EQ(Token(&properties), "next");
  EXPECT_EQ(Token(&properties), "next");
  EXPECT_EQ(asked, 1);
}

TEST_F(CurrentPropertiesTest, AFailureCountsOnceTheyHaveExpired) {
  int asked = 0;
  CurrentProperties properties(
      Vended("first", 1000),
      [&]() -> arrow::Result<VendedProperties> {
        ++asked;
        return MakeError(ErrorCode::kServiceUnavailable, "no answer");
      },
      options_);
  clock_.now_ms = 950;
  EXPECT_EQ(Token(&properties), "first");
  EXPECT_EQ(Token(&properties), "first");
  EXPECT_EQ(asked, 1);  // Not again before the pause is over.
  clock_.now_ms = 1000;
  const arrow::Status failed = properties.Get().status();
  EXPECT_TRUE(IsError(failed, ErrorCode::kServiceUnavailable));
  EXPECT_NE(ErrorText(failed).find("no answer"), std::string::npos);
  EXPECT_EQ(asked, 2);
}

TEST_F(CurrentPropertiesTest, OneOfManyCallersAsks) {
  std::atomic<int> asked = 0;
  CurrentProperties properties(
      Vended("first", 1000),
      [&]() -> arrow::Result<VendedProperties> {
        ++asked;
        return Vended("next", 5000);
      },
      options_);
  clock_.now_ms = 2000;
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { right += Token(&properties) == "next"; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(asked, 1);
}

TEST_F(CurrentPropertiesTest, ExpiredOnesInPlaceOfExpiredOnesAreNamed) {
  CurrentProperties properties(
      Vended("first", 1000),
      []() -> arrow::Result<VendedProperties> { return Vended("next", 500); }, options_);
  clock_.now_ms = 1500;
  const arrow::Status status = properties.Get().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kNotAuthorized));
  EXPECT_NE(ErrorText(status).find("clock"), std::string::npos);
}

}  // namespace
}  // namespace floe
