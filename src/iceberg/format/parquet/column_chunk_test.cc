#include "iceberg/format/parquet/column_chunk.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>

#include "arrow/array.h"
#include "arrow/array/array_dict.h"
#include "arrow/array/concatenate.h"
#include "arrow/builder.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/cast.h"
#include "arrow/io/file.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "io/file_io.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_reader.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"

namespace floe::iceberg {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using TypePtr = std::shared_ptr<arrow::DataType>;
using parquet::Encoding;

#define ASSERT_OK(expression)                            \
  do {                                                   \
    const arrow::Status ok_status = (expression);        \
    ASSERT_TRUE(ok_status.ok()) << ok_status.ToString(); \
  } while (false)

/// A temporary folder, gone with the test.
class Scratch {
 public:
  Scratch() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("floe_column_chunk_" + std::to_string(::getpid()) + "_" +
             std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Shape {
  double nulls = 0;
  int64_t distinct = 1 << 30;  ///< Values are drawn from this many.
};

/// `length` random values of `type`, as Arrow builds them from text or numbers.
ArrayPtr RandomArray(const TypePtr& type, int64_t length, const Shape& shape,
                     std::mt19937_64& random) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
  for (int64_t i = 0; i < length; ++i) {
    const bool null = static_cast<double>(random() % 1000) < shape.nulls * 1000;
    const int64_t v =
        static_cast<int64_t>(random() % static_cast<uint64_t>(shape.distinct)) - 7;
    const int64_t small = v % 30'000;
    arrow::Result<std::shared_ptr<arrow::Scalar>> scalar = arrow::MakeNullScalar(type);
    if (!null) {
      switch (type->id()) {
        case arrow::Type::BOOL:
          scalar = arrow::MakeScalar(v % 3 == 0);
          break;
        case arrow::Type::INT32:
        case arrow::Type::DATE32:
          scalar = arrow::MakeScalar(type, static_cast<int32_t>(v));
          break;
        case arrow::Type::FLOAT:
          scalar = arrow::MakeScalar(static_cast<float>(v) / 3);
          break;
        case arrow::Type::DOUBLE:
          scalar = arrow::MakeScalar(static_cast<double>(v) / 7);
          break;
        case arrow::Type::STRING:
          scalar = arrow::MakeScalar(
              std::string(static_cast<size_t>(small < 0 ? 0 : small % 40), 'x') +
              std::to_string(v % 97));
          break;
        case arrow::Type::BINARY:
          scalar = std::make_shared<arrow::BinaryScalar>(
              v % 5 == 0 ? std::string() : std::string("\0\xff", 2) + std::to_string(v));
          break;
        case arrow::Type::FIXED_SIZE_BINARY: {
          std::string bytes(static_cast<size_t>(type->byte_width()), 'a');
          std::memcpy(bytes.data(), &v, std::min<size_t>(bytes.size(), sizeof(v)));
          scalar = std::make_shared<arrow::FixedSizeBinaryScalar>(
              arrow::Buffer::FromString(bytes), type);
          break;
        }
        case arrow::Type::DECIMAL128:
          scalar =
              std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(small), type);
          break;
        case arrow::Type::TIME64:
          scalar = arrow::MakeScalar(type, v + 7);
          break;
        default:
          scalar = arrow::MakeScalar(type, v * 1000 + 1);
      }
    }
    EXPECT_TRUE(scalar.ok()) << scalar.status().ToString();
    EXPECT_TRUE(builder->AppendScalar(**scalar).ok());
  }
  return builder->Finish().ValueOr(nullptr);
}

arrow::Status WriteFile(const std::string& path, const std::vector<ArrayPtr>& columns,
                        int64_t row_group_rows,
                        const std::shared_ptr<parquet::WriterProperties>& properties,
                        const std::shared_ptr<parquet::ArrowWriterProperties>& arrow) {
  arrow::FieldVector fields;
  for (size_t c = 0; c < columns.size(); ++c) {
    fields.push_back(arrow::field("c" + std::to_string(c), columns[c]->type()));
  }
  const auto table = arrow::Table::Make(arrow::schema(fields), columns);
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(path));
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(),
                                                 out, row_group_rows, properties, arrow));
  return out->Close();
}

/// What the Parquet library itself reads, as `type`.
ArrayPtr Expected(const std::string& path, int row_group, int column,
                  const TypePtr& type) {
  auto input = arrow::io::ReadableFile::Open(path).ValueOrDie();
  auto reader =
      parquet::arrow::OpenFile(input, arrow::default_memory_pool()).ValueOrDie();
  auto table = reader->ReadRowGroup(row_group, {column}).ValueOrDie();
  ArrayPtr array = arrow::Concatenate(table->column(0)->chunks()).ValueOrDie();
  if (array->type()->Equals(*type)) return array;
  return arrow::compute::Cast(*array, type).ValueOrDie();
}

void ExpectSame(const arrow::Array& expected, int64_t row, const arrow::Array& actual,
                int64_t at) {
  ASSERT_TRUE(expected.RangeEquals(actual, row, row + 1, at))
      << "row " << row << ": " << expected.GetScalar(row).ValueOrDie()->ToString()
      << " against " << actual.GetScalar(at).ValueOrDie()->ToString();
}

/// Reads `column` in all three ways and compares with the Parquet library.
void CheckColumn(const std::string& path, int column, const TypePtr& type,
                 std::mt19937_64& random) {
  auto io = MakeFileIO({}).ValueOrDie();
  auto file = ParquetFile::Open(*io, path, -1, nullptr).ValueOrDie();
  ASSERT_TRUE(RowGroupColumns::CanRead(*file, column, *type)) << type->ToString();
  DecodeScratchPool pool;
  for (int group = 0; group < file->row_group_count(); ++group) {
    const ArrayPtr expected = Expected(path, group, column, type);
    RowGroupColumns reader(file, group, &pool);
    if (random() % 2) reader.WillRead({column});
    auto whole = reader.Read(column, type);
    ASSERT_OK(whole.status());
    ASSERT_OK((*whole)->ValidateFull());
    ASSERT_TRUE((*whole)->Equals(*expected)) << (*whole)->ToString();
    auto dictionary = reader.Read(column, type, /*keep_dictionary=*/true);
    ASSERT_OK(dictionary.status());
    ASSERT_OK((*dictionary)->ValidateFull());
    if ((*dictionary)->type_id() == arrow::Type::DICTIONARY) {
      auto plain = arrow::compute::Cast(**dictionary, type);
      ASSERT_OK(plain.status());
      ASSERT_TRUE((*plain)->Equals(*expected));
    }
    for (const uint64_t step : {1ull, 3ull, 50ull, 5000ull}) {
      std::vector<uint32_t> rows;
      std::vector<RowPick> picks;
      for (uint64_t row = random() % step;
           row < static_cast<uint64_t>(expected->length());
           row += random() % step + (random() % 5 ? 1 : 0)) {
        rows.push_back(static_cast<uint32_t>(row));
        if (rows.size() > 20'000) break;
      }
      auto some = reader.ReadRows(column, type, rows);
      ASSERT_OK(some.status());
      ASSERT_OK((*some)->ValidateFull());
      ASSERT_EQ((*some)->length(), static_cast<int64_t>(rows.size()));
      std::vector<uint32_t> slots(rows.size() + 3);
      for (uint32_t s = 0; s < slots.size(); ++s) slots[s] = s;
      std::shuffle(slots.begin(), slots.end(), random);
      for (size_t i = 0; i < rows.size(); ++i) picks.push_back({rows[i], slots[i]});
      auto out =
          OutputColumn::Make(type, static_cast<int64_t>(slots.size())).ValueOrDie();
      ASSERT_OK(reader.Gather(column, picks, out.get()));
      auto gathered = out->Finish();
      ASSERT_OK(gathered.status());
      ASSERT_EQ((*gathered)->num_chunks(), 1);
      const arrow::Array& placed = *(*gathered)->chunk(0);
      ASSERT_OK(placed.ValidateFull());
      for (size_t i = 0; i < rows.size(); ++i) {
        ExpectSame(*expected, rows[i], **some, static_cast<int64_t>(i));
        ExpectSame(*expected, rows[i], placed, slots[i]);
      }
      for (size_t i = rows.size(); i < slots.size(); ++i) {
        ASSERT_TRUE(placed.IsNull(slots[i]));
      }
    }
  }
}

std::vector<Encoding::type> EncodingsOf(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::BOOL:
      return {Encoding::PLAIN, Encoding::RLE};
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return {Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY,
              Encoding::DELTA_BYTE_ARRAY};
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
      return {Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT};
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL128:
      return {Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT, Encoding::DELTA_BYTE_ARRAY};
    default:
      return {Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED,
              Encoding::BYTE_STREAM_SPLIT};
  }
}

// Types in a file, each with one it may be read as.
std::vector<std::pair<TypePtr, TypePtr>> StoredAndWantedTypes() {
  return {
      {arrow::boolean(), arrow::boolean()},
      {arrow::int32(), arrow::int32()},
      {arrow::int32(), arrow::int64()},
      {arrow::int64(), arrow::int64()},
      {arrow::float32(), arrow::float32()},
      {arrow::float32(), arrow::float64()},
      {arrow::float64(), arrow::float64()},
      {arrow::utf8(), arrow::utf8()},
      {arrow::utf8(), arrow::large_utf8()},
      {arrow::binary(), arrow::binary()},
      {arrow::fixed_size_binary(16), arrow::fixed_size_binary(16)},
      {arrow::fixed_size_binary(5), arrow::fixed_size_binary(5)},
      {arrow::decimal128(9, 2), arrow::decimal128(20, 2)},
      {arrow::decimal128(30, 2), arrow::decimal128(38, 2)},
      {arrow::date32(), arrow::date32()},
      {arrow::time64(arrow::TimeUnit::MICRO), arrow::time64(arrow::TimeUnit::MICRO)},
      {arrow::timestamp(arrow::TimeUnit::MILLI),
       arrow::timestamp(arrow::TimeUnit::MICRO)},
      {arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
       arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      {arrow::timestamp(arrow::TimeUnit::NANO), arrow::timestamp(arrow::TimeUnit::NANO)}};
}

class ColumnChunkRandom : public testing::TestWithParam<int> {};

TEST_P(ColumnChunkRandom, ReadsWhatTheParquetLibraryReads) {
  const uint64_t seed = static_cast<uint64_t>(GetParam());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::pair<TypePtr, TypePtr>> types = StoredAndWantedTypes();
  const std::vector<arrow::Compression::type> codecs = {
      arrow::Compression::UNCOMPRESSED, arrow::Compression::ZSTD,
      arrow::Compression::SNAPPY,       arrow::Compression::GZIP,
      arrow::Compression::LZ4,          arrow::Compression::BROTLI};
  Scratch scratch;
  parquet::WriterProperties::Builder builder;
  builder.version(parquet::ParquetVersion::PARQUET_2_6)
      ->compression(codecs[random() % codecs.size()])
      ->data_page_version(random() % 2 ? parquet::ParquetDataPageVersion::V1
                                       : parquet::ParquetDataPageVersion::V2)
      ->data_pagesize(random() % 2 ? 1 << 20 : 1 << 10)
      ->write_batch_size(1 + static_cast<int64_t>(random() % 400))
      ->dictionary_pagesize_limit(random() % 2 ? 1 << 20 : 512);
  const bool page_index = random() % 2;
  if (page_index) {
    builder.enable_write_page_index();
  } else {
    builder.disable_write_page_index();
  }
  builder.enable_store_decimal_as_integer();
  const int64_t rows = 1 + static_cast<int64_t>(random() % 4000);
  std::vector<ArrayPtr> columns;
  for (size_t c = 0; c < types.size(); ++c) {
    Shape shape;
    constexpr double kNulls[] = {0, 0.02, 0.6, 1};
    constexpr int64_t kDistinct[] = {1, 5, 300, 1 << 24};
    shape.nulls = kNulls[random() % 4];
    shape.distinct = kDistinct[random() % 4];
    columns.push_back(RandomArray(types[c].first, rows, shape, random));
    const std::string name = "c" + std::to_string(c);
    const std::vector<Encoding::type> encodings = EncodingsOf(types[c].first);
    if (random() % 2) {
      builder.enable_dictionary(name);
    } else {
      builder.disable_dictionary(name);
      // Small decimals are stored as integers, which have other encodings.
      if (types[c].first->id() != arrow::Type::DECIMAL128) {
        builder.encoding(name, encodings[random() % encodings.size()]);
      }
    }
  }
  const std::string path = scratch.File("f.parquet");
  ASSERT_OK(WriteFile(path, columns, 1 + static_cast<int64_t>(random() % 5000),
                      builder.build(), parquet::default_arrow_writer_properties()));
  for (size_t c = 0; c < types.size(); ++c) {
    SCOPED_TRACE(types[c].first->ToString() + " as " + types[c].second->ToString());
    ASSERT_NO_FATAL_FAILURE(
        CheckColumn(path, static_cast<int>(c), types[c].second, random));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ColumnChunkRandom, testing::Range(0, 60));

TEST(ColumnChunkTest, ReadsInt96AsTheParquetLibraryDoes) {
  std::mt19937_64 random(5);
  Scratch scratch;
  const TypePtr micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  const ArrayPtr values = RandomArray(micros, 500, {0.1, 1 << 30}, random);
  parquet::ArrowWriterProperties::Builder arrow_properties;
  arrow_properties.enable_deprecated_int96_timestamps();
  const std::string path = scratch.File("f.parquet");
  ASSERT_OK(WriteFile(path, {values}, 1000, parquet::default_writer_properties(),
                      arrow_properties.build()));
  auto io = MakeFileIO({}).ValueOrDie();
  RowGroupColumns reader(ParquetFile::Open(*io, path, -1, nullptr).ValueOrDie(), 0);
  auto read = reader.Read(0, micros);
  ASSERT_OK(read.status());
  EXPECT_TRUE((*read)->Equals(*values));
}

TEST(ColumnChunkTest, DecodesOnlyThePagesThatHoldWinners) {
  std::mt19937_64 random(6);
  Scratch scratch;
  const ArrayPtr values = RandomArray(arrow::int64(), 100'000, {}, random);
  for (const bool indexed : {true, false}) {
    parquet::WriterProperties::Builder builder;
    builder.disable_dictionary()->data_pagesize(1 << 13)->write_batch_size(1024);
    builder.compression(arrow::Compression::ZSTD);
    if (indexed) {
      builder.enable_write_page_index();
    } else {
      builder.disable_write_page_index();
    }
    const std::string path = scratch.File(indexed ? "indexed" : "plain");
    ASSERT_OK(WriteFile(path, {values}, 100'000, builder.build(),
                        parquet::default_arrow_writer_properties()));
    auto io = MakeFileIO({}).ValueOrDie();
    RowGroupColumns reader(ParquetFile::Open(*io, path, -1, nullptr).ValueOrDie(), 0);
    const std::vector<uint32_t> rows = {5, 6, 50'000, 99'999};
    auto read = reader.ReadRows(0, arrow::int64(), rows);
    ASSERT_OK(read.status());
    EXPECT_EQ(reader.counters().pages_decoded, 3);
    EXPECT_GT(reader.counters().pages_skipped, 50);
    if (indexed) {
      EXPECT_LT(reader.counters().bytes_read, 100'000);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      ExpectSame(*values, rows[i], **read, static_cast<int64_t>(i));
    }
  }
}

TEST(ColumnChunkTest, NamesFileAndColumnOfADamagedPage) {
  std::mt19937_64 random(7);
  Scratch scratch;
  const std::string path = scratch.File("f.parquet");
  parquet::WriterProperties::Builder builder;
  builder.compression(arrow::Compression::ZSTD);
  ASSERT_OK(WriteFile(path, {RandomArray(arrow::utf8(), 2000, {0.1, 900}, random)}, 5000,
                      builder.build(), parquet::default_arrow_writer_properties()));
  auto io = MakeFileIO({}).ValueOrDie();
  const std::string intact = io->ReadAll(path).ValueOrDie();
  int64_t footer = 0;
  std::memcpy(&footer, intact.data() + intact.size() - 8, 4);
  const size_t data_end = intact.size() - 8 - static_cast<size_t>(footer);
  int errors = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = intact;
    for (int flips = 0; flips < 3; ++flips) {
      damaged[4 + random() % (data_end - 4)] ^= static_cast<char>(1 << (random() % 8));
    }
    ASSERT_OK(io->Write(path, damaged));
    auto file = ParquetFile::Open(*io, path, -1, nullptr);
    if (!file.ok()) continue;
    RowGroupColumns reader(*file, 0);
    const auto read = reader.Read(0, arrow::utf8());
    if (read.ok()) {
      // Nothing checks a changed value; it must still be a well-formed column.
      ASSERT_OK((*read)->Validate());
      continue;
    }
    ++errors;
    const std::string text = ErrorText(read.status());
    EXPECT_NE(text.find("f.parquet"), std::string::npos) << text;
    EXPECT_NE(text.find("c0"), std::string::npos) << text;
  }
  EXPECT_GT(errors, 100);
}

TEST(OutputColumnTest, TakesArraysAndScalarsOfAnyType) {
  std::mt19937_64 random(8);
  const TypePtr list = arrow::list(arrow::field("element", arrow::int64()));
  arrow::ListBuilder builder(arrow::default_memory_pool(),
                             std::make_shared<arrow::Int64Builder>(), list);
  auto* items = static_cast<arrow::Int64Builder*>(builder.value_builder());
  ASSERT_OK(builder.Append());
  ASSERT_OK(items->AppendValues({1, 2, 3}));
  ASSERT_OK(builder.AppendNull());
  ASSERT_OK(builder.Append());
  const ArrayPtr lists = builder.Finish().ValueOrDie();
  const std::vector<RowPick> picks = {{0, 4}, {1, 0}, {2, 2}};
  for (const ArrayPtr& values : {lists, RandomArray(arrow::utf8(), 3, {}, random),
                                 RandomArray(arrow::boolean(), 3, {}, random),
                                 RandomArray(arrow::float64(), 3, {0.4, 100}, random)}) {
    auto out = OutputColumn::Make(values->type(), 8).ValueOrDie();
    ASSERT_OK(out->PutArray(picks, *values));
    const std::vector<RowPick> constant = {{0, 5}, {0, 7}};
    ASSERT_OK(out->PutScalar(constant, *values->GetScalar(0).ValueOrDie()));
    const ArrayPtr done =
        arrow::Concatenate(out->Finish().ValueOrDie()->chunks()).ValueOrDie();
    ASSERT_OK(done->ValidateFull());
    ASSERT_EQ(done->length(), 8);
    for (int64_t i = 0; i < 3; ++i) ExpectSame(*values, i, *done, picks[i].slot);
    ExpectSame(*values, 0, *done, 5);
    ExpectSame(*values, 0, *done, 7);
    for (const int64_t empty : {1, 3, 6}) EXPECT_TRUE(done->IsNull(empty));
  }
}

TEST(PageHeader, TakesNoNumberForAnEncodingThatIsNone) {
  // Thrift's compact protocol: fields 1 to 3 and the DataPageHeader, whose encoding is
  // -20.
  const std::vector<uint8_t> bytes = {0x15, 0x00, 0x15, 0x02, 0x15, 0x02, 0x2c,
                                      0x15, 0x02, 0x15, 0x27, 0x00, 0x00};
  bool complete = false;
  const auto header = PageHeader::Parse(bytes, &complete);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_TRUE(complete);
  EXPECT_EQ(header->value_count, 1);
  EXPECT_EQ(header->encoding, parquet::Encoding::UNKNOWN);
}

}  // namespace
}  // namespace floe::iceberg
