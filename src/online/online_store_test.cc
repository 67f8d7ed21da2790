#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/entity_key.h"
#include "feast/golden_test.h"
#include "feast/types/EntityKey.pb.h"
#include "feast/value_codec.h"
#include "google/protobuf/util/message_differencer.h"
#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/table/overwrite.h"
#include "io/fault_file_io.h"
#include "online/file_index.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"
#include "online/proto_rows.h"
#include "test/source_folder.h"

namespace floe::online {
namespace {

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

/// One row of a view with the features "trips" (INT64) and "name" (STRING).
struct DriverRow {
  int64_t driver = 0;
  int64_t event_ts = 0;
  std::optional<int64_t> created_ts;
  int64_t trips = 0;
};

std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<DriverRow>& rows) {
  const auto times = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  arrow::BinaryBuilder keys;
  arrow::TimestampBuilder event_ts(times, arrow::default_memory_pool());
  arrow::TimestampBuilder created_ts(times, arrow::default_memory_pool());
  arrow::Int64Builder trips;
  for (const DriverRow& row : rows) {
    EXPECT_TRUE(keys.Append(KeyOf(row.driver)).ok());
    EXPECT_TRUE(event_ts.Append(row.event_ts).ok());
    EXPECT_TRUE(
        (row.created_ts ? created_ts.Append(*row.created_ts) : created_ts.AppendNull())
            .ok());
    EXPECT_TRUE(trips.Append(row.trips).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field(kEntityKeyColumn, arrow::binary()),
                     arrow::field(kEventTsColumn, times),
                     arrow::field(kCreatedTsColumn, times),
                     arrow::field("trips", arrow::int64())}),
      static_cast<int64_t>(rows.size()),
      {keys.Finish().ValueOrDie(), event_ts.Finish().ValueOrDie(),
       created_ts.Finish().ValueOrDie(), trips.Finish().ValueOrDie()});
}

class OnlineStoreTest : public ::testing::Test {
 protected:
  OnlineStoreTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("floe_online_" + std::to_string(::getpid()) + "_" +
               std::to_string(test->line()) + "_" +
               std::filesystem::path(test->name()).filename().string());
    std::filesystem::create_directories(folder_);
    io_ = std::make_shared<FaultFileIO>(
        MakeFileIO({}).ValueOrDie(),
        [this](FaultFileIO::Operation operation, const std::string& location,
               int64_t count) { return hook_(operation, location, count); });
    iceberg::CatalogConfig config;
    config.warehouse = folder_.string();
    iceberg::CatalogEnvironment environment;
    environment.io = io_;
    environment.clock = &clock_;
    catalog_ = std::make_shared<iceberg::MemoryCatalog>(config, environment);
    context_.cache = std::make_shared<iceberg::MetadataCache>();
    context_.clock = &clock_;
    context_.sleep = [](int64_t) { std::this_thread::yield(); };
    config_.partition_count = 4;
    view_ = {"shop", "drivers", 0, {"driver_id"}, {}};
    view_.features = {{"trips", ValueType::kInt64}, {"name", ValueType::kString}};
  }
  ~OnlineStoreTest() override { std::filesystem::remove_all(folder_); }

  void CreateTable() {
    auto table = CreateOrUpdateOnlineTable(catalog_, config_, view_, context_);
    ASSERT_TRUE(table.ok()) << table.status();
  }
  OnlineWriter Writer() { return OnlineWriter(catalog_, config_, context_); }
  std::unique_ptr<OnlineReader> Reader() {
    return OnlineReader::Make(catalog_, config_, context_).ValueOrDie();
  }
  void Write(const std::vector<DriverRow>& rows) {
    auto written = Writer().Write(view_, BatchOf(rows));
    ASSERT_TRUE(written.ok()) << written.status();
  }

  std::filesystem::path folder_;
  FakeClock clock_;
  std::function<arrow::Status(FaultFileIO::Operation, const std::string&, int64_t)>
      hook_ = [](FaultFileIO::Operation, const std::string&, int64_t) {
        return arrow::Status::OK();
      };
  std::shared_ptr<FileIO> io_;
  std::shared_ptr<iceberg::Catalog> catalog_;
  iceberg::TableContext context_;
  OnlineStoreConfig config_;
  OnlineView view_;
};

TEST(EntityHashTest, IsMd5AsPythonHasIt) {
  const auto cases = feast::ReadGolden(SourceFolder(), "entity_hash.txt");
  ASSERT_FALSE(cases.empty());
  for (const auto& fields : cases) {
    EXPECT_EQ(EntityHash(HexDecode(fields[0]).ValueOrDie(), std::stoi(fields[1])),
              std::stoi(fields[2]))
        << fields[0];
  }
}

class ArrivalOrderTest : public OnlineStoreTest,
                         public ::testing::WithParamInterface<PartitionStrategy> {};

INSTANTIATE_TEST_SUITE_P(Strategies, ArrivalOrderTest,
                         ::testing::Values(PartitionStrategy::kEntityHash,
                                           PartitionStrategy::kTimestamp,
                                           PartitionStrategy::kHybrid),
                         [](const auto& test) {
                           return std::string(PartitionStrategyName(test.param));
                         });

TEST_P(ArrivalOrderTest, NewestRowWinsWhateverTheOrderOfArrival) {
  constexpr int64_t kSevenHours = 25'200'000'000;
  config_.partition_strategy = GetParam();
  constexpr int kDrivers = 60;
  const uint32_t seed = 20261122;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  auto pick = [&](int bound) { return static_cast<int64_t>(random() % bound); };
  CreateTable();
  auto reader = Reader();
  std::map<int64_t, DriverRow> expected;
  for (int batch = 0; batch < 12; ++batch) {
    std::vector<DriverRow> rows;
    for (int64_t i = 0; i < 30; ++i) {
      DriverRow row{pick(kDrivers), pick(6) * kSevenHours - 2 * kSevenHours, std::nullopt,
                    batch * 1000 + i};
      if (pick(3) > 0) row.created_ts = pick(3);
      rows.push_back(row);
      auto [known, is_new] = expected.emplace(row.driver, row);
      auto order = [](const DriverRow& r) {
        return std::pair(r.event_ts, r.created_ts.value_or(INT64_MIN));
      };
      if (!is_new && order(row) >= order(known->second)) known->second = row;
    }
    Write(rows);

    std::vector<int64_t> asked;
    for (int i = 0; i < 50; ++i) asked.push_back(pick(kDrivers + 10));
    std::vector<std::string> keys;
    for (int64_t driver : asked) keys.push_back(KeyOf(driver));
    auto read = reader->Read(view_, keys, {"trips", "name", "trips"});
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->features.size(), 3u);
    const auto& trips = static_cast<const arrow::Int64Array&>(*read->features[0]);
    ASSERT_EQ(trips.length(), static_cast<int64_t>(asked.size()));
    EXPECT_EQ(read->features[1]->null_count(), trips.length());
    EXPECT_TRUE(read->features[2]->Equals(trips));
    for (size_t i = 0; i < asked.size(); ++i) {
      auto found = expected.find(asked[i]);
      ASSERT_EQ(read->IsFound(i), found != expected.end()) << asked[i];
      if (found == expected.end()) {
        EXPECT_TRUE(trips.IsNull(i));
        continue;
      }
      EXPECT_EQ(trips.Value(i), found->second.trips) << "driver " << asked[i];
      EXPECT_EQ(read->event_ts->Value(i), found->second.event_ts);
      EXPECT_EQ(read->created_ts->IsValid(i), found->second.created_ts.has_value());
    }
  }
}

TEST_F(OnlineStoreTest, TheFileIndexIsExtendedByAppendsAndMadeAnewAfterRemovals) {
  CreateTable();
  Write({{1, 10, {}, 7}, {2, 10, {}, 8}, {3, 10, {}, 9}});
  auto load = [&] {
    return LoadOnlineTable(catalog_, config_, view_, context_).ValueOrDie();
  };
  const auto first = FileIndex::Make(load(), config_, nullptr).ValueOrDie();
  EXPECT_EQ(first->files_added(), first->file_count());
  Write({{1, 20, {}, 10}});
  const auto second = FileIndex::Make(load(), config_, first).ValueOrDie();
  EXPECT_EQ(second->files_added(), 1);
  EXPECT_EQ(second->file_count(), first->file_count() + 1);

  const int32_t hash = EntityHash(KeyOf(1), config_.partition_count);
  const auto& newest = second->PartitionFiles(hash).back();
  iceberg::ReplaceFiles remove(load(), iceberg::ReplaceFiles::Kind::kOverwrite);
  remove.Delete(newest->file->file_path);
  ASSERT_TRUE(remove.Commit().ok());
  const auto third = FileIndex::Make(load(), config_, second).ValueOrDie();
  EXPECT_EQ(third->file_count(), first->file_count());
  const std::vector<std::string> keys = {KeyOf(1)};
  auto read = Reader()->Read(view_, keys, {"trips"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*read->features[0]).Value(0), 7);
}

TEST_F(OnlineStoreTest, WarmingOpensWhatReadsThenNeedNot) {
  CreateTable();
  Write({{1, 10, {}, 7}});
  auto reader = Reader();
  ASSERT_TRUE(reader->Warm(view_).ok());
  hook_ = [](FaultFileIO::Operation operation, const std::string& location, int64_t) {
    if (operation != FaultFileIO::Operation::kOpenInput) return arrow::Status::OK();
    return MakeError(ErrorCode::kIo, "'{}' opened again", location);
  };
  const std::vector<std::string> keys = {KeyOf(1)};
  auto read = reader->Read(view_, keys, {"trips"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->IsFound(0));
}

TEST_F(OnlineStoreTest, OneRowPerKeyOfABatchIsWritten) {
  CreateTable();
  auto written =
      Writer().Write(view_, BatchOf({{1, 10, 5, 1}, {2, 10, 5, 2}, {1, 20, 1, 3}}));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->rows_in, 3);
  EXPECT_EQ(written->rows_written, 2);
  EXPECT_TRUE(written->snapshot_id.has_value());
  auto nothing = Writer().Write(view_, BatchOf({}));
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_FALSE(nothing->snapshot_id.has_value());
}

TEST_F(OnlineStoreTest, ATableWithoutRowsFindsNothing) {
  CreateTable();
  auto read = Reader()->Read(view_, std::vector<std::string>{KeyOf(1)}, {"trips"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->IsFound(0));
  auto none = Reader()->Read(view_, {}, {"trips"});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->features[0]->length(), 0);
}

TEST_F(OnlineStoreTest, AMissingTableNamesItselfAndTheRemedy) {
  auto read = Reader()->Read(view_, std::vector<std::string>{KeyOf(1)}, {"trips"});
  EXPECT_TRUE(IsError(read.status(), ErrorCode::kNoSuchTable));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("feast_online.shop_drivers_online"));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("feast apply"));
  auto written = Writer().Write(view_, BatchOf({{1, 10, 5, 1}}));
  EXPECT_TRUE(IsError(written.status(), ErrorCode::kNoSuchTable));
}

TEST_F(OnlineStoreTest, WhatTheViewLacksIsAnErrorNotANull) {
  CreateTable();
  auto read = Reader()->Read(view_, std::vector<std::string>{KeyOf(1)}, {"trip"});
  EXPECT_TRUE(IsError(read.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("'trips'"));
  view_.features.push_back({"rating", ValueType::kDouble});
  read = Reader()->Read(view_, std::vector<std::string>{KeyOf(1)}, {"rating"});
  EXPECT_TRUE(IsError(read.status(), ErrorCode::kNoSuchColumn));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("feast apply"));
}

TEST_F(OnlineStoreTest, ANewFeatureIsNullInOldRowsAndAWiderTypeReadsThem) {
  view_.features[0].type = ValueType::kInt32;
  CreateTable();
  Write({{1, 10, {}, 7}});
  view_.features[0].type = ValueType::kInt64;
  view_.features.push_back({"tags", ValueType::kStringList});
  CreateTable();
  CreateTable();
  Write({{2, 10, {}, int64_t{1} << 40}});
  auto read = Reader()->Read(view_, std::vector<std::string>{KeyOf(2), KeyOf(1)},
                             {"trips", "tags"});
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& trips = static_cast<const arrow::Int64Array&>(*read->features[0]);
  EXPECT_EQ(trips.Value(0), int64_t{1} << 40);
  EXPECT_EQ(trips.Value(1), 7);
  EXPECT_EQ(read->features[1]->null_count(), 2);
}

TEST_F(OnlineStoreTest, WhatCannotBecomeAnotherTypeIsRefused) {
  CreateTable();
  view_.features[0].type = ValueType::kString;
  auto table = CreateOrUpdateOnlineTable(catalog_, config_, view_, context_);
  EXPECT_TRUE(IsError(table.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(table.status()), HasSubstr("'trips' is INT64"));
  view_.features = {{"event_ts", ValueType::kInt64}};
  table = CreateOrUpdateOnlineTable(catalog_, config_, view_, context_);
  EXPECT_TRUE(IsError(table.status(), ErrorCode::kInvalidArgument));
}

TEST_F(OnlineStoreTest, AnotherPartitionCountThanTheTablesIsRefused) {
  CreateTable();
  config_.partition_count = 8;
  auto read = Reader()->Read(view_, std::vector<std::string>{KeyOf(1)}, {"trips"});
  EXPECT_TRUE(IsError(read.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("partition_count 4"));
  config_.partition_count = 4;
  config_.partition_strategy = PartitionStrategy::kHybrid;
  auto table = CreateOrUpdateOnlineTable(catalog_, config_, view_, context_);
  EXPECT_TRUE(IsError(table.status(), ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(table.status()), HasSubstr("partition_strategy entity_hash"));
}

TEST_F(OnlineStoreTest, DroppingIsIdempotent) {
  CreateTable();
  Write({{1, 10, {}, 7}});
  EXPECT_TRUE(DropOnlineTable(catalog_, config_, view_).ValueOrDie());
  EXPECT_FALSE(DropOnlineTable(catalog_, config_, view_).ValueOrDie());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    EXPECT_FALSE(entry.is_regular_file()) << entry.path();
  }
}

TEST_F(OnlineStoreTest, ADroppedAndMadeAgainTableHasNoneOfTheOldRows) {
  auto reader = Reader();
  CreateTable();
  Write({{1, 10, {}, 7}});
  const std::vector<std::string> keys = {KeyOf(1)};
  EXPECT_TRUE(reader->Read(view_, keys, {"trips"}).ValueOrDie().IsFound(0));
  ASSERT_TRUE(DropOnlineTable(catalog_, config_, view_).ok());
  CreateTable();
  EXPECT_FALSE(reader->Read(view_, keys, {"trips"}).ValueOrDie().IsFound(0));
}

TEST_F(OnlineStoreTest, ConcurrentWritersLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kWrites = 5;
  CreateTable();
  std::vector<std::thread> threads;
  std::vector<arrow::Status> statuses(kWriters);
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      OnlineWriter writer = Writer();
      for (int i = 0; i < kWrites && statuses[w].ok(); ++i) {
        statuses[w] = writer.Write(view_, BatchOf({{w * 100 + i, 10, {}, i}})).status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> keys;
  for (int w = 0; w < kWriters; ++w) {
    EXPECT_TRUE(statuses[w].ok()) << statuses[w];
    for (int i = 0; i < kWrites; ++i) keys.push_back(KeyOf(w * 100 + i));
  }
  auto read = Reader()->Read(view_, keys, {"trips"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->event_ts->null_count(), 0);
}

TEST_F(OnlineStoreTest, ASlowStoreIsATimeoutThatNamesTableAndLimitAndIsNeverANull) {
  CreateTable();
  Write({{1, 10, {}, 7}});
  context_.cache = std::make_shared<iceberg::MetadataCache>();
  auto reader = Reader();
  std::atomic<bool> is_slow = true;
  hook_ = [&](FaultFileIO::Operation operation, const std::string&, int64_t) {
    if (is_slow && operation == FaultFileIO::Operation::kRead) clock_.Advance(60'000);
    return arrow::Status::OK();
  };
  const std::vector<std::string> keys = {KeyOf(1)};
  auto read = reader->Read(view_, keys, {"trips"});
  ASSERT_TRUE(IsError(read.status(), ErrorCode::kDeadlineExceeded)) << read.status();
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("feast_online.shop_drivers_online"));
  EXPECT_THAT(ErrorText(read.status()), HasSubstr("read_timeout_ms = 100"));
  is_slow = false;
  read = reader->Read(view_, keys, {"trips"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->IsFound(0));
}

TEST_F(OnlineStoreTest, AStoreThatFailsIsAnErrorNotAMiss) {
  CreateTable();
  Write({{1, 10, {}, 7}});
  context_.cache = std::make_shared<iceberg::MetadataCache>();
  auto reader = Reader();
  bool fails = true;
  hook_ = [&](FaultFileIO::Operation operation, const std::string& location, int64_t) {
    if (fails && operation == FaultFileIO::Operation::kOpenInput &&
        location.find("/data/") != std::string::npos) {
      return MakeError(ErrorCode::kIo, "no such luck");
    }
    return arrow::Status::OK();
  };
  const std::vector<std::string> keys = {KeyOf(1)};
  EXPECT_TRUE(IsError(reader->Read(view_, keys, {"trips"}).status(), ErrorCode::kIo));
  fails = false;
  EXPECT_TRUE(reader->Read(view_, keys, {"trips"}).ValueOrDie().IsFound(0));
}

template <typename T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutBytes(const std::string& bytes, std::string* out) {
  Put(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes);
}

std::string EntityMessage(int64_t driver) {
  ::feast::types::EntityKey key;
  key.add_join_keys("driver_id");
  key.add_entity_values()->set_int64_val(driver);
  return key.SerializeAsString();
}

TEST_F(OnlineStoreTest, EveryValueOfFeastComesBackThroughTheTable) {
  // A feature per golden value; driver 1 has all of them, driver 2 none.
  const auto cases = feast::ReadGolden(SourceFolder(), "values.txt");
  view_.features.clear();
  std::vector<std::string> names;
  for (const auto& fields : cases) {
    names.push_back(fields[0]);
    view_.features.push_back(
        {fields[0], feast::ValueTypeFromName(fields[1]).ValueOrDie()});
  }
  CreateTable();
  std::string request;
  PutBytes(EntityMessage(1), &request);
  Put<int64_t>(1234567, &request);
  Put<int64_t>(kNoTimestamp, &request);
  Put(static_cast<uint32_t>(cases.size()), &request);
  for (uint32_t i = 0; i < cases.size(); ++i) {
    Put(i, &request);
    PutBytes(HexDecode(cases[i][2]).ValueOrDie(), &request);
  }
  PutBytes(EntityMessage(2), &request);
  Put<int64_t>(-5, &request);
  Put<int64_t>(9, &request);
  Put<uint32_t>(0, &request);
  OnlineWriter writer = Writer();
  auto written = WriteProtoRows(writer, view_, request);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->rows_written, 2);

  std::string keys;
  Put<uint32_t>(3, &keys);
  for (int64_t driver : {2, 3, 1}) PutBytes(EntityMessage(driver), &keys);
  auto reader = Reader();
  auto response = ReadProtoRows(*reader, view_, keys, names);
  ASSERT_TRUE(response.ok()) << response.status();
  size_t position = 0;
  auto take = [&]<typename T>(T value) {
    EXPECT_LE(position + sizeof value, response->size());
    std::memcpy(&value, response->data() + position, sizeof value);
    position += sizeof value;
    return value;
  };
  for (int64_t event_ts : {int64_t{-5}, kNoTimestamp}) {
    EXPECT_EQ(take(int64_t{}), event_ts);
    for (size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(take(uint32_t{}), 0u);
  }
  EXPECT_EQ(take(int64_t{}), 1234567);
  for (const auto& fields : cases) {
    const auto size = take(uint32_t{});
    Value expected;
    Value actual;
    ASSERT_TRUE(expected.ParseFromString(HexDecode(fields[2]).ValueOrDie()));
    ASSERT_TRUE(actual.ParseFromString(response->substr(position, size)));
    position += size;
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(expected, actual))
        << fields[0] << ": " << actual.ShortDebugString();
  }
  EXPECT_EQ(position, response->size());
}

TEST_F(OnlineStoreTest, ACutRequestBufferIsAnErrorAtEveryLength) {
  Value trips;
  trips.set_int64_val(7);
  std::string rows;
  PutBytes(EntityMessage(1), &rows);
  Put<int64_t>(1, &rows);
  Put<int64_t>(kNoTimestamp, &rows);
  Put<uint32_t>(1, &rows);
  Put<uint32_t>(0, &rows);
  PutBytes(trips.SerializeAsString(), &rows);
  ASSERT_TRUE(DecodeWriteRequest(view_, rows, 3).ok());
  for (size_t size = 1; size < rows.size(); ++size) {
    EXPECT_TRUE(IsError(DecodeWriteRequest(view_, rows.substr(0, size), 3).status(),
                        ErrorCode::kInvalidArgument))
        << size;
  }
  std::string keys;
  Put<uint32_t>(1, &keys);
  PutBytes(EntityMessage(1), &keys);
  ASSERT_TRUE(DecodeReadRequest(keys, 3).ok());
  for (size_t size = 0; size < keys.size(); ++size) {
    EXPECT_FALSE(DecodeReadRequest(keys.substr(0, size), 3).ok()) << size;
  }
  EXPECT_FALSE(DecodeReadRequest(keys + "x", 3).ok());
  EXPECT_FALSE(DecodeReadRequest("\xff\xff\xff\xff", 3).ok());
}

}  // namespace
}  // namespace floe::online
