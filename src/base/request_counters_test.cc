#include "base/request_counters.h"

#include <gtest/gtest.h>

#include "base/parallel.h"

namespace floe {
namespace {

TEST(RequestCounters, ScopesNestAndFollowParallelSteps) {
  const int64_t process_before =
      RequestCounters::Process().totals().of(RequestKind::kGet);
  auto outer = std::make_shared<RequestCounters>();
  auto inner = std::make_shared<RequestCounters>();
  {
    RequestScope outer_scope(outer);
    CountRequest(RequestKind::kPut, 0, 7);
    {
      RequestScope inner_scope(inner);
      ASSERT_TRUE(ParallelFor(10, 4, [](int64_t) {
                    CountRequest(RequestKind::kGet, 3);
                    return arrow::Status::OK();
                  }).ok());
      CountRetry();
    }
    CountRequest(RequestKind::kList);
  }
  CountRequest(RequestKind::kGet);
  EXPECT_EQ(inner->totals().of(RequestKind::kGet), 10);
  EXPECT_EQ(inner->totals().of(RequestKind::kPut), 0);
  EXPECT_EQ(inner->totals().read_bytes, 30);
  EXPECT_EQ(inner->totals().retries, 1);
  EXPECT_EQ(outer->totals().of(RequestKind::kGet), 10);
  EXPECT_EQ(outer->totals().of(RequestKind::kPut), 1);
  EXPECT_EQ(outer->totals().of(RequestKind::kList), 1);
  EXPECT_EQ(outer->totals().written_bytes, 7);
  EXPECT_EQ(RequestCounters::Process().totals().of(RequestKind::kGet),
            process_before + 11);
}

}  // namespace
}  // namespace floe
