#include "io/disk_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/random.h"

namespace floe {
namespace {

namespace fs = std::filesystem;

class FakeSource final : public RangeSource {
 public:
  FakeSource(std::string location, std::string bytes)
      : location_(std::move(location)), bytes_(std::move(bytes)) {}
  arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) override {
    ++requests;
    return ObjectPart{
        bytes_.substr(static_cast<size_t>(begin), static_cast<size_t>(length)),
        static_cast<int64_t>(bytes_.size())};
  }
  const std::string& location() const override { return location_; }
  std::atomic<int> requests = 0;

 private:
  const std::string location_;
  const std::string bytes_;
};

class DiskCacheTest : public ::testing::Test {
 protected:
  void TearDown() override { fs::remove_all(folder_); }

  std::shared_ptr<DiskCache> Open(int64_t max_bytes = DiskCache::kDefaultMaxBytes) {
    return DiskCache::Open(folder_, max_bytes).ValueOrDie();
  }
  static std::string Bytes(size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 977);
    return bytes;
  }
  std::vector<fs::path> Blocks() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().filename().string()[0] != '.') paths.push_back(entry.path());
    }
    return paths;
  }

  const std::string folder_ =
      (fs::temp_directory_path() / ("floe-cache-" + NewUuid(Random::System()))).string();
};

TEST_F(DiskCacheTest, AnswersAsTheStoreDoesAndAsksItOnce) {
  const std::string bytes = Bytes(static_cast<size_t>(DiskCache::kBlockBytes * 2 + 77));
  const auto size = static_cast<int64_t>(bytes.size());
  auto store = std::make_shared<FakeSource>("s3://b/a", bytes);
  auto cached = Open()->Wrap(store, store->location(), size);
  for (int round = 0; round < 2; ++round) {
    for (const auto& [begin, length] : {std::pair<int64_t, int64_t>{0, size},
                                        {5, 10},
                                        {size - 3, 100},
                                        {DiskCache::kBlockBytes - 1, 2},
                                        {0, DiskCache::kBlockBytes},
                                        {size, 4}}) {
      const ObjectPart part = cached->Get(begin, length).ValueOrDie();
      EXPECT_TRUE(part.bytes ==
                  bytes.substr(static_cast<size_t>(begin), static_cast<size_t>(length)));
      EXPECT_EQ(part.object_size_bytes, size);
    }
  }
  EXPECT_EQ(store->requests, 1);
  // Another process finds them; another size or place is another file.
  auto other = std::make_shared<FakeSource>("s3://b/a", bytes);
  EXPECT_TRUE(Open()->Wrap(other, other->location(), size)->Get(0, size)->bytes == bytes);
  EXPECT_EQ(other->requests, 0);
  auto moved = std::make_shared<FakeSource>("s3://b/b", bytes);
  EXPECT_TRUE(Open()->Wrap(moved, moved->location(), size)->Get(0, 10).ok());
  EXPECT_EQ(moved->requests, 1);
}

TEST_F(DiskCacheTest, DamagedAndTornBlocksAreReadAgain) {
  const std::string bytes = Bytes(1000);
  auto store = std::make_shared<FakeSource>("s3://b/a", bytes);
  auto cache = Open();
  auto cached = cache->Wrap(store, store->location(), 1000);
  ASSERT_TRUE(cached->Get(0, 1000).ok());
  ASSERT_EQ(Blocks().size(), 1u);
  const fs::path block = Blocks()[0];
  {
    std::fstream file(block, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('?');
  }
  EXPECT_EQ(cached->Get(0, 1000)->bytes, bytes);
  EXPECT_EQ(store->requests, 2);
  fs::resize_file(block, 40);
  EXPECT_EQ(cached->Get(0, 1000)->bytes, bytes);
  EXPECT_EQ(store->requests, 3);
  EXPECT_EQ(cache->counters().blocks_damaged, 2);
  EXPECT_EQ(cached->Get(0, 1000)->bytes, bytes);
  EXPECT_EQ(store->requests, 3);
}

TEST_F(DiskCacheTest, HoldsNoMoreThanItMay) {
  constexpr int64_t kMaxBytes = DiskCache::kBlockBytes * 4;
  auto cache = Open(kMaxBytes);
  const std::string bytes = Bytes(static_cast<size_t>(DiskCache::kBlockBytes));
  for (int i = 0; i < 12; ++i) {
    auto store = std::make_shared<FakeSource>("s3://b/" + std::to_string(i), bytes);
    ASSERT_TRUE(
        cache->Wrap(store, store->location(), DiskCache::kBlockBytes)->Get(0, 1).ok());
  }
  int64_t held = 0;
  for (const fs::path& path : Blocks()) held += static_cast<int64_t>(fs::file_size(path));
  EXPECT_LE(held, kMaxBytes);
  EXPECT_GT(held, 0);
  EXPECT_GT(cache->counters().blocks_evicted, 0);
}

TEST_F(DiskCacheTest, ManyReadersAndCachesOfOneFolderAgree) {
  const std::string bytes = Bytes(static_cast<size_t>(DiskCache::kBlockBytes * 3));
  const auto size = static_cast<int64_t>(bytes.size());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      auto store = std::make_shared<FakeSource>("s3://b/a", bytes);
      auto cached =
          Open(DiskCache::kBlockBytes * 2)->Wrap(store, store->location(), size);
      for (int i = 0; i < 20; ++i) right += cached->Get(0, size)->bytes == bytes;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

TEST_F(DiskCacheTest, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(folder_) << "a file";
  const arrow::Status status = DiskCache::Open(folder_, 1 << 20).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig));
  EXPECT_NE(ErrorText(status).find("floe.disk-cache.path"), std::string::npos);
}

}  // namespace
}  // namespace floe
