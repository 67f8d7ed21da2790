#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "arrow/compute/api_vector.h"
#include "arrow/compute/initialize.h"
#include "arrow/datum.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/key_lookup.h"
#include "iceberg/format/parquet/test_rows.h"
#include "iceberg/format/row_ranges.h"
#include "io/fault_file_io.h"
#include "test/source_folder.h"

namespace floe::iceberg {
namespace {

using testing::Below;
using testing::RandomBatch;
using testing::ReadTable;
using testing::Rng;
using testing::TempFolder;
using testing::Unwrap;
using testing::WriteFile;

std::string Golden(const std::string& name) {
  return std::string(SourceFolder()) + "/test/golden/parquet/" + name;
}

std::string KeyText(int64_t number) { return fmt::format("key-{:06d}", number); }

/// Every column's values clustered, so that pages and row groups have narrow bounds.
std::shared_ptr<arrow::RecordBatch> SortedBatch(const Schema& schema, int64_t rows,
                                                Rng& rng) {
  // Sorting is among the functions that must be registered first.
  EXPECT_TRUE(arrow::compute::Initialize().ok());
  const auto batch = RandomBatch(schema, rows, rng);
  arrow::ArrayVector columns;
  for (int i = 0; i < batch->num_columns(); ++i) {
    if (schema.fields()[static_cast<size_t>(i)].type->is_nested()) {
      columns.push_back(batch->column(i));
      continue;
    }
    const auto order = Unwrap(arrow::compute::SortIndices(*batch->column(i)));
    columns.push_back(Unwrap(arrow::compute::Take(batch->column(i), order)).make_array());
  }
  return arrow::RecordBatch::Make(batch->schema(), rows, std::move(columns));
}

constexpr const char* kFilters[] = {"int = 3",
                                    "int < -15 OR int > 17",
                                    "int IN (-20, 5, 12345)",
                                    "int NOT IN (1, 2)",
                                    "int IS NULL",
                                    "int IS NOT NULL",
                                    "long >= 100000000000",
                                    "NOT long < 0",
                                    "boolean",
                                    "NOT boolean",
                                    "float > 9",
                                    "float IS NAN",
                                    "float = 0",
                                    "double <= -9.5",
                                    "double != 0.5",
                                    "double IS NOT NAN",
                                    "NOT (double >= 0)",
                                    "decimal9 > 1500.0",
                                    "decimal18 = 5.0005",
                                    "decimal38 < -0.00001",
                                    "date = '1970-01-05'",
                                    "time > '00:00:30'",
                                    "timestamp < '1969-12-25'",
                                    "timestamptz >= '1970-01-08T00:00:00+00:00'",
                                    "string LIKE 'prefix-%'",
                                    "string NOT LIKE 'a%'",
                                    "string > 'zz'",
                                    "string IN ('a', 'zzb', 'no')",
                                    "string = ''",
                                    "\"required long\" > 0 AND int < 0",
                                    "\"required.text\" = 'aa'",
                                    "struct.a = 4 OR struct.inner.x > 9",
                                    "struct IS NULL",
                                    "list IS NOT NULL",
                                    "fixed < x'8000000000' AND binary > x'80'",
                                    "int = 3 AND string LIKE 'z%'",
                                    "TRUE",
                                    "FALSE",
                                    "int = 99999"};

std::vector<int64_t> TruePositions(const arrow::BooleanArray& mask) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < mask.length(); ++i) {
    if (mask.Value(i)) positions.push_back(i);
  }
  return positions;
}

// Of the fourth column, the rows' positions in the file.
std::vector<int64_t> Positions(const arrow::Table& table) {
  if (table.num_rows() == 0) return {};
  const auto& positions =
      static_cast<const arrow::Int64Array&>(*table.column(3)->chunk(0));
  return {positions.raw_values(), positions.raw_values() + positions.length()};
}

class ParquetPruningTest : public ::testing::Test {
 protected:
  std::shared_ptr<FileIO> io_ = Unwrap(MakeFileIO({}));
  TempFolder folder_;
};

TEST_F(ParquetPruningTest, FilteredReadsEqualFilteringEverything) {
  const SchemaPtr schema = testing::EveryTypeSchema();
  int64_t pruned = 0;
  for (int round = 0; round < 4; ++round) {
    Rng rng(static_cast<uint64_t>(round));
    const auto batch =
        round % 2 == 0 ? SortedBatch(*schema, 2000, rng) : RandomBatch(*schema, 700, rng);
    DataFileWriterOptions options;
    options.schema = schema;
    options.location = folder_.At(std::to_string(round));
    options.row_group_rows = 250;
    options.rows_per_page = 32;
    options.adaptive_encoding = round < 2;
    options.bloom_filters = {{2}, {3}, {9}, {11}, {13}, {14}, {15}, {16}, {18}};
    WriteFile(io_, options, {batch});
    for (const char* filter : kFilters) {
      SCOPED_TRACE(filter);
      const PredicatePtr bound = Unwrap(Bind(Unwrap(ParsePredicate(filter)), *schema));
      const auto mask = Unwrap(EvaluateRows(*bound, *batch));
      ParquetReadOptions read;
      // The filter's columns need not be among those read.
      read.schema = Unwrap(schema->Select({"double", "list", "required long"}));
      read.filter = bound;
      read.filter_schema = schema;
      read.filter_rows = true;
      read.include_position = true;
      read.batch_rows = 1 + Below(rng, 300);
      ParquetReadCounters counters;
      read.counters = &counters;
      const auto table = Unwrap(ReadTable(*io_, options.location, read));
      pruned += counters.rows_pruned;
      ASSERT_EQ(counters.rows + counters.rows_pruned, batch->num_rows());
      ASSERT_EQ(Positions(*table), TruePositions(*mask));
      if (table->num_rows() == 0) continue;
      const auto kept =
          Unwrap(arrow::compute::Filter(batch->column(4), mask)).make_array();
      ASSERT_TRUE(testing::SameArray(*table->column(0)->chunk(0), *kept));
    }
  }
  EXPECT_GT(pruned, 50'000);
}

TEST_F(ParquetPruningTest, DictionariesDropRowGroupsWhoseBoundsCannot) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "s", Type::String()),
                           NestedField::Optional(2, "l", Type::Long())}));
  arrow::StringBuilder texts;
  arrow::Int64Builder longs;
  for (int64_t i = 0; i < 1000; ++i) {
    FLOE_ASSERT_OK(i % 7 == 0 ? texts.AppendNull()
                              : texts.Append(i % 2 == 0 ? "a" : "c"));
    FLOE_ASSERT_OK(longs.Append(i % 2 * 100));
  }
  DataFileWriterOptions options;
  options.schema = schema;
  options.location = folder_.At("dictionary");
  options.adaptive_encoding = false;
  WriteFile(io_, options,
            {arrow::RecordBatch::Make(Unwrap(ToArrowSchema(*schema)), 1000,
                                      {Unwrap(texts.Finish()), Unwrap(longs.Finish())})});
  const auto file = Unwrap(ParquetFile::Open(*io_, options.location, -1, nullptr));
  for (const auto& [filter, is_there] :
       {std::pair("s = 'b'", false), std::pair("l IN (50, 60)", false),
        std::pair("s = 'a' AND l = 50", false), std::pair("s = 'b' OR l = 100", true),
        std::pair("s = 'c'", true), std::pair("s IS NULL", true)}) {
    SCOPED_TRACE(filter);
    ParquetReadCounters counters;
    const PredicatePtr bound = Unwrap(Bind(Unwrap(ParsePredicate(filter)), *schema));
    const auto ranges = Unwrap(PruneRows(*file, *bound, nullptr, &counters));
    EXPECT_EQ(RangesLength(ranges), is_there ? 1000 : 0);
    EXPECT_EQ(counters.row_groups_pruned_by_dictionary, is_there ? 0 : 1);
  }
}

TEST_F(ParquetPruningTest, BloomFiltersDropRowGroupsWhoseBoundsCannot) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "s", Type::String()),
                           NestedField::Optional(2, "l", Type::Long())}));
  arrow::StringBuilder texts;
  arrow::Int64Builder longs;
  for (int64_t i = 0; i < 1000; ++i) {
    FLOE_ASSERT_OK(texts.Append(fmt::format("{:03d}-{}", i * 7919 % 1000, i)));
    FLOE_ASSERT_OK(longs.Append(i * 7919 % 1000 * 10));
  }
  DataFileWriterOptions options;
  options.schema = schema;
  options.location = folder_.At("bloom");
  options.row_group_rows = 100;
  FLOE_ASSERT_OK(options.ApplyTableProperties(
      {{"write.parquet.bloom-filter-enabled.column.s", "true"},
       {"write.parquet.bloom-filter-fpp.column.s", "0.001"},
       {"write.parquet.bloom-filter-enabled.column.l", "true"},
       {"write.parquet.compression-codec", "snappy"}}));
  WriteFile(io_, options,
            {arrow::RecordBatch::Make(Unwrap(ToArrowSchema(*schema)), 1000,
                                      {Unwrap(texts.Finish()), Unwrap(longs.Finish())})});
  const auto file = Unwrap(ParquetFile::Open(*io_, options.location, -1, nullptr));
  const auto prune = [&](const std::string& filter) {
    ParquetReadCounters counters;
    const auto bound = Unwrap(Bind(Unwrap(ParsePredicate(filter)), *schema));
    const auto ranges = Unwrap(PruneRows(*file, *bound, nullptr, &counters));
    return std::make_pair(counters, RangesLength(ranges));
  };
  const auto [present, present_rows] =
      prune("s = '" + fmt::format("{:03d}-{}", 919, 1) + "'");
  EXPECT_GE(present.row_groups_pruned_by_bloom, 8);
  EXPECT_GE(present_rows, 1);
  const auto [absent, absent_rows] = prune("l IN (5, 15) OR s = '500-no'");
  EXPECT_GE(absent.row_groups_pruned_by_bloom, 9);
  EXPECT_LE(absent_rows, 100);
}

TEST_F(ParquetPruningTest, WriterRefusesABloomFilterItCannotMake) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "b", Type::Boolean())}));
  DataFileWriterOptions options;
  options.schema = schema;
  options.location = folder_.At("x");
  options.bloom_filters = {{1}};
  EXPECT_TRUE(
      IsError(DataFileWriter::Make(io_, options).status(), ErrorCode::kInvalidConfig));
  options.bloom_filters.clear();
  EXPECT_TRUE(
      IsError(options.ApplyTableProperties({{"write.parquet.compression-codec", "zip"}}),
              ErrorCode::kInvalidConfig));
  EXPECT_TRUE(
      IsError(options.ApplyTableProperties({{"write.metadata.metrics.column.x", "full"}}),
              ErrorCode::kInvalidConfig));
}

TEST_F(ParquetPruningTest, TheCacheOpensAFileOnceAndTellsSizesApart) {
  ParquetFileCache cache(1 << 20);
  const std::string location = Golden("many_pages_plain_v2.parquet");
  const auto first = Unwrap(ParquetFile::Open(*io_, location, -1, &cache));
  EXPECT_EQ(Unwrap(ParquetFile::Open(*io_, location, first->file_size(), &cache)), first);
  EXPECT_GT(cache.used_bytes(), 0);
  const arrow::Status wrong =
      ParquetFile::Open(*io_, location, first->file_size() + 1, &cache).status();
  EXPECT_TRUE(IsError(wrong, ErrorCode::kCorruptData));
  EXPECT_TRUE(IsError(ParquetFile::Open(*io_, Golden("none"), -1, &cache).status(),
                      ErrorCode::kNoSuchFile));
}

/// Matches found by reading the whole column.
std::vector<KeyMatch> NaiveMatches(const arrow::StringArray& values,
                                   const std::vector<std::string_view>& keys) {
  std::vector<KeyMatch> matches;
  for (int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row)) continue;
    for (size_t key = 0; key < keys.size(); ++key) {
      if (values.GetView(row) == keys[key]) {
        matches.push_back({static_cast<int32_t>(key), row});
      }
    }
  }
  return matches;
}

TEST_F(ParquetPruningTest, KeyLookupFindsWhatAFullReadFindsInForeignFiles) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Optional(1, "key", Type::String())}));
  Rng rng(11);
  for (const char* name : {"many_pages_dictionary.parquet", "many_pages_plain_v2.parquet",
                           "many_pages_delta.parquet"}) {
    SCOPED_TRACE(name);
    ParquetReadOptions read;
    read.schema = schema;
    const auto table = Unwrap(ReadTable(*io_, Golden(name), read));
    const auto& values =
        static_cast<const arrow::StringArray&>(*table->column(0)->chunk(0));
    const auto file = Unwrap(ParquetFile::Open(*io_, Golden(name), -1, nullptr));
    for (const int64_t count : {1, 3, 40, 2000}) {
      std::vector<std::string> texts;
      for (int64_t i = 0; i < count; ++i) texts.push_back(KeyText(Below(rng, 1700)));
      texts.push_back("");
      texts.push_back("zzz");
      std::sort(texts.begin(), texts.end());
      texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
      const std::vector<std::string_view> keys(texts.begin(), texts.end());
      KeyLookupCounters counters;
      EXPECT_EQ(Unwrap(LookupKeys(*file, 0, keys, &counters)),
                NaiveMatches(values, keys));
      if (count == 1 && std::string(name) == "many_pages_dictionary.parquet") {
        EXPECT_LE(counters.pages_read, 4);
      }
    }
    EXPECT_TRUE(Unwrap(LookupKeys(*file, 0, {}, nullptr)).empty());
    EXPECT_TRUE(
        IsError(LookupKeys(*file, 1, {"x"}).status(), ErrorCode::kInvalidArgument));
    EXPECT_TRUE(
        IsError(LookupKeys(*file, 9, {"x"}).status(), ErrorCode::kInvalidArgument));
  }
}

TEST_F(ParquetPruningTest, KeyLookupReadsAPagePerKeyOfASortedFile) {
  const SchemaPtr schema =
      Unwrap(Schema::Make({NestedField::Required(1, "entity_key", Type::String()),
                           NestedField::Optional(2, "v", Type::Double())}));
  constexpr int64_t kRows = 20'000;
  arrow::StringBuilder keys;
  arrow::DoubleBuilder values;
  for (int64_t i = 0; i < kRows; ++i) {
    FLOE_ASSERT_OK(keys.Append(KeyText(i * 3)));
    FLOE_ASSERT_OK(values.Append(static_cast<double>(i)));
  }
  DataFileWriterOptions options;
  options.schema = schema;
  options.location = folder_.At("sorted");
  options.row_group_rows = 5000;
  options.rows_per_page = 500;
  options.bloom_filters = {{1}};
  WriteFile(io_, options,
            {arrow::RecordBatch::Make(Unwrap(ToArrowSchema(*schema)), kRows,
                                      {Unwrap(keys.Finish()), Unwrap(values.Finish())})});
  const auto file = Unwrap(ParquetFile::Open(*io_, options.location, -1, nullptr));
  const int column = Unwrap(file->Fields(nullptr))->LeafColumn(1);
  std::vector<std::string> texts;
  for (int64_t i = 0; i < 10; ++i) texts.push_back(KeyText(i * 6000 + 3));
  for (int64_t i = 0; i < 10; ++i) texts.push_back(KeyText(i * 6000 + 4));
  std::sort(texts.begin(), texts.end());
  KeyLookupCounters counters;
  const auto matches = Unwrap(
      LookupKeys(*file, column, std::vector<std::string_view>(texts.begin(), texts.end()),
                 &counters));
  ASSERT_EQ(matches.size(), 10u);
  for (const KeyMatch& match : matches) {
    EXPECT_EQ(texts[static_cast<size_t>(match.key)], KeyText(match.row * 3));
  }
  EXPECT_LE(counters.pages_read, 11);
  EXPECT_LE(counters.bloom_hits, 12);
}

TEST_F(ParquetPruningTest, KeyLookupReportsWhatItCouldNotRead) {
  const std::string bytes = Unwrap(io_->ReadAll(Golden("many_pages_plain_v2.parquet")));
  Rng rng(13);
  int64_t errors = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = bytes;
    damaged[static_cast<size_t>(Below(rng, static_cast<int64_t>(bytes.size())))] ^=
        static_cast<char>(1 << Below(rng, 8));
    FLOE_ASSERT_OK(io_->Write(folder_.At("damaged"), damaged));
    auto file = ParquetFile::Open(*io_, folder_.At("damaged"), -1, nullptr);
    if (!file.ok() || (*file)->column_count() == 0) continue;
    auto matches = LookupKeys(**file, 0, {KeyText(7), KeyText(700), KeyText(1400)});
    if (matches.ok()) continue;
    ++errors;
    EXPECT_FALSE(IsError(matches.status(), ErrorCode::kInternal))
        << matches.status().ToString();
  }
  EXPECT_GT(errors, 0);
  auto faulty = std::make_shared<FaultFileIO>(
      io_, [](FaultFileIO::Operation operation, const std::string&, int64_t count) {
        if (operation != FaultFileIO::Operation::kRead || count < 4) {
          return arrow::Status::OK();
        }
        return MakeError(ErrorCode::kServiceUnavailable, "the store is away");
      });
  const auto file = Unwrap(
      ParquetFile::Open(*faulty, Golden("many_pages_plain_v2.parquet"), -1, nullptr));
  const arrow::Status away = LookupKeys(*file, 0, {KeyText(7)}).status();
  EXPECT_TRUE(IsError(away, ErrorCode::kServiceUnavailable)) << away.ToString();
}

TEST_F(ParquetPruningTest, RangesIntersectAndUnite) {
  const std::vector<RowRange> a{{0, 5}, {8, 10}, {20, 30}};
  const std::vector<RowRange> b{{3, 9}, {10, 21}};
  EXPECT_EQ(IntersectRanges(a, b), (std::vector<RowRange>{{3, 5}, {8, 9}, {20, 21}}));
  EXPECT_EQ(UniteRanges(a, b), (std::vector<RowRange>{{0, 30}}));
  EXPECT_EQ(RangesLength(a), 17);
}

}  // namespace
}  // namespace floe::iceberg
