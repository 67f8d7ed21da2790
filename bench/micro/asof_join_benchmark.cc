#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/type.h"
#include "exec/asof_join.h"
#include "exec/latest_by_key.h"

namespace floe::exec {
namespace {

constexpr uint64_t kSeed = 3;
constexpr int64_t kBatchRows = 83'000;
constexpr int64_t kBatches = 12;
constexpr int64_t kTimeRange = 30LL * 86'400 * 1'000'000;

template <typename T>
T Must(arrow::Result<T> result) {
  if (!result.ok()) std::abort();
  return std::move(result).ValueUnsafe();
}

void Must(const arrow::Status& status) {
  if (!status.ok()) std::abort();
}

std::shared_ptr<arrow::Array> Integers(int64_t length, int64_t range,
                                       std::mt19937_64& random) {
  arrow::Int64Builder builder;
  Must(builder.Reserve(length));
  for (int64_t i = 0; i < length; ++i) {
    builder.UnsafeAppend(static_cast<int64_t>(random() % static_cast<uint64_t>(range)));
  }
  return Must(builder.Finish());
}

/// Keys of `text` or integer type, `keys` of them, and times.
struct Rows {
  std::shared_ptr<arrow::Array> keys;
  std::shared_ptr<arrow::Array> times;
};

Rows MakeRows(int64_t length, int64_t keys, bool text, std::mt19937_64& random) {
  Rows rows;
  rows.keys = Integers(length, keys, random);
  rows.times = Integers(length, kTimeRange, random);
  if (!text) return rows;
  arrow::StringBuilder builder;
  const auto& integers = static_cast<const arrow::Int64Array&>(*rows.keys);
  for (int64_t i = 0; i < length; ++i) {
    Must(builder.Append("customer-" + std::to_string(integers.Value(i))));
  }
  rows.keys = Must(builder.Finish());
  return rows;
}

/// One thread: build, observe `kBatches` batches and resolve.
/// Arguments: spine rows, distinct keys, whether keys are text.
void AsOf(benchmark::State& state) {
  std::mt19937_64 random(kSeed);
  const bool text = state.range(2) != 0;
  const Rows spine = MakeRows(state.range(0), state.range(1), text, random);
  std::vector<Rows> batches;
  for (int64_t b = 0; b < kBatches; ++b) {
    batches.push_back(MakeRows(kBatchRows, state.range(1), text, random));
  }
  AsOfOptions options;
  options.thread_count = 1;
  for (auto _ : state) {
    auto join = Must(
        AsOfJoin::Make({spine.keys}, *spine.times, {{"k", spine.keys->type()}}, options));
    for (uint32_t b = 0; b < kBatches; ++b) {
      RowBatch batch;
      batch.unit = b;
      batch.length = kBatchRows;
      batch.keys = {batches[b].keys};
      batch.timestamps = batches[b].times;
      Must(join->Observe(batch));
    }
    benchmark::DoNotOptimize(Must(join->Resolve()));
  }
  state.SetItemsProcessed(state.iterations() * kBatchRows * kBatches);
}
BENCHMARK(AsOf)
    ->Args({1'000'000, 1'000'000, 0})
    ->Args({1'000'000, 1'000'000, 1})
    ->Args({10'000, 1'000'000, 0})
    ->Args({100'000, 100, 0})
    ->Unit(benchmark::kMillisecond);

void Latest(benchmark::State& state) {
  std::mt19937_64 random(kSeed);
  std::vector<Rows> batches;
  for (int64_t b = 0; b < kBatches; ++b) {
    batches.push_back(MakeRows(kBatchRows, state.range(0), state.range(1) != 0, random));
  }
  for (auto _ : state) {
    auto latest = Must(LatestByKey::Make({{"k", batches[0].keys->type()}}, {}));
    for (uint32_t b = 0; b < kBatches; ++b) {
      RowBatch batch;
      batch.unit = b;
      batch.length = kBatchRows;
      batch.keys = {batches[b].keys};
      batch.timestamps = batches[b].times;
      Must(latest->Observe(batch));
    }
    benchmark::DoNotOptimize(Must(latest->Resolve()));
  }
  state.SetItemsProcessed(state.iterations() * kBatchRows * kBatches);
}
BENCHMARK(Latest)
    ->Args({1'000'000, 0})
    ->Args({1'000'000, 1})
    ->Args({100, 0})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace floe::exec

BENCHMARK_MAIN();
