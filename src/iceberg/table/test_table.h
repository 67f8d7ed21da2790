#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "iceberg/table/append.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/table.h"

/// Tables and rows for the tests of this folder.
namespace floe::iceberg::testing {

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

/// Goes on by a second at each look.
class StepClock final : public Clock {
 public:
  int64_t NowMicros() const override { return now_.fetch_add(1'000'000); }

 private:
  mutable std::atomic<int64_t> now_{1'700'000'000'000'000};
};

/// A row of the test table: id, the day of ts (at noon, from 2026-01-01), name.
struct TestRow {
  int64_t id = 0;
  int day = 0;
  std::optional<std::string> name;
  bool operator==(const TestRow& other) const = default;
  bool operator<(const TestRow& other) const { return id < other.id; }
};

inline void PrintTo(const TestRow& row, std::ostream* out) {
  *out << row.id << " day " << row.day << " " << row.name.value_or("NULL");
}

inline constexpr int64_t kFirstDayMicros = int64_t{1'767'225'600} * 1'000'000;
inline constexpr int64_t kDay = int64_t{86'400} * 1'000'000;

inline std::shared_ptr<arrow::RecordBatch> MakeBatch(const std::vector<TestRow>& rows) {
  auto ts_type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  arrow::Int64Builder ids;
  arrow::TimestampBuilder times(ts_type, arrow::default_memory_pool());
  arrow::StringBuilder names;
  for (const TestRow& row : rows) {
    EXPECT_TRUE(ids.Append(row.id).ok());
    EXPECT_TRUE(times.Append(kFirstDayMicros + row.day * kDay + kDay / 2).ok());
    EXPECT_TRUE((row.name ? names.Append(*row.name) : names.AppendNull()).ok());
  }
  auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("ts", ts_type),
                     arrow::field("name", arrow::utf8())});
  return arrow::RecordBatch::Make(
      schema, static_cast<int64_t>(rows.size()),
      {Unwrap(ids.Finish()), Unwrap(times.Finish()), Unwrap(names.Finish())});
}

inline std::vector<TestRow> RowsOf(const arrow::RecordBatch& batch) {
  auto ids = std::static_pointer_cast<arrow::Int64Array>(batch.GetColumnByName("id"));
  auto times =
      std::static_pointer_cast<arrow::TimestampArray>(batch.GetColumnByName("ts"));
  auto names =
      std::static_pointer_cast<arrow::StringArray>(batch.GetColumnByName("name"));
  std::vector<TestRow> rows;
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    TestRow row;
    row.id = ids->Value(i);
    row.day = static_cast<int>((times->Value(i) - kFirstDayMicros) / kDay);
    if (names->IsValid(i)) row.name = names->GetString(i);
    rows.push_back(std::move(row));
  }
  return rows;
}

inline std::vector<TestRow> ReadRows(arrow::RecordBatchReader& reader) {
  std::vector<TestRow> rows;
  while (auto batch = Unwrap(reader.Next())) {
    std::vector<TestRow> part = RowsOf(*batch);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

inline std::vector<TestRow> Sorted(std::vector<TestRow> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// All rows, sorted by id.
inline std::vector<TestRow> ScanRows(const TablePtr& table, ScanOptions options = {}) {
  auto reader = Unwrap(Scan(table, options));
  return Sorted(ReadRows(*reader));
}

inline arrow::Result<TablePtr> TryAppend(const TablePtr& table,
                                         const std::vector<TestRow>& rows) {
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({MakeBatch(rows)}));
  return AppendBatches(table, *reader);
}

inline TablePtr AppendRows(const TablePtr& table, const std::vector<TestRow>& rows) {
  return Unwrap(TryAppend(table, rows));
}

/// A temporary folder with a SQLite catalog and a warehouse.
class TableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe_table_" + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
    io_ = Unwrap(MakeFileIO({}));
    catalog_ = OpenCatalog(io_);
    EXPECT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<Catalog> OpenCatalog(std::shared_ptr<FileIO> io) {
    CatalogConfig config;
    config.uri = "sqlite:///" + (folder_ / "catalog.db").string();
    config.warehouse = (folder_ / "wh").string();
    CatalogEnvironment environment;
    environment.io = std::move(io);
    environment.clock = &clock_;
    return Unwrap(OpenSqlCatalog(config, environment));
  }

  TableContext Context() {
    TableContext context;
    context.cache = std::make_shared<MetadataCache>();
    context.clock = &clock_;
    context.sleep = [this](int64_t milliseconds) { slept_ms_ += milliseconds; };
    context.threads = 2;
    return context;
  }

  static CreateTableRequest Request(bool by_day) {
    CreateTableRequest request;
    request.schema =
        Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()),
                             NestedField::Optional(2, "ts", Type::TimestampTz()),
                             NestedField::Optional(3, "name", Type::String())}));
    if (by_day) request.spec.fields = {{2, 0, "ts_day", Transform::Day()}};
    return request;
  }

  TablePtr CreateTable(const CreateTableRequest& request) {
    return Unwrap(Table::Create(catalog_, id_, request, Context()));
  }

  std::filesystem::path folder_;
  std::shared_ptr<FileIO> io_;
  StepClock clock_;
  std::atomic<int64_t> slept_ms_ = 0;
  std::shared_ptr<Catalog> catalog_;
  TableIdentifier id_{{"db"}, "t"};
};

}  // namespace floe::iceberg::testing
