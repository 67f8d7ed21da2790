#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <tuple>

#include "arrow/scalar.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/test_rows.h"
#include "iceberg/format/row_ranges.h"
#include "test/source_folder.h"

// Files that other writers made (test/golden/parquet/generate.py).
namespace floe::iceberg {
namespace {

using ::testing::HasSubstr;
using testing::ReadTable;
using testing::Unwrap;

std::string Golden(const std::string& name) {
  return std::string(SourceFolder()) + "/test/golden/parquet/" + name;
}

class ParquetGoldenTest : public ::testing::Test {
 protected:
  /// The values of one column, as text.
  static std::vector<std::string> Texts(const arrow::Table& table,
                                        const std::string& column) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < table.num_rows(); ++i) {
      texts.push_back(Unwrap(table.GetColumnByName(column)->GetScalar(i))->ToString());
    }
    return texts;
  }

  /// The integers behind a column of times.
  static std::vector<int64_t> Integers(const arrow::Table& table,
                                       const std::string& column) {
    const auto view =
        Unwrap(table.GetColumnByName(column)->chunk(0)->View(arrow::int64()));
    std::vector<int64_t> values;
    for (int64_t i = 0; i < view->length(); ++i) {
      if (view->IsNull(i)) continue;
      values.push_back(static_cast<const arrow::Int64Array&>(*view).Value(i));
    }
    return values;
  }

  std::shared_ptr<FileIO> io_ = Unwrap(MakeFileIO({}));
};

TEST_F(ParquetGoldenTest, PlacesOfAnyReferenceSystemAreTheirBytes) {
  for (const auto& [file, column, rows] :
       {std::tuple{"crs-default", "geometry", 1}, std::tuple{"crs-srid", "geometry", 1},
        std::tuple{"crs-geography", "geography", 1},
        std::tuple{"geospatial-with-nan", "geometry", 3}}) {
    SCOPED_TRACE(file);
    ParquetReadOptions read;
    const bool is_geography = std::string(column) == "geography";
    read.schema = Unwrap(Schema::Make(
        {NestedField::Optional(1, "wkt", Type::String()),
         NestedField::Optional(
             2, column,
             Unwrap(Type::FromString(is_geography ? "geography" : "geometry")))}));
    read.name_mapping = std::make_shared<NameMapping>(Unwrap(NameMapping::FromJsonText(
        R"([{"field-id":1,"names":["wkt"]},)"
        R"({"field-id":2,"names":["geometry","geography"]}])")));
    const auto table =
        Unwrap(ReadTable(*io_, Golden("geo/" + std::string(file) + ".parquet"), read));
    ASSERT_EQ(table->num_rows(), rows);
    for (int64_t row = 0; row < rows; ++row) {
      const auto place = Unwrap(table->GetColumnByName(column)->GetScalar(row));
      const auto text = Unwrap(table->GetColumnByName("wkt")->GetScalar(row));
      ASSERT_TRUE(place->is_valid);
      const std::string bytes =
          static_cast<const arrow::BaseBinaryScalar&>(*place).value->ToString();
      // Little-endian ISO WKB: the order's byte, then the kind, in the 3000s with Z and
      // M.
      ASSERT_GT(bytes.size(), 5u);
      EXPECT_EQ(bytes[0], 1);
      uint32_t kind = 0;
      std::memcpy(&kind, bytes.data() + 1, sizeof(kind));
      const std::map<uint32_t, std::string> kinds = {
          {1, "POINT"}, {2, "LINESTRING"}, {3, "POLYGON"}};
      EXPECT_TRUE(text->ToString().starts_with(kinds.at(kind % 1000)))
          << text->ToString() << " " << kind;
    }
  }
}

TEST_F(ParquetGoldenTest, ForeignTypesBecomeTheTables) {
  ParquetReadOptions read;
  read.schema = Unwrap(
      Schema::Make({NestedField::Optional(1, "u8", Type::Int()),
                    NestedField::Optional(2, "u32", Type::Long()),
                    NestedField::Optional(3, "ts_ms", Type::TimestampTz()),
                    NestedField::Optional(4, "ts_ns", Type::Timestamp()),
                    NestedField::Optional(5, "time_ms", Type::Time()),
                    NestedField::Optional(6, "category", Type::String()),
                    NestedField::Optional(7, "large", Type::String()),
                    NestedField::Optional(8, "money", Type::Decimal(12, 2)),
                    NestedField::Optional(
                        9, "large_list",
                        Type::List(NestedField::Optional(10, "element", Type::Int()))),
                    NestedField::Optional(11, "half", Type::Double())}));
  const auto table = Unwrap(ReadTable(*io_, Golden("foreign_types.parquet"), read));
  EXPECT_TRUE(table->schema()->Equals(*Unwrap(ToArrowSchema(*read.schema))));
  FLOE_ASSERT_OK(table->ValidateFull());
  const auto expect = [&](const std::string& column, std::vector<std::string> texts) {
    EXPECT_EQ(Texts(*table, column), texts) << column;
  };
  expect("u8", {"0", "255", "null"});
  expect("u32", {"0", "4294967295", "null"});
  EXPECT_EQ(Integers(*table, "ts_ms"),
            (std::vector<int64_t>{-1000, 1'700'000'000'123'000}));
  // A nanosecond before 1970 lies in the microsecond before 1970.
  EXPECT_EQ(Integers(*table, "ts_ns"), (std::vector<int64_t>{-1, 1'700'000'000'123'456}));
  EXPECT_EQ(Integers(*table, "time_ms"), (std::vector<int64_t>{0, 86'399'999'000}));
  expect("category", {"x", "y", "null"});
  expect("large", {"", "long", "null"});
  expect("money", {"-1.05", "99999.99", "null"});
  expect("half", {"0.5", "-2", "null"});
  const auto& list = static_cast<const arrow::ListArray&>(
      *table->GetColumnByName("large_list")->chunk(0));
  EXPECT_EQ(list.values()->ToString(), "[\n  1,\n  null,\n  -3\n]");
}

TEST_F(ParquetGoldenTest, BoundsOfForeignTypesAreConverted) {
  const auto file =
      Unwrap(ParquetFile::Open(*io_, Golden("foreign_types.parquet"), -1, nullptr));
  const auto bounds = [&](int column, const TypePtr& type) {
    return file->RowGroupBounds(0, column, type);
  };
  EXPECT_EQ(bounds(0, Type::Int()).upper->as<int32_t>(), 255);
  EXPECT_EQ(bounds(1, Type::Long()).upper->as<int64_t>(), 4294967295);
  EXPECT_EQ(bounds(2, Type::TimestampTz()).lower->as<int64_t>(), -1000);
  EXPECT_EQ(bounds(3, Type::Timestamp()).lower->as<int64_t>(), -1);
  EXPECT_EQ(bounds(4, Type::Time()).upper->as<int64_t>(), 86'399'999'000);
  EXPECT_EQ(bounds(5, Type::String()).upper->as<std::string>(), "y");
  EXPECT_EQ(bounds(7, Type::Decimal(12, 2)).lower->as<arrow::Decimal128>(),
            arrow::Decimal128(-105));
  EXPECT_EQ(bounds(7, Type::Decimal(12, 2)).null_count, 1);
  // Asked as a type that it is not promoted to, a column has no bounds.
  EXPECT_FALSE(bounds(7, Type::Decimal(12, 3)).lower.has_value());
  EXPECT_FALSE(bounds(5, Type::Long()).lower.has_value());
  // Counts inside lists are not counts of rows.
  EXPECT_FALSE(bounds(8, Type::Int()).value_count.has_value());
}

TEST_F(ParquetGoldenTest, Int96TimestampsAreRead) {
  ParquetReadOptions read;
  read.schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "ts", Type::TimestampTz())}));
  read.filter = Unwrap(
      Bind(Unwrap(ParsePredicate("ts > '2026-01-01T00:00:00+00:00'")), *read.schema));
  read.filter_rows = true;
  const auto table = Unwrap(ReadTable(*io_, Golden("int96.parquet"), read));
  EXPECT_EQ(Integers(*table, "ts"), (std::vector<int64_t>{1'795'341'600'000'001}));
  read.filter = nullptr;
  const auto all = Unwrap(ReadTable(*io_, Golden("int96.parquet"), read));
  EXPECT_EQ(Integers(*all, "ts"), (std::vector<int64_t>{-1, 1'795'341'600'000'001}));
}

TEST_F(ParquetGoldenTest, NameMappingGivesIdsAtAnyDepth) {
  ParquetReadOptions read;
  read.schema = Unwrap(Schema::Make(
      {NestedField::Optional(2, "name", Type::String()),
       NestedField::Optional(1, "id", Type::Long()),
       NestedField::Optional(
           3, "tags", Type::List(NestedField::Optional(4, "element", Type::Long()))),
       NestedField::Optional(5, "pair",
                             Type::Struct({NestedField::Optional(6, "x", Type::Long())})),
       NestedField::Optional(
           7, "props",
           Type::Map(NestedField::Required(8, "key", Type::String()),
                     NestedField::Optional(9, "value", Type::Long())))}));
  // Without ids and without a mapping the file has none of the columns.
  const auto unmapped = Unwrap(ReadTable(*io_, Golden("no_field_ids.parquet"), read));
  EXPECT_EQ(unmapped->column(0)->null_count(), 5);
  read.name_mapping =
      std::make_shared<const NameMapping>(Unwrap(NameMapping::FromJsonText(R"([
        {"field-id": 1, "names": ["id", "record_id"]},
        {"field-id": 2, "names": ["name", "Full Name"]},
        {"field-id": 3, "names": ["tags"],
         "fields": [{"field-id": 4, "names": ["element"]}]},
        {"field-id": 5, "names": ["pair"], "fields": [{"field-id": 6, "names": ["a"]}]},
        {"field-id": 7, "names": ["props"],
         "fields": [{"field-id": 8, "names": ["key"]},
                    {"field-id": 9, "names": ["value"]}]}])")));
  read.filter = Unwrap(Bind(Unwrap(ParsePredicate("id >= 2")), *read.schema));
  read.filter_rows = true;
  const auto table = Unwrap(ReadTable(*io_, Golden("no_field_ids.parquet"), read));
  EXPECT_EQ(Texts(*table, "name"),
            (std::vector<std::string>{"name-2", "name-3", "name-4"}));
  EXPECT_THAT(Texts(*table, "tags")[0], HasSubstr("2, 3"));
  EXPECT_THAT(Texts(*table, "pair")[2], HasSubstr("4"));
  EXPECT_THAT(Texts(*table, "props")[1], HasSubstr("k3"));
}

TEST_F(ParquetGoldenTest, PagesAreSelectedInEveryEncoding) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "key", Type::String()),
                           NestedField::Optional(2, "n", Type::Long()),
                           NestedField::Optional(3, "d", Type::Double())}));
  const PredicatePtr filter = Unwrap(Bind(
      Unwrap(ParsePredicate("n BETWEEN 1234 AND 1239 OR key = 'key-000011'")), *schema));
  for (const char* name : {"many_pages_dictionary.parquet", "many_pages_plain_v2.parquet",
                           "many_pages_delta.parquet"}) {
    SCOPED_TRACE(name);
    ParquetReadOptions read;
    read.schema = schema;
    read.filter = filter;
    read.filter_rows = true;
    ParquetReadCounters counters;
    read.counters = &counters;
    const auto table = Unwrap(ReadTable(*io_, Golden(name), read));
    EXPECT_EQ(Texts(*table, "n"),
              (std::vector<std::string>{"22", "23", "1234", "1235", "1236", "1237",
                                        "1238", "1239"}));
    EXPECT_EQ(Texts(*table, "key")[2], "key-000617");
    EXPECT_EQ(Texts(*table, "d")[3], "1.5");
    EXPECT_GE(counters.row_groups_pruned_by_bounds, 1);
    if (std::string(name) != "many_pages_delta.parquet") {
      EXPECT_GT(counters.rows_pruned, 2500);
    }
  }
}

}  // namespace
}  // namespace floe::iceberg
