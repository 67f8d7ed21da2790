#include "iceberg/spec/variant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "base/error.h"
#include "base/hex.h"

namespace floe::iceberg {
namespace {

std::string Text(const std::string& metadata, const std::string& value) {
  const auto text = VariantToJson(metadata, value);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  return text.ok() ? *text : "";
}

const std::string kNoNames("\x01\x00\x00", 3);

// What Spark 4.1 wrote for {"a":1,"b":[1,2.5,"x",null,true],"c":{"d":"e"}}.
TEST(VariantTest, ReadsWhatSparkWrote) {
  const std::string metadata = *HexDecode(
      "010400010203046162"
      "6364");
  const std::string value = *HexDecode(
      "0203000102000216"
      "1d0c01030500020"
      "80a0b0c0c0120011900000005780004"
      "0201030002"
      "0565");
  EXPECT_EQ(Text(metadata, value), R"({"a":1,"b":[1,2.5,"x",null,true],"c":{"d":"e"}})");
}

TEST(VariantTest, ReadsEveryPrimitive) {
  EXPECT_EQ(Text(kNoNames, variant::Null()), "null");
  EXPECT_EQ(Text(kNoNames, variant::Integer(-1, 1)), "-1");
  EXPECT_EQ(Text(kNoNames, variant::Integer(-300, 2)), "-300");
  EXPECT_EQ(Text(kNoNames, variant::Integer(1 << 20, 4)), "1048576");
  EXPECT_EQ(Text(kNoNames, variant::Integer(int64_t{1} << 40, 8)), "1099511627776");
  EXPECT_EQ(Text(kNoNames, variant::Float(1.5F)), "1.5");
  EXPECT_EQ(Text(kNoNames, variant::Double(-0.25)), "-0.25");
  EXPECT_EQ(Text(kNoNames, variant::Double(-1.5e10)), "-15000000000.0");
  EXPECT_EQ(Text(kNoNames, variant::Double(1e300)), "1e+300");
  EXPECT_EQ(Text(kNoNames, variant::Double(std::nan(""))), "\"NaN\"");
  EXPECT_EQ(Text(kNoNames, variant::Decimal(*HexDecode("ffffffff"), 2)), "-0.01");
  EXPECT_EQ(Text(kNoNames, variant::Date(0)), "\"1970-01-01\"");
  EXPECT_EQ(Text(kNoNames, variant::Timestamp(1, false, false)),
            "\"1970-01-01T00:00:00.000001\"");
  EXPECT_EQ(Text(kNoNames, variant::Binary("\x01")), "\"AQ==\"");
  EXPECT_EQ(Text(kNoNames, variant::String(std::string(100, 'x'))),
            "\"" + std::string(100, 'x') + "\"");
  EXPECT_EQ(Text(kNoNames, variant::Uuid(std::string(16, '\0'))),
            "\"00000000-0000-0000-0000-000000000000\"");
}

TEST(VariantTest, SurvivesBrokenBytes) {
  const std::string metadata(
      "\x01\x02\x00\x01\x02"
      "ab",
      7);
  const auto names = *VariantMetadata::Parse(metadata);
  const std::string good = *variant::Object(
      names, {{"a", variant::Array({variant::Integer(1, 8), variant::String("t")})},
              {"b", *variant::Object(names, {{"a", variant::Double(1)}})}});
  EXPECT_EQ(Text(metadata, good), R"({"a":[1,"t"],"b":{"a":1.0}})");
  std::mt19937_64 rng(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string value = good;
    std::string dictionary = metadata;
    for (uint64_t i = 1 + rng() % 3; i > 0; --i) {
      value[rng() % value.size()] = static_cast<char>(rng());
    }
    if (round % 4 == 0) dictionary[rng() % 5] = static_cast<char>(rng() % 8);
    if (round % 3 == 0) value.resize(rng() % value.size());
    const auto text = VariantToJson(dictionary, value);
    if (!text.ok()) {
      EXPECT_FALSE(IsError(text.status(), ErrorCode::kInternal));
    }
    const auto parsed = VariantMetadata::Parse(dictionary);
    if (parsed.ok() && !value.empty()) (void)VariantObjectFields(*parsed, value);
  }
}

}  // namespace
}  // namespace floe::iceberg
