#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "base/hex.h"
#include "base/parallel.h"
#include "base/random.h"

namespace floe {
namespace {

TEST(Hex, RoundTripsAndRefusesOtherText) {
  EXPECT_EQ(HexEncode(std::string("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(*HexDecode("00FF1a"), std::string("\x00\xff\x1a", 3));
  EXPECT_FALSE(HexDecode("0").ok());
  EXPECT_FALSE(HexDecode("0g").ok());
}

TEST(Uuid, IsVersionFourAndReplaysBySeed) {
  const std::string uuid = NewUuid(*Random::Seeded(1));
  EXPECT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
  EXPECT_EQ(uuid, NewUuid(*Random::Seeded(1)));
  EXPECT_NE(uuid, NewUuid(*Random::Seeded(2)));
}

TEST(ParallelFor, RunsEachTaskOnceAndReportsTheLowestFailure) {
  std::atomic<int64_t> sum{0};
  ASSERT_TRUE(ParallelFor(1000, 4, [&](int64_t task) {
                sum += task;
                return arrow::Status::OK();
              }).ok());
  EXPECT_EQ(sum, 999 * 1000 / 2);
  const arrow::Status status = ParallelFor(10, 1, [&](int64_t task) {
    return task < 3 ? arrow::Status::OK() : MakeError(ErrorCode::kIo, "task {}", task);
  });
  EXPECT_EQ(status.message(), "task 3");
}

}  // namespace
}  // namespace floe
