#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/test_rows.h"
#include "io/fault_file_io.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

using testing::Below;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RandomBatch;
using testing::ReadTable;
using testing::Rng;
using testing::SameArray;
using testing::TempFolder;
using testing::Unwrap;
using testing::WriteFile;

class ParquetRoundTripTest : public ::testing::Test {
 protected:
  DataFileWriterOptions WriterOptions(const SchemaPtr& schema) const {
    DataFileWriterOptions options;
    options.schema = schema;
    options.location = folder_.At("data.parquet");
    return options;
  }

  static void ExpectSameRows(const arrow::Table& actual,
                             const arrow::RecordBatch& expected) {
    ASSERT_EQ(actual.num_rows(), expected.num_rows());
    ASSERT_EQ(actual.num_columns(), expected.num_columns());
    for (int i = 0; i < expected.num_columns(); ++i) {
      SCOPED_TRACE(expected.column_name(i));
      ASSERT_EQ(actual.schema()->field(i)->ToString(true),
                expected.schema()->field(i)->ToString(true));
      if (actual.num_rows() == 0) continue;
      const auto& array = actual.column(i)->chunk(0);
      EXPECT_TRUE(array->ValidateFull().ok());
      EXPECT_TRUE(SameArray(*array, *expected.column(i)))
          << array->ToString() << expected.column(i)->ToString();
    }
  }

  TempFolder folder_;
  std::shared_ptr<FileIO> io_ = Unwrap(MakeFileIO({}));
};

TEST_F(ParquetRoundTripTest, EveryTypeComesBackAsWritten) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  for (const int64_t rows : {0, 1, 7, 3000}) {
    SCOPED_TRACE(rows);
    Rng rng(static_cast<uint64_t>(rows));
    const auto batch = RandomBatch(*schema, rows, rng);
    DataFileWriterOptions options = WriterOptions(schema);
    options.location = folder_.At(std::to_string(rows) + ".parquet");
    options.row_group_rows = 1000;
    options.rows_per_page = 64;
    // In uneven pieces, as streams come.
    std::vector<std::shared_ptr<arrow::RecordBatch>> pieces;
    for (int64_t at = 0; at < rows;) {
      const int64_t length = std::min(rows - at, 1 + Below(rng, 700));
      pieces.push_back(batch->Slice(at, length));
      at += length;
    }
    const DataFile file = WriteFile(io_, options, pieces);
    EXPECT_EQ(file.record_count, rows);
    EXPECT_EQ(file.file_size_bytes, Unwrap(io_->FileSize(options.location)));
    EXPECT_EQ(file.split_offsets.size(), static_cast<size_t>((rows + 999) / 1000));
    ParquetReadOptions read;
    read.schema = schema;
    read.batch_rows = 171;
    ExpectSameRows(*Unwrap(ReadTable(*io_, options.location, read)), *batch);
  }
}

TEST_F(ParquetRoundTripTest, FieldIdsAreWrittenAtEveryLevel) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  Rng rng(1);
  WriteFile(io_, WriterOptions(schema), {RandomBatch(*schema, 10, rng)});
  const auto file =
      Unwrap(ParquetFile::Open(*io_, folder_.At("data.parquet"), -1, nullptr));
  const auto& root = *file->metadata()->schema()->group_node();
  const auto& map =
      static_cast<const parquet::schema::GroupNode&>(*root.field(root.FieldIndex("map")));
  EXPECT_EQ(map.field_id(), 120);
  const auto& entries = static_cast<const parquet::schema::GroupNode&>(*map.field(0));
  EXPECT_EQ(entries.name(), "key_value");
  EXPECT_EQ(entries.field(0)->field_id(), 121);
  EXPECT_EQ(entries.field(1)->field_id(), 122);
  const auto& list = static_cast<const parquet::schema::GroupNode&>(
      *root.field(root.FieldIndex("list")));
  const auto& repeated = static_cast<const parquet::schema::GroupNode&>(*list.field(0));
  EXPECT_EQ(repeated.name(), "list");
  EXPECT_EQ(repeated.field(0)->name(), "element");
  EXPECT_EQ(repeated.field(0)->field_id(), 111);
  EXPECT_TRUE(root.field(root.FieldIndex("uuid"))->logical_type()->is_UUID());
}

TEST_F(ParquetRoundTripTest, ColumnsFollowTheirIdThroughRenameReorderAddAndPromotion) {
  const SchemaPtr written = Unwrap(
      Schema::Make({NestedField::Optional(1, "i", Type::Int()),
                    NestedField::Optional(2, "f", Type::Float()),
                    NestedField::Optional(3, "d", Type::Decimal(9, 2)),
                    NestedField::Optional(
                        4, "s",
                        Type::Struct({NestedField::Optional(5, "a", Type::Int()),
                                      NestedField::Optional(6, "b", Type::String())})),
                    NestedField::Optional(7, "gone", Type::String())}));
  Rng rng(3);
  const auto batch = RandomBatch(*written, 500, rng);
  WriteFile(io_, WriterOptions(written), {batch});
  NestedField added = NestedField::Required(9, "gone", Type::Long());
  added.initial_default = std::make_shared<Literal>(Literal::Long(42));
  const SchemaPtr now = Unwrap(
      Schema::Make({NestedField::Optional(3, "money", Type::Decimal(20, 2)),
                    NestedField::Optional(
                        4, "s",
                        Type::Struct({NestedField::Optional(6, "text", Type::String()),
                                      NestedField::Optional(8, "new", Type::Date()),
                                      NestedField::Optional(5, "number", Type::Long())})),
                    NestedField::Optional(1, "i", Type::Long()), added,
                    NestedField::Optional(10, "constant", Type::String()),
                    NestedField::Optional(2, "f", Type::Double())}));
  ParquetReadOptions read;
  read.schema = now;
  read.include_position = true;
  read.constants.emplace(10, Literal::String("p=1"));
  const auto table = Unwrap(ReadTable(*io_, folder_.At("data.parquet"), read));
  ASSERT_EQ(table->num_rows(), 500);
  for (int64_t row = 0; row < 500; ++row) {
    const auto text = [&](const std::string& column) {
      return table->GetColumnByName(column)->GetScalar(row).ValueOrDie()->ToString();
    };
    const auto source = [&](int column) {
      return batch->column(column)->GetScalar(row).ValueOrDie()->ToString();
    };
    ASSERT_EQ(text("money"), source(2));
    ASSERT_EQ(text("i"), source(0));
    ASSERT_EQ(text("f"), source(1));
    ASSERT_EQ(text("gone"), "42");
    ASSERT_EQ(text("constant"), "p=1");
    ASSERT_EQ(text("_pos"), std::to_string(row));
    const auto& before = static_cast<const arrow::StructArray&>(*batch->column(3));
    const auto& after =
        static_cast<const arrow::StructArray&>(*table->GetColumnByName("s")->chunk(0));
    ASSERT_EQ(before.IsNull(row), after.IsNull(row));
    if (before.IsNull(row)) continue;
    ASSERT_TRUE(after.field(1)->IsNull(row));
    ASSERT_EQ(before.field(0)->GetScalar(row).ValueOrDie()->ToString(),
              after.field(2)->GetScalar(row).ValueOrDie()->ToString());
    ASSERT_EQ(before.field(1)->GetScalar(row).ValueOrDie()->ToString(),
              after.field(0)->GetScalar(row).ValueOrDie()->ToString());
  }
}

TEST_F(ParquetRoundTripTest, AStructWithOnlyNewFieldsKeepsItsNulls) {
  const SchemaPtr written = Unwrap(Schema::Make({NestedField::Optional(
      1, "s", Type::Struct({NestedField::Optional(2, "old", Type::Int())}))}));
  const SchemaPtr now = Unwrap(Schema::Make({NestedField::Optional(
      1, "s", Type::Struct({NestedField::Optional(3, "new", Type::Int())}))}));
  Rng rng(4);
  const auto batch = RandomBatch(*written, 100, rng);
  WriteFile(io_, WriterOptions(written), {batch});
  ParquetReadOptions read;
  read.schema = now;
  const auto table = Unwrap(ReadTable(*io_, folder_.At("data.parquet"), read));
  const auto& array = *table->column(0)->chunk(0);
  for (int64_t row = 0; row < 100; ++row) {
    ASSERT_EQ(array.IsNull(row), batch->column(0)->IsNull(row));
  }
}

TEST_F(ParquetRoundTripTest, ColumnsThatCannotBeReadAreNamed) {
  const SchemaPtr written =
      Unwrap(Schema::Make({NestedField::Optional(1, "n", Type::Long())}));
  Rng rng(5);
  WriteFile(io_, WriterOptions(written), {RandomBatch(*written, 10, rng)});
  const auto read_as = [&](NestedField field) {
    ParquetReadOptions read;
    read.schema = Unwrap(Schema::Make({std::move(field)}));
    return ReadTable(*io_, folder_.At("data.parquet"), read).status();
  };
  const arrow::Status missing = read_as(NestedField::Required(2, "absent", Type::Long()));
  EXPECT_TRUE(IsError(missing, ErrorCode::kCorruptData));
  EXPECT_THAT(ErrorText(missing), HasSubstr("'absent'"));
  EXPECT_THAT(ErrorText(missing), HasSubstr("data.parquet"));
  const arrow::Status narrowed = read_as(NestedField::Optional(1, "n", Type::Int()));
  EXPECT_TRUE(IsError(narrowed, ErrorCode::kNotSupported)) << ErrorText(narrowed);
  const arrow::Status nulls = read_as(NestedField::Required(1, "n", Type::Long()));
  EXPECT_TRUE(IsError(nulls, ErrorCode::kCorruptData)) << ErrorText(nulls);
}

TEST_F(ParquetRoundTripTest, OnlyConstantsNeedNoColumnOfTheFile) {
  const SchemaPtr written =
      Unwrap(Schema::Make({NestedField::Optional(1, "n", Type::Long())}));
  Rng rng(6);
  DataFileWriterOptions options = WriterOptions(written);
  options.row_group_rows = 40;
  WriteFile(io_, options, {RandomBatch(*written, 100, rng)});
  ParquetReadOptions read;
  read.schema = Unwrap(Schema::Make({NestedField::Optional(2, "c", Type::Int())}));
  read.constants.emplace(2, Literal::Int(7));
  read.include_position = true;
  read.batch_rows = 33;
  read.row_ranges = std::vector<RowRange>{{10, 12}, {39, 41}, {99, 100}};
  const auto table = Unwrap(ReadTable(*io_, folder_.At("data.parquet"), read));
  ASSERT_EQ(table->num_rows(), 5);
  EXPECT_EQ(table->column(1)->chunk(0)->ToString(),
            "[\n  10,\n  11,\n  39,\n  40,\n  99\n]");
  EXPECT_EQ(table->column(0)->GetScalar(4).ValueOrDie()->ToString(), "7");
}

TEST_F(ParquetRoundTripTest, RowRangesGiveThoseRows) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  Rng rng(7);
  const auto batch = RandomBatch(*schema, 1000, rng);
  DataFileWriterOptions options = WriterOptions(schema);
  options.row_group_rows = 300;
  options.rows_per_page = 50;
  WriteFile(io_, options, {batch});
  for (int round = 0; round < 20; ++round) {
    ParquetReadOptions read;
    read.schema = schema;
    read.batch_rows = 1 + Below(rng, 400);
    std::vector<RowRange> ranges;
    arrow::RecordBatchVector slices;
    for (int64_t at = Below(rng, 300); at < 1000;) {
      const int64_t end = std::min<int64_t>(1000, at + 1 + Below(rng, 200));
      ranges.push_back({at, end});
      slices.push_back(batch->Slice(at, end - at));
      at = end + 1 + Below(rng, 300);
    }
    read.row_ranges = ranges;
    const auto expected = Unwrap(arrow::ConcatenateRecordBatches(slices));
    ExpectSameRows(*Unwrap(ReadTable(*io_, options.location, read)), *expected);
  }
}

TEST_F(ParquetRoundTripTest, WriterRefusesWhatDoesNotFit) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Required(1, "n", Type::Long())}));
  auto writer = Unwrap(DataFileWriter::Make(io_, WriterOptions(schema)));
  arrow::Int64Builder builder;
  FLOE_ASSERT_OK(builder.AppendValues({1, 2}));
  FLOE_ASSERT_OK(builder.AppendNull());
  auto nulls = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64())}), 3, {Unwrap(builder.Finish())});
  const arrow::Status null_error = writer->Write(*nulls);
  EXPECT_TRUE(IsError(null_error, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(null_error), HasSubstr("'n'"));
  auto wrong =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::utf8())}), 0,
                               {Unwrap(arrow::MakeArrayOfNull(arrow::utf8(), 0))});
  EXPECT_TRUE(IsError(writer->Write(*wrong), ErrorCode::kInvalidArgument));
  // What was refused is not in the file; what follows is.
  FLOE_ASSERT_OK(writer->Write(*nulls->Slice(0, 2)));
  EXPECT_EQ(Unwrap(writer->Close()).record_count, 2);
  EXPECT_FALSE(writer->Close().ok());
}

TEST_F(ParquetRoundTripTest, NothingIsLeftWithoutAClose) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  Rng rng(8);
  const auto batch = RandomBatch(*schema, 100, rng);
  {  // Destroyed.
    auto writer = Unwrap(DataFileWriter::Make(io_, WriterOptions(schema)));
    FLOE_ASSERT_OK(writer->Write(*batch));
  }
  {  // Aborted.
    auto writer = Unwrap(DataFileWriter::Make(io_, WriterOptions(schema)));
    FLOE_ASSERT_OK(writer->Write(*batch));
    FLOE_ASSERT_OK(writer->Abort());
  }
  for (int64_t nth = 1; nth < 200; ++nth) {
    auto faulty = std::make_shared<FaultFileIO>(
        io_, FaultFileIO::FailNth(FaultFileIO::Operation::kWrite, nth));
    DataFileWriterOptions options = WriterOptions(schema);
    options.row_group_rows = 30;
    auto writer = Unwrap(DataFileWriter::Make(faulty, options));
    arrow::Status status = writer->Write(*batch);
    if (status.ok()) status = writer->Close().status();
    if (status.ok()) {
      EXPECT_GT(nth, 10);
      FLOE_ASSERT_OK(io_->Delete(options.location));
      break;
    }
    ASSERT_TRUE(IsError(status, ErrorCode::kIo)) << ErrorText(status);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.At("data.parquet")));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.At(""))) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 0);
}

TEST_F(ParquetRoundTripTest, DamagedFilesAreErrorsNeverCrashes) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  Rng rng(9);
  DataFileWriterOptions options = WriterOptions(schema);
  options.row_group_rows = 60;
  options.rows_per_page = 16;
  options.bloom_filters = {{13}};
  WriteFile(io_, options, {RandomBatch(*schema, 100, rng)});
  const std::string bytes = Unwrap(io_->ReadAll(options.location));
  const PredicatePtr filter = Unwrap(
      Bind(Predicate::Compare(Predicate::Op::kEqual, "string", Literal::String("zzb")),
           *schema));
  const auto read = [&](const std::string& damaged) {
    FLOE_ASSERT_OK(io_->Write(folder_.At("damaged"), damaged));
    ParquetReadOptions options_read;
    options_read.schema = schema;
    auto result = ReadTable(*io_, folder_.At("damaged"), options_read);
    if (!result.ok()) {
      const ErrorCode code = ErrorCodeOf(result.status());
      EXPECT_TRUE(code == ErrorCode::kCorruptData || code == ErrorCode::kNotSupported ||
                  code == ErrorCode::kResourceExhausted)
          << result.status().ToString();
      EXPECT_THAT(ErrorText(result.status()), HasSubstr("damaged"));
    }
    options_read.filter = filter;
    static_cast<void>(ReadTable(*io_, folder_.At("damaged"), options_read));
  };
  for (size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 60) {
    SCOPED_TRACE(length);
    read(bytes.substr(0, length));
  }
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    // Half of the flips hit the footer and the indexes.
    const int64_t size = static_cast<int64_t>(bytes.size());
    const int64_t at = round % 2 == 0
                           ? Below(rng, size)
                           : size - 1 - Below(rng, std::min(size, int64_t{9000}));
    damaged[static_cast<size_t>(at)] ^= static_cast<char>(1 << Below(rng, 8));
    SCOPED_TRACE(at);
    read(damaged);
  }
}

TEST_F(ParquetRoundTripTest, MetricsAreWhatTheSpecificationAsks) {
  const SchemaPtr schema = Unwrap(Schema::Make(
      {NestedField::Optional(1, "d", Type::Double()),
       NestedField::Optional(2, "text", Type::String()),
       NestedField::Optional(
           3, "list", Type::List(NestedField::Optional(4, "element", Type::Int()))),
       NestedField::Optional(5, "empty", Type::Int()),
       NestedField::Optional(6, "full", Type::String()),
       NestedField::Optional(7, "counts", Type::Int()),
       NestedField::Optional(8, "none", Type::Int())}));
  const auto arrow_schema = Unwrap(ToArrowSchema(*schema));
  arrow::DoubleBuilder doubles;
  FLOE_ASSERT_OK(doubles.AppendValues({0.0, std::nan(""), -3.5, std::nan("")}));
  const auto number = Unwrap(doubles.Finish());
  const auto texts = [&](const std::vector<std::string>& values) {
    arrow::StringBuilder builder;
    EXPECT_TRUE(builder.AppendValues(values).ok());
    return Unwrap(builder.Finish());
  };
  const auto text = texts({"0123456789abcdefX",
                           "\xF4\x8F\xBF\xBF"
                           "0123456789abcdefY",
                           "b", "c"});
  const auto full = texts({"0123456789abcdefX", "zzzzzzzzzzzzzzzzzzzzz", "b", "c"});
  arrow::ListBuilder lists(arrow::default_memory_pool(),
                           std::make_shared<arrow::Int32Builder>());
  auto* elements = static_cast<arrow::Int32Builder*>(lists.value_builder());
  FLOE_ASSERT_OK(lists.Append());
  FLOE_ASSERT_OK(elements->AppendValues({1, 2, 3}));
  FLOE_ASSERT_OK(lists.AppendNull());
  FLOE_ASSERT_OK(lists.Append());
  FLOE_ASSERT_OK(elements->AppendNull());
  FLOE_ASSERT_OK(lists.Append());
  const auto list = Unwrap(lists.Finish());
  const auto nulls = Unwrap(arrow::MakeArrayOfNull(arrow::int32(), 4));
  arrow::Int32Builder ints;
  FLOE_ASSERT_OK(ints.AppendValues({4, 5, 6, 7}));
  const auto small = Unwrap(ints.Finish());
  DataFileWriterOptions options = WriterOptions(schema);
  FLOE_ASSERT_OK(
      options.ApplyTableProperties({{"write.metadata.metrics.column.full", "full"},
                                    {"write.metadata.metrics.column.counts", "counts"},
                                    {"write.metadata.metrics.column.none", "none"}}));
  const DataFile file =
      WriteFile(io_, options,
                {arrow::RecordBatch::Make(
                    arrow_schema, 4, {number, text, list, nulls, full, small, small})});
  const auto metrics = [&](int32_t id) { return *file.FindMetrics(id); };
  EXPECT_EQ(metrics(1).value_count, 4);
  EXPECT_EQ(metrics(1).null_count, 0);
  EXPECT_EQ(metrics(1).nan_count, 2);
  EXPECT_EQ(Literal::FromBytes(Type::Double(), *metrics(1).lower_bound)->as<double>(),
            -3.5);
  EXPECT_EQ(Literal::FromBytes(Type::Double(), *metrics(1).upper_bound)->as<double>(),
            0.0);
  EXPECT_EQ(metrics(2).lower_bound, "0123456789abcdef");
  EXPECT_EQ(metrics(2).upper_bound,
            "\xF4\x8F\xBF\xBF"
            "0123456789abcdf");
  EXPECT_EQ(metrics(4).value_count, 6);
  EXPECT_EQ(metrics(4).null_count, 3);
  EXPECT_FALSE(metrics(4).lower_bound.has_value());
  EXPECT_EQ(metrics(5).null_count, 4);
  EXPECT_FALSE(metrics(5).upper_bound.has_value());
  EXPECT_EQ(metrics(6).upper_bound, "zzzzzzzzzzzzzzzzzzzzz");
  EXPECT_EQ(metrics(7).value_count, 4);
  EXPECT_FALSE(metrics(7).lower_bound.has_value());
  EXPECT_FALSE(metrics(8).value_count.has_value());
  EXPECT_GT(*metrics(8).size_bytes, 0);
}

}  // namespace
}  // namespace floe::iceberg
