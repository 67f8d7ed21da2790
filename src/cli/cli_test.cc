#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/json/from_string.h"
#include "base/error.h"
#include "cli/application.h"
#include "cli/cell_text.h"
#include "cli/timestamp_text.h"
#include "cli/view_text.h"

namespace floe::cli {
namespace {

using testing::HasSubstr;

std::string Json(const std::shared_ptr<arrow::DataType>& type, const std::string& value) {
  auto array = arrow::json::ArrayFromJSONString(type, "[" + value + "]");
  EXPECT_TRUE(array.ok()) << array.status();
  std::string text;
  if (array.ok()) AppendJson(**array, 0, &text);
  return text;
}

TEST(CellText, ValuesAsJson) {
  EXPECT_EQ(Json(arrow::int64(), "-9007199254740993"), "-9007199254740993");
  EXPECT_EQ(Json(arrow::float64(), "0.1"), "0.1");
  EXPECT_EQ(Json(arrow::float32(), "0.1"), "0.1");
  EXPECT_EQ(Json(arrow::float64(), "-2"), "-2.0");
  EXPECT_EQ(Json(arrow::float64(), "Inf"), "\"Infinity\"");
  EXPECT_EQ(Json(arrow::utf8(), "\"a\\\"b\""), "\"a\\\"b\"");
  EXPECT_EQ(Json(arrow::list(arrow::int32()), "[1, null]"), "[1,null]");
  EXPECT_EQ(Json(arrow::decimal128(5, 2), "\"1.50\""), "\"1.50\"");
  EXPECT_EQ(Json(arrow::decimal128(38, 10), "\"-0.0000000001\""), "\"-0.0000000001\"");
  EXPECT_EQ(Json(arrow::decimal128(38, 10), "\"0.0000000000\""), "\"0.0000000000\"");
  EXPECT_EQ(Json(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "-1"),
            "\"1969-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(Json(arrow::struct_({arrow::field("a", arrow::int32())}), "{\"a\": 1}"),
            "{\"a\":1}");
}

TEST(TimestampText, ParsesTimesAndDurations) {
  EXPECT_EQ(TimestampText(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(*ParseTimestampMicros("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(*ParseTimestampMicros("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(*ParseDurationMicros("7d"), int64_t{7} * 86'400'000'000);
  EXPECT_THAT(ParseDurationMicros("7 days").status().message(), HasSubstr("7d"));
  EXPECT_FALSE(ParseDurationMicros("99999999999999999w").ok());
}

TEST(ViewText, ParsesEveryPart) {
  const auto view = ParseViewText(
      "table=feast.stats;key=driver:driver_id,city;time=ts;created=c;ttl=2h;features=a,b:"
      "x");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->name, "stats");
  EXPECT_EQ(view->keys[0].left, "driver");
  EXPECT_EQ(view->keys[0].right, "driver_id");
  EXPECT_EQ(view->keys[1].right, "city");
  EXPECT_EQ(view->ttl_us, int64_t{2} * 3'600'000'000);
  EXPECT_EQ(view->features[1].left, "x");
  EXPECT_EQ(view->features[1].right, "b");
}

TEST(ViewText, NamesWhatIsWrong) {
  EXPECT_THAT(ParseViewText("tabel=x").status().message(), HasSubstr("'table'"));
  EXPECT_THAT(ParseViewText("table=x;time=t").status().message(), HasSubstr("features="));
  EXPECT_THAT(ParseViewText("time=t;features=a").status().message(),
              HasSubstr("parquet=PATH"));
}

TEST(ExitCode, TellsCausesApart) {
  EXPECT_EQ(ExitCodeFor(arrow::Status::OK()), kExitOk);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kNoSuchTable, "x")), kExitNotFound);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kInvalidConfig, "x")), kExitUsage);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kCorruptData, "x")), kExitData);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kCommitConflict, "x")), kExitTryAgain);
}

}  // namespace
}  // namespace floe::cli
