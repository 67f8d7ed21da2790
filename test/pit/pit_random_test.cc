#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "arrow/builder.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/env.h"
#include "base/random.h"
#include "pit/case_file.h"
#include "pit/naive_oracle.h"
#include "pit/source_tables.h"

namespace floe::pit {
namespace {

/// Questions a run asks; FLOE_TEST_SEED repeats one run, which prints its seed.
constexpr int kRounds = 60;

uint64_t Seed() {
  if (auto text = GetEnv("FLOE_TEST_SEED")) return std::stoull(*text);
  return Random::System().Next() % 1'000'000;
}

/// Random questions, small enough for the oracle and dense in what goes wrong: few keys
/// and times, so that ties, duplicates and edges of the ttl are common.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(Random::Seeded(seed)) {}

  CaseFile Question() {
    CaseFile question;
    question.filter_by_created = Chance(4);
    const int views = 1 + Below(2);
    std::vector<std::shared_ptr<arrow::DataType>> key_types;
    const int keys = Below(4) == 0 ? Below(3) : 1;
    for (int i = 0; i < keys; ++i) key_types.push_back(KeyType());
    key_range_ = 1 + Below(Chance(3) ? 200 : 6);
    time_range_ = 1 + Below(Chance(3) ? 100'000 : 20);
    for (int i = 0; i < views; ++i) AddView(i, key_types, &question);
    AddEntities(key_types, &question);
    return question;
  }

  CaseFile LatestQuestion() {
    CaseFile question;
    key_range_ = 1 + Below(Chance(3) ? 200 : 6);
    time_range_ = 1 + Below(Chance(3) ? 100'000 : 20);
    std::vector<std::shared_ptr<arrow::DataType>> key_types;
    const int keys = Below(3);
    for (int i = 0; i < keys; ++i) key_types.push_back(KeyType());
    AddView(0, key_types, &question);
    CaseFile::Pull pull;
    pull.kind = "pull_latest";
    pull.source = question.views[0];
    if (Chance(2)) pull.start_us = Time(1);
    if (Chance(2)) pull.end_us = Time(1);
    question.pull = pull;
    question.views.clear();
    return question;
  }

  Layout AnyLayout() {
    Layout layout;
    layout.iceberg = Below(3) > 0;
    layout.rows_per_file = Chance(2) ? 0 : 1 + Below(60);
    layout.with_deleted_rows = layout.iceberg && Chance(3);
    layout.rows_per_group = Chance(2) ? 0 : 1 + Below(40);
    layout.general_path_only = Chance(4);
    layout.threads = 1 + Below(3);
    layout.batch_rows = 1 + Below(100);
    layout.name = std::string(layout.iceberg ? "iceberg" : "parquet") +
                  " rows_per_file=" + std::to_string(layout.rows_per_file) +
                  " rows_per_group=" + std::to_string(layout.rows_per_group) +
                  " deletes=" + std::to_string(layout.with_deleted_rows) +
                  " general=" + std::to_string(layout.general_path_only) +
                  " threads=" + std::to_string(layout.threads) +
                  " batch_rows=" + std::to_string(layout.batch_rows);
    return layout;
  }

 private:
  int Below(int limit) {
    return static_cast<int>(random_->Next() % static_cast<uint64_t>(limit));
  }
  bool Chance(int one_in) { return Below(one_in) == 0; }

  std::shared_ptr<arrow::DataType> KeyType() {
    switch (Below(4)) {
      case 0:
        return arrow::int32();
      case 1:
        return arrow::utf8();
      case 2:
        return arrow::binary();
      default:
        return arrow::int64();
    }
  }

  /// Around 1970, so that signs matter; in units of `nanos / 1000` microseconds.
  int64_t Time(int64_t per_micro) {
    const int64_t micros = Below(time_range_) - time_range_ / 2;
    return micros * per_micro + (per_micro > 1 ? Below(3) - 1 : 0);
  }

  std::shared_ptr<arrow::Array> Column(const std::shared_ptr<arrow::DataType>& type,
                                       int64_t rows, int null_one_in) {
    std::unique_ptr<arrow::ArrayBuilder> builder = *arrow::MakeBuilder(type);
    for (int64_t i = 0; i < rows; ++i) {
      if (null_one_in > 0 && Chance(null_one_in)) {
        EXPECT_TRUE(builder->AppendNull().ok());
        continue;
      }
      EXPECT_TRUE(builder->AppendScalar(*Value(type)).ok());
    }
    return *builder->Finish();
  }

  std::shared_ptr<arrow::Scalar> Value(const std::shared_ptr<arrow::DataType>& type) {
    const int value = Below(key_range_) - key_range_ / 2;
    switch (type->id()) {
      case arrow::Type::INT32:
        return std::make_shared<arrow::Int32Scalar>(value);
      case arrow::Type::INT64:
        return std::make_shared<arrow::Int64Scalar>(int64_t{value}
                                                    << (value % 3 ? 0 : 33));
      case arrow::Type::STRING:
        return std::make_shared<arrow::StringScalar>(KeyText(value));
      case arrow::Type::BINARY:
        return std::make_shared<arrow::BinaryScalar>(KeyText(value));
      case arrow::Type::DOUBLE:
        return std::make_shared<arrow::DoubleScalar>(value * 0.5);
      default: {
        const auto unit = static_cast<const arrow::TimestampType&>(*type).unit();
        return std::make_shared<arrow::TimestampScalar>(
            Time(unit == arrow::TimeUnit::NANO ? 1000 : 1), type);
      }
    }
  }

  static std::string KeyText(int value) {
    return value == 0 ? ""
                      : std::string(static_cast<size_t>(std::abs(value) % 23), 'k') +
                            std::to_string(value);
  }

  void AddView(int index, const std::vector<std::shared_ptr<arrow::DataType>>& keys,
               CaseFile* question) {
    CaseFile::View view;
    view.name = "view" + std::to_string(index);
    view.table = view.name;
    if (Chance(2)) view.created = "created";
    if (Chance(2)) view.ttl_us = 1 + Below(time_range_);
    const int64_t rows = Chance(10) ? 0 : Below(300);
    const auto time = Chance(2) ? arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")
                                : arrow::timestamp(arrow::TimeUnit::MICRO);
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    auto add = [&](const std::string& name, const auto& type, int null_one_in) {
      fields.push_back(arrow::field(name, type));
      columns.push_back(Column(type, rows, null_one_in));
    };
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::string name = "key" + std::to_string(i);
      // An entity's int64 may meet a source's int32 and the reverse.
      auto type =
          keys[i]->id() == arrow::Type::INT64 && Chance(3) ? arrow::int32() : keys[i];
      view.keys.push_back({name, name});
      add(name, type, 15);
    }
    add("event_timestamp", time, 25);
    add("created", time, 5);
    for (const auto& [name, type] : {std::pair{"row", arrow::int64()},
                                     {"text", arrow::utf8()},
                                     {"number", arrow::float64()}}) {
      view.features.push_back({name, view.name + "__" + name});
      add(name, type, 4);
    }
    question->tables.emplace_back(
        view.table, arrow::Table::Make(arrow::schema(fields), columns, rows));
    question->views.push_back(std::move(view));
  }

  void AddEntities(const std::vector<std::shared_ptr<arrow::DataType>>& keys,
                   CaseFile* question) {
    const int64_t rows = Chance(10) ? 0 : Below(120);
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    for (size_t i = 0; i < keys.size(); ++i) {
      fields.push_back(arrow::field("key" + std::to_string(i), keys[i]));
      columns.push_back(Column(keys[i], rows, 15));
    }
    const auto time = Chance(3) ? arrow::timestamp(arrow::TimeUnit::NANO)
                                : arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    fields.push_back(arrow::field("event_timestamp", time));
    columns.push_back(Column(time, rows, 25));
    question->entities = arrow::Table::Make(arrow::schema(fields), columns, rows);
  }

  std::unique_ptr<Random> random_;
  int key_range_ = 1;
  int time_range_ = 1;
};

TEST(PitRandom, PointInTimeEqualsTheOracle) {
  const uint64_t seed = Seed();
  std::printf("FLOE_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Generator generator(seed);
  for (int round = 0; round < kRounds; ++round) {
    const CaseFile question = generator.Question();
    const Layout layout = generator.AnyLayout();
    SCOPED_TRACE(::testing::Message()
                 << "FLOE_TEST_SEED=" << seed << " round " << round << " " << layout.name
                 << " created=" << question.views[0].created
                 << " ttl=" << question.views[0].ttl_us
                 << " filter=" << question.filter_by_created << "\n"
                 << question.entities->schema()->ToString() << "\n"
                 << question.tables[0].second->schema()->ToString());
    auto tables = SourceTables::Make(::testing::TempDir() + "pit_random");
    ASSERT_TRUE(tables.ok()) << tables.status();
    auto expected = NaiveAnswer(question);
    ASSERT_TRUE(expected.ok()) << expected.status();
    auto actual = Ask(question, layout, &*tables);
    ASSERT_TRUE(actual.ok()) << actual.status();
    ASSERT_TRUE((*actual)->schema()->Equals(*(*expected)->schema(), false));
    ASSERT_THAT(RowsAsText(**actual),
                ::testing::ElementsAreArray(RowsAsText(**expected)));
  }
  std::filesystem::remove_all(::testing::TempDir() + "pit_random");
}

TEST(PitRandom, LatestEqualsTheOracle) {
  const uint64_t seed = Seed();
  std::printf("FLOE_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Generator generator(seed);
  for (int round = 0; round < kRounds; ++round) {
    const CaseFile question = generator.LatestQuestion();
    const Layout layout = generator.AnyLayout();
    SCOPED_TRACE(::testing::Message() << "FLOE_TEST_SEED=" << seed << " round " << round
                                      << " " << layout.name << "\n"
                                      << question.tables[0].second->schema()->ToString());
    auto tables = SourceTables::Make(::testing::TempDir() + "latest_random");
    ASSERT_TRUE(tables.ok()) << tables.status();
    auto expected = NaiveLatest(question);
    ASSERT_TRUE(expected.ok()) << expected.status();
    auto actual = Ask(question, layout, &*tables);
    ASSERT_TRUE(actual.ok()) << actual.status();
    ASSERT_TRUE((*actual)->schema()->Equals(*(*expected)->schema(), false));
    ASSERT_THAT(RowsAsText(**actual),
                ::testing::UnorderedElementsAreArray(RowsAsText(**expected)));
  }
  std::filesystem::remove_all(::testing::TempDir() + "latest_random");
}

// A frame past the memory budget is answered in passes, with the same rows in order.
TEST(PitRandom, PassesOverALargeFrameEqualOne) {
  Generator generator(Seed());
  CaseFile question = generator.Question();
  std::vector<std::shared_ptr<arrow::Table>> copies(50, question.entities);
  question.entities = *arrow::ConcatenateTables(copies);
  auto tables = SourceTables::Make(::testing::TempDir() + "pit_passes");
  ASSERT_TRUE(tables.ok()) << tables.status();
  Layout one;
  Layout many;
  many.memory_budget_bytes = 1;
  many.batch_rows = 700;
  auto expected = Ask(question, one, &*tables);
  auto actual = Ask(question, many, &*tables);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_TRUE(actual.ok()) << actual.status();
  ASSERT_THAT(RowsAsText(**actual), ::testing::ElementsAreArray(RowsAsText(**expected)));
}

}  // namespace
}  // namespace floe::pit
