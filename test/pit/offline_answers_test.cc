#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arrow/io/file.h"
#include "arrow/json/from_string.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/update_schema.h"
#include "offline/historical_features.h"
#include "offline/pull.h"
#include "parquet/arrow/writer.h"
#include "pit/case_file.h"
#include "pit/source_tables.h"

namespace floe::pit {
namespace {

namespace fs = std::filesystem;
using offline::FeatureSource;
using offline::HistoricalFeaturesRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using TablePtr = std::shared_ptr<arrow::Table>;

TablePtr Rows(const arrow::FieldVector& fields, const std::vector<std::string>& columns) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < fields.size(); ++i) {
    auto array = arrow::json::ArrayFromJSONString(fields[i]->type(), columns[i]);
    EXPECT_TRUE(array.ok()) << array.status();
    arrays.push_back(*array);
  }
  return arrow::Table::Make(arrow::schema(fields), arrays);
}

std::shared_ptr<arrow::DataType> Micros() {
  return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
}

TablePtr Entities(const std::string& keys, const std::string& times) {
  return Rows({arrow::field("key", arrow::int64()), arrow::field("at", Micros())},
              {keys, times});
}

class OfflineAnswers : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "offline_answers/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    auto tables = SourceTables::Make(folder_);
    ASSERT_TRUE(tables.ok()) << tables.status();
    tables_.emplace(std::move(*tables));
  }
  void TearDown() override { fs::remove_all(folder_); }

  FeatureSource Store(const arrow::Table& table, const Layout& layout = {}) {
    auto source = tables_->Store("stats", table, layout);
    EXPECT_TRUE(source.ok()) << source.status();
    source->timestamp_field = "ts";
    return *source;
  }

  static HistoricalFeaturesRequest Request(const FeatureSource& source,
                                           const TablePtr& entities,
                                           const std::vector<std::string>& features) {
    HistoricalFeaturesRequest request;
    request.entities = std::make_shared<arrow::TableBatchReader>(entities);
    request.entity_timestamp_column = "at";
    offline::ViewRequest view;
    view.name = "view";
    view.source = source;
    view.join_keys = {{"key", "key"}};
    for (const std::string& name : features) view.features.push_back({name, name, {}});
    request.views.push_back(std::move(view));
    return request;
  }

  static std::vector<std::string> Answer(HistoricalFeaturesRequest request) {
    auto features = GetHistoricalFeatures(std::move(request));
    EXPECT_TRUE(features.ok()) << features.status();
    if (!features.ok()) return {};
    auto table = features->reader->ToTable();
    EXPECT_TRUE(table.ok()) << table.status();
    EXPECT_TRUE((*table)->ValidateFull().ok());
    return RowsAsText(**(*table)->SelectColumns({2}));
  }

  TablePtr Simple() {
    return Rows({arrow::field("key", arrow::int64()), arrow::field("ts", Micros()),
                 arrow::field("v", arrow::int64())},
                {"[1, 2, 1, 2]", "[10, 20, 30, 40]", "[1, 2, 3, 4]"});
  }

  std::string folder_;
  std::optional<SourceTables> tables_;
};

TEST_F(OfflineAnswers, ReceiptReplaysAfterTheTableHasGrown) {
  FeatureSource source = Store(*Simple());
  auto entities = Entities("[1]", "[100]");
  auto first = GetHistoricalFeatures(Request(source, entities, {"v"}));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto receipt = nlohmann::json::parse(first->receipt_json);
  EXPECT_EQ(receipt["views"][0]["table_uuid"], source.table->metadata()->table_uuid);

  auto newer = Rows(Simple()->schema()->fields(), {"[1]", "[50]", "[9]"});
  arrow::TableBatchReader reader(newer);
  auto grown = iceberg::AppendBatches(source.table, reader);
  ASSERT_TRUE(grown.ok()) << grown.status();
  source.table = *grown;
  EXPECT_THAT(Answer(Request(source, entities, {"v"})), ElementsAre("9"));
  source.snapshot =
      iceberg::SnapshotSelector::ById(receipt["views"][0]["snapshot_id"].get<int64_t>());
  EXPECT_THAT(Answer(Request(source, entities, {"v"})), ElementsAre("3"));
}

TEST_F(OfflineAnswers, NestedFeaturesComeWhole) {
  auto table =
      Rows({arrow::field("key", arrow::int64()), arrow::field("ts", Micros()),
            arrow::field("v", arrow::list(arrow::field("element", arrow::int64())))},
           {"[1, 2, 3]", "[10, 20, 30]", "[[1, null, 3], null, []]"});
  for (const bool iceberg : {true, false}) {
    Layout layout;
    layout.iceberg = iceberg;
    const FeatureSource source = Store(*table, layout);
    EXPECT_THAT(Answer(Request(
                    source, Entities("[3, 1, 4, 1, 2]", "[50, 50, 50, 50, 50]"), {"v"})),
                ElementsAre(HasSubstr("[]"), HasSubstr("1, null, 3"), "null",
                            HasSubstr("1, null, 3"), "null"));
  }
}

TEST_F(OfflineAnswers, RowsFromBeforeAColumnExistedHaveNull) {
  FeatureSource source = Store(*Simple());
  auto evolved = iceberg::UpdateSchema(source.table)
                     .AddColumn("added", iceberg::Type::Double())
                     .Commit();
  ASSERT_TRUE(evolved.ok()) << evolved.status();
  auto fields = Simple()->schema()->fields();
  fields.push_back(arrow::field("added", arrow::float64()));
  auto newer = Rows(fields, {"[1]", "[50]", "[9]", "[0.5]"});
  arrow::TableBatchReader reader(newer);
  auto grown = iceberg::AppendBatches(*evolved, reader);
  ASSERT_TRUE(grown.ok()) << grown.status();
  source.table = *grown;
  EXPECT_THAT(Answer(Request(source, Entities("[1, 2, 1]", "[60, 60, 45]"), {"added"})),
              ElementsAre("0.5", "null", "null"));
}

TEST_F(OfflineAnswers, FeaturesTakeTheTypeAskedForOrSayWhyNot) {
  const FeatureSource source = Store(*Simple());
  auto request = Request(source, Entities("[2]", "[100]"), {"v"});
  request.views[0].features[0].type = arrow::int32();
  auto features = GetHistoricalFeatures(std::move(request));
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_TRUE(features->reader->schema()->field(2)->type()->Equals(arrow::int32()));

  const FeatureSource large =
      Store(*Rows(Simple()->schema()->fields(), {"[1]", "[10]", "[9000000000]"}));
  request = Request(large, Entities("[1]", "[100]"), {"v"});
  request.views[0].features[0].type = arrow::int32();
  auto failed = GetHistoricalFeatures(std::move(request));
  EXPECT_TRUE(IsError(failed.status(), ErrorCode::kInvalidArgument)) << failed.status();
  EXPECT_THAT(failed.status().message(), HasSubstr("'v'"));
}

TEST_F(OfflineAnswers, FilesThatCannotMatchAreNotRead) {
  Layout layout;
  layout.rows_per_file = 1;
  const FeatureSource source = Store(*Simple(), layout);
  auto by_time = Request(source, Entities("[1]", "[31]"), {"v"});
  by_time.views[0].ttl_us = 5;
  auto features = GetHistoricalFeatures(std::move(by_time));
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_EQ(features->counters[0].files_read, 1);
  EXPECT_EQ(features->counters[0].files_total, 4);

  auto by_key =
      ExplainHistoricalFeatures(Request(source, Entities("[2, 2]", "[100, 100]"), {"v"}));
  ASSERT_TRUE(by_key.ok()) << by_key.status();
  const auto plan = nlohmann::json::parse(*by_key);
  EXPECT_EQ(plan["views"][0]["files_kept"], 2) << *by_key;
}

TEST_F(OfflineAnswers, ParquetPathsAreAFileOrAFolderOfFiles) {
  Layout layout;
  layout.iceberg = false;
  layout.rows_per_file = 2;
  FeatureSource source = Store(*Simple(), layout);
  const std::string folder = source.parquet_path;
  std::ofstream(folder + "/_SUCCESS");
  std::ofstream(folder + "/.hidden.parquet") << "not Parquet";
  auto entities = Entities("[1]", "[100]");
  EXPECT_THAT(Answer(Request(source, entities, {"v"})), ElementsAre("3"));
  source.parquet_path = folder + "/part-000000.parquet";
  EXPECT_THAT(Answer(Request(source, entities, {"v"})), ElementsAre("1"));

  source.parquet_path = folder + "/missing.parquet";
  auto missing = GetHistoricalFeatures(Request(source, entities, {"v"}));
  EXPECT_TRUE(IsError(missing.status(), ErrorCode::kNoSuchFile)) << missing.status();
  EXPECT_THAT(ErrorText(missing.status()), HasSubstr("missing.parquet"));
}

TEST_F(OfflineAnswers, TruncatedFilesAreNamed) {
  Layout layout;
  layout.iceberg = false;
  FeatureSource source = Store(*Simple(), layout);
  source.parquet_path += "/part-000000.parquet";
  fs::resize_file(source.parquet_path, fs::file_size(source.parquet_path) / 2);
  auto failed = GetHistoricalFeatures(Request(source, Entities("[1]", "[100]"), {"v"}));
  EXPECT_TRUE(IsError(failed.status(), ErrorCode::kCorruptData)) << failed.status();
  EXPECT_THAT(ErrorText(failed.status()), HasSubstr("part-000000.parquet"));
}

TEST_F(OfflineAnswers, NanosecondSourcesCompareExactly) {
  auto nanos = arrow::timestamp(arrow::TimeUnit::NANO);
  auto table = Rows({arrow::field("key", arrow::int64()), arrow::field("ts", nanos),
                     arrow::field("v", arrow::int64())},
                    {"[1, 1, 1]", "[10000, 10001, -1]", "[1, 2, 3]"});
  Layout layout;
  layout.iceberg = false;
  const FeatureSource source = Store(*table, layout);
  EXPECT_THAT(Answer(Request(source, Entities("[1, 1, 1, 1]", "[10, 11, 0, -1]"), {"v"})),
              ElementsAre("1", "2", "3", "null"));
}

TEST_F(OfflineAnswers, EntitiesAndARangeExcludeEachOther) {
  const FeatureSource source = Store(*Simple());
  auto request = Request(source, Entities("[1]", "[100]"), {"v"});
  request.start_us = 0;
  EXPECT_TRUE(IsError(GetHistoricalFeatures(std::move(request)).status(),
                      ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace floe::pit
