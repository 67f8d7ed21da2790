#include "feast/value_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

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

/// `value` as it comes back from its text, inside a list, where every type can be.
Value InListAndBack(const Value& value, std::string* text) {
  Value list;
  *list.mutable_list_val()->add_val() = value;
  *text = ValueToJson(ValueType::kValueList, list).ValueOrDie();
  Value back;
  const arrow::Status read = ValueFromJson(ValueType::kValueList, *text, &back);
  EXPECT_TRUE(read.ok()) << *text << ": " << read;
  return back.list_val().val_size() == 1 ? back.list_val().val(0) : Value();
}

TEST(ValueJsonTest, EveryValueOfFeastComesBackAsItWas) {
  for (const auto& fields : ReadGolden(SourceFolder(), "values.txt")) {
    Value value;
    ASSERT_TRUE(value.ParseFromString(HexDecode(fields[2]).ValueOrDie()));
    std::string text;
    const Value back = InListAndBack(value, &text);
    google::protobuf::util::MessageDifferencer differencer;
    EXPECT_TRUE(differencer.Compare(value, back)) << fields[0] << ": " << text;
  }
}

TEST(ValueJsonTest, TextsAreThoseOfTheManual) {
  const auto text = [](const std::function<void(Value*)>& set) {
    Value value;
    set(&value);
    std::string json;
    InListAndBack(value, &json);
    return json.substr(1, json.size() - 2);
  };
  EXPECT_EQ(text([](Value* v) { v->set_string_val("Lyon"); }), R"("Lyon")");
  EXPECT_EQ(text([](Value* v) { v->set_int64_val(42); }), "42");
  EXPECT_EQ(text([](Value* v) { v->set_double_val(1); }), "1.0");
  EXPECT_EQ(text([](Value*) {}), "null");
  EXPECT_EQ(text([](Value* v) { v->set_int32_val(5); }), R"({"$int32":5})");
  EXPECT_EQ(text([](Value* v) { v->set_float_val(0.1F); }), R"({"$float":0.1})");
  EXPECT_EQ(text([](Value* v) { v->set_bytes_val(std::string("\0\xff", 2)); }),
            R"({"$bytes":"00ff"})");
  EXPECT_EQ(text([](Value* v) { v->mutable_int64_list_val(); }), R"({"$int64_list":[]})");
  EXPECT_EQ(text([](Value* v) { v->mutable_double_list_val()->add_val(1.0 / 0.0); }),
            R"({"$double_list":["Infinity"]})");
  EXPECT_EQ(text([](Value* v) {
              (*v->mutable_map_val()->mutable_val())["$int32"].set_int64_val(1);
              (*v->mutable_map_val()->mutable_val())["a"].set_bool_val(true);
            }),
            R"({"$$int32":1,"a":true})");
}

TEST(ValueJsonTest, WhatIsNoValueIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"[", "is not JSON"},
      {"{}", "a list is needed"},
      {R"([{"$int32":3000000000}])", "32 bits"},
      {R"([{"$nothing":1}])", "the name of a value type"},
      {R"([[]])", "a list that names its type"},
      {R"([[{}]])", "a list of texts, numbers or booleans"},
      {R"([["a",1]])", "text is needed"},
      {R"([{"$bytes":"xy"}])", "hexadecimal"},
      {R"([18446744073709551615])", "64 bits"},
  };
  for (const auto& [text, part] : cases) {
    Value value;
    const arrow::Status status = ValueFromJson(ValueType::kValueList, text, &value);
    EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << text << ": " << status;
    EXPECT_THAT(ErrorText(status), HasSubstr(part)) << text;
  }
}

}  // namespace
}  // namespace floe::feast
