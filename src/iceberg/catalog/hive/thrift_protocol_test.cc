#include "iceberg/catalog/hive/thrift_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/hex.h"
#include "base/random.h"
#include "iceberg/catalog/hive/hive_client.h"
#include "test/source_folder.h"

namespace floe::iceberg::hive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TextInput final : public ThriftInput {
 public:
  explicit TextInput(std::string bytes) : bytes_(std::move(bytes)) {}
  arrow::Status Read(char* out, size_t size) override {
    if (size > bytes_.size() - read_) {
      return MakeError(ErrorCode::kServiceUnavailable, "the end");
    }
    std::memcpy(out, bytes_.data() + read_, size);
    read_ += size;
    return arrow::Status::OK();
  }
  size_t read() const { return read_; }

 private:
  std::string bytes_;
  size_t read_ = 0;
};

arrow::Result<ThriftMessage> Decode(std::string bytes, ThriftLimits limits = {}) {
  TextInput input(std::move(bytes));
  return DecodeThriftMessage(input, limits);
}

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(SourceFolder()) + "/test/golden/hive/" + name,
                     std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(bytes.empty()) << name;
  return bytes;
}

ThriftMessage EveryType() {
  ThriftMessage message;
  message.name = "every";
  message.type = ThriftMessageType::kReply;
  message.sequence = -2;
  message.body = ThriftValue::Struct(
      {{1, ThriftValue::Bool(true)},
       {2, ThriftValue::Byte(-1)},
       {3, ThriftValue::I16(-300)},
       {4, ThriftValue::I32(-70'000)},
       {5, ThriftValue::I64(int64_t{-1} << 40)},
       {6, ThriftValue::Double(-2.5)},
       {7, ThriftValue::String(std::string("a\0b", 3))},
       {8, ThriftValue::Strings({"x", ""})},
       {9, ThriftValue::Set(ThriftType::kI32, {ThriftValue::I32(5)})},
       {10, ThriftValue::StringMap({{"k", "v"}, {"k2", ""}})},
       {-11, ThriftValue::Struct({{1, ThriftValue::List(ThriftType::kStruct, {})}})}});
  return message;
}

TEST(ThriftProtocol, WritesWhatThriftsOwnLibraryWrites) {
  ThriftMessage call;
  call.name = "get_database";
  call.body = ThriftValue::Struct({{1, ThriftValue::String("db")}});
  EXPECT_EQ(HexEncode(*EncodeThriftMessage(call)),
            "800100010000000c6765745f6461746162617365000000000b0001000000026462"
            "00");
  for (const char* name : {"alter_table_call.bin", "lock_call.bin"}) {
    std::string bytes = Golden(name);
    auto message = Decode(bytes);
    ASSERT_TRUE(message.ok()) << message.status().ToString();
    EXPECT_EQ(*EncodeThriftMessage(*message), bytes) << name;
  }
}

TEST(ThriftProtocol, ReadsWhatThriftsOwnLibraryWrites) {
  auto message = Decode(Golden("alter_table_call.bin"));
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->name, "alter_table_with_environment_context");
  EXPECT_EQ(message->body.TextOf(2), "t");
  const ThriftValue& table = *message->body.Find(3);
  EXPECT_EQ(table.TextOf(field::kTableType), "EXTERNAL_TABLE");
  EXPECT_EQ(table.StringMapOf(field::kTableParameters)["table_type"], "ICEBERG");
  const ThriftValue& columns = *table.Find(field::kTableStorage)->Find(1);
  ASSERT_EQ(columns.items().size(), 2u);
  EXPECT_EQ(columns.items()[1].TextOf(3), "a value");
  EXPECT_EQ(message->body.Find(4)->StringMapOf(1)["DO_NOT_UPDATE_STATS"], "true");
}

TEST(ThriftProtocol, KeepsEveryType) {
  std::string bytes = *EncodeThriftMessage(EveryType());
  TextInput input(bytes + "more");
  auto message = DecodeThriftMessage(input, ThriftLimits());
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ(input.read(), bytes.size());
  EXPECT_EQ(message->body, EveryType().body);
  EXPECT_EQ(message->sequence, -2);
  EXPECT_EQ(*EncodeThriftMessage(*message), bytes);
}

TEST(ThriftProtocol, AnswersForFieldsThatAreNotThere) {
  ThriftValue value = ThriftValue::Struct({{1, ThriftValue::I32(1)}});
  EXPECT_EQ(value.Find(2), nullptr);
  EXPECT_EQ(value.TextOf(1), "");
  EXPECT_TRUE(value.StringMapOf(1).empty());
  EXPECT_TRUE(value.StringsOf(1).empty());
  EXPECT_EQ(ThriftValue::I32(1).Find(1), nullptr);
  value.SetField(1, ThriftValue::String("a"));
  value.SetField(3, ThriftValue::Strings({"b"}));
  EXPECT_EQ(value.TextOf(1), "a");
  EXPECT_THAT(value.StringsOf(3), ElementsAre("b"));
  EXPECT_THAT(value.ids(), ElementsAre(1, 3));
}

TEST(ThriftProtocol, RefusesOtherProtocols) {
  for (const char* answer :
       {"HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01\x00\x02\x02P",
        "\x80\x02\x00\x02zzzzzzzzzzzz", "\x80\x01\x00\x09zzzzzzzz"}) {
    std::string bytes(answer);
    bytes.resize(64);
    arrow::Status status = Decode(bytes).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr("strict binary protocol"));
  }
}

TEST(ThriftProtocol, RefusesEveryTruncation) {
  std::string bytes = *EncodeThriftMessage(EveryType());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Decode(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(ThriftProtocol, SurvivesEveryChangedByte) {
  std::string bytes = Golden("alter_table_call.bin");
  ThriftLimits limits;
  limits.message_bytes = 1 << 20;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      auto message = Decode(changed, limits);
      EXPECT_TRUE(!message.ok() || EncodeThriftMessage(*message).ok());
    }
  }
}

/// A reply whose field 0 is of `type` and continues with `rest`.
std::string Reply(ThriftType type, const std::string& rest) {
  std::string bytes("\x80\x01\x00\x02\x00\x00\x00\x01m\x00\x00\x00\x01", 13);
  bytes.push_back(static_cast<char>(type));
  return bytes + std::string(2, '\0') + rest;
}

TEST(ThriftProtocol, BoundsWhatAnAnswerMayClaim) {
  const std::string huge = "\x7f\xff\xff\xff";
  auto code_of = [](const std::string& bytes, ThriftLimits limits = {}) {
    return ErrorCodeOf(Decode(bytes, limits).status());
  };
  EXPECT_EQ(code_of(Reply(ThriftType::kString, huge)), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code_of(Reply(ThriftType::kString, "\xff\xff\xff\xff")),
            ErrorCode::kCorruptData);
  EXPECT_EQ(code_of(Reply(ThriftType::kList, "\x08" + huge)),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(code_of(Reply(ThriftType::kMap, "\x0b\x0b" + huge)),
            ErrorCode::kResourceExhausted);
  // A claim within the limit makes no room before its bytes are there.
  EXPECT_EQ(code_of(Reply(ThriftType::kString, std::string("\x0f\x00\x00\x00", 4))),
            ErrorCode::kServiceUnavailable);
  EXPECT_EQ(code_of(Reply(static_cast<ThriftType>(1), "")), ErrorCode::kCorruptData);
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += std::string("\x0c\x00\x01", 3);
  EXPECT_EQ(code_of(Reply(ThriftType::kStruct, nested)), ErrorCode::kResourceExhausted);
  ThriftLimits few;
  few.values = 3;
  EXPECT_EQ(
      code_of(Reply(ThriftType::kList, std::string("\x03\0\0\0\x04\1\1\1\1", 9)), few),
      ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace floe::iceberg::hive
