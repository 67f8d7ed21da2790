#include "iceberg/spec/transform.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "iceberg/spec/partition_spec.h"

namespace floe::iceberg {
namespace {

Literal Parse(const TypePtr& type, std::string_view text) {
  return Literal::FromText(type, text).ValueOrDie();
}

/// Spec Appendix B, 32-bit hash requirements.
TEST(TransformTest, BucketHashesOfTheSpecification) {
  const auto hash = [](const Literal& value) { return BucketHash(value).ValueOrDie(); };
  EXPECT_EQ(hash(Literal::Boolean(true)), 1392991556);
  EXPECT_EQ(hash(Literal::Int(34)), 2017239379);
  EXPECT_EQ(hash(Literal::Int(1)), 1392991556);
  EXPECT_EQ(hash(Literal::Long(34)), 2017239379);
  EXPECT_EQ(hash(Literal::Float(1.0F)), -142385009);
  EXPECT_EQ(hash(Literal::Double(1.0)), -142385009);
  EXPECT_EQ(hash(Literal::Float(0.0F)), 1669671676);
  EXPECT_EQ(hash(Literal::Float(-0.0F)), 1669671676);
  EXPECT_EQ(hash(Literal::Double(0.0)), 1669671676);
  EXPECT_EQ(hash(Literal::Double(-0.0)), 1669671676);
  EXPECT_EQ(hash(Parse(Type::Decimal(9, 2), "14.20")), -500754589);
  EXPECT_EQ(hash(Parse(Type::Date(), "2017-11-16")), -653330422);
  EXPECT_EQ(hash(Parse(Type::Time(), "22:31:08")), -662762989);
  EXPECT_EQ(hash(Parse(Type::Timestamp(), "2017-11-16T22:31:08")), -2047944441);
  EXPECT_EQ(hash(Parse(Type::Timestamp(), "2017-11-16T22:31:08.000001")), -1207196810);
  EXPECT_EQ(hash(Parse(Type::TimestampTz(), "2017-11-16T14:31:08-08:00")), -2047944441);
  EXPECT_EQ(hash(Parse(Type::TimestampNs(), "2017-11-16T22:31:08")), -2047944441);
  EXPECT_EQ(hash(Parse(Type::TimestampNs(), "2017-11-16T22:31:08.000001001")),
            -1207196810);
  EXPECT_EQ(hash(Literal::String("iceberg")), 1210000089);
  EXPECT_EQ(hash(Parse(Type::Uuid(), "f79c3e09-677c-4bbd-a479-3f349cb785e7")),
            1488055340);
  EXPECT_EQ(hash(Parse(Type::Fixed(4), "00010203")), -188683207);
  EXPECT_EQ(hash(Parse(Type::Binary(), "00010203")), -188683207);
}

std::string Applied(const Transform& transform, const Literal& value) {
  const auto result = transform.Apply(value);
  return result.ok() ? result->ToString() : ErrorText(result.status());
}

TEST(TransformTest, TruncationRoundsDown) {
  EXPECT_EQ(Applied(Transform::Truncate(10), Literal::Int(1)), "0");
  EXPECT_EQ(Applied(Transform::Truncate(10), Literal::Int(-1)), "-10");
  EXPECT_EQ(Applied(Transform::Truncate(10), Literal::Long(-11)), "-20");
  EXPECT_EQ(Applied(Transform::Truncate(50), Parse(Type::Decimal(9, 2), "10.65")),
            "10.50");
  EXPECT_EQ(Applied(Transform::Truncate(10), Parse(Type::Decimal(9, 2), "-0.05")),
            "-0.10");
  EXPECT_EQ(Applied(Transform::Truncate(3), Literal::String("iceberg")), "\"ice\"");
  EXPECT_EQ(Applied(Transform::Truncate(2), Literal::String("\xc3\xa9\xe2\x82\xac!")),
            "\"\xc3\xa9\xe2\x82\xac\"");
  EXPECT_EQ(Applied(Transform::Truncate(1), Parse(Type::Binary(), "0102")), "x'01'");
  // Java wraps here; what matters is that it is defined.
  EXPECT_EQ(
      Applied(Transform::Truncate(10), Literal::Int(std::numeric_limits<int32_t>::min())),
      "2147483646");
}

TEST(TransformTest, TimePartsCountFromTheEpochDownwards) {
  const Literal before = Parse(Type::Timestamp(), "1969-12-31T23:59:59.999999");
  for (const Transform& transform :
       {Transform::Year(), Transform::Month(), Transform::Day(), Transform::Hour()}) {
    EXPECT_EQ(transform.Apply(before).ValueOrDie().as<int32_t>(), -1);
  }
  const Literal after = Parse(Type::TimestampTz(), "2017-12-01T10:12:55.038194+00:00");
  EXPECT_EQ(Transform::Year().Apply(after).ValueOrDie(), Literal::Int(47));
  EXPECT_EQ(Transform::Month().Apply(after).ValueOrDie(), Literal::Int(575));
  EXPECT_EQ(Transform::Day().Apply(after).ValueOrDie(), Literal(Type::Date(), 17501));
  EXPECT_EQ(Transform::Hour().Apply(after).ValueOrDie(), Literal::Int(420034));
  EXPECT_EQ(Transform::Day().Apply(Parse(Type::Date(), "2017-12-01")).ValueOrDie(),
            Literal(Type::Date(), 17501));
  EXPECT_FALSE(Transform::Hour().Apply(Parse(Type::Date(), "2017-12-01")).ok());
  EXPECT_TRUE(Transform::Day().Apply(Literal::Null(Type::Date())).ValueOrDie().is_null());
}

TEST(TransformTest, TextRoundTripsAndUnknownIsKept) {
  for (const char* text : {"identity", "void", "year", "month", "day", "hour",
                           "bucket[16]", "truncate[4]"}) {
    const Transform transform = Transform::FromString(text).ValueOrDie();
    EXPECT_NE(transform.kind(), Transform::Kind::kUnknown);
    EXPECT_EQ(transform.ToString(), text);
  }
  const Transform zorder = Transform::FromString("zorder[3]").ValueOrDie();
  EXPECT_EQ(zorder.kind(), Transform::Kind::kUnknown);
  EXPECT_EQ(zorder.ToString(), "zorder[3]");
  EXPECT_TRUE(IsError(zorder.Apply(Literal::Int(1)).status(), ErrorCode::kNotSupported));
  EXPECT_FALSE(Transform::FromString("bucket[0]").ok());
  EXPECT_FALSE(Transform::FromString("truncate[-1]").ok());
  EXPECT_FALSE(Transform::Bucket(4).ResultType(Type::Double()).ok());
}

TEST(PartitionSpecTest, PathsAreThoseOfTheJavaReference) {
  PartitionSpec spec;
  spec.fields = {
      {1, 1000, "s", Transform::Identity()},    {2, 1001, "ts_hour", Transform::Hour()},
      {2, 1002, "ts_day", Transform::Day()},    {2, 1003, "ts_month", Transform::Month()},
      {2, 1004, "ts_year", Transform::Year()},  {3, 1005, "bin", Transform::Identity()},
      {4, 1006, "dec", Transform::Truncate(50)}};
  EXPECT_EQ(spec.PartitionPath({Literal::String("a b/c=\xc3\xa9"), Literal::Int(-1),
                                Literal(Type::Date(), 17501), Literal::Int(575),
                                Literal::Int(-1), Literal::Binary("\x01\x02"),
                                Parse(Type::Decimal(9, 2), "10.50")}),
            "s=a+b%2Fc%3D%C3%A9/ts_hour=1969-12-31-23/ts_day=2017-12-01/"
            "ts_month=2017-12/ts_year=1969/bin=AQI%3D/dec=10.50");
  EXPECT_EQ(spec.PartitionPath({Literal::Null(Type::String())}), "s=null");
}

TEST(PartitionSpecTest, DroppedSourcesLeaveUnknownTypes) {
  const auto schema =
      Schema::Make({NestedField::Optional(2, "ts", Type::Timestamp())}).ValueOrDie();
  PartitionSpec spec;
  spec.fields = {{1, 1000, "gone", Transform::Bucket(4)},
                 {2, 1001, "ts_day", Transform::Day()}};
  const TypePtr type = spec.PartitionType(*schema).ValueOrDie();
  EXPECT_EQ(type->fields()[0].type->id(), TypeId::kUnknown);
  EXPECT_EQ(type->fields()[1].type->id(), TypeId::kDate);
  EXPECT_EQ(type->fields()[1].id, 1001);
  PartitionSpec same = spec;
  same.spec_id = 9;
  same.fields[0].field_id = 1010;
  EXPECT_TRUE(spec.IsEquivalentTo(same));
  same.fields[0].transform = Transform::Bucket(8);
  EXPECT_FALSE(spec.IsEquivalentTo(same));
}

}  // namespace
}  // namespace floe::iceberg
