#include "offline/column_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/json/from_string.h"
#include "arrow/type.h"
#include "offline/compute_kernels.h"

namespace floe::offline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kPlenty = 1 << 20;
constexpr int64_t kBatchRows = 1000;

std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(type, json);
  EXPECT_TRUE(array.ok()) << array.status();
  return *array;
}

/// The metric of a column shown in batches, and how many passes it took.
std::pair<Json, int> MetricOf(ColumnStatistics* statistics, const arrow::Array& values) {
  EXPECT_TRUE(RegisterComputeKernels().ok());
  int passes = 0;
  bool more = true;
  while (more) {
    statistics->BeginPass();
    for (int64_t start = 0; start < values.length(); start += kBatchRows) {
      auto status = statistics->Observe(*values.Slice(start, kBatchRows));
      EXPECT_TRUE(status.ok()) << status;
    }
    auto again = statistics->EndPass();
    EXPECT_TRUE(again.ok()) << again.status();
    more = *again;
    ++passes;
  }
  return {statistics->Metric(), passes};
}

std::pair<Json, int> NumericMetric(const arrow::Array& values, int64_t bins = 4,
                                   int64_t memory = kPlenty) {
  NumericStatistics statistics(bins, memory);
  return MetricOf(&statistics, values);
}

TEST(NumericStatistics, SmallColumnByHand) {
  auto [metric, passes] =
      NumericMetric(*FromJson(arrow::int64(), "[4, null, 1, 3, 2, null]"));
  EXPECT_EQ(passes, 1);
  EXPECT_EQ(metric["row_count"], 6);
  EXPECT_EQ(metric["null_count"], 2);
  EXPECT_DOUBLE_EQ(metric["null_rate"], 2.0 / 6);
  EXPECT_DOUBLE_EQ(metric["mean"], 2.5);
  EXPECT_DOUBLE_EQ(metric["stddev"], std::sqrt(5.0 / 3));
  EXPECT_EQ(metric["min_val"], 1.0);
  EXPECT_EQ(metric["max_val"], 4.0);
  EXPECT_DOUBLE_EQ(metric["p50"], 2.5);
  EXPECT_DOUBLE_EQ(metric["p90"], 3.7);
  EXPECT_EQ(metric["histogram"]["bins"], Json({1.0, 1.75, 2.5, 3.25, 4.0}));
  EXPECT_EQ(metric["histogram"]["counts"], Json({1, 1, 1, 1}));
  EXPECT_EQ(metric["histogram"]["bin_width"], 0.75);
}

TEST(NumericStatistics, NothingOneAndEqualValues) {
  auto [empty, _] = NumericMetric(*FromJson(arrow::float64(), "[]"));
  EXPECT_EQ(empty["null_rate"], 0.0);
  EXPECT_TRUE(empty["mean"].is_null() && empty["histogram"].is_null());
  auto [nulls, _2] = NumericMetric(*FromJson(arrow::float64(), "[null, null]"));
  EXPECT_EQ(nulls["null_rate"], 1.0);
  EXPECT_TRUE(nulls["p50"].is_null());
  auto [one, _3] = NumericMetric(*FromJson(arrow::float64(), "[7]"));
  EXPECT_TRUE(one["stddev"].is_null());
  EXPECT_EQ(one["p99"], 7.0);
  EXPECT_EQ(one["histogram"]["bins"], Json({6.5, 6.75, 7.0, 7.25, 7.5}));
  EXPECT_EQ(one["histogram"]["counts"], Json({0, 0, 1, 0}));
}

TEST(NumericStatistics, WhatIsNotFiniteIsNullInTheMetricAndOutOfTheHistogram) {
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  const double kInf = std::numeric_limits<double>::infinity();
  arrow::DoubleBuilder builder;
  ASSERT_TRUE(builder.AppendValues({1, kNan, 2, kInf, 3}).ok());
  auto [metric, _] = NumericMetric(**builder.Finish(), 2);
  EXPECT_EQ(metric["null_count"], 0);
  EXPECT_TRUE(metric["mean"].is_null());
  EXPECT_TRUE(metric["max_val"].is_null());
  EXPECT_EQ(metric["min_val"], 1.0);
  EXPECT_DOUBLE_EQ(metric["p50"], 2.5);
  EXPECT_EQ(metric["histogram"]["counts"], Json({1, 2}));
}

TEST(NumericStatistics, TextThatIsNoNumberIsAnError) {
  NumericStatistics statistics(4, kPlenty);
  ASSERT_TRUE(RegisterComputeKernels().ok());
  auto status = statistics.Observe(*FromJson(arrow::utf8(), R"(["1.5", "many"])"));
  EXPECT_THAT(status.ToString(), ::testing::HasSubstr("many"));
}

class NumericSpill : public ::testing::TestWithParam<uint32_t> {};

/// Less memory means more passes and nothing else.
TEST_P(NumericSpill, SameMetricAsInMemory) {
  std::mt19937_64 random(GetParam());
  arrow::DoubleBuilder builder;
  std::normal_distribution<double> normal(0, 1e3);
  for (int i = 0; i < 20'000; ++i) {
    const auto kind = random() % 10;
    const arrow::Status status =
        kind == 0   ? builder.AppendNull()
        : kind == 1 ? builder.Append(static_cast<double>(random() % 3) - 1)
        : kind == 2 ? builder.Append(std::ldexp(normal(random), -900))
                    : builder.Append(normal(random));
    ASSERT_TRUE(status.ok());
  }
  std::shared_ptr<arrow::Array> values = *builder.Finish();
  auto [kept, kept_passes] = NumericMetric(*values, 20, kPlenty);
  auto [spilled, spilled_passes] = NumericMetric(*values, 20, 8 * 100);
  EXPECT_EQ(kept_passes, 1);
  EXPECT_EQ(spilled_passes, 4);
  EXPECT_EQ(kept, spilled);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NumericSpill, ::testing::Range(0U, 4U));

TEST(CategoricalStatistics, CountsNamesMostFrequentFirst) {
  CategoricalStatistics statistics(arrow::utf8(), 2, kPlenty);
  auto [metric, passes] =
      MetricOf(&statistics,
               *FromJson(arrow::utf8(), R"(["b", "a", null, "c", "c", "", "a", "c"])"));
  EXPECT_EQ(passes, 1);
  EXPECT_EQ(metric["null_count"], 1);
  EXPECT_EQ(metric["histogram"]["values"],
            Json::parse(R"([{"value": "c", "count": 3}, {"value": "a", "count": 2}])"));
  EXPECT_EQ(metric["histogram"]["other_count"], 2);
  EXPECT_EQ(metric["histogram"]["unique_count"], 4);
}

TEST(CategoricalStatistics, BooleansAndIntegersKeepTheirKind) {
  CategoricalStatistics booleans(arrow::boolean(), 5, kPlenty);
  auto [metric, _] =
      MetricOf(&booleans, *FromJson(arrow::boolean(), "[true, false, true]"));
  EXPECT_EQ(
      metric["histogram"]["values"],
      Json::parse(R"([{"value": true, "count": 2}, {"value": false, "count": 1}])"));
  CategoricalStatistics integers(arrow::int32(), 5, kPlenty);
  auto [other, _2] = MetricOf(&integers, *FromJson(arrow::int32(), "[-7, -7]"));
  EXPECT_EQ(other["histogram"]["values"], Json::parse(R"([{"value": -7, "count": 2}])"));
}

TEST(CategoricalStatistics, ManyNamesInLittleMemoryAreCountedInParts) {
  std::mt19937_64 random(11);
  arrow::StringBuilder builder;
  std::map<std::string, int64_t> wanted;
  for (int i = 0; i < 50'000; ++i) {
    const auto skewed = std::min(random() % 5000, random() % 5000);
    const std::string name = "name " + std::to_string(skewed);
    ++wanted[name];
    ASSERT_TRUE(builder.Append(name).ok());
  }
  std::shared_ptr<arrow::Array> names = *builder.Finish();
  CategoricalStatistics statistics(arrow::utf8(), 10, 64 << 10);
  auto [metric, passes] = MetricOf(&statistics, *names);
  EXPECT_GT(passes, 4);
  EXPECT_EQ(metric["histogram"]["unique_count"], wanted.size());
  std::vector<std::pair<int64_t, std::string>> ordered;
  for (const auto& [name, count] : wanted) ordered.push_back({-count, name});
  std::sort(ordered.begin(), ordered.end());
  int64_t others = 50'000;
  for (size_t i = 0; i < 10; ++i) {
    const Json& entry = metric["histogram"]["values"][i];
    EXPECT_EQ(entry["value"], ordered[i].second);
    EXPECT_EQ(entry["count"], -ordered[i].first);
    others += ordered[i].first;
  }
  EXPECT_EQ(metric["histogram"]["other_count"], others);
}

}  // namespace
}  // namespace floe::offline
