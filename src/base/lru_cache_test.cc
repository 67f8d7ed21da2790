#include "base/lru_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"

namespace floe {
namespace {

using Cache = LruCache<std::string>;

Cache::Loader Load(std::string value, int64_t bytes, std::atomic<int>* loads) {
  return [=]() -> arrow::Result<Cache::Loaded> {
    ++*loads;
    return Cache::Loaded{std::make_shared<const std::string>(value), bytes};
  };
}

TEST(LruCache, EvictsTheLeastRecentlyUsedByBytes) {
  Cache cache(100);
  std::atomic<int> loads{0};
  ASSERT_TRUE(cache.GetOrLoad("a", Load("a", 40, &loads)).ok());
  ASSERT_TRUE(cache.GetOrLoad("b", Load("b", 40, &loads)).ok());
  ASSERT_TRUE(cache.GetOrLoad("a", Load("a", 40, &loads)).ok());
  ASSERT_TRUE(cache.GetOrLoad("c", Load("c", 40, &loads)).ok());
  EXPECT_EQ(loads, 3);
  EXPECT_EQ(cache.used_bytes(), 80);
  ASSERT_TRUE(cache.GetOrLoad("a", Load("a", 40, &loads)).ok());
  EXPECT_EQ(loads, 3) << "a was used after b, so b had to go";
  ASSERT_TRUE(cache.GetOrLoad("b", Load("b", 40, &loads)).ok());
  EXPECT_EQ(loads, 4);
}

TEST(LruCache, AValueOverTheCapacityIsGivenButNotKept) {
  Cache cache(10);
  std::atomic<int> loads{0};
  EXPECT_EQ(**cache.GetOrLoad("a", Load("big", 11, &loads)), "big");
  EXPECT_EQ(cache.used_bytes(), 0);
}

TEST(LruCache, ErrorsAreNotCached) {
  Cache cache(10);
  const auto fail = []() -> arrow::Result<Cache::Loaded> {
    return MakeError(ErrorCode::kIo, "down");
  };
  EXPECT_TRUE(IsError(cache.GetOrLoad("a", fail).status(), ErrorCode::kIo));
  std::atomic<int> loads{0};
  EXPECT_EQ(**cache.GetOrLoad("a", Load("up", 1, &loads)), "up");
}

TEST(LruCache, ManyThreadsLoadOnce) {
  Cache cache(1000);
  std::atomic<int> loads{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { EXPECT_EQ(**cache.GetOrLoad("k", Load("v", 1, &loads)), "v"); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace floe
