#include "exec/asof_join.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/type.h"
#include "base/error.h"
#include "exec/latest_by_key.h"

namespace floe::exec {
namespace {

using arrow::Array;
using ArrayPtr = std::shared_ptr<Array>;

/// A table as the oracle sees it: keys as text, everything optional.
struct Row {
  std::vector<std::optional<int64_t>> key;
  std::optional<int64_t> ts;
  std::optional<int64_t> created;
  bool live = true;
};

struct Case {
  std::vector<Row> spine;
  std::vector<std::vector<Row>> units;
  bool has_created = true;
  std::optional<int64_t> ttl_nanos;
  bool filter_created = false;
  int64_t spine_unit = 1000;  ///< Nanoseconds.
  int64_t feature_unit = 1000;
};

/// For each spine row the (unit, row) that should win: every candidate looked at.
std::vector<std::optional<std::pair<uint32_t, uint32_t>>> Oracle(const Case& c) {
  std::vector<std::optional<std::pair<uint32_t, uint32_t>>> answers;
  for (const Row& s : c.spine) {
    std::optional<std::tuple<int64_t, bool, int64_t, uint32_t, uint32_t>> best;
    for (uint32_t u = 0; u < c.units.size(); ++u) {
      for (uint32_t r = 0; r < c.units[u].size(); ++r) {
        const Row& f = c.units[u][r];
        if (!f.live || !f.ts || !s.ts || f.key != s.key) continue;
        if (std::count(f.key.begin(), f.key.end(), std::nullopt) > 0) continue;
        const __int128 entity = static_cast<__int128>(*s.ts) * c.spine_unit;
        const __int128 ts = static_cast<__int128>(*f.ts) * c.feature_unit;
        if (ts > entity) continue;
        if (c.ttl_nanos && ts < entity - *c.ttl_nanos) continue;
        const auto created = c.has_created ? f.created : std::nullopt;
        if (c.filter_created && c.has_created &&
            (!created || static_cast<__int128>(*created) * c.feature_unit > entity)) {
          continue;
        }
        best =
            std::max(best, std::make_optional(std::make_tuple(
                               *f.ts, created.has_value(), created.value_or(0), u, r)));
      }
    }
    answers.push_back(
        best ? std::make_optional(std::make_pair(std::get<3>(*best), std::get<4>(*best)))
             : std::nullopt);
  }
  return answers;
}

arrow::TimeUnit::type UnitOfNanos(int64_t nanos) {
  return nanos == 1      ? arrow::TimeUnit::NANO
         : nanos == 1000 ? arrow::TimeUnit::MICRO
                         : arrow::TimeUnit::MILLI;
}

ArrayPtr Times(const std::vector<std::optional<int64_t>>& values, int64_t unit) {
  arrow::TimestampBuilder builder(arrow::timestamp(UnitOfNanos(unit), "UTC"),
                                  arrow::default_memory_pool());
  for (const auto& v : values) {
    EXPECT_TRUE((v ? builder.Append(*v) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOr(nullptr);
}

template <typename Builder, typename Convert>
ArrayPtr Build(Builder builder, const std::vector<std::optional<int64_t>>& values,
               const Convert& convert) {
  for (const auto& v : values) {
    EXPECT_TRUE((v ? builder.Append(convert(*v)) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOr(nullptr);
}

/// The same abstract key in different Arrow types.
using KeyMaker = std::function<ArrayPtr(const std::vector<std::optional<int64_t>>&)>;

std::string TextOf(int64_t v) {
  // Some long, one empty, some that are prefixes of others.
  return v == 0 ? "" : std::string(static_cast<size_t>(v % 23), 'k') + std::to_string(v);
}

ArrayPtr Int64Keys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::Int64Builder(), v, [](int64_t x) { return x; });
}
ArrayPtr Int32Keys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::Int32Builder(), v,
               [](int64_t x) { return static_cast<int32_t>(x); });
}
ArrayPtr DoubleKeys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::DoubleBuilder(), v,
               [](int64_t x) { return static_cast<double>(x); });
}
ArrayPtr StringKeys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::StringBuilder(), v, TextOf);
}
ArrayPtr LargeStringKeys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::LargeStringBuilder(), v, TextOf);
}
ArrayPtr ViewKeys(const std::vector<std::optional<int64_t>>& v) {
  return Build(arrow::StringViewBuilder(), v, TextOf);
}
ArrayPtr DictionaryKeys(const std::vector<std::optional<int64_t>>& v) {
  arrow::StringDictionaryBuilder builder;
  for (const auto& x : v) {
    EXPECT_TRUE((x ? builder.Append(TextOf(*x)) : builder.AppendNull()).ok());
  }
  return builder.Finish().ValueOr(nullptr);
}
ArrayPtr MillisKeys(const std::vector<std::optional<int64_t>>& v) {
  return Times(v, 1'000'000);
}
ArrayPtr MicrosKeys(const std::vector<std::optional<int64_t>>& v) {
  std::vector<std::optional<int64_t>> scaled = v;
  for (auto& x : scaled) x = x ? std::make_optional(*x * 1000) : x;
  return Times(scaled, 1000);
}
ArrayPtr Decimal128Keys(const std::vector<std::optional<int64_t>>& v) {
  return Build(
      arrow::Decimal128Builder(arrow::decimal128(20, 2), arrow::default_memory_pool()), v,
      [](int64_t x) { return arrow::Decimal128((x - 3) * 100); });
}
ArrayPtr Decimal256Keys(const std::vector<std::optional<int64_t>>& v) {
  return Build(
      arrow::Decimal256Builder(arrow::decimal256(40, 5), arrow::default_memory_pool()), v,
      [](int64_t x) { return arrow::Decimal256((x - 3) * 100000); });
}

struct KeySides {
  std::vector<KeyMaker> spine;
  std::vector<KeyMaker> feature;
};

std::vector<ArrayPtr> KeyColumns(const std::vector<Row>& rows,
                                 const std::vector<KeyMaker>& makers) {
  std::vector<ArrayPtr> columns;
  for (size_t c = 0; c < makers.size(); ++c) {
    std::vector<std::optional<int64_t>> values;
    for (const Row& row : rows) values.push_back(row.key[c]);
    columns.push_back(makers[c](values));
  }
  return columns;
}

RowBatch BatchOf(const Case& c, uint32_t unit, const std::vector<KeyMaker>& makers) {
  const std::vector<Row>& rows = c.units[unit];
  RowBatch batch;
  batch.unit = unit;
  batch.length = static_cast<int64_t>(rows.size());
  batch.keys = KeyColumns(rows, makers);
  std::vector<std::optional<int64_t>> ts, created;
  arrow::BooleanBuilder live;
  for (const Row& row : rows) {
    ts.push_back(row.ts);
    created.push_back(row.created);
    EXPECT_TRUE(live.Append(row.live).ok());
  }
  batch.timestamps = Times(ts, c.feature_unit);
  if (c.has_created) batch.created = Times(created, c.feature_unit);
  batch.live = live.Finish().ValueOr(nullptr)->data()->buffers[1];
  return batch;
}

ArrayPtr TakeTimes(const ArrayPtr& array, const std::vector<uint32_t>& at) {
  if (array == nullptr) return nullptr;
  arrow::TimestampBuilder builder(array->type(), arrow::default_memory_pool());
  for (uint32_t i : at) {
    EXPECT_TRUE(builder.AppendArraySlice(arrow::ArraySpan(*array->data()), i, 1).ok());
  }
  return builder.Finish().ValueOr(nullptr);
}

/// As a driver that reads time columns late does it.
arrow::Status ObserveLate(const RowBatch& whole, AsOfJoin* join) {
  std::vector<AsOfJoin::Match> matches;
  ARROW_RETURN_NOT_OK(join->Probe(whole, &matches));
  std::vector<uint32_t> at;
  for (const auto& match : matches) at.push_back(match.index);
  RowBatch batch = whole;
  batch.timestamps = TakeTimes(whole.timestamps, at);
  batch.created = nullptr;
  ARROW_ASSIGN_OR_RAISE(const std::vector<uint32_t> kept,
                        join->Narrow(batch, /*compact=*/true, &matches));
  batch.timestamps = TakeTimes(batch.timestamps, kept);
  at.clear();
  for (const auto& match : matches) at.push_back(match.index);
  batch.created = TakeTimes(whole.created, at);
  return join->Update(batch, matches, /*compact=*/true);
}

arrow::Result<Resolution> JoinOf(const Case& c, const KeySides& sides, int threads,
                                 bool late) {
  const std::vector<ArrayPtr> keys = KeyColumns(c.spine, sides.spine);
  std::vector<std::optional<int64_t>> times;
  for (const Row& row : c.spine) times.push_back(row.ts);
  std::vector<RowBatch> batches;
  for (uint32_t u = 0; u < c.units.size(); ++u) {
    batches.push_back(BatchOf(c, u, sides.feature));
  }
  std::vector<KeyColumnType> types;
  for (size_t k = 0; k < sides.feature.size(); ++k) {
    types.push_back({"k" + std::to_string(k), sides.feature[k]({})->type()});
  }
  AsOfOptions options;
  if (c.ttl_nanos) options.ttl_micros = *c.ttl_nanos / 1000;
  options.filter_by_created_timestamp = c.filter_created;
  options.thread_count = threads;
  ARROW_ASSIGN_OR_RAISE(
      auto join, AsOfJoin::Make(keys, *Times(times, c.spine_unit), types, options));
  std::vector<std::thread> workers;
  std::vector<arrow::Status> statuses(static_cast<size_t>(threads));
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (size_t b = static_cast<size_t>(t); b < batches.size();
           b += static_cast<size_t>(threads)) {
        const RowBatch& batch = batches[batches.size() - 1 - b];
        statuses[t] &= late ? ObserveLate(batch, join.get()) : join->Observe(batch);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const arrow::Status& status : statuses) ARROW_RETURN_NOT_OK(status);
  return join->Resolve();
}

void ExpectEqualsOracle(const Case& c, const Resolution& resolution) {
  const auto expected = Oracle(c);
  std::vector<std::optional<std::pair<uint32_t, uint32_t>>> actual(c.spine.size());
  for (size_t u = 0; u < resolution.unit_count(); ++u) {
    const UnitPicks unit = resolution.unit(u);
    for (size_t i = 0; i < unit.picks.size(); ++i) {
      actual[unit.picks[i].slot] = {unit.unit, unit.picks[i].row};
      if (i == 0) continue;
      EXPECT_LT(std::tie(unit.picks[i - 1].row, unit.picks[i - 1].slot),
                std::tie(unit.picks[i].row, unit.picks[i].slot));
    }
  }
  for (size_t row = 0; row < expected.size(); ++row) {
    ASSERT_EQ(actual[row], expected[row]) << "spine row " << row;
  }
}

struct Shape {
  int spine_rows = 200;
  int units = 7;
  int unit_rows = 150;
  int keys = 20;
  int64_t time_range = 50;
  double nulls = 0.05;
  int key_columns = 1;
};

Case RandomCase(const Shape& shape, std::mt19937_64& random) {
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  const auto maybe = [&](int64_t v) {
    return below(1000) < static_cast<int64_t>(shape.nulls * 1000) ? std::nullopt
                                                                  : std::make_optional(v);
  };
  const auto row = [&] {
    Row r;
    for (int k = 0; k < shape.key_columns; ++k) r.key.push_back(maybe(below(shape.keys)));
    r.ts = maybe(below(shape.time_range) - shape.time_range / 2);
    r.created = maybe(below(shape.time_range) - shape.time_range / 2);
    r.live = below(10) != 0;
    return r;
  };
  Case c;
  for (int i = 0; i < shape.spine_rows; ++i) c.spine.push_back(row());
  c.units.resize(static_cast<size_t>(shape.units));
  for (auto& unit : c.units) {
    const int64_t rows = below(shape.unit_rows + 1);
    for (int64_t i = 0; i < rows; ++i) unit.push_back(row());
  }
  return c;
}

class AsOfJoinRandom : public testing::TestWithParam<int> {};

TEST_P(AsOfJoinRandom, AgreesWithTheOracle) {
  const uint64_t seed = static_cast<uint64_t>(GetParam());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Shape shape;
  shape.keys = 1 + static_cast<int>(random() % 60);
  shape.time_range = 2 + static_cast<int64_t>(random() % 200);
  shape.key_columns = static_cast<int>(random() % 4);
  Case c = RandomCase(shape, random);
  c.has_created = random() % 3 != 0;
  c.filter_created = random() % 3 == 0;
  if (random() % 2) c.ttl_nanos = 1000 * (1 + static_cast<int64_t>(random() % 60));
  constexpr int64_t kUnits[] = {1, 1000, 1'000'000};
  c.spine_unit = kUnits[random() % 3];
  c.feature_unit = kUnits[random() % 3];
  const std::vector<std::pair<KeyMaker, KeyMaker>> kinds = {
      {Int64Keys, Int64Keys},     {Int32Keys, Int64Keys},
      {DoubleKeys, Int64Keys},    {Int64Keys, Int32Keys},
      {DoubleKeys, DoubleKeys},   {StringKeys, StringKeys},
      {ViewKeys, DictionaryKeys}, {DictionaryKeys, LargeStringKeys},
      {MillisKeys, MicrosKeys},   {Decimal128Keys, Decimal256Keys}};
  KeySides sides;
  for (int k = 0; k < shape.key_columns; ++k) {
    const auto& kind = kinds[random() % kinds.size()];
    sides.spine.push_back(kind.first);
    sides.feature.push_back(kind.second);
  }
  for (const bool late : {false, true}) {
    auto resolution = JoinOf(c, sides, 1 + static_cast<int>(random() % 4), late);
    ASSERT_TRUE(resolution.ok()) << resolution.status().ToString();
    ExpectEqualsOracle(c, *resolution);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AsOfJoinRandom, testing::Range(0, 300));

TEST(AsOfJoinTest, ManyKeysOverManySubTables) {
  std::mt19937_64 random(11);
  Shape shape;
  shape.spine_rows = 150'000;
  shape.units = 5;
  shape.unit_rows = 1;
  shape.keys = 100'000;
  Case c = RandomCase(shape, random);
  // A feature row for every key at a time of its own, so the answer is known outright.
  c.units.assign(3, {});
  for (int64_t key = 0; key < shape.keys; ++key) {
    Row row;
    row.key = {key};
    row.ts = -1000;
    c.units[static_cast<size_t>(key % 3)].push_back(row);
  }
  for (const KeyMaker& maker : {KeyMaker(Int64Keys), KeyMaker(StringKeys)}) {
    auto resolution = JoinOf(c, {{maker}, {maker}}, 3, false);
    ASSERT_TRUE(resolution.ok()) << resolution.status().ToString();
    std::vector<std::optional<int64_t>> found(c.spine.size());
    for (size_t u = 0; u < resolution->unit_count(); ++u) {
      const UnitPicks unit = resolution->unit(u);
      for (const RowPick& pick : unit.picks) {
        found[pick.slot] = int64_t{pick.row} * 3 + unit.unit;
      }
    }
    for (size_t row = 0; row < c.spine.size(); ++row) {
      ASSERT_EQ(found[row], c.spine[row].ts ? c.spine[row].key[0] : std::nullopt) << row;
    }
  }
}

TEST(AsOfJoinTest, TimesAtTheEndsOfTheirRangeCompareExactly) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Case c;
  c.spine_unit = 1000;
  c.feature_unit = 1;
  for (int64_t ts : {kMin, kMin + 1, int64_t{-1}, int64_t{0}, int64_t{1}, kMax}) {
    c.spine.push_back({{7}, ts, std::nullopt});
  }
  for (int64_t ts : {kMin, int64_t{-1000}, int64_t{-999}, int64_t{-1}, int64_t{1},
                     int64_t{999}, int64_t{1000}, int64_t{1001}, kMax}) {
    c.units.push_back({{{7}, ts, std::nullopt}});
  }
  for (const auto& ttl : {std::optional<int64_t>(), std::optional<int64_t>(1000)}) {
    c.ttl_nanos = ttl;
    for (int swap = 0; swap < 2; ++swap) {
      auto resolution = JoinOf(c, {{Int64Keys}, {Int64Keys}}, 1, false);
      ASSERT_TRUE(resolution.ok()) << resolution.status().ToString();
      ExpectEqualsOracle(c, *resolution);
      std::swap(c.spine_unit, c.feature_unit);
    }
  }
}

TEST(AsOfJoinTest, RefusesKeysThatCannotBeCompared) {
  const auto join = AsOfJoin::Make({StringKeys({1})}, *Times({1}, 1000),
                                   {{"driver_id", arrow::int64()}}, {});
  ASSERT_TRUE(IsError(join.status(), ErrorCode::kInvalidArgument));
  const std::string text = ErrorText(join.status());
  EXPECT_NE(text.find("driver_id"), std::string::npos) << text;
  EXPECT_NE(text.find("string"), std::string::npos) << text;
  EXPECT_NE(text.find("int64"), std::string::npos) << text;

  const auto lists = AsOfJoin::Make({Int64Keys({1})}, *Times({1}, 1000),
                                    {{"k", arrow::list(arrow::int64())}}, {});
  EXPECT_TRUE(IsError(lists.status(), ErrorCode::kNotSupported));
}

TEST(AsOfJoinTest, RefusesFeatureTimestampsOfTwoUnits) {
  auto join =
      AsOfJoin::Make({Int64Keys({1})}, *Times({5}, 1000), {{"k", arrow::int64()}}, {});
  ASSERT_TRUE(join.ok());
  RowBatch batch;
  batch.length = 1;
  batch.keys = {Int64Keys({1})};
  batch.timestamps = Times({1}, 1000);
  EXPECT_TRUE((*join)->Observe(batch).ok());
  batch.timestamps = Times({1}, 1);
  EXPECT_TRUE(IsError((*join)->Observe(batch), ErrorCode::kInvalidArgument));
}

TEST(AsOfJoinTest, BoundsAndDistinctKeysDescribeTheSpine) {
  AsOfOptions options;
  options.ttl_micros = 10;
  auto join = AsOfJoin::Make({StringKeys({4, 4, std::nullopt, 9})},
                             *Times({1'500, 2'001, 9'000, -1}, 1), {{"k", arrow::utf8()}},
                             options);
  ASSERT_TRUE(join.ok());
  const AsOfJoin::TimeBounds bounds = (*join)->time_bounds();
  EXPECT_FALSE(bounds.none);
  EXPECT_EQ(bounds.max_micros, 3);
  EXPECT_EQ(bounds.min_micros, -11);
  EXPECT_EQ((*join)->DistinctKeys(1).ValueOr(nullptr), nullptr);
  const ArrayPtr keys = (*join)->DistinctKeys(2).ValueOr(nullptr);
  ASSERT_NE(keys, nullptr);
  std::vector<std::string> texts;
  for (int64_t i = 0; i < keys->length(); ++i) {
    texts.push_back(static_cast<const arrow::StringArray&>(*keys).GetString(i));
  }
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(texts, (std::vector<std::string>{TextOf(4), TextOf(9)}));

  auto none = AsOfJoin::Make({StringKeys({std::nullopt})}, *Times({1}, 1000),
                             {{"k", arrow::utf8()}}, {});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE((*none)->time_bounds().none);
}

class LatestRandom : public testing::TestWithParam<int> {};

TEST_P(LatestRandom, AgreesWithTheOracle) {
  const uint64_t seed = 1000 + static_cast<uint64_t>(GetParam());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Shape shape;
  shape.units = 6;
  shape.unit_rows = 700;
  shape.keys = 1 + static_cast<int>(random() % 900);
  shape.key_columns = static_cast<int>(random() % 3);
  const Case c = RandomCase(shape, random);
  LatestOptions options;
  options.group_null_keys = random() % 2 == 0;
  options.min_micros = -20;
  options.max_micros = 15;
  const std::vector<KeyMaker> kinds = {Int64Keys, StringKeys, DictionaryKeys, DoubleKeys};
  std::vector<KeyMaker> makers;
  std::vector<KeyColumnType> types;
  for (int k = 0; k < shape.key_columns; ++k) {
    makers.push_back(kinds[random() % kinds.size()]);
    types.push_back({"k", makers.back()({})->type()});
  }
  using Rank = std::tuple<int64_t, bool, int64_t, uint32_t, uint32_t>;
  std::map<std::vector<std::optional<int64_t>>, Rank> best;
  for (uint32_t u = 0; u < c.units.size(); ++u) {
    for (uint32_t r = 0; r < c.units[u].size(); ++r) {
      const Row& f = c.units[u][r];
      if (!f.live || !f.ts || *f.ts < -20 || *f.ts > 15) continue;
      const bool null_key = std::count(f.key.begin(), f.key.end(), std::nullopt) > 0;
      if (null_key && !options.group_null_keys) continue;
      const Rank rank{*f.ts, f.created.has_value(), f.created.value_or(0), u, r};
      const auto [at, added] = best.emplace(f.key, rank);
      if (!added) at->second = std::max(at->second, rank);
    }
  }
  std::vector<std::pair<uint32_t, uint32_t>> expected;
  for (const auto& [key, rank] : best) {
    expected.emplace_back(std::get<3>(rank), std::get<4>(rank));
  }
  std::sort(expected.begin(), expected.end());

  auto latest = LatestByKey::Make(types, options);
  ASSERT_TRUE(latest.ok()) << latest.status().ToString();
  std::vector<std::thread> workers;
  std::vector<arrow::Status> statuses(c.units.size());
  for (uint32_t u = 0; u < c.units.size(); ++u) {
    workers.emplace_back(
        [&, u] { statuses[u] = (*latest)->Observe(BatchOf(c, u, makers)); });
  }
  for (std::thread& worker : workers) worker.join();
  for (const auto& status : statuses) ASSERT_TRUE(status.ok()) << status.ToString();
  auto resolution = (*latest)->Resolve();
  ASSERT_TRUE(resolution.ok());
  std::vector<std::pair<uint32_t, uint32_t>> actual;
  for (size_t u = 0; u < resolution->unit_count(); ++u) {
    for (const RowPick& pick : resolution->unit(u).picks) {
      EXPECT_EQ(pick.slot, actual.size());
      actual.emplace_back(resolution->unit(u).unit, pick.row);
    }
  }
  EXPECT_EQ(actual, expected);
  EXPECT_EQ((*latest)->key_count(), static_cast<int64_t>(expected.size()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, LatestRandom, testing::Range(0, 60));

TEST(LatestByKeyTest, StopsAtItsLimit) {
  LatestOptions options;
  options.max_keys = 2;
  auto latest = LatestByKey::Make({{"k", arrow::int64()}}, options);
  ASSERT_TRUE(latest.ok());
  RowBatch batch;
  batch.length = 3;
  batch.keys = {Int64Keys({1, 2, 3})};
  batch.timestamps = Times({1, 1, 1}, 1000);
  EXPECT_TRUE(IsError((*latest)->Observe(batch), ErrorCode::kResourceExhausted));
}

}  // namespace
}  // namespace floe::exec
