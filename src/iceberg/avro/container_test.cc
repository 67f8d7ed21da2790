#include "iceberg/avro/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/hex.h"
#include "base/random.h"

namespace floe::iceberg::avro {
namespace {

using testing::HasSubstr;

constexpr char kSchema[] = R"({"type": "record", "name": "r", "fields": [
  {"name": "n", "type": "long", "field-id": 1},
  {"name": "s", "type": ["null", "string"], "default": null, "field-id": 2},
  {"name": "l", "type": {"type": "array", "items": "int", "element-id": 4},
   "field-id": 3},
  {"name": "d", "type": "double", "field-id": 5},
  {"name": "f", "type": {"type": "fixed", "name": "f4", "size": 4}, "field-id": 6},
  {"name": "m", "type": {"type": "map", "values": "f4"}, "field-id": 7}]})";

std::string WriteFile(Codec codec, int64_t records) {
  ContainerWriter writer(kSchema, {{"who", "floe"}}, codec);
  for (int64_t i = 0; i < records; ++i) {
    EXPECT_TRUE(writer
                    .Append([&](Encoder* encoder) {
                      encoder->WriteLong(i % 2 == 0 ? i : -i);
                      encoder->WriteLong(i % 3 == 0 ? 0 : 1);
                      if (i % 3 != 0) encoder->WriteBytes(std::string(i % 50, 'x'));
                      encoder->WriteLong(2);
                      encoder->WriteLong(i);
                      encoder->WriteLong(7);
                      encoder->WriteLong(0);
                      encoder->WriteDouble(0.5);
                      encoder->WriteRaw("abcd");
                      encoder->WriteLong(0);
                    })
                    .ok());
  }
  return writer.Finish().ValueOrDie();
}

class ContainerTest : public testing::TestWithParam<Codec> {};

TEST_P(ContainerTest, ReadsWhatItWrote) {
  constexpr int64_t kRecords = 50000;  // Several blocks.
  const std::string file = WriteFile(GetParam(), kRecords);
  EXPECT_EQ(file, WriteFile(GetParam(), kRecords));
  auto reader = ContainerReader::Open(file).ValueOrDie();
  EXPECT_EQ(reader.metadata().find("who")->second, "floe");
  EXPECT_EQ(reader.schema()->fields[2].type->element_id, 4);
  int64_t seen = 0;
  int blocks = 0;
  while (true) {
    const auto block = reader.Next().ValueOrDie();
    if (!block) break;
    ++blocks;
    Decoder decoder(block->data);
    for (int64_t i = 0; i < block->record_count; ++i, ++seen) {
      if (seen % 5 == 0) {
        decoder.Skip(*reader.schema());
        continue;
      }
      EXPECT_EQ(decoder.ReadLong(), seen % 2 == 0 ? seen : -seen);
      for (size_t field = 1; field < 6; ++field) {
        decoder.Skip(*reader.schema()->fields[field].type);
      }
    }
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    EXPECT_EQ(decoder.remaining(), 0);
  }
  EXPECT_EQ(seen, kRecords);
  EXPECT_GT(blocks, 1);
}

TEST_P(ContainerTest, BrokenBytesGiveErrorsOrValues) {
  const std::string file = WriteFile(GetParam(), 100);
  const auto read = [](std::string_view bytes) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto reader, ContainerReader::Open(bytes));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto block, reader.Next());
      if (!block) return arrow::Status::OK();
      Decoder decoder(block->data);
      for (int64_t i = 0; i < block->record_count && decoder.ok(); ++i) {
        decoder.Skip(*reader.schema());
      }
      ARROW_RETURN_NOT_OK(decoder.status());
    }
  };
  ASSERT_TRUE(read(file).ok());
  int errors = 0;
  for (size_t size = 0; size < file.size(); ++size) {
    errors += read(std::string_view(file).substr(0, size)).ok() ? 0 : 1;
  }
  // Only a file cut between its header and its block is whole.
  EXPECT_EQ(errors, static_cast<int>(file.size()) - 1);
  const auto random = Random::Seeded(3);
  for (int i = 0; i < 2000; ++i) {
    std::string broken = file;
    broken[random->Next() % file.size()] = static_cast<char>(random->Next());
    const arrow::Status status = read(broken);
    if (!status.ok()) {
      EXPECT_NE(ErrorCodeOf(status), ErrorCode::kInternal) << status;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, ContainerTest,
                         testing::Values(Codec::kNull, Codec::kDeflate,
                                         Codec::kZstandard),
                         [](const auto& codec) {
                           return std::string(CodecName(codec.param));
                         });

TEST(CodecTest, ReadsSnappyWithItsChecksum) {
  // "hello " twenty times, compressed by Arrow from Python; zlib.crc32 of the text.
  const std::string snappy = HexDecode("781468656c6c6f20fe0600c60600").ValueOrDie();
  const std::string checksum = HexDecode("48f8fa2f").ValueOrDie();
  Decompressor decompressor(Codec::kSnappy);
  const auto text = decompressor.Decompress(snappy + checksum);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->size(), 120U);
  EXPECT_TRUE(text->ends_with("hello hello "));
  EXPECT_TRUE(IsError(decompressor.Decompress(snappy + "1234").status(),
                      ErrorCode::kCorruptData));
  EXPECT_TRUE(IsError(decompressor.Decompress("\xff\xff\xff\xff\xff\xff\xff").status(),
                      ErrorCode::kCorruptData));
}

TEST(CodecTest, BlocksFarLargerThanTheirCompressedForm) {
  const std::string zeros(32 << 20, '\0');
  for (const Codec codec : {Codec::kDeflate, Codec::kZstandard}) {
    const std::string small = Compress(codec, zeros).ValueOrDie();
    Decompressor decompressor(codec);
    EXPECT_EQ(decompressor.Decompress(small).ValueOrDie(), zeros);
  }
}

TEST(SchemaTest, RefusesWhatItCannotReadSafely) {
  const auto message = [](std::string_view json) {
    const auto schema = ParseSchema(json);
    return schema.ok() ? "accepted" : ErrorText(schema.status());
  };
  EXPECT_THAT(message(R"({"type": "record", "name": "r", "fields": [
                          {"name": "next", "type": ["null", "r"]}]})"),
              HasSubstr("contains itself"));
  EXPECT_THAT(message(R"({"type": "array", "items": "null"})"),
              HasSubstr("take no bytes"));
  EXPECT_THAT(message(R"("text")"), HasSubstr("no type 'text'"));
  EXPECT_THAT(message(R"({"type": "fixed", "name": "f", "size": -1})"),
              HasSubstr("size of 0 to"));
  EXPECT_THAT(message(std::string(1000, '[') + std::string(1000, ']')),
              HasSubstr("nest too deep"));
  // Each record holds the one before twice: 2^40 fields in few bytes.
  std::string doubling = R"({"type": "fixed", "name": "r0", "size": 1})";
  for (int i = 1; i < 40; ++i) {
    doubling = fmt::format(R"({{"type": "record", "name": "r{}", "fields": [
                               {{"name": "a", "type": {}}},
                               {{"name": "b", "type": "r{}"}}]}})",
                           i, doubling, i - 1);
  }
  EXPECT_THAT(message(doubling), HasSubstr("is too large"));
}

/// Pairs of numbers of every length, passed over, end where the next value starts.
TEST(DecoderTest, PassesOverPairsOfNumbersOfEveryLength) {
  const auto schema = ParseSchema(R"({"type": "array", "items": {"type": "record",
    "name": "p", "fields": [{"name": "k", "type": "int"},
                            {"name": "v", "type": "long"}]}})")
                          .ValueOrDie();
  const auto random = Random::Seeded(5);
  for (int round = 0; round < 2000; ++round) {
    const auto count = static_cast<int64_t>(random->Next() % 12);
    std::string bytes;
    Encoder encoder(&bytes);
    if (count > 0) encoder.WriteLong(count);
    for (int64_t i = 0; i < 2 * count; ++i) {
      encoder.WriteLong(static_cast<int64_t>(random->Next() >> (random->Next() % 64)));
    }
    encoder.WriteLong(0);
    const auto end = static_cast<int64_t>(bytes.size());
    bytes.append(random->Next() % 20, static_cast<char>(random->Next()));
    Decoder decoder(bytes);
    decoder.Skip(*schema);
    ASSERT_TRUE(decoder.ok()) << round;
    ASSERT_EQ(decoder.offset(), end) << round;
  }
}

TEST(DecoderTest, RefusesPairsThatAreCutOff) {
  const auto schema = ParseSchema(R"({"type": "array", "items": {"type": "record",
    "name": "p", "fields": [{"name": "k", "type": "int"},
                            {"name": "v", "type": "long"}]}})")
                          .ValueOrDie();
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.WriteLong(20);
  for (int64_t i = 0; i < 40; ++i) encoder.WriteLong(i << 20);
  encoder.WriteLong(0);
  for (size_t size = 0; size < bytes.size(); ++size) {
    Decoder decoder(std::string_view(bytes).substr(0, size));
    decoder.Skip(*schema);
    ASSERT_FALSE(decoder.ok()) << size;
  }
}

TEST(DecoderTest, NumbersOfEveryLength) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const int64_t sign : {1, -1}) {
      const auto value = static_cast<int64_t>(uint64_t{1} << shift) * sign;
      std::string bytes;
      Encoder(&bytes).WriteLong(value);
      Decoder decoder(bytes);
      EXPECT_EQ(decoder.ReadLong(), value);
      EXPECT_TRUE(decoder.ok());
      EXPECT_EQ(decoder.remaining(), 0);
    }
  }
  Decoder overlong(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
  overlong.ReadLong();
  EXPECT_TRUE(IsError(overlong.status(), ErrorCode::kCorruptData));
  Decoder wide(std::string_view("\x80\x80\x80\x80\x20"));
  wide.ReadInt();
  EXPECT_THAT(ErrorText(wide.status()), HasSubstr("above 32 bits"));
}

}  // namespace
}  // namespace floe::iceberg::avro
