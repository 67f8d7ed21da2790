#include "io/path_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/random.h"

namespace floe {
namespace {

TEST(PathMappingTest, FindsMovedFiles) {
  const std::string root =
      (std::filesystem::temp_directory_path() / ("floe-map-" + NewUuid(Random::System())))
          .string();
  auto base = *MakeFileIO({});
  ASSERT_TRUE(base->Write(root + "/t/data/a", "moved").ok());
  const auto prefixes = ParsePathPrefixes("s3://b/wh=/nowhere;s3://b/wh/t=" + root +
                                          "/t;file:///old/wh=" + root);
  ASSERT_TRUE(prefixes.ok());
  auto io = MapPaths(base, *prefixes);
  for (const char* location : {"s3://b/wh/t/data/a", "file:///old/wh/t/data/a",
                               "/old/wh/t/data/a", "file:/old/wh/t/data/a"}) {
    EXPECT_EQ(io->ReadAll(location).ValueOr("?"), "moved") << location;
    EXPECT_EQ(io->CacheName(location), root + "/t/data/a") << location;
  }
  // A prefix ends with a folder's name, not within one.
  EXPECT_EQ(io->CacheName("s3://b/wh/table/x"), "/nowhere/table/x");
  EXPECT_EQ(io->CacheName("/old/whale"), "/old/whale");
  EXPECT_EQ(base->CacheName("s3://b/wh/t/data/a"), "s3://b/wh/t/data/a");
  const auto listed = io->List("s3://b/wh/t", true);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().location, "s3://b/wh/t/data/a");
  std::filesystem::remove_all(root);
}

TEST(PathMappingTest, RefusesWhatIsNoPrefix) {
  EXPECT_TRUE(ParsePathPrefixes("")->empty());
  for (const char* text : {"a", "=b", "a=b;c"}) {
    EXPECT_TRUE(IsError(ParsePathPrefixes(text).status(), ErrorCode::kInvalidConfig))
        << text;
  }
}

}  // namespace
}  // namespace floe
