#include "feast/entity_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/golden_test.h"
#include "feast/types/EntityKey.pb.h"
#include "test/source_folder.h"

namespace floe::feast {
namespace {

using ::testing::HasSubstr;

std::string Hex(const arrow::Result<std::string>& bytes) {
  return bytes.ok() ? HexEncode(*bytes) : ErrorText(bytes.status());
}

TEST(EntityKeyTest, HasTheBytesOfFeast) {
  const auto cases = ReadGolden(SourceFolder(), "entity_keys.txt");
  ASSERT_GE(cases.size(), 16u);
  for (const auto& fields : cases) {
    const std::string message = HexDecode(fields[2]).ValueOrDie();
    EXPECT_EQ(Hex(SerializeEntityKeyMessage(message, std::stoi(fields[1]))), fields[3])
        << fields[0];
  }
}

TEST(EntityKeyTest, DeserializesWhatItSerialized) {
  for (const auto& fields : ReadGolden(SourceFolder(), "entity_keys.txt")) {
    if (fields[1] != "3") continue;
    const std::string bytes = HexDecode(fields[3]).ValueOrDie();
    auto key = DeserializeEntityKey(bytes);
    ASSERT_TRUE(key.ok()) << fields[0] << ": " << key.status();
    EXPECT_EQ(Hex(SerializeEntityKey(*key)), fields[3]) << fields[0];
  }
}

TEST(EntityKeyTest, EveryTruncationIsAnError) {
  const std::string bytes =
      HexDecode(ReadGolden(SourceFolder(), "entity_keys.txt")[1][3]).ValueOrDie();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(IsError(DeserializeEntityKey(bytes.substr(0, size)).status(),
                        ErrorCode::kInvalidArgument))
        << size;
  }
  EXPECT_FALSE(DeserializeEntityKey(bytes + "x").ok());
}

TEST(EntityKeyTest, NamesTheJoinKeyWhoseValueHasNoPlaceInAKey) {
  ::feast::types::EntityKey key;
  key.add_join_keys("score");
  key.add_entity_values()->set_double_val(1.5);
  const auto bytes = SerializeEntityKey(key);
  EXPECT_TRUE(IsError(bytes.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(bytes.status()), HasSubstr("'score'"));
}

TEST(EntityKeyTest, RefusesADuplicateJoinKeyAndAMissingValue) {
  ::feast::types::EntityKey key;
  key.add_join_keys("a");
  key.add_join_keys("a");
  key.add_entity_values()->set_int64_val(1);
  EXPECT_THAT(Hex(SerializeEntityKey(key)), HasSubstr("2 join keys but 1 values"));
  key.add_entity_values()->set_int64_val(2);
  EXPECT_THAT(Hex(SerializeEntityKey(key)), HasSubstr("'a' occurs twice"));
  EXPECT_FALSE(SerializeEntityKey(key, 1).ok());
}

TEST(EntityKeyTest, ColumnsGiveTheSameBytesAsMessages) {
  arrow::Int32Builder ids;  // Narrower than the key's INT64.
  ASSERT_TRUE(ids.AppendValues({1, 0, -5}, {true, false, true}).ok());
  arrow::StringBuilder regions;
  ASSERT_TRUE(regions.AppendValues({"eu", "us", ""}).ok());
  const std::vector<JoinKeyColumn> columns = {
      {"region", ValueType::kString, regions.Finish().ValueOrDie()},
      {"driver_id", ValueType::kInt64, ids.Finish().ValueOrDie()}};
  for (int version : {2, 3}) {
    auto keys = SerializeEntityKeys(columns, 3, version);
    ASSERT_TRUE(keys.ok()) << keys.status();
    for (int64_t row : {0, 2}) {
      ::feast::types::EntityKey key;
      key.add_join_keys("driver_id");
      key.add_entity_values()->set_int64_val(row == 0 ? 1 : -5);
      key.add_join_keys("region");
      key.add_entity_values()->set_string_val(row == 0 ? "eu" : "");
      EXPECT_EQ(HexEncode((*keys)->GetView(row)), Hex(SerializeEntityKey(key, version)));
    }
    EXPECT_TRUE((*keys)->IsNull(1));
  }
}

TEST(EntityKeyTest, RowsWithoutJoinKeysHaveTheEmptyKey) {
  auto keys = SerializeEntityKeys({}, 2);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(HexEncode((*keys)->GetView(1)), "00000000");
}

}  // namespace
}  // namespace floe::feast
