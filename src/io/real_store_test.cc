// Against a real object store: test/services/test_object_stores.py starts one and names
// it. FLOE_TEST_STORE_LOCATION is a location below which this may write,
// FLOE_TEST_STORE_PROPERTIES a JSON object of properties that open it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "arrow/buffer.h"
#include "base/env.h"
#include "base/error.h"
#include "base/random.h"
#include "base/request_counters.h"
#include "io/file_io.h"
#include "io/prefetch.h"
#include "io/remote_output.h"

namespace floe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Properties = std::map<std::string, std::string>;

class RealStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto location = GetEnv("FLOE_TEST_STORE_LOCATION");
    if (!location.has_value()) {
      GTEST_SKIP() << "FLOE_TEST_STORE_LOCATION is not set; ./dev test-services sets it";
    }
    root_ = JoinLocation(*location, NewUuid(Random::System()));
    const auto text = GetEnv("FLOE_TEST_STORE_PROPERTIES").value_or("{}");
    properties_ = nlohmann::json::parse(text).get<Properties>();
    io_ = MakeFileIO(properties_).ValueOrDie();
  }

  std::string At(const std::string& name) const { return JoinLocation(root_, name); }

  std::string root_;
  Properties properties_;
  std::shared_ptr<FileIO> io_;
};

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

TEST_F(RealStoreTest, WritesReadsListsAndDeletes) {
  const std::string name = "a b/day=2026-01-01/x%2Fy+z&\xc3\xa9.bin";
  ASSERT_EQ(io_->Write(At(name), "hello"), arrow::Status::OK());
  EXPECT_EQ(io_->ReadAll(At(name)).ValueOr("?"), "hello");
  EXPECT_EQ(io_->FileSize(At(name)).ValueOr(-1), 5);
  EXPECT_TRUE(io_->Exists(At(name)).ValueOr(false));
  EXPECT_FALSE(io_->Exists(At("a b/none")).ValueOr(true));
  ASSERT_EQ(io_->Write(At("a b/empty"), ""), arrow::Status::OK());
  EXPECT_EQ(io_->ReadAll(At("a b/empty")).ValueOr("?"), "");
  EXPECT_EQ(io_->FileSize(At("a b/empty")).ValueOr(-1), 0);

  const auto all = io_->List(At("a b"), true);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].location, At(name));
  EXPECT_EQ((*all)[0].size_bytes, 5);
  EXPECT_GT((*all)[0].modified_ms, int64_t{1'600'000'000'000});
  EXPECT_EQ(io_->List(At("a b"), false)->size(), 1u);
  EXPECT_TRUE(io_->List(At("nowhere"), true)->empty());

  EXPECT_EQ(io_->Delete(At(name)), arrow::Status::OK());
  EXPECT_FALSE(io_->Exists(At(name)).ValueOr(true));
  EXPECT_TRUE(IsError(io_->ReadAll(At(name)).status(), ErrorCode::kNoSuchFile));
  EXPECT_TRUE(IsError(io_->FileSize(At(name)).status(), ErrorCode::kNoSuchFile));
}

TEST_F(RealStoreTest, OfManyCreatorsOneSucceeds) {
  constexpr int kCreators = 8;
  std::atomic<int> created = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kCreators; ++i) {
    threads.emplace_back([&, i] {
      const arrow::Status status =
          io_->Write(At("once"), std::to_string(i), WriteMode::kCreate);
      if (status.ok()) ++created;
      if (IsError(status, ErrorCode::kAlreadyExists)) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, kCreators - 1);
  EXPECT_EQ(io_->Write(At("once"), "new"), arrow::Status::OK());
  EXPECT_EQ(io_->ReadAll(At("once")).ValueOr("?"), "new");
}

TEST_F(RealStoreTest, WritesInPartsAndReadsRanges) {
  const std::string bytes =
      Pattern(static_cast<size_t>(RemoteOutput::kPartBytes * 2 + 12345));
  ASSERT_EQ(io_->Write(At("large"), bytes), arrow::Status::OK());
  EXPECT_TRUE(io_->ReadAll(At("large")).ValueOr("?") == bytes);
  auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  auto input = io_->OpenInput(At("large"), static_cast<int64_t>(bytes.size()));
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(counters->totals().of(RequestKind::kGet), 0);
  auto with_ranges = PrefetchRanges(*input, {{100, 50}, {1000, 10}, {30'000'000, 1000}});
  ASSERT_TRUE(with_ranges.ok()) << with_ranges.status().ToString();
  EXPECT_EQ(counters->totals().of(RequestKind::kGet), 2);
  for (const auto& [begin, length] :
       {std::pair<int64_t, int64_t>{100, 50}, {1000, 10}, {500, 20}, {30'000'500, 500}}) {
    const auto buffer = (*with_ranges)->ReadAt(begin, length);
    ASSERT_TRUE(buffer.ok());
    EXPECT_TRUE(static_cast<std::string_view>(**buffer) ==
                std::string_view(bytes).substr(begin, length));
  }
  EXPECT_EQ(counters->totals().of(RequestKind::kGet), 2);
  EXPECT_EQ(counters->totals().of(RequestKind::kHead), 0);
}

TEST_F(RealStoreTest, SmallFilesTakeOneRequest) {
  ASSERT_EQ(io_->Write(At("small"), "content"), arrow::Status::OK());
  for (const int64_t known : {FileIO::kUnknownSize, int64_t{7}}) {
    auto counters = std::make_shared<RequestCounters>();
    RequestScope scope(counters);
    EXPECT_EQ(io_->ReadAll(At("small"), 100, known).ValueOr("?"), "content");
    EXPECT_EQ(counters->totals().of(RequestKind::kGet), 1);
    EXPECT_EQ(counters->totals().of(RequestKind::kHead), 0);
  }
  EXPECT_TRUE(
      IsError(io_->ReadAll(At("small"), 100, 6).status(), ErrorCode::kCorruptData));
  EXPECT_TRUE(
      IsError(io_->ReadAll(At("small"), 3).status(), ErrorCode::kResourceExhausted));
}

TEST_F(RealStoreTest, AnUnfinishedWriteLeavesNothing) {
  {
    auto output = io_->OpenOutput(At("unfinished"), WriteMode::kReplace);
    ASSERT_TRUE(output.ok());
    const std::string part = Pattern(static_cast<size_t>(RemoteOutput::kPartBytes + 1));
    ASSERT_EQ((*output)->Write(part.data(), static_cast<int64_t>(part.size())),
              arrow::Status::OK());
  }
  EXPECT_FALSE(io_->Exists(At("unfinished")).ValueOr(true));
}

TEST_F(RealStoreTest, AMissingBucketIsNoMissingFile) {
  std::string other = root_;
  const size_t bucket = other.find("://") + 3;
  other.insert(bucket, "missing-");
  std::vector<arrow::Status> failures = {io_->ReadAll(other).status(),
                                         io_->Exists(other).status(),
                                         io_->List(other, true).status()};
  // Google's stand-in makes the bucket that is written to.
  if (!root_.starts_with("gs:")) failures.push_back(io_->Write(other, "x"));
  for (const arrow::Status& status : failures) {
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(IsError(status, ErrorCode::kNoSuchFile)) << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr("missing-"));
  }
}

TEST_F(RealStoreTest, AWrongSecretIsRefusedAndNotShown) {
  Properties wrong = properties_;
  std::string secret;
  for (const char* key : {"s3.secret-access-key", "adls.account-key"}) {
    if (!wrong.contains(key)) continue;
    secret = wrong[key];
    wrong[key] = "AAAA" + secret.substr(4);
  }
  if (secret.empty()) GTEST_SKIP() << "the store checks no secret";
  auto io = MakeFileIO(wrong).ValueOrDie();
  const arrow::Status status = io->Write(At("x"), "x");
  EXPECT_TRUE(IsError(status, ErrorCode::kNotAuthorized)) << status.ToString();
  EXPECT_THAT(status.ToString(), Not(HasSubstr(secret.substr(4))));
}

}  // namespace
}  // namespace floe
