#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "arrow/adapters/orc/adapter.h"
#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/buffer.h"
#include "arrow/builder.h"
#include "arrow/io/memory.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "base/random.h"
#include "iceberg/format/orc/orc_data_file.h"

// Files that Apache ORC's library wrote, through Arrow's adapter.
namespace floe::iceberg {
namespace {

namespace adapter = arrow::adapters::orc;
using Rng = std::mt19937_64;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

std::shared_ptr<arrow::Field> WithId(const std::string& name,
                                     std::shared_ptr<arrow::DataType> type, int id) {
  return arrow::field(name, std::move(type), true,
                      arrow::key_value_metadata({"iceberg.id"}, {std::to_string(id)}));
}

arrow::Status AppendRandom(arrow::ArrayBuilder* builder, Rng& rng, int shape);

arrow::Status AppendValue(arrow::ArrayBuilder* builder, Rng& rng, int shape);

arrow::Status AppendNested(arrow::ArrayBuilder* builder, Rng& rng, int shape) {
  switch (builder->type()->id()) {
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (uint64_t i = rng() % 4; i > 0; --i) {
        ARROW_RETURN_NOT_OK(AppendRandom(list->value_builder(), rng, shape));
      }
      return arrow::Status::OK();
    }
    case arrow::Type::STRUCT: {
      auto* structs = static_cast<arrow::StructBuilder*>(builder);
      ARROW_RETURN_NOT_OK(structs->Append());
      for (int i = 0; i < structs->num_fields(); ++i) {
        ARROW_RETURN_NOT_OK(AppendRandom(structs->field_builder(i), rng, shape));
      }
      return arrow::Status::OK();
    }
    default: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      for (uint64_t i = rng() % 3; i > 0; --i) {
        ARROW_RETURN_NOT_OK(AppendValue(map->key_builder(), rng, shape));
        ARROW_RETURN_NOT_OK(AppendRandom(map->item_builder(), rng, shape));
      }
      return arrow::Status::OK();
    }
  }
}

arrow::Status AppendValue(arrow::ArrayBuilder* builder, Rng& rng, int shape) {
  // Shapes make the different kinds of runs: constant, rising, small with outliers, wild.
  static int64_t rising = 0;
  int64_t number = 0;
  switch (shape) {
    case 0:
      number = 42;
      break;
    case 1:
      number = rising += static_cast<int64_t>(rng() % 3);
      break;
    case 2:
      number =
          static_cast<int64_t>(rng() % 50 == 0 ? rng() % 1'000'000'000 : rng() % 100);
      break;
    default:
      number = static_cast<int64_t>(rng());
  }
  switch (builder->type()->id()) {
    case arrow::Type::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(rng() % 2 == 0);
    case arrow::Type::INT32:
      return static_cast<arrow::Int32Builder*>(builder)->Append(
          static_cast<int32_t>(number));
    case arrow::Type::INT64:
      return static_cast<arrow::Int64Builder*>(builder)->Append(number);
    case arrow::Type::DATE32:
      return static_cast<arrow::Date32Builder*>(builder)->Append(
          static_cast<int32_t>(number % 100'000));
    case arrow::Type::FLOAT:
      return static_cast<arrow::FloatBuilder*>(builder)->Append(
          static_cast<float>(number) / 3);
    case arrow::Type::DOUBLE:
      return static_cast<arrow::DoubleBuilder*>(builder)->Append(
          static_cast<double>(number) / 3);
    case arrow::Type::TIMESTAMP:
      // Whole seconds before 1970: with fractions the library cuts toward zero.
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(
          number < 0 ? number % 4'000'000'000 * 1'000'000
                     : number % 4'000'000'000'000'000);
    case arrow::Type::DECIMAL128:
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(
          static_cast<const arrow::DecimalType&>(*builder->type()).precision() <= 18
              ? arrow::Decimal128(number % 1'000'000'000'000'000)
              : arrow::Decimal128(number) * arrow::Decimal128(rng() % 1'000'000'000));
    case arrow::Type::STRING:
      return static_cast<arrow::StringBuilder*>(builder)->Append(
          shape < 2 ? "value " + std::to_string(number % 7)
                    : std::string(rng() % 20, static_cast<char>('a' + rng() % 26)));
    case arrow::Type::BINARY:
      return static_cast<arrow::BinaryBuilder*>(builder)->Append(
          std::string(rng() % 9, static_cast<char>(rng())));
    default:
      return AppendNested(builder, rng, shape);
  }
}

arrow::Status AppendRandom(arrow::ArrayBuilder* builder, Rng& rng, int shape) {
  return rng() % 6 == 0 ? builder->AppendNull() : AppendValue(builder, rng, shape);
}

class OrcTest : public ::testing::Test {
 protected:
  OrcTest()
      : io_(Unwrap(MakeFileIO({}))),
        folder_((std::filesystem::temp_directory_path() /
                 ("floe-orc-" + NewUuid(Random::System())))
                    .string()) {
    int id = 0;
    arrow::FieldVector fields;
    const auto add = [&](TypePtr type, std::shared_ptr<arrow::DataType> arrow_type) {
      ++id;
      const std::string name = "c" + std::to_string(id);
      wanted_.push_back(NestedField::Optional(id, name, std::move(type)));
      fields.push_back(WithId(name, std::move(arrow_type), id));
    };
    add(Type::Boolean(), arrow::boolean());
    add(Type::Int(), arrow::int32());
    add(Type::Long(), arrow::int64());
    add(Type::Date(), arrow::date32());
    add(Type::Float(), arrow::float32());
    add(Type::Double(), arrow::float64());
    add(Type::Timestamp(), arrow::timestamp(arrow::TimeUnit::MICRO));
    add(Type::Decimal(38, 4), arrow::decimal128(38, 4));
    add(Type::Decimal(18, 3), arrow::decimal128(18, 3));
    add(Type::String(), arrow::utf8());
    add(Type::Binary(), arrow::binary());
    add(Type::List(NestedField::Optional(101, "element", Type::Long())),
        arrow::list(WithId("element", arrow::int64(), 101)));
    add(Type::Struct({NestedField::Optional(102, "a", Type::Int()),
                      NestedField::Optional(103, "b", Type::String())}),
        arrow::struct_(
            {WithId("a", arrow::int32(), 102), WithId("b", arrow::utf8(), 103)}));
    add(Type::Map(NestedField::Required(104, "key", Type::String()),
                  NestedField::Optional(105, "value", Type::Double())),
        arrow::map(arrow::utf8(), arrow::float64()));
    arrow_schema_ = arrow::schema(fields);
  }
  ~OrcTest() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<arrow::RecordBatch> MakeBatch(int64_t rows, Rng& rng, int shape) const {
    arrow::ArrayVector columns;
    for (const auto& field : arrow_schema_->fields()) {
      std::unique_ptr<arrow::ArrayBuilder> builder;
      EXPECT_TRUE(
          arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder).ok());
      for (int64_t row = 0; row < rows; ++row) {
        EXPECT_TRUE(AppendRandom(builder.get(), rng, shape).ok());
      }
      columns.push_back(Unwrap(builder->Finish()));
    }
    return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(columns));
  }

  std::string Write(const arrow::RecordBatch& batch, arrow::Compression::type codec,
                    int64_t stripe_size) const {
    auto sink = Unwrap(arrow::io::BufferOutputStream::Create());
    adapter::WriteOptions options;
    options.compression = codec;
    options.stripe_size = stripe_size;
    options.compression_block_size = 64 << 10;  // No less is taken.
    options.dictionary_key_size_threshold = 0.8;
    auto writer = Unwrap(adapter::ORCFileWriter::Open(sink.get(), options));
    const arrow::Status written = writer->Write(batch);
    EXPECT_TRUE(written.ok()) << written.ToString();
    EXPECT_TRUE(writer->Close().ok());
    return Unwrap(sink->Finish())->ToString();
  }

  arrow::Result<std::shared_ptr<arrow::Table>> Read(const std::string& bytes,
                                                    FileReadOptions options) {
    const std::string location = folder_ + "/" + std::to_string(next_file_++) + ".orc";
    ARROW_RETURN_NOT_OK(io_->Write(location, bytes));
    if (options.schema == nullptr) {
      ARROW_ASSIGN_OR_RAISE(options.schema, Schema::Make(wanted_));
    }
    ARROW_ASSIGN_OR_RAISE(auto reader, ReadOrcFile(*io_, location, -1, options));
    ARROW_ASSIGN_OR_RAISE(auto table, reader->ToTable());
    return table->CombineChunks();
  }

  static void ExpectSame(const arrow::RecordBatch& expected, const arrow::Table& read) {
    ASSERT_EQ(read.num_rows(), expected.num_rows());
    for (int i = 0; i < expected.num_columns(); ++i) {
      if (expected.num_rows() == 0) continue;
      const auto& column = *read.column(i)->chunk(0);
      ASSERT_TRUE(column.ValidateFull().ok()) << column.ValidateFull().ToString();
      for (int64_t row = 0; row < expected.num_rows(); ++row) {
        const auto want = Unwrap(expected.column(i)->GetScalar(row));
        const auto got = Unwrap(column.GetScalar(row));
        ASSERT_EQ(got->ToString(), want->ToString()) << "column " << i << " row " << row;
      }
    }
  }

  std::shared_ptr<FileIO> io_;
  std::string folder_;
  std::vector<NestedField> wanted_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  int next_file_ = 0;
};

TEST_F(OrcTest, ReadsWhatTheLibraryWrites) {
  Rng rng(3);
  const arrow::Compression::type codecs[] = {
      arrow::Compression::UNCOMPRESSED, arrow::Compression::GZIP,
      arrow::Compression::SNAPPY, arrow::Compression::LZ4, arrow::Compression::ZSTD};
  for (int shape = 0; shape < 4; ++shape) {
    for (const auto codec : codecs) {
      SCOPED_TRACE(fmt::format("shape {} codec {}", shape, static_cast<int>(codec)));
      const auto batch = MakeBatch(1500, rng, shape);
      const std::string bytes = Write(*batch, codec, 16 << 10);
      FileReadOptions options;
      options.batch_rows = 700;
      ExpectSame(*batch, *Unwrap(Read(bytes, options)));
    }
  }
}

TEST_F(OrcTest, ReadsChosenRowsAndColumns) {
  Rng rng(5);
  const auto batch = MakeBatch(5000, rng, 3);
  const std::string bytes = Write(*batch, arrow::Compression::GZIP, 8 << 10);
  FileReadOptions options;
  // A column of before, one below a struct, promoted ones, one the file does not have.
  options.schema = Unwrap(Schema::Make(
      {NestedField::Optional(3, "renamed", Type::Long()),
       NestedField::Optional(
           13, "s", Type::Struct({NestedField::Optional(103, "b2", Type::String())})),
       NestedField::Optional(2, "wider", Type::Long()),
       NestedField::Optional(900, "new", Type::String())}));
  options.row_ranges = std::vector<RowRange>{{10, 12}, {4000, 4003}};
  options.include_position = true;
  const auto read = Unwrap(Read(bytes, options));
  ASSERT_EQ(read->num_rows(), 5);
  const std::vector<int64_t> rows = {10, 11, 4000, 4001, 4002};
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const auto same = [&](int column, const arrow::Array& expected) {
      EXPECT_EQ(Unwrap(read->column(column)->GetScalar(at))->ToString(),
                Unwrap(expected.GetScalar(rows[i]))->ToString());
    };
    same(0, *batch->column(2));
    const auto& structs = static_cast<const arrow::StructArray&>(*batch->column(12));
    if (structs.IsValid(rows[i])) {
      EXPECT_THAT(
          Unwrap(read->column(1)->GetScalar(at))->ToString(),
          ::testing::HasSubstr(Unwrap(structs.field(1)->GetScalar(rows[i]))->ToString()));
    }
    same(2, *batch->column(1));
    EXPECT_FALSE(Unwrap(read->column(3)->GetScalar(at))->is_valid);
    EXPECT_EQ(Unwrap(read->column(4)->GetScalar(at))->ToString(),
              std::to_string(rows[i]));
  }
}

// Whatever is done to a file's bytes, it is refused or read.
TEST_F(OrcTest, SurvivesBrokenFiles) {
  Rng rng(11);
  for (int round = 0; round < 400; ++round) {
    const auto codec =
        round % 2 == 0 ? arrow::Compression::UNCOMPRESSED : arrow::Compression::GZIP;
    static std::string files[2];
    std::string& good = files[round % 2];
    if (good.empty()) good = Write(*MakeBatch(60, rng, 2), codec, 64 << 10);
    std::string bytes = good;
    if (round % 5 == 0) {
      bytes.resize(rng() % bytes.size());
    } else {
      for (uint64_t i = 1 + rng() % 4; i > 0; --i) {
        bytes[rng() % bytes.size()] = static_cast<char>(rng());
      }
    }
    const auto read = Read(bytes, {});
    if (!read.ok()) {
      EXPECT_THAT(ErrorText(read.status()), ::testing::HasSubstr(".orc"));
    }
  }
}

}  // namespace
}  // namespace floe::iceberg
