#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace floe::offline {

/// Statistics of one column, gathered batch by batch in bounded memory and exact: what
/// does not fit is settled by reading the column again. Between BeginPass and EndPass
/// every batch of the column is shown once, the same rows in every pass, in any order.
/// One thread at a time.
class ColumnStatistics {
 public:
  virtual ~ColumnStatistics() = default;

  virtual void BeginPass() = 0;
  virtual arrow::Status Observe(const arrow::Array& values) = 0;
  /// Whether another pass is needed.
  virtual arrow::Result<bool> EndPass() = 0;
  /// After the last pass: Feast's metric of the column (feast.monitoring), without
  /// "feature_name".
  virtual nlohmann::ordered_json Metric() const = 0;
};

/// Of a number column (also decimals, and text that is numbers): mean, sample standard
/// deviation, least, greatest, percentiles (linear between ranks) and a histogram of
/// equal bins (numpy's rule). Values count as doubles. NaN is a value but has no place in
/// an order: percentiles, least and greatest leave it out, the mean is then null; the
/// histogram is of finite values. What is not finite is null in the metric.
///
/// Values are kept while they fit `memory_bytes`. Else percentiles are found by radix
/// selection, four passes of 16 bits each, and the histogram in the second.
class NumericStatistics final : public ColumnStatistics {
 public:
  NumericStatistics(int64_t histogram_bins, int64_t memory_bytes);

  void BeginPass() override {}
  arrow::Status Observe(const arrow::Array& values) override;
  arrow::Result<bool> EndPass() override;
  nlohmann::ordered_json Metric() const override;

 private:
  static constexpr int kDigitBits = 16;
  static constexpr int kDigits = 64 / kDigitBits;
  static constexpr std::array<double, 5> kQuantiles = {0.50, 0.75, 0.90, 0.95, 0.99};

  /// A wanted rank among the values whose key starts with `prefix`.
  struct Rank {
    uint64_t prefix = 0;
    int64_t rank = 0;
  };

  void ObserveFirst(double value);
  void Spill();
  void CountDigit(double value);
  void BeginSelection();
  void NarrowRanks();
  void ResolveKept();
  void ResolveSelected();
  void SetQuantiles(const std::vector<double>& ordered);
  std::vector<int64_t> WantedRanks() const;
  int64_t ordered_count() const { return values_ - nans_; }
  void BeginHistogram();
  void AddToHistogram(double value);

  const int64_t bins_;
  const int64_t max_kept_;
  int pass_ = 0;

  int64_t rows_ = 0;
  int64_t nulls_ = 0;
  int64_t values_ = 0;
  int64_t nans_ = 0;
  double mean_ = 0;
  double squares_ = 0;  ///< Sum of squared distances from the mean.
  std::optional<double> least_;
  std::optional<double> greatest_;
  std::optional<double> least_finite_;
  std::optional<double> greatest_finite_;

  bool spilled_ = false;
  std::vector<double> kept_;
  /// Counts of the digit after each prefix; the first pass has the empty prefix.
  std::unordered_map<uint64_t, std::vector<int64_t>> digits_;
  std::vector<Rank> ranks_;

  std::vector<double> edges_;
  std::vector<int64_t> counts_;
  std::vector<std::optional<double>> quantiles_;
};

/// Of a column of names: how often each value is there. Counts are kept while they fit
/// `memory_bytes`; else the values are split by hash and each part counted in a pass of
/// its own. Of values equally frequent the lesser text comes first.
class CategoricalStatistics final : public ColumnStatistics {
 public:
  CategoricalStatistics(std::shared_ptr<arrow::DataType> type, int64_t top_count,
                        int64_t memory_bytes);

  void BeginPass() override;
  arrow::Status Observe(const arrow::Array& values) override;
  arrow::Result<bool> EndPass() override;
  nlohmann::ordered_json Metric() const override;

 private:
  /// The values whose hash ends in these bits.
  struct Part {
    int bits = 0;
    uint64_t ending = 0;
    bool Has(uint64_t hash) const {
      return (hash & ((uint64_t{1} << bits) - 1)) == ending;
    }
  };
  struct Hash {
    using is_transparent = void;
    uint64_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  static constexpr int kMaxBits = 48;
  static constexpr int64_t kEntryBytes = 96;

  void Count(std::string_view value);
  void SplitPart();
  nlohmann::ordered_json ValueJson(const std::string& text) const;

  const std::shared_ptr<arrow::DataType> type_;
  const size_t top_count_;
  const int64_t max_bytes_;
  bool first_pass_ = true;
  int64_t rows_ = 0;
  int64_t nulls_ = 0;
  int64_t unique_ = 0;
  Part part_;
  std::deque<Part> parts_left_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
  int64_t bytes_ = 0;
  std::vector<std::pair<std::string, int64_t>> top_;
};

}  // namespace floe::offline
