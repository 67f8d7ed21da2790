#include "iceberg/spec/literal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/hex.h"

namespace floe::iceberg {
namespace {

Literal Parse(const TypePtr& type, std::string_view text) {
  return Literal::FromText(type, text).ValueOrDie();
}

struct SingleValue {
  const char* type;
  const char* text;
  const char* hex;   ///< Binary form.
  const char* json;  ///< JSON form.
};

/// Spec Appendix D; the values of its JSON table where it gives one.
const SingleValue kSingleValues[] = {
    {"boolean", "true", "01", "true"},
    {"int", "34", "22000000", "34"},
    {"long", "34", "2200000000000000", "34"},
    {"float", "1.0", "0000803f", "1.0"},
    {"double", "1.0", "000000000000f03f", "1.0"},
    {"decimal(9, 2)", "14.20", "058c", "\"14.20\""},
    {"decimal(9, 2)", "-1.00", "9c", "\"-1.00\""},
    {"decimal(9, 2)", "1.28", "0080", "\"1.28\""},
    {"decimal(38, 0)", "-17014118346046923173168730371588410572",
     "f3333333333333333333333333333334", nullptr},
    {"date", "2017-11-16", "4e440000", "\"2017-11-16\""},
    {"time", "22:31:08.123456", "406509e012000000", "\"22:31:08.123456\""},
    {"timestamp", "2017-11-16T22:31:08.123456", "40a5282d215e0500",
     "\"2017-11-16T22:31:08.123456\""},
    {"timestamptz", "2017-11-16T22:31:08.123456+00:00", "40a5282d215e0500",
     "\"2017-11-16T22:31:08.123456+00:00\""},
    {"timestamp_ns", "2017-11-16T22:31:08.123456789", nullptr,
     "\"2017-11-16T22:31:08.123456789\""},
    {"timestamptz_ns", "2017-11-16T22:31:08.123456789+00:00", nullptr,
     "\"2017-11-16T22:31:08.123456789+00:00\""},
    {"string", "iceberg", "69636562657267", "\"iceberg\""},
    {"uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7", "f79c3e09677c4bbda4793f349cb785e7",
     "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
    {"fixed[4]", "00010203", "00010203", "\"00010203\""},
    {"binary", "00010203", "00010203", "\"00010203\""},
};

TEST(LiteralTest, SingleValueForms) {
  for (const SingleValue& value : kSingleValues) {
    SCOPED_TRACE(std::string(value.type) + " " + value.text);
    const TypePtr type = Type::FromString(value.type).ValueOrDie();
    const Literal literal = Parse(type, value.text);
    const std::string bytes = literal.ToBytes().ValueOrDie();
    if (value.hex != nullptr) {
      EXPECT_EQ(HexEncode(bytes), value.hex);
    }
    EXPECT_EQ(Literal::FromBytes(type, bytes).ValueOrDie(), literal);
    if (value.json == nullptr) continue;
    EXPECT_EQ(literal.ToJsonText().ValueOrDie(), value.json);
    EXPECT_EQ(Literal::FromJsonText(type, value.json).ValueOrDie(), literal);
  }
}

TEST(LiteralTest, DecimalsTakeTheFewestBytes) {
  const auto hex = [](std::string_view text) {
    return HexEncode(Parse(Type::Decimal(38, 0), text).ToBytes().ValueOrDie());
  };
  EXPECT_EQ(hex("0"), "00");
  EXPECT_EQ(hex("127"), "7f");
  EXPECT_EQ(hex("128"), "0080");
  EXPECT_EQ(hex("-128"), "80");
  EXPECT_EQ(hex("-129"), "ff7f");
  EXPECT_EQ(hex("99999999999999999999999999999999999999"),
            "4b3b4ca85a86c47a098a223fffffffff");
}

TEST(LiteralTest, BoundsOfNarrowerTypesAreWidened) {
  const auto bytes = [](const Literal& literal) {
    return literal.ToBytes().ValueOrDie();
  };
  EXPECT_EQ(Literal::FromBytes(Type::Long(), bytes(Literal::Int(-5))).ValueOrDie(),
            Literal::Long(-5));
  EXPECT_EQ(Literal::FromBytes(Type::Double(), bytes(Literal::Float(1.5F))).ValueOrDie(),
            Literal::Double(1.5));
  EXPECT_EQ(
      Literal::FromBytes(Type::Timestamp(), bytes(Parse(Type::Date(), "1969-12-31")))
          .ValueOrDie(),
      Parse(Type::Timestamp(), "1969-12-31"));
  EXPECT_TRUE(IsError(Literal::FromBytes(Type::TimestampTz(), "abcd").status(),
                      ErrorCode::kCorruptData));
  EXPECT_TRUE(
      IsError(Literal::FromBytes(Type::Int(), "abc").status(), ErrorCode::kCorruptData));
  EXPECT_TRUE(IsError(Literal::FromBytes(Type::Decimal(9, 2), "").status(),
                      ErrorCode::kCorruptData));
}

TEST(LiteralTest, RefusesTextThatIsNoValue) {
  const auto refused = [](const TypePtr& type, std::string_view text) {
    return IsError(Literal::FromText(type, text).status(), ErrorCode::kInvalidArgument);
  };
  EXPECT_TRUE(refused(Type::Int(), "2147483648"));
  EXPECT_TRUE(refused(Type::Int(), "1x"));
  EXPECT_TRUE(refused(Type::Int(), ""));
  EXPECT_TRUE(refused(Type::Date(), "2026-02-29"));
  EXPECT_TRUE(refused(Type::Date(), "2026-13-01"));
  EXPECT_TRUE(refused(Type::Time(), "24:00:00"));
  EXPECT_TRUE(refused(Type::Timestamp(), "2026-11-22T10:00:00Z"));
  EXPECT_TRUE(refused(Type::Timestamp(), "2026-11-22T10:00:00.1234567"));
  EXPECT_TRUE(refused(Type::TimestampNs(), "2300-01-01T00:00:00"));
  EXPECT_TRUE(refused(Type::Decimal(4, 2), "1.234"));
  EXPECT_TRUE(refused(Type::Decimal(4, 2), "100"));
  EXPECT_TRUE(refused(Type::Uuid(), "f79c3e09-677c-4bbd-a479-3f349cb785e"));
  EXPECT_TRUE(refused(Type::Fixed(2), "00"));
  EXPECT_TRUE(refused(Type::Boolean(), "yes"));
}

TEST(LiteralTest, TimestampTextInManyForms) {
  const int64_t ten = 1795341600000000;  // 2026-11-22T10:00:00Z
  EXPECT_EQ(Parse(Type::Timestamp(), "2026-11-22 10:00").as<int64_t>(), ten);
  EXPECT_EQ(Parse(Type::TimestampTz(), "2026-11-22T10:00:00").as<int64_t>(), ten);
  EXPECT_EQ(Parse(Type::TimestampTz(), "2026-11-22T10:00:00Z").as<int64_t>(), ten);
  EXPECT_EQ(Parse(Type::TimestampTz(), "2026-11-22T12:30:00.5+02:30").as<int64_t>(),
            ten + 500000);
  EXPECT_EQ(Parse(Type::TimestampTz(), "2026-11-22T05:00:00-05:00").as<int64_t>(), ten);
  EXPECT_EQ(Literal::TimestampTz(ten).ToString(), "2026-11-22T10:00:00+00:00");
  EXPECT_EQ(Literal::Timestamp(-1).ToString(), "1969-12-31T23:59:59.999999");
  EXPECT_FALSE(
      Literal::FromJsonText(Type::TimestampTz(), "\"2026-11-22T10:00:00\"").ok());
  for (const int64_t extreme :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    const Literal literal = Literal::Timestamp(extreme);
    EXPECT_EQ(Parse(Type::Timestamp(), literal.ToString()), literal);
  }
  for (const int32_t days : {-719529, -719528, -1, 0, 59, 60, 11016, 2932897}) {
    const Literal literal(Type::Date(), days);
    EXPECT_EQ(Parse(Type::Date(), literal.ToString()), literal) << literal.ToString();
  }
}

TEST(LiteralTest, OrderOfFloatsIsTotal) {
  const double nan = std::nan("");
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> rising = {-inf, -1, -0.0, 0.0, 1, inf, nan};
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const int expected = i < j ? -1 : i > j ? 1 : 0;
      EXPECT_EQ(Literal::Double(rising[i]).Compare(Literal::Double(rising[j])), expected);
    }
  }
  EXPECT_EQ(Literal::Null(Type::Int()).Compare(Literal::Int(-1)), -1);
  EXPECT_EQ(Literal::String("a").Compare(Literal::String("\xc3\xa9")), -1);
}

TEST(LiteralTest, CastsKeepTheValueOrFail) {
  const auto cast = [](const Literal& from, const TypePtr& to) {
    const auto result = from.CastTo(to);
    return result.ok() ? result->ToString() : "refused";
  };
  EXPECT_EQ(cast(Literal::Int(7), Type::Long()), "7");
  EXPECT_EQ(cast(Literal::Long(1LL << 40), Type::Int()), "refused");
  EXPECT_EQ(cast(Literal::Double(3), Type::Int()), "3");
  EXPECT_EQ(cast(Literal::Double(3.5), Type::Long()), "refused");
  EXPECT_EQ(cast(Literal::Double(0x1p63), Type::Long()), "refused");
  EXPECT_EQ(cast(Literal::Long((1LL << 53) + 1), Type::Double()), "refused");
  EXPECT_EQ(cast(Literal::Double(1e300), Type::Float()), "refused");
  EXPECT_EQ(cast(Literal::Double(1.5), Type::Decimal(9, 2)), "1.50");
  EXPECT_EQ(cast(Literal::Double(1.555), Type::Decimal(9, 2)), "refused");
  EXPECT_EQ(cast(Literal::String("2026-11-22"), Type::Timestamp()),
            "2026-11-22T00:00:00");
  EXPECT_EQ(cast(Literal::Timestamp(1), Type::Date()), "refused");
  EXPECT_EQ(cast(Literal::Timestamp(1), Type::TimestampNs()),
            "1970-01-01T00:00:00.000001");
  EXPECT_EQ(cast(Literal(Type::TimestampNs(), int64_t{1}), Type::Timestamp()), "refused");
  EXPECT_EQ(cast(Literal::String("ab"), Type::Binary()), "refused");
  EXPECT_EQ(cast(Literal::String("x'ab'"), Type::Binary()), "x'ab'");
  EXPECT_EQ(cast(Literal::Boolean(true), Type::Int()), "refused");
}

}  // namespace
}  // namespace floe::iceberg
