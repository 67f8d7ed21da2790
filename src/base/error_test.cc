#include "base/error.h"

#include <gtest/gtest.h>

namespace floe {
namespace {

TEST(Error, CarriesCodeContextAndRetryability) {
  arrow::Status status = MakeError(ErrorCode::kCommitConflict, "snapshot {} is stale", 7);
  status = WithContext(status, "table", "db.t");
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict));
  EXPECT_TRUE(IsRetryable(status));
  EXPECT_EQ(ErrorText(status), "snapshot 7 is stale (table=db.t)");
}

TEST(Error, EveryCodeHasItsOwnRow) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(ErrorCodeOf(MakeError(code, "x")), code);
    for (int j = 0; j < i; ++j) {
      EXPECT_NE(ErrorCodeName(code), ErrorCodeName(static_cast<ErrorCode>(j)));
    }
  }
}

TEST(Error, ForeignStatusGetsACodeAndKeepsItsMessage) {
  arrow::Status status = WithContext(arrow::Status::IOError("disk full"), "file", "a");
  EXPECT_TRUE(IsError(status, ErrorCode::kIo));
  EXPECT_FALSE(IsRetryable(status));
  EXPECT_EQ(ErrorText(status), "disk full (file=a)");
}

TEST(Error, NearestNameOnlyWhenNear) {
  EXPECT_EQ(NearestName("warehous", {"uri", "warehouse"}), "warehouse");
  EXPECT_EQ(NearestName("zzzzzz", {"uri", "warehouse"}), "");
}

}  // namespace
}  // namespace floe
