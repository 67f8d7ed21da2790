#include "capi/partition_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace floe::capi {
namespace {

using iceberg::NestedField;
using iceberg::Type;

class PartitionTextTest : public ::testing::Test {
 protected:
  iceberg::SchemaPtr schema_ =
      *iceberg::Schema::Make({NestedField::Optional(1, "ts", Type::TimestampTz()),
                              NestedField::Optional(2, "k", Type::Long()),
                              NestedField::Optional(3, "a b", Type::String())});
};

TEST_F(PartitionTextTest, ReadsEveryTransformAndNamesFieldsAsTheReferenceDoes) {
  auto spec = *ParsePartitionBy(
      {"day(ts)", "hour( ts )", "bucket(16, k)", "truncate(4,a b)", "k", "identity(a b)"},
      *schema_);
  std::vector<std::string> fields;
  for (const iceberg::PartitionField& field : spec.fields) {
    fields.push_back(
        fmt::format("{} {} {}", field.name, field.transform.ToString(), field.source_id));
  }
  EXPECT_THAT(fields, ::testing::ElementsAre(
                          "ts_day day 1", "ts_hour hour 1", "k_bucket bucket[16] 2",
                          "a b_trunc truncate[4] 3", "k identity 2", "a b identity 3"));
}

TEST_F(PartitionTextTest, RefusesWhatIsNoPartitionField) {
  for (const char* text :
       {"", "()", "days(ts)", "bucket(k)", "bucket(0, k)", "bucket(x, k)",
        "bucket(99999999999, k)", "void(k)", "day()"}) {
    arrow::Status status = ParsePartitionBy({text}, *schema_).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument)) << text;
    EXPECT_THAT(ErrorText(status), ::testing::HasSubstr("bucket(N, c)")) << text;
  }
  arrow::Status status = ParsePartitionBy({"day(tz)"}, *schema_).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kNoSuchColumn));
}

}  // namespace
}  // namespace floe::capi
