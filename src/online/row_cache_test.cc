#include "online/row_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace floe::online {
namespace {

CachedRow RowOf(uint64_t version, size_t bytes) {
  auto row = std::make_shared<EncodedRow>();
  row->is_found = true;
  row->values = std::string(bytes, 'v');
  row->ends = {static_cast<uint32_t>(bytes)};
  CachedRow cached;
  cached.row = std::move(row);
  cached.version = version;
  return cached;
}

TEST(RowCacheTest, KeepsLineagesShapesAndKeysApart) {
  RowCache cache(1 << 20);
  cache.Put({1, 1, "k"}, RowOf(1, 10));
  EXPECT_TRUE(cache.Find({1, 1, "k"}).has_value());
  EXPECT_FALSE(cache.Find({2, 1, "k"}).has_value());
  EXPECT_FALSE(cache.Find({1, 2, "k"}).has_value());
  EXPECT_FALSE(cache.Find({1, 1, "kk"}).has_value());
}

TEST(RowCacheTest, ALaterVersionIsNotReplacedByAnEarlierOne) {
  RowCache cache(1 << 20);
  cache.Put({1, 1, "k"}, RowOf(5, 10));
  cache.Put({1, 1, "k"}, RowOf(4, 20));
  EXPECT_EQ(cache.Find({1, 1, "k"})->row->values.size(), 10u);
  cache.Put({1, 1, "k"}, RowOf(6, 30));
  EXPECT_EQ(cache.Find({1, 1, "k"})->row->values.size(), 30u);
}

TEST(RowCacheTest, StaysWithinItsBytesAndLetsTheOldestGo) {
  constexpr int64_t kCapacity = 1 << 20;
  RowCache cache(kCapacity);
  int64_t kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    cache.Put({1, 1, std::to_string(i)}, RowOf(1, 200));
    cache.Find({1, 1, "0"});
    ASSERT_LE(cache.used_bytes(), kCapacity);
  }
  for (int i = 0; i < 20'000; ++i) {
    kept += cache.Find({1, 1, std::to_string(i)}).has_value() ? 1 : 0;
  }
  EXPECT_GT(kept, 500);
  EXPECT_LT(kept, 5000);
  EXPECT_TRUE(cache.Find({1, 1, "0"}).has_value());
  EXPECT_TRUE(cache.Find({1, 1, "19999"}).has_value());
  EXPECT_FALSE(cache.Find({1, 1, "1"}).has_value());
  // What is larger than all there is room for is not kept, and nothing goes for it.
  cache.Put({1, 1, "large"}, RowOf(1, kCapacity));
  EXPECT_FALSE(cache.Find({1, 1, "large"}).has_value());
  EXPECT_TRUE(cache.Find({1, 1, "19999"}).has_value());
}

}  // namespace
}  // namespace floe::online
