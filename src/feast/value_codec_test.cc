#include "feast/value_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/compute/cast.h"
#include "arrow/json/from_string.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/golden_test.h"
#include "feast/types/Value.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "test/source_folder.h"

namespace floe::feast {
namespace {

using ::testing::HasSubstr;
using Value = ::feast::types::Value;
using ArrayPtr = std::shared_ptr<arrow::Array>;

ArrayPtr FromJson(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

/// Rows of a column as hex of serialized Values.
std::vector<std::string> Rows(ValueType type, const ArrayPtr& array) {
  auto reader = ValueColumnReader::Make(type, "f", array);
  if (!reader.ok()) return {ErrorText(reader.status())};
  std::vector<std::string> rows;
  for (int64_t i = 0; i < array->length(); ++i) {
    std::string bytes;
    const arrow::Status status = (*reader)->AppendSerialized(i, &bytes);
    rows.push_back(status.ok() ? HexEncode(bytes) : ErrorText(status));
  }
  return rows;
}

TEST(ValueCodecTest, EveryValueOfFeastComesBackAsTheSameBytes) {
  std::set<std::string> seen;
  for (const auto& fields : ReadGolden(SourceFolder(), "values.txt")) {
    const ValueType type = ValueTypeFromName(fields[1]).ValueOrDie();
    seen.insert(fields[1]);
    auto builder = ValueColumnBuilder::Make(type, fields[0]).ValueOrDie();
    const std::string bytes = HexDecode(fields[2]).ValueOrDie();
    ASSERT_TRUE(builder->AppendNull().ok());
    const arrow::Status appended = builder->AppendSerialized(bytes);
    ASSERT_TRUE(appended.ok()) << fields[0] << ": " << appended;
    auto array = builder->Finish().ValueOrDie();
    ASSERT_TRUE(array->ValidateFull().ok());
    ASSERT_TRUE(array->type()->Equals(ToArrowType(type).ValueOrDie()));
    EXPECT_EQ(array->IsNull(1), bytes.empty()) << fields[0];
    // Protobuf's runtimes order the entries of a map differently.
    if (GetValueType(type).ValueOrDie()->storage != ValueStorage::kMessage) {
      EXPECT_THAT(Rows(type, array), ::testing::ElementsAre("", fields[2])) << fields[0];
    }
    Value expected;
    ASSERT_TRUE(expected.ParseFromString(bytes));
    Value back;
    ASSERT_TRUE(
        ValueColumnReader::Make(type, "f", array).ValueOrDie()->Get(1, &back).ok());
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(expected, back))
        << fields[0] << ": " << back.ShortDebugString();
  }
  EXPECT_EQ(seen.size(), 45u) << "a value type has no golden case";
}

TEST(ValueCodecTest, ASliceIsReadFromItsOwnRows) {
  auto lists = FromJson(arrow::list(arrow::int64()), "[[1, 2], null, [3], []]")->Slice(2);
  EXPECT_THAT(Rows(ValueType::kInt64List, lists),
              ::testing::ElementsAre("72030a0103", "7200"));
}

TEST(ValueCodecTest, UnsetNullAndNotATimeAreNull) {
  Value null_value;
  null_value.set_null_val(::feast::types::NULL_);
  Value nat;
  nat.set_unix_timestamp_val(kNullTimestampSeconds);
  auto builder = ValueColumnBuilder::Make(ValueType::kUnixTimestamp, "t").ValueOrDie();
  for (const Value& value : {Value(), null_value, nat}) {
    ASSERT_TRUE(builder->Append(value).ok());
  }
  EXPECT_EQ(builder->Finish().ValueOrDie()->null_count(), 3);
}

TEST(ValueCodecTest, ElementsThatAreNoTimeKeepTheirPlace) {
  Value value;
  value.mutable_unix_timestamp_list_val()->add_val(5);
  value.mutable_unix_timestamp_list_val()->add_val(kNullTimestampSeconds);
  auto builder =
      ValueColumnBuilder::Make(ValueType::kUnixTimestampList, "t").ValueOrDie();
  ASSERT_TRUE(builder->Append(value).ok());
  auto reader = ValueColumnReader::Make(ValueType::kUnixTimestampList, "t",
                                        builder->Finish().ValueOrDie())
                    .ValueOrDie();
  Value back;
  ASSERT_TRUE(reader->Get(0, &back).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(value, back));
}

TEST(ValueCodecTest, AnotherTypeIsAnErrorThatNamesBoth) {
  Value value;
  value.set_string_val("7");
  auto builder = ValueColumnBuilder::Make(ValueType::kInt64, "age").ValueOrDie();
  const arrow::Status status = builder->Append(value);
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(status),
              HasSubstr("'age' is INT64 and cannot hold a string_val"));
  EXPECT_FALSE(builder->AppendSerialized("\xff\xff").ok());
}

TEST(ValueCodecTest, MillisecondsTakenForSecondsAreRefused) {
  Value value;
  value.set_unix_timestamp_val(INT64_MAX / 1000);
  auto builder = ValueColumnBuilder::Make(ValueType::kUnixTimestamp, "t").ValueOrDie();
  EXPECT_THAT(ErrorText(builder->Append(value)), HasSubstr("other units"));
}

struct StorageCase {
  const char* name;
  ValueType type;
  std::shared_ptr<arrow::DataType> from;
  const char* json;
  const char* stored;  ///< JSON of the stored type.
};

TEST(ToStorageTest, TakesWhatOtherEnginesWrite) {
  const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  const StorageCase cases[] = {
      {"narrow integers", ValueType::kInt64, arrow::int16(), "[1, null]", "[1, null]"},
      {"unsigned", ValueType::kInt32, arrow::uint32(), "[7]", "[7]"},
      {"all null", ValueType::kDouble, arrow::null(), "[null]", "[null]"},
      {"large strings", ValueType::kString, arrow::large_utf8(), R"(["a"])", R"(["a"])"},
      {"dictionary", ValueType::kString, arrow::dictionary(arrow::int8(), arrow::utf8()),
       R"(["a", "b", "a"])", R"(["a", "b", "a"])"},
      {"decimal", ValueType::kDecimal, arrow::decimal128(5, 2), R"(["1.50"])",
       R"(["1.50"])"},
      {"naive time is UTC", ValueType::kUnixTimestamp, micros, "[1500000]", "[1500000]"},
      {"nanoseconds are floored", ValueType::kUnixTimestamp,
       arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Paris"), "[-1, 1999]", "[-1, 1]"},
      {"integers are seconds", ValueType::kUnixTimestamp, arrow::int64(), "[2]",
       "[2000000]"},
      {"dates", ValueType::kUnixTimestamp, arrow::date32(), "[1]", "[86400000000]"},
      {"list of float32", ValueType::kFloatList,
       arrow::fixed_size_list(arrow::float32(), 2), "[[1, 2], null]", "[[1, 2], null]"},
      {"large list of dictionary-free strings", ValueType::kStringList,
       arrow::large_list(arrow::large_utf8()), R"([["a", null], []])",
       R"([["a", null], []])"},
  };
  for (const StorageCase& test : cases) {
    const ArrayPtr source = FromJson(test.from, test.json);
    auto stored = ToStorage(test.type, test.name, source);
    ASSERT_TRUE(stored.ok()) << test.name << ": " << stored.status();
    ASSERT_TRUE((*stored)->ValidateFull().ok()) << test.name;
    const ArrayPtr expected = FromJson(ToArrowType(test.type).ValueOrDie(), test.stored);
    EXPECT_TRUE((*stored)->Equals(expected))
        << test.name << ": " << (*stored)->ToString();
  }
}

TEST(ToStorageTest, RefusesWhatWouldChangeAValue) {
  const struct {
    ValueType type;
    std::shared_ptr<arrow::DataType> from;
    const char* json;
  } cases[] = {
      {ValueType::kInt32, arrow::int64(), "[3000000000]"},
      {ValueType::kInt64, arrow::float64(), "[1.5]"},
      {ValueType::kInt64, arrow::utf8(), R"(["7"])"},
      {ValueType::kString, arrow::int64(), "[7]"},
      {ValueType::kBool, arrow::int64(), "[1]"},
      {ValueType::kInt64List, arrow::int64(), "[1]"},
      {ValueType::kMap, arrow::int64(), "[1]"},
  };
  for (const auto& test : cases) {
    const auto stored = ToStorage(test.type, "amount", FromJson(test.from, test.json));
    EXPECT_TRUE(IsError(stored.status(), ErrorCode::kInvalidArgument))
        << ValueTypeName(test.type);
    EXPECT_THAT(ErrorText(stored.status()), HasSubstr("'amount'"));
  }
}

std::string Text(ValueType type, const std::shared_ptr<arrow::DataType>& from,
                 const std::string& json) {
  auto stored = ToStorage(type, "f", FromJson(from, json));
  if (!stored.ok()) return ErrorText(stored.status());
  auto reader = ValueColumnReader::Make(type, "f", *stored).ValueOrDie();
  Value value;
  const arrow::Status status = reader->Get(0, &value);
  return status.ok() ? value.ShortDebugString() : ErrorText(status);
}

TEST(ToStorageTest, NestedColumnsBecomeFeastsMessages) {
  EXPECT_EQ(Text(ValueType::kMap, arrow::map(arrow::utf8(), arrow::int64()),
                 R"([[["a", 1], ["b", null]]])"),
            R"(map_val { val { key: "a" value { int64_val: 1 } } val { key: "b" value { )"
            R"(} } })");
  EXPECT_EQ(Text(ValueType::kStruct,
                 arrow::struct_({arrow::field("x", arrow::float32()),
                                 arrow::field("l", arrow::list(arrow::utf8()))}),
                 R"([{"x": 0.5, "l": ["a"]}])"),
            R"(struct_val { val { key: "l" value { string_list_val { val: "a" } } } )"
            R"(val { key: "x" value { float_val: 0.5 } } })");
  EXPECT_EQ(Text(ValueType::kValueList, arrow::list(arrow::list(arrow::int32())),
                 "[[[1], [], null]]"),
            "list_val { val { int32_list_val { val: 1 } } val { int32_list_val { } } "
            "val { } }");
  EXPECT_EQ(Text(ValueType::kScalarMap, arrow::map(arrow::int32(), arrow::utf8()),
                 R"([[[1, "one"]]])"),
            R"(scalar_map_val { val { key { int32_key: 1 } value { string_val: "one" } )"
            R"(} })");
  EXPECT_EQ(
      Text(ValueType::kMapList, arrow::list(arrow::map(arrow::utf8(), arrow::utf8())),
           R"([[[["k", "v"]]]])"),
      R"(map_list_val { val { val { key: "k" value { string_val: "v" } } } })");
}

TEST(ValueTypeTest, InfersWhatFeastInfersAndMore) {
  const std::pair<std::shared_ptr<arrow::DataType>, ValueType> cases[] = {
      {arrow::int8(), ValueType::kInt32},
      {arrow::uint32(), ValueType::kInt64},
      {arrow::large_utf8(), ValueType::kString},
      {arrow::date32(), ValueType::kUnixTimestamp},
      {arrow::list(arrow::field("element", arrow::utf8())), ValueType::kStringList},
      {arrow::large_list(arrow::float32()), ValueType::kFloatList},
      {arrow::list(arrow::list(arrow::int64())), ValueType::kValueList},
      {arrow::map(arrow::utf8(), arrow::int64()), ValueType::kMap},
      {arrow::map(arrow::int64(), arrow::int64()), ValueType::kScalarMap},
      {arrow::list(arrow::struct_({arrow::field("a", arrow::int64())})),
       ValueType::kStructList},
      {arrow::decimal128(9, 2), ValueType::kDecimal},
      {arrow::dictionary(arrow::int32(), arrow::utf8()), ValueType::kString},
  };
  for (const auto& [type, expected] : cases) {
    const auto inferred = InferValueType(*type);
    ASSERT_TRUE(inferred.ok()) << type->ToString() << ": " << inferred.status();
    EXPECT_EQ(ValueTypeName(*inferred), ValueTypeName(expected)) << type->ToString();
  }
  EXPECT_TRUE(IsError(InferValueType(*arrow::month_interval()).status(),
                      ErrorCode::kNotSupported));
}

TEST(ValueTypeTest, NamesTheNearestType) {
  EXPECT_EQ(ValueTypeFromName("int64_list").ValueOrDie(), ValueType::kInt64List);
  EXPECT_THAT(ErrorText(ValueTypeFromName("INT64_LIT").status()),
              HasSubstr("'INT64_LIST'"));
  EXPECT_TRUE(IsError(ToArrowType(ValueType::kNull).status(), ErrorCode::kNotSupported));
}

}  // namespace
}  // namespace floe::feast
