#include "online/materialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "feast/entity_key.h"
#include "iceberg/catalog/memory_catalog.h"
#include "io/file_io.h"
#include "online/online_reader.h"

namespace floe::online {
namespace {

using feast::ValueType;
using ::testing::HasSubstr;

constexpr int64_t kHour = 3'600'000'000;

/// Source rows of a driver's hours, and the online table they go to.
class MaterializeTest : public ::testing::Test {
 protected:
  MaterializeTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe_materialize_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    iceberg::CatalogConfig config;
    config.warehouse = folder_.string();
    iceberg::CatalogEnvironment environment;
    environment.io = MakeFileIO({}).ValueOrDie();
    catalog_ = std::make_shared<iceberg::MemoryCatalog>(config, environment);
    config_.partition_count = 2;
    config_.read_timeout_ms = 0;
    view_ = {"shop", "drivers", 0, {"driver_id"}, {}};
    view_.features = {{"trips", ValueType::kInt64}, {"path", ValueType::kFloatList}};
    columns_.join_keys = {{"drv", "driver_id", ValueType::kInt64}};
    columns_.features = {{"t", "trips", std::nullopt}, {"p", "path", std::nullopt}};
    columns_.timestamp = "ts";
    EXPECT_TRUE(CreateOrUpdateOnlineTable(catalog_, config_, view_).ok());
  }
  ~MaterializeTest() override { std::filesystem::remove_all(folder_); }

  struct SourceRow {
    std::optional<int32_t> driver;
    int64_t ts = 0;
    int32_t trips = 0;
    std::vector<float> path;
  };

  static std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<SourceRow>& rows) {
    auto* pool = arrow::default_memory_pool();
    // Narrower than the view's types, and a time without a zone: both are converted.
    const auto times = arrow::timestamp(arrow::TimeUnit::NANO);
    arrow::Int32Builder drivers;
    arrow::Int32Builder trips;
    arrow::TimestampBuilder ts(times, pool);
    arrow::ListBuilder paths(pool, std::make_shared<arrow::FloatBuilder>(pool));
    auto* elements = static_cast<arrow::FloatBuilder*>(paths.value_builder());
    for (const SourceRow& row : rows) {
      EXPECT_TRUE((row.driver ? drivers.Append(*row.driver) : drivers.AppendNull()).ok());
      EXPECT_TRUE(ts.Append(row.ts * 1000).ok());
      EXPECT_TRUE(trips.Append(row.trips).ok());
      EXPECT_TRUE(paths.Append().ok());
      EXPECT_TRUE(elements->AppendValues(row.path).ok());
    }
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("drv", arrow::int32()), arrow::field("ts", times),
                       arrow::field("t", arrow::int32()),
                       arrow::field("p", arrow::list(arrow::float32()))}),
        static_cast<int64_t>(rows.size()),
        {drivers.Finish().ValueOrDie(), ts.Finish().ValueOrDie(),
         trips.Finish().ValueOrDie(), paths.Finish().ValueOrDie()});
  }

  arrow::Result<MaterializeResult> Run(const std::vector<std::vector<SourceRow>>& batches,
                                       const MaterializeOptions& options = {}) {
    arrow::RecordBatchVector made;
    for (const auto& rows : batches) made.push_back(BatchOf(rows));
    auto reader = arrow::RecordBatchReader::Make(made).ValueOrDie();
    OnlineWriter writer(catalog_, config_);
    return Materialize(writer, view_, columns_, *reader, options);
  }

  /// The trips of drivers as a reader sees them; -1 for a driver without a row.
  std::vector<int64_t> Trips(const std::vector<int64_t>& drivers) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(drivers).ok());
    auto keys = feast::SerializeEntityKeys(
                    {{"driver_id", ValueType::kInt64, builder.Finish().ValueOrDie()}},
                    static_cast<int64_t>(drivers.size()))
                    .ValueOrDie();
    std::vector<std::string> asked;
    for (int64_t i = 0; i < keys->length(); ++i) asked.emplace_back(keys->GetView(i));
    auto rows = OnlineReader::Make(catalog_, config_)
                    .ValueOrDie()
                    ->Read(view_, asked, {"trips"})
                    .ValueOrDie();
    std::vector<int64_t> trips;
    for (int64_t i = 0; i < keys->length(); ++i) {
      trips.push_back(
          rows.IsFound(i)
              ? static_cast<const arrow::Int64Array&>(*rows.features[0]).Value(i)
              : -1);
    }
    return trips;
  }

  std::filesystem::path folder_;
  std::shared_ptr<iceberg::Catalog> catalog_;
  OnlineStoreConfig config_;
  OnlineView view_;
  MaterializeColumns columns_;
};

TEST_F(MaterializeTest, ConvertsAndServesTheNewestRows) {
  auto result = Run({{{1, kHour, 10, {}}, {2, kHour, 20, {}}}, {{1, 2 * kHour, 11, {}}}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_read, 3);
  EXPECT_EQ(result->rows_written, 2);
  EXPECT_EQ(result->commits, 1);
  EXPECT_EQ(Trips({2, 1, 3}), (std::vector<int64_t>{20, 11, -1}));
}

TEST_F(MaterializeTest, CommitsInPartsAndMayBeRepeated) {
  MaterializeOptions options;
  options.rows_per_commit = 2;
  for (int run = 0; run < 2; ++run) {
    auto result = Run({{{1, kHour, 1, {}}, {2, kHour, 2, {}}},
                       {{3, kHour, 3, {}}},
                       {{4, kHour, 4, {}}, {1, 0, 9, {}}}},
                      options);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->commits, 3);
    EXPECT_EQ(Trips({1, 2, 3, 4}), (std::vector<int64_t>{1, 2, 3, 4}));
  }
}

TEST_F(MaterializeTest, NoRowsCommitNothing) {
  auto result = Run({{}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->commits, 0);
  EXPECT_FALSE(result->snapshot_id.has_value());
}

TEST_F(MaterializeTest, CancellingCommitsNoMore) {
  Progress progress;
  MaterializeOptions options;
  options.progress = &progress;
  ASSERT_TRUE(Run({{{1, kHour, 1, {}}}}, options).ok());
  EXPECT_EQ(progress.done(), 2);  // Read once, written once.
  progress.Cancel();
  auto result = Run({{{1, 2 * kHour, 7, {}}}}, options);
  EXPECT_TRUE(IsError(result.status(), ErrorCode::kCancelled)) << result.status();
  EXPECT_EQ(Trips({1}), (std::vector<int64_t>{1}));
}

TEST_F(MaterializeTest, RowsThatCannotBeServedAreRefused) {
  auto result = Run({{{1, kHour, 1, {}}, {std::nullopt, kHour, 2, {}}}});
  EXPECT_TRUE(IsError(result.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(result.status()), HasSubstr("1 rows have no join key 'drv'"));
  EXPECT_THAT(ErrorText(result.status()), HasSubstr("drivers"));

  columns_.features[0].source_column = "tt";
  result = Run({{{1, kHour, 1, {}}}});
  EXPECT_TRUE(IsError(result.status(), ErrorCode::kNoSuchColumn));
  EXPECT_THAT(ErrorText(result.status()), HasSubstr("no column 'tt'"));
  EXPECT_EQ(Trips({1}), (std::vector<int64_t>{-1}));
}

TEST_F(MaterializeTest, VectorsAreOfOneLength) {
  columns_.features[1].vector_length = 0;
  auto result = Run({{{1, kHour, 1, {1, 2}}}, {{2, kHour, 2, {1, 2, 3}}}});
  EXPECT_TRUE(IsError(result.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(result.status()), HasSubstr("length 3 does not match 2"));
  columns_.features[1].vector_length = 3;
  EXPECT_FALSE(Run({{{1, kHour, 1, {1, 2}}}}).ok());
  EXPECT_TRUE(Run({{{1, kHour, 1, {1, 2, 3}}}}).ok());
}

}  // namespace
}  // namespace floe::online
