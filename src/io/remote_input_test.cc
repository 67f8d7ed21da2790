#include "io/remote_input.h"

#include <gtest/gtest.h>

#include <mutex>
#include <numeric>

#include "base/error.h"
#include "io/prefetch.h"

namespace floe {
namespace {

/// Bytes in memory, and what was asked for.
class FakeSource final : public RangeSource {
 public:
  explicit FakeSource(int64_t size) : bytes_(static_cast<size_t>(size), '\0') {
    std::iota(bytes_.begin(), bytes_.end(), '\0');
  }

  arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) override {
    std::lock_guard<std::mutex> lock(mutex_);
    asked_.emplace_back(begin, length);
    const auto size = static_cast<int64_t>(bytes_.size());
    const int64_t from = std::min(begin, size);
    return ObjectPart{bytes_.substr(static_cast<size_t>(from),
                                    static_cast<size_t>(std::min(length, size - from))),
                      size};
  }
  const std::string& location() const override { return location_; }
  std::string_view bytes() const { return bytes_; }
  std::vector<std::pair<int64_t, int64_t>> TakeAsked() {
    std::lock_guard<std::mutex> lock(mutex_);
    std::sort(asked_.begin(), asked_.end());
    return std::exchange(asked_, {});
  }

 private:
  std::string bytes_;
  const std::string location_ = "s3://b/file";
  std::mutex mutex_;
  std::vector<std::pair<int64_t, int64_t>> asked_;
};

using Asked = std::vector<std::pair<int64_t, int64_t>>;

std::string Text(const std::shared_ptr<arrow::Buffer>& buffer) {
  return std::string(static_cast<std::string_view>(*buffer));
}

TEST(RemoteInputTest, AKnownSizeSparesARequestAndAnUnknownOneIsLearntFromTheFirst) {
  auto source = std::make_shared<FakeSource>(1000);
  auto known = RemoteInput::Open(source, 1000).ValueOrDie();
  EXPECT_EQ(known->GetSize().ValueOrDie(), 1000);
  EXPECT_EQ(source->TakeAsked(), Asked{});
  auto unknown = RemoteInput::Open(source, -1).ValueOrDie();
  EXPECT_EQ(unknown->GetSize().ValueOrDie(), 1000);
  EXPECT_EQ(Text(unknown->ReadAt(0, 2000).ValueOrDie()), source->bytes());
  EXPECT_EQ(source->TakeAsked().size(), 1u);
}

TEST(RemoteInputTest, NearRangesAreFetchedTogetherAndFarOnesApart) {
  constexpr int64_t kSize = int64_t{3} << 20;
  auto source = std::make_shared<FakeSource>(kSize);
  auto input = RemoteInput::Open(source, kSize).ValueOrDie();
  auto held = input
                  ->WithRanges({{kSize - 10, 100},
                                {5000, 10},
                                {100, 10},
                                {5005, 10},
                                {-5, 0},
                                {kSize + 5, 7}})
                  .ValueOrDie();
  EXPECT_EQ(source->TakeAsked(), (Asked{{100, 4915}, {kSize - 10, 10}}));
  EXPECT_EQ(Text(held->ReadAt(5000, 15).ValueOrDie()), source->bytes().substr(5000, 15));
  std::string bytes(10, '\0');
  EXPECT_EQ(held->ReadAt(kSize - 10, 20, bytes.data()).ValueOrDie(), 10);
  EXPECT_EQ(bytes, source->bytes().substr(kSize - 10));
  EXPECT_EQ(source->TakeAsked(), Asked{});
  // What is held already is not asked for again, and stays.
  auto more = held->WithRanges({{200, 10}, {1 << 20, 10}}).ValueOrDie();
  EXPECT_EQ(source->TakeAsked(), (Asked{{1 << 20, 10}}));
  EXPECT_EQ(Text(more->ReadAt(100, 5).ValueOrDie()), source->bytes().substr(100, 5));
  EXPECT_EQ(source->TakeAsked(), Asked{});
  EXPECT_EQ(PrefetchedBytes(*more), 4915 + 10 + 10);
}

TEST(RemoteInputTest, ALargeReadIsSeveralRequests) {
  const int64_t size = RemoteInput::kRequestBytes * 2 + 5;
  auto source = std::make_shared<FakeSource>(size);
  auto input = RemoteInput::Open(source, size).ValueOrDie();
  EXPECT_EQ(Text(input->ReadAt(0, size).ValueOrDie()), source->bytes());
  EXPECT_EQ(source->TakeAsked().size(), 3u);
  std::string bytes(static_cast<size_t>(size), '\0');
  EXPECT_EQ(input->ReadAt(0, size, bytes.data()).ValueOrDie(), size);
  EXPECT_EQ(bytes, source->bytes());
}

TEST(RemoteInputTest, AFileOfAnotherSizeIsAnError) {
  auto source = std::make_shared<FakeSource>(1000);
  auto input = RemoteInput::Open(source, 999).ValueOrDie();
  EXPECT_TRUE(IsError(input->ReadAt(0, 10).status(), ErrorCode::kCorruptData));
}

TEST(RemoteInputTest, ReadsOnFromItsPosition) {
  auto source = std::make_shared<FakeSource>(100);
  auto input = RemoteInput::Open(source, 100).ValueOrDie();
  ASSERT_TRUE(input->Seek(90).ok());
  EXPECT_EQ(Text(input->Read(4).ValueOrDie()), source->bytes().substr(90, 4));
  EXPECT_EQ(Text(input->Read(40).ValueOrDie()), source->bytes().substr(94));
  EXPECT_EQ(input->Tell().ValueOrDie(), 100);
  EXPECT_FALSE(input->Seek(-1).ok());
}

}  // namespace
}  // namespace floe
