#include "feast/features_columns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/hex.h"
#include "feast/features_response.h"
#include "feast/value_wire.h"

namespace floe::feast {
namespace {

std::string Message(const std::vector<std::vector<const char*>>& columns) {
  const size_t rows = columns[0].size();
  FeaturesResponse response(rows);
  response.SetRows(std::vector(rows, FieldStatus::kPresent),
                   std::vector(rows, int64_t{1'000'500}));
  for (const auto& hex_values : columns) {
    std::vector<std::string> values;
    for (const char* hex : hex_values) values.push_back(HexDecode(hex).ValueOrDie());
    response.AddColumn("f", std::vector<std::string_view>(values.begin(), values.end()));
  }
  return response.Finish();
}

TEST(FeaturesColumnsTest, PlainColumnsAreTakenOutAndOthersLeft) {
  const std::string message = Message({
      {"29000000000000e03f", ""},          // DOUBLE 0.5, nothing
      {"35cdcccc3d", "35000000bf"},        // FLOAT 0.1, -0.5
      {"20ffffffffffffffffff01", "1805"},  // INT64 -1, INT32 5: two types
      {"18ffffffffffffffffff01", "1805"},  // INT32 -1, 5
      {"3801", "3800"},                    // BOOL
      {"1202c3a9", "1200"},                // STRING e with an accent, empty
      {"4005", "4006"},                    // UNIX_TIMESTAMP
      {"", ""},
  });
  const std::string expected =
      "08000000"
      "01020000000100000001000000"
      "000000000000e03f"
      "0000000000000000"
      "010200000000000000"
      "000000a09999b93f"
      "000000000000e0bf"
      "000200000000000000"
      "020200000000000000"
      "ffffffffffffffff"
      "0500000000000000"
      "030200000000000000"
      "0100"
      "040200000000000000"
      "0200000000000000"
      "c3a9"
      "000200000000000000"
      "0202000000020000000000000001000000"
      "0000000000000000"
      "0000000000000000";
  auto columns = FeaturesColumns(message);
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ(HexEncode(*columns), expected);
}

TEST(FeaturesColumnsTest, ACutMessageIsAnErrorOrAShorterOne) {
  const std::string message = Message({{"29000000000000e03f", "1202c3a9"}});
  const std::string flipped = "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_TRUE(IsError(FeaturesColumns(flipped).status(), ErrorCode::kInvalidArgument));
  size_t errors = 0;
  for (size_t size = 0; size < message.size(); ++size) {
    errors += FeaturesColumns(message.substr(0, size)).ok() ? 0 : 1;
  }
  EXPECT_GT(errors, message.size() / 2);
}

}  // namespace
}  // namespace floe::feast
