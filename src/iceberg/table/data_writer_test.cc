#include "iceberg/table/data_writer.h"

#include <map>

#include "arrow/array/builder_dict.h"
#include "arrow/array/builder_nested.h"
#include "iceberg/table/partition_router.h"
#include "iceberg/table/test_table.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using ::testing::HasSubstr;

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(Builder builder, const std::vector<Value>& values) {
  for (const Value& value : values) EXPECT_TRUE(builder.Append(value).ok());
  return Unwrap(builder.Finish());
}

std::shared_ptr<arrow::RecordBatch> OneColumn(const std::string& name,
                                              std::shared_ptr<arrow::Array> array) {
  return arrow::RecordBatch::Make(arrow::schema({arrow::field(name, array->type())}),
                                  array->length(), {array});
}

SchemaPtr OneField(TypePtr type) {
  return Unwrap(Schema::Make({NestedField::Optional(1, "x", std::move(type))}));
}

TEST(ConformBatch, CastsOnlyWhereNothingIsLost) {
  auto ints = OneColumn("x", Column(arrow::Int64Builder(), std::vector<int64_t>{1, 2}));
  auto narrow = Unwrap(ConformBatch(*ints, *OneField(Type::Int())));
  EXPECT_EQ(narrow->column(0)->type_id(), arrow::Type::INT32);
  EXPECT_TRUE(ConformBatch(*ints, *OneField(Type::Double())).ok());
  auto large =
      OneColumn("x", Column(arrow::Int64Builder(), std::vector<int64_t>{1LL << 40}));
  arrow::Status status = ConformBatch(*large, *OneField(Type::Int())).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(status), HasSubstr("'x'"));
  for (TypePtr type : {Type::String(), Type::Boolean(), Type::Date(), Type::TimestampTz(),
                       Type::Binary()}) {
    status = ConformBatch(*ints, *OneField(type)).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument)) << type->ToString();
  }
  auto doubles = OneColumn("x", Column(arrow::DoubleBuilder(), std::vector<double>{0.1}));
  EXPECT_FALSE(ConformBatch(*doubles, *OneField(Type::Float())).ok());

  arrow::StringDictionaryBuilder builder;
  ASSERT_TRUE(builder.Append("a").ok() && builder.Append("a").ok());
  auto decoded = Unwrap(
      ConformBatch(*OneColumn("x", Unwrap(builder.Finish())), *OneField(Type::String())));
  EXPECT_EQ(decoded->column(0)->type_id(), arrow::Type::STRING);
}

TEST(ConformBatch, TimesInNanosecondsMustBeWholeMicroseconds) {
  auto make = [](int64_t value) {
    arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"),
                                    arrow::default_memory_pool());
    EXPECT_TRUE(builder.Append(value).ok());
    return OneColumn("x", Unwrap(builder.Finish()));
  };
  EXPECT_TRUE(ConformBatch(*make(5000), *OneField(Type::TimestampTz())).ok());
  EXPECT_FALSE(ConformBatch(*make(5001), *OneField(Type::TimestampTz())).ok());
  // Without a zone in the table there is no zone to put the instants in.
  EXPECT_FALSE(ConformBatch(*make(5000), *OneField(Type::Timestamp())).ok());
}

TEST(ConformBatch, MatchesStructFieldsByNameAtAnyDepth) {
  TypePtr point = Type::Struct({NestedField::Optional(3, "a", Type::Long()),
                                NestedField::Optional(4, "b", Type::String())});
  SchemaPtr schema = OneField(Type::List(NestedField::Optional(2, "element", point)));
  auto build = [](const std::string& field_name) {
    auto values = std::make_shared<arrow::Int32Builder>();
    auto structs = std::make_shared<arrow::StructBuilder>(
        arrow::struct_({arrow::field(field_name, arrow::int32())}),
        arrow::default_memory_pool(),
        std::vector<std::shared_ptr<arrow::ArrayBuilder>>{values});
    arrow::ListBuilder list(arrow::default_memory_pool(), structs);
    EXPECT_TRUE(list.Append().ok());
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(structs->Append().ok() && values->Append(i).ok());
    }
    EXPECT_TRUE(list.AppendNull().ok());
    return OneColumn("x", Unwrap(list.Finish()));
  };
  auto conformed = Unwrap(ConformBatch(*build("a"), *schema));
  ASSERT_TRUE(conformed->ValidateFull().ok());
  const auto& list = static_cast<const arrow::ListArray&>(*conformed->column(0));
  const auto& structs = static_cast<const arrow::StructArray&>(*list.values());
  EXPECT_EQ(structs.field(0)->type_id(), arrow::Type::INT64);
  EXPECT_EQ(structs.field(1)->null_count(), 3);
  arrow::Status status = ConformBatch(*build("c"), *schema).status();
  EXPECT_THAT(ErrorText(status), HasSubstr("'c'"));
  // A slice keeps its place.
  auto sliced = Unwrap(ConformBatch(*build("a")->Slice(1), *schema));
  EXPECT_TRUE(sliced->ValidateFull().ok());
  EXPECT_TRUE(sliced->column(0)->IsNull(0));
}

TEST_F(TableTest, WriterSaysWhatDoesNotFitTheTable) {
  TablePtr table = CreateTable(Request(true));
  auto writer = Unwrap(TableWriter::Make(table));
  auto ids = Column(arrow::Int64Builder(), std::vector<int64_t>{1});
  arrow::Status status = writer->Write(*OneColumn("nmae", ids));
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(status), HasSubstr("did you mean 'name'"));
  status = writer->Write(
      *OneColumn("name", Column(arrow::StringBuilder(), std::vector<std::string>{"a"})));
  EXPECT_THAT(ErrorText(status), HasSubstr("required column 'id' is missing"));
  arrow::Int64Builder with_null;
  ASSERT_TRUE(with_null.AppendNull().ok());
  status = writer->Write(*OneColumn("id", Unwrap(with_null.Finish())));
  EXPECT_THAT(ErrorText(status), HasSubstr("NULL"));
  EXPECT_TRUE(writer->Abort().ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "wh/db/t/data"));
}

TEST_F(TableTest, SplitsUnsortedRowsByPartition) {
  TablePtr table = CreateTable(Request(true));
  TableWriterOptions options;
  options.max_open_files = 2;
  auto writer = Unwrap(TableWriter::Make(table, options));
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < 100; ++i) rows.push_back({i, static_cast<int>(i % 5), "n"});
  ASSERT_TRUE(writer->Write(*MakeBatch({rows.begin(), rows.begin() + 50})).ok());
  ASSERT_TRUE(writer->Write(*MakeBatch({rows.begin() + 50, rows.end()})).ok());
  std::vector<DataFile> files = Unwrap(writer->Close());
  // Rows are gathered first, so few open files do not mean many small ones.
  EXPECT_EQ(files.size(), 5u);
  for (const DataFile& file : files) {
    EXPECT_EQ(file.record_count, 20);
    ASSERT_EQ(file.partition.size(), 1u);
    EXPECT_THAT(file.file_path, HasSubstr("/data/ts_day=2026-01-0"));
  }
  AppendFiles append(table);
  TablePtr committed = Unwrap(append.Append(files).Commit());
  EXPECT_EQ(ScanRows(committed), rows);
  EXPECT_EQ(
      committed->metadata()->current_snapshot()->summary.at("changed-partition-count"),
      "5");
}

TEST_F(TableTest, RollsFilesAtTheTargetSize) {
  CreateTableRequest request = Request(false);
  request.properties["write.target-file-size-bytes"] = "1";
  TablePtr table = CreateTable(request);
  auto writer = Unwrap(TableWriter::Make(table));
  for (int64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(writer->Write(*MakeBatch({{i, 0, "n"}})).ok());
  }
  EXPECT_EQ(Unwrap(writer->Close()).size(), 3u);
  TableWriterOptions options;
  options.properties["write.target-file-size-bytes"] = "big";
  EXPECT_TRUE(
      IsError(TableWriter::Make(table, options).status(), ErrorCode::kInvalidConfig));
}

TEST_F(TableTest, AWriterThatIsDroppedLeavesNoFiles) {
  TablePtr table = CreateTable(Request(true));
  {
    TableWriterOptions options;
    options.properties["write.target-file-size-bytes"] = "1";
    auto writer = Unwrap(TableWriter::Make(table, options));
    ASSERT_TRUE(writer->Write(*MakeBatch({{1, 0, "a"}, {2, 1, "b"}})).ok());
  }
  size_t files = 0;
  auto data = folder_ / "wh/db/t/data";
  if (std::filesystem::exists(data)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
      files += entry.is_regular_file() ? 1 : 0;
    }
  }
  EXPECT_EQ(files, 0u);
}

TEST(PartitionRouter, AgreesWithTheTransformsRowByRow) {
  TypePtr ts = Type::TimestampTz();
  SchemaPtr schema = Unwrap(Schema::Make(
      {NestedField::Optional(1, "id", Type::Long()), NestedField::Optional(2, "ts", ts),
       NestedField::Optional(3, "name", Type::String())}));
  PartitionSpec spec;
  spec.fields = {{1, 1000, "b", Transform::Bucket(4)},
                 {2, 1001, "m", Transform::Month()},
                 {2, 1002, "h", Transform::Hour()},
                 {3, 1003, "n", Transform::Truncate(1)},
                 {3, 1004, "v", Transform::Void()}};
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < 200; ++i) {
    // Days on both sides of 1970.
    rows.push_back({i * 37, static_cast<int>(i * 701 - 40'000),
                    i % 7 == 0
                        ? std::nullopt
                        : std::optional<std::string>("n" + std::to_string(i % 3))});
  }
  auto router = Unwrap(PartitionRouter::Make(*schema, spec));
  auto parts = Unwrap(router.Split(MakeBatch(rows)));
  size_t total = 0;
  std::map<std::string, int> keys;
  for (const PartitionRows& part : parts) {
    EXPECT_EQ(++keys[part.key], 1);
    total += static_cast<size_t>(part.rows->num_rows());
    for (int64_t row = 0; row < part.rows->num_rows(); ++row) {
      for (size_t f = 0; f < spec.fields.size(); ++f) {
        int column = spec.fields[f].source_id - 1;
        const NestedField& source = schema->fields()[column];
        Literal value = Unwrap(LiteralAt(*part.rows->column(column), row, source.type));
        Literal expected = Unwrap(spec.fields[f].transform.Apply(value));
        EXPECT_EQ(part.partition[f].is_null(), expected.is_null());
        if (expected.is_null()) continue;
        EXPECT_EQ(part.partition[f], expected);
      }
    }
  }
  EXPECT_EQ(total, rows.size());
}

}  // namespace
}  // namespace floe::iceberg
