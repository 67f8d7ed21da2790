#include "online/feature_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/features_response.h"
#include "feast/types/EntityKey.pb.h"
#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/table/overwrite.h"
#include "io/file_io.h"
#include "online/file_index.h"
#include "online/online_reader.h"
#include "online/online_writer.h"

namespace floe::online {
namespace {

using feast::FeaturesResponse;
using feast::FieldStatus;
using feast::ValueType;
using ::testing::HasSubstr;
using Value = ::feast::types::Value;

class FakeClock final : public Clock {
 public:
  int64_t NowMicros() const override { return micros_; }
  void Advance(int64_t micros) { micros_ += micros; }

 private:
  std::atomic<int64_t> micros_ = 1'700'000'000'000'000;
};

std::string KeyOf(int64_t driver) {
  ::feast::types::EntityKey key;
  key.add_join_keys("driver_id");
  key.add_entity_values()->set_int64_val(driver);
  return feast::SerializeEntityKey(key).ValueOrDie();
}

struct DriverRow {
  int64_t driver = 0;
  int64_t event_ts = 0;
  int64_t trips = 0;
};

std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<DriverRow>& rows) {
  const auto times = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  arrow::BinaryBuilder keys;
  arrow::TimestampBuilder event_ts(times, arrow::default_memory_pool());
  arrow::Int64Builder trips;
  for (const DriverRow& row : rows) {
    EXPECT_TRUE(keys.Append(KeyOf(row.driver)).ok());
    EXPECT_TRUE(event_ts.Append(row.event_ts).ok());
    EXPECT_TRUE(trips.Append(row.trips).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field(kEntityKeyColumn, arrow::binary()),
                     arrow::field(kEventTsColumn, times),
                     arrow::field("trips", arrow::int64())}),
      static_cast<int64_t>(rows.size()),
      {keys.Finish().ValueOrDie(), event_ts.Finish().ValueOrDie(),
       trips.Finish().ValueOrDie()});
}

template <typename T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// The entities of a request with one column of INT64.
std::string Int64s(const std::vector<int64_t>& values) {
  std::string buffer;
  Put(static_cast<uint32_t>(values.size()), &buffer);
  Put<uint8_t>(0, &buffer);
  for (int64_t value : values) Put(value, &buffer);
  return buffer;
}

std::string IntValue(int64_t number) {
  Value value;
  value.set_int64_val(number);
  return value.SerializeAsString();
}

class FeatureRequestTest : public ::testing::Test {
 protected:
  FeatureRequestTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("floe_request_" + std::to_string(::getpid()) + "_" +
               std::to_string(test->line()));
    std::filesystem::create_directories(folder_);
    iceberg::CatalogConfig config;
    config.warehouse = folder_.string();
    iceberg::CatalogEnvironment environment;
    environment.io = MakeFileIO({}).ValueOrDie();
    environment.clock = &clock_;
    catalog_ = std::make_shared<iceberg::MemoryCatalog>(config, environment);
    context_.cache = std::make_shared<iceberg::MetadataCache>();
    context_.clock = &clock_;
    config_.partition_count = 2;
    config_.read_timeout_ms = 0;
    view_ = {"shop", "drivers", 0, {}, {{"trips", ValueType::kInt64}}};
    EXPECT_TRUE(CreateOrUpdateOnlineTable(catalog_, config_, view_, context_).ok());
    OpenReader();
  }
  ~FeatureRequestTest() override { std::filesystem::remove_all(folder_); }

  void OpenReader() {
    reader_ = OnlineReader::Make(catalog_, config_, context_).ValueOrDie();
  }

  void Write(const std::vector<DriverRow>& rows) {
    OnlineWriter writer(catalog_, config_, context_);
    auto written = writer.Write(view_, BatchOf(rows));
    ASSERT_TRUE(written.ok()) << written.status();
  }

  /// Trips by driver through the row cache; nullopt: no row.
  std::vector<std::optional<int64_t>> Trips(const std::vector<int64_t>& drivers) {
    auto plan = reader_->Plan(view_, {"trips"}).ValueOrDie();
    std::vector<std::string> keys;
    for (int64_t driver : drivers) keys.push_back(KeyOf(driver));
    counters_ = {};
    auto rows = reader_->ReadEncoded(*plan, keys, &counters_);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::optional<int64_t>> trips;
    for (const EncodedRowPtr& row : *rows) {
      if (!row->is_found) {
        trips.push_back(std::nullopt);
        continue;
      }
      Value value;
      EXPECT_TRUE(value.ParseFromString(std::string(row->value(0))));
      trips.push_back(value.int64_val());
    }
    return trips;
  }

  FeatureRequest OneView(int64_t ttl_micros = 0) {
    FeatureRequest request;
    request.columns = {{"driver_id", true}};
    ViewRequest view;
    view.plan = reader_->Plan(view_, {"trips"}).ValueOrDie();
    view.names = {"drivers__trips"};
    view.join_keys = {{"driver_id", 0}};
    view.ttl_micros = ttl_micros;
    request.views.push_back(std::move(view));
    return request;
  }

  std::filesystem::path folder_;
  FakeClock clock_;
  std::shared_ptr<iceberg::Catalog> catalog_;
  iceberg::TableContext context_;
  OnlineStoreConfig config_;
  OnlineView view_;
  std::unique_ptr<OnlineReader> reader_;
  OnlineReadCounters counters_;
};

TEST_F(FeatureRequestTest, RowsStayCachedUntilACommitMayChangeThem) {
  using Found = std::vector<std::optional<int64_t>>;
  Write({{1, 10, 7}, {2, 10, 8}});
  EXPECT_EQ(Trips({1, 9, 1, 2}), (Found{7, std::nullopt, 7, 8}));
  EXPECT_EQ(counters_.rows_cached, 0);
  EXPECT_EQ(Trips({2, 1, 9}), (Found{8, 7, std::nullopt}));
  EXPECT_EQ(counters_.rows_cached, 3);
  EXPECT_EQ(counters_.files_opened, 0);
  // Newer, older and of an unknown key: only what was added is looked into.
  Write({{1, 20, 70}, {2, 5, 80}, {9, 1, 90}});
  EXPECT_EQ(Trips({1, 2, 9}), (Found{70, 8, 90}));
  EXPECT_LE(counters_.files_opened, 2);
  EXPECT_EQ(Trips({1, 2, 9}), (Found{70, 8, 90}));
  EXPECT_EQ(counters_.rows_cached, 3);
  // Equally old: the later commit's.
  Write({{1, 20, 71}});
  EXPECT_EQ(Trips({1, 2, 9}), (Found{71, 8, 90}));
}

TEST_F(FeatureRequestTest, WhatIsRemovedIsNotAnsweredFromTheCache) {
  Write({{1, 10, 7}});
  Write({{1, 20, 8}});
  EXPECT_EQ(Trips({1})[0], 8);
  auto table = LoadOnlineTable(catalog_, config_, view_, context_).ValueOrDie();
  const auto index = FileIndex::Make(table, config_, nullptr).ValueOrDie();
  const int32_t hash = EntityHash(KeyOf(1), config_.partition_count);
  std::string newest;
  int64_t sequence = 0;
  for (const auto& file : index->PartitionFiles(hash)) {
    if (file->sequence_number <= sequence) continue;
    sequence = file->sequence_number;
    newest = file->file->file_path;
  }
  iceberg::ReplaceFiles remove(table, iceberg::ReplaceFiles::Kind::kOverwrite);
  remove.Delete(newest);
  ASSERT_TRUE(remove.Commit().ok());
  EXPECT_EQ(Trips({1})[0], 7);
  ASSERT_TRUE(DropOnlineTable(catalog_, config_, view_).ok());
  ASSERT_TRUE(CreateOrUpdateOnlineTable(catalog_, config_, view_, context_).ok());
  EXPECT_EQ(Trips({1})[0], std::nullopt);
}

TEST_F(FeatureRequestTest, ARandomHistoryReadsTheSameWithAndWithoutACache) {
  const uint32_t seed = 20261123;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto pick = [&](int bound) { return static_cast<int64_t>(random() % bound); };
  for (int step = 0; step < 40; ++step) {
    std::vector<DriverRow> rows;
    for (int i = 0; i < 4; ++i) rows.push_back({pick(12), pick(20), step * 10 + i});
    Write(rows);
    std::vector<int64_t> drivers;
    for (int i = 0; i < 9; ++i) drivers.push_back(pick(14));
    const auto cached = Trips(drivers);
    auto shared = std::move(reader_);
    OpenReader();
    EXPECT_EQ(cached, Trips(drivers)) << "step " << step;
    reader_ = std::move(shared);
  }
}

TEST_F(FeatureRequestTest, ThreadsReadWhatWasCommittedWhileOthersWrite) {
  constexpr int kReaders = 3;
  constexpr int kWrites = 15;
  Write({{1, 0, 0}});
  std::atomic<int64_t> committed = 0;
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  std::vector<std::string> failures(kReaders);
  auto plan = reader_->Plan(view_, {"trips"}).ValueOrDie();
  const std::vector<std::string> keys = {KeyOf(1), KeyOf(2)};
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      int64_t last = 0;
      while (!is_done && failures[r].empty()) {
        const int64_t before = committed;
        auto rows = reader_->ReadEncoded(*plan, keys);
        if (!rows.ok()) {
          failures[r] = rows.status().ToString();
          continue;
        }
        const int64_t seen = (*rows)[0]->event_ts;
        if (seen < before || seen < last) failures[r] = "went back to an older row";
        if ((*rows)[0]->value(0) != IntValue(seen)) failures[r] = "a mixed row";
        last = seen;
      }
    });
  }
  for (int64_t i = 1; i <= kWrites; ++i) {
    Write({{1, i, i}});
    committed = i;
  }
  is_done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_THAT(failures, ::testing::Each(std::string()));
}

TEST_F(FeatureRequestTest, ARefreshIntervalHidesOthersCommitsAndNotOnesOwn) {
  config_.snapshot_refresh_ms = 1000;
  OpenReader();
  Write({{1, 10, 7}});
  EXPECT_EQ(Trips({1})[0], 7);
  Write({{1, 20, 8}});
  EXPECT_EQ(Trips({1})[0], 7);
  clock_.Advance(1);
  reader_->Forget(view_);
  EXPECT_EQ(Trips({1})[0], 8);
  Write({{1, 30, 9}});
  EXPECT_EQ(Trips({1})[0], 8);
  clock_.Advance(1'000'000);
  EXPECT_EQ(Trips({1})[0], 9);
}

TEST_F(FeatureRequestTest, TheResponseHasEntitiesThenFeaturesWithStatusAndTime) {
  const int64_t now = clock_.NowMicros();
  Write({{1, now - 5, 7}, {2, now - 50, 8}});
  const FeatureRequest request = OneView(/*ttl_micros=*/10);
  ASSERT_TRUE(request.Validate().ok());
  auto answer = AnswerFeatureRequest(*reader_, request, Int64s({2, 3, 1, 2}), clock_);
  ASSERT_TRUE(answer.ok()) << answer.status();

  FeaturesResponse expected(4);
  expected.SetRows(std::vector(4, FieldStatus::kPresent),
                   std::vector(4, FeaturesResponse::kNoTime));
  const std::vector<std::string> ids = {IntValue(2), IntValue(3), IntValue(1),
                                        IntValue(2)};
  expected.AddColumn("driver_id", std::vector<std::string_view>(ids.begin(), ids.end()));
  expected.SetRows(std::vector{FieldStatus::kOutsideMaxAge, FieldStatus::kNotFound,
                               FieldStatus::kPresent, FieldStatus::kOutsideMaxAge},
                   std::vector{now - 50, FeaturesResponse::kNoTime, now - 5, now - 50});
  const std::vector<std::string> trips = {IntValue(8), "", IntValue(7), IntValue(8)};
  expected.AddColumn("drivers__trips",
                     std::vector<std::string_view>(trips.begin(), trips.end()));
  EXPECT_EQ(*answer, expected.Finish());
}

TEST_F(FeatureRequestTest, ACutOrOddBufferIsAnErrorAtEveryLength) {
  Write({{1, 10, 7}});
  const FeatureRequest request = OneView();
  std::string texts;
  Put<uint32_t>(2, &texts);
  Put<uint8_t>(3, &texts);
  for (int64_t driver : {1, 2}) {
    const std::string value = IntValue(driver);
    Put(static_cast<uint32_t>(value.size()), &texts);
    texts += value;
  }
  for (const std::string& buffer : {Int64s({1, 2}), texts}) {
    ASSERT_TRUE(AnswerFeatureRequest(*reader_, request, buffer, clock_).ok());
    for (size_t size = 0; size < buffer.size(); ++size) {
      EXPECT_TRUE(
          IsError(AnswerFeatureRequest(*reader_, request, buffer.substr(0, size), clock_)
                      .status(),
                  ErrorCode::kInvalidArgument))
          << size;
    }
    EXPECT_FALSE(AnswerFeatureRequest(*reader_, request, buffer + "x", clock_).ok());
  }
  EXPECT_THAT(AnswerFeatureRequest(*reader_, request, "\xff\xff\xff\xff", clock_)
                  .status()
                  .ToString(),
              HasSubstr("over the limit"));
  FeatureRequest wrong = OneView();
  wrong.views[0].join_keys[0].column = 1;
  EXPECT_TRUE(IsError(wrong.Validate(), ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace floe::online
