#include "offline/feature_statistics.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/parallel.h"
#include "offline/column_statistics.h"
#include "offline/compute_kernels.h"
#include "offline/pull.h"

namespace floe::offline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMinColumnBytes = 64 << 10;
constexpr int64_t kMaxHistogramBins = 1 << 16;

/// Microseconds, rounded down, of a raw value of a time column.
int64_t ToMicros(int64_t value, const arrow::DataType& type) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
  if (type.id() == arrow::Type::DATE32) return value * kMicrosPerDay;
  if (type.id() == arrow::Type::DATE64) return value * 1000;
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::SECOND:
      return value * kMicrosPerSecond;
    case arrow::TimeUnit::MILLI:
      return value * 1000;
    case arrow::TimeUnit::MICRO:
      return value;
    case arrow::TimeUnit::NANO:
      return value / 1000 - (value % 1000 < 0 ? 1 : 0);
  }
  return value;
}

template <typename ArrayType>
void RaiseTo(const ArrayType& times, std::optional<int64_t>* greatest) {
  for (int64_t i = 0; i < times.length(); ++i) {
    if (times.IsNull(i)) continue;
    const int64_t micros = ToMicros(times.Value(i), *times.type());
    *greatest = std::max(greatest->value_or(micros), micros);
  }
}

void RaiseToTimes(const arrow::Array& times, std::optional<int64_t>* greatest) {
  if (times.type_id() == arrow::Type::DATE32) {
    RaiseTo(static_cast<const arrow::Date32Array&>(times), greatest);
  } else if (times.type_id() == arrow::Type::DATE64) {
    RaiseTo(static_cast<const arrow::Date64Array&>(times), greatest);
  } else {
    RaiseTo(static_cast<const arrow::TimestampArray&>(times), greatest);
  }
}

/// One source read as often as its columns need.
class Statistics {
 public:
  explicit Statistics(const StatisticsRequest& request)
      : request_(request),
        threads_(request.options.threads > 0 ? request.options.threads
                                             : DefaultThreadCount()),
        columns_(request.features.size()) {}

  arrow::Result<std::string> Compute() {
    ARROW_RETURN_NOT_OK(RegisterComputeKernels());
    std::vector<size_t> unsettled;
    for (size_t i = 0; i < columns_.size(); ++i) unsettled.push_back(i);
    do {
      ARROW_RETURN_NOT_OK(Pass(unsettled));
      std::vector<size_t> again;
      for (size_t i : unsettled) {
        ARROW_ASSIGN_OR_RAISE(bool more, columns_[i]->EndPass());
        if (more) again.push_back(i);
      }
      unsettled = std::move(again);
      ++passes_;
    } while (!unsettled.empty());
    return Answer();
  }

 private:
  arrow::Status Pass(const std::vector<size_t>& unsettled) {
    PullRequest pull;
    pull.source = request_.source;
    // A key of any kind keeps Feast's stand-in column away; the time is read anyway.
    pull.join_key_columns = {request_.source.timestamp_field};
    for (size_t i : unsettled) {
      pull.feature_columns.push_back(request_.features[i].column);
    }
    pull.start_us = request_.start_us;
    pull.end_us = request_.end_us;
    pull.options = request_.options;
    ARROW_ASSIGN_OR_RAISE(PulledRows rows, PullAll(std::move(pull)));
    ARROW_RETURN_NOT_OK(MakeColumns(*rows.reader->schema()));
    for (size_t i : unsettled) columns_[i]->BeginPass();
    int64_t row_count = 0;
    for (;;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows.reader->ReadNext(&batch));
      if (batch == nullptr) break;
      row_count += batch->num_rows();
      ARROW_RETURN_NOT_OK(Observe(*batch, unsettled));
    }
    if (passes_ > 0 && row_count != rows_) {
      return MakeError(ErrorCode::kIo,
                       "the files of '{}' changed while their statistics were taken: {} "
                       "rows, then {}; try again when nothing writes to them",
                       request_.source.name, rows_, row_count);
    }
    rows_ = row_count;
    return arrow::Status::OK();
  }

  arrow::Status MakeColumns(const arrow::Schema& schema) {
    if (passes_ > 0) return arrow::Status::OK();
    const int64_t share = std::max(
        kMinColumnBytes, request_.memory_bytes /
                             std::max<int64_t>(1, static_cast<int64_t>(columns_.size())));
    for (size_t i = 0; i < columns_.size(); ++i) {
      const StatisticsRequest::Feature& feature = request_.features[i];
      if (feature.numeric) {
        columns_[i] = std::make_unique<NumericStatistics>(request_.histogram_bins, share);
        continue;
      }
      columns_[i] = std::make_unique<CategoricalStatistics>(
          schema.GetFieldByName(feature.column)->type(), request_.top_count, share);
    }
    return arrow::Status::OK();
  }

  arrow::Status Observe(const arrow::RecordBatch& batch,
                        const std::vector<size_t>& unsettled) {
    if (passes_ == 0) {
      RaiseToTimes(*batch.GetColumnByName(request_.source.timestamp_field), &latest_us_);
    }
    return ParallelFor(
        static_cast<int64_t>(unsettled.size()), threads_, [&](int64_t task) {
          const size_t i = unsettled[static_cast<size_t>(task)];
          const StatisticsRequest::Feature& feature = request_.features[i];
          return WithContext(columns_[i]->Observe(*batch.GetColumnByName(feature.column)),
                             "feature", feature.name);
        });
  }

  std::string Answer() const {
    Json features = Json::array();
    for (size_t i = 0; i < columns_.size(); ++i) {
      Json metric = {{"feature_name", request_.features[i].name}};
      metric.update(columns_[i]->Metric());
      features.push_back(std::move(metric));
    }
    Json answer = {{"rows", rows_}, {"passes", passes_}};
    answer["max_timestamp_us"] = latest_us_ ? Json(*latest_us_) : Json(nullptr);
    answer["features"] = std::move(features);
    return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  const StatisticsRequest& request_;
  const int threads_;
  std::vector<std::unique_ptr<ColumnStatistics>> columns_;
  int passes_ = 0;
  int64_t rows_ = 0;
  std::optional<int64_t> latest_us_;
};

}  // namespace

arrow::Result<std::string> ComputeStatistics(const StatisticsRequest& request) {
  if (request.histogram_bins < 1 || request.histogram_bins > kMaxHistogramBins) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "histogram_bins is {}; it must be between 1 and {}",
                     request.histogram_bins, kMaxHistogramBins);
  }
  return Statistics(request).Compute();
}

}  // namespace floe::offline
