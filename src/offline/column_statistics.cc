#include "offline/column_statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "arrow/array.h"
#include "arrow/compute/cast.h"
#include "arrow/datum.h"
#include "arrow/type.h"
#include "base/error.h"

namespace floe::offline {
namespace {

using Json = nlohmann::ordered_json;

/// A key that orders as the doubles do (NaN apart).
uint64_t OrderedKey(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double FromOrderedKey(uint64_t key) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return std::bit_cast<double>((key & kSign) != 0 ? key & ~kSign : ~key);
}

Json FiniteJson(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

/// The keys of Feast's metric dictionary, in its order.
Json EmptyMetric(const char* kind, int64_t rows, int64_t nulls) {
  Json metric = {{"feature_type", kind}, {"row_count", rows}, {"null_count", nulls}};
  metric["null_rate"] =
      rows > 0 ? static_cast<double>(nulls) / static_cast<double>(rows) : 0.0;
  for (const char* name : {"mean", "stddev", "min_val", "max_val", "p50", "p75", "p90",
                           "p95", "p99", "histogram"}) {
    metric[name] = nullptr;
  }
  return metric;
}

arrow::Result<std::shared_ptr<arrow::Array>> CastTo(
    const arrow::Array& values, const std::shared_ptr<arrow::DataType>& type) {
  if (values.type()->Equals(*type)) return arrow::MakeArray(values.data());
  arrow::Result<arrow::Datum> cast = arrow::compute::Cast(
      arrow::Datum(values.data()), arrow::compute::CastOptions::Unsafe(type));
  if (!cast.ok()) {
    return MakeError(
        ErrorCode::kInvalidArgument, "values of type {} cannot be counted as {}: {}",
        values.type()->ToString(), type->ToString(), cast.status().message());
  }
  return cast->make_array();
}

}  // namespace

NumericStatistics::NumericStatistics(int64_t histogram_bins, int64_t memory_bytes)
    : bins_(histogram_bins),
      max_kept_(memory_bytes / static_cast<int64_t>(sizeof(double))),
      quantiles_(kQuantiles.size()) {}

arrow::Status NumericStatistics::Observe(const arrow::Array& values) {
  ARROW_ASSIGN_OR_RAISE(auto cast, CastTo(values, arrow::float64()));
  const auto& doubles = static_cast<const arrow::DoubleArray&>(*cast);
  if (pass_ == 0) {
    rows_ += doubles.length();
    nulls_ += doubles.null_count();
  }
  for (int64_t i = 0; i < doubles.length(); ++i) {
    if (doubles.IsNull(i)) continue;
    const double value = doubles.Value(i);
    if (pass_ == 0) {
      ObserveFirst(value);
      continue;
    }
    if (std::isnan(value)) continue;
    CountDigit(value);
    if (pass_ == 1 && std::isfinite(value)) AddToHistogram(value);
  }
  return arrow::Status::OK();
}

void NumericStatistics::ObserveFirst(double value) {
  ++values_;
  // Welford, "Note on a method for calculating corrected sums of squares", 1962.
  const double distance = value - mean_;
  mean_ += distance / static_cast<double>(values_);
  squares_ += distance * (value - mean_);
  if (std::isnan(value)) {
    ++nans_;
    return;
  }
  least_ = std::min(least_.value_or(value), value);
  greatest_ = std::max(greatest_.value_or(value), value);
  if (std::isfinite(value)) {
    least_finite_ = std::min(least_finite_.value_or(value), value);
    greatest_finite_ = std::max(greatest_finite_.value_or(value), value);
  }
  if (spilled_) {
    CountDigit(value);
    return;
  }
  if (static_cast<int64_t>(kept_.size()) == max_kept_) {
    Spill();
    CountDigit(value);
    return;
  }
  kept_.push_back(value);
}

/// From here on only the first digits are counted.
void NumericStatistics::Spill() {
  spilled_ = true;
  digits_[0].assign(size_t{1} << kDigitBits, 0);
  for (double value : kept_) CountDigit(value);
  kept_ = {};
}

void NumericStatistics::CountDigit(double value) {
  const uint64_t key = OrderedKey(value);
  const int shift = 64 - kDigitBits * (pass_ + 1);
  const uint64_t prefix = pass_ == 0 ? 0 : key >> (shift + kDigitBits);
  auto found = digits_.find(prefix);
  if (found == digits_.end()) return;
  ++found->second[(key >> shift) & ((1U << kDigitBits) - 1)];
}

std::vector<int64_t> NumericStatistics::WantedRanks() const {
  std::vector<int64_t> ranks;
  for (double quantile : kQuantiles) {
    const double place = static_cast<double>(ordered_count() - 1) * quantile;
    const auto below = static_cast<int64_t>(place);
    ranks.push_back(below);
    ranks.push_back(std::min(below + 1, ordered_count() - 1));
  }
  return ranks;
}

arrow::Result<bool> NumericStatistics::EndPass() {
  if (pass_ == 0) {
    BeginHistogram();
    if (!spilled_) {
      ResolveKept();
      return false;
    }
    for (int64_t rank : WantedRanks()) ranks_.push_back({0, rank});
  }
  NarrowRanks();
  ++pass_;
  if (pass_ == kDigits) {
    ResolveSelected();
    return false;
  }
  return true;
}

/// Moves each wanted rank to the digit that holds it; those digits are counted next.
void NumericStatistics::NarrowRanks() {
  for (Rank& rank : ranks_) {
    const std::vector<int64_t>& counts = digits_.at(rank.prefix);
    uint64_t digit = 0;
    while (rank.rank >= counts[digit]) rank.rank -= counts[digit++];
    rank.prefix = rank.prefix << kDigitBits | digit;
  }
  digits_.clear();
  if (pass_ + 1 == kDigits) return;
  for (const Rank& rank : ranks_) {
    digits_[rank.prefix].assign(size_t{1} << kDigitBits, 0);
  }
}

void NumericStatistics::ResolveKept() {
  for (double value : kept_) {
    if (std::isfinite(value)) AddToHistogram(value);
  }
  if (kept_.empty()) return;
  std::sort(kept_.begin(), kept_.end());
  std::vector<double> ordered;
  for (int64_t rank : WantedRanks()) ordered.push_back(kept_[static_cast<size_t>(rank)]);
  SetQuantiles(ordered);
  kept_ = {};
}

void NumericStatistics::ResolveSelected() {
  std::vector<double> ordered;
  for (const Rank& rank : ranks_) ordered.push_back(FromOrderedKey(rank.prefix));
  SetQuantiles(ordered);
}

/// `ordered` holds, per quantile, the values at the ranks around it.
void NumericStatistics::SetQuantiles(const std::vector<double>& ordered) {
  for (size_t i = 0; i < kQuantiles.size(); ++i) {
    const double place = static_cast<double>(ordered_count() - 1) * kQuantiles[i];
    const double part = place - std::floor(place);
    const double below = ordered[2 * i];
    const double above = ordered[2 * i + 1];
    quantiles_[i] = part == 0 ? below : below * (1 - part) + above * part;
  }
}

/// Edges as numpy.histogram makes them of a range.
void NumericStatistics::BeginHistogram() {
  if (!least_finite_ || bins_ < 1) return;
  double first = *least_finite_;
  double last = *greatest_finite_;
  if (first == last) {
    first -= 0.5;
    last += 0.5;
  }
  const double step = (last - first) / static_cast<double>(bins_);
  if (!std::isfinite(step)) return;
  for (int64_t i = 0; i < bins_; ++i) {
    edges_.push_back(first + static_cast<double>(i) * step);
  }
  edges_.push_back(last);
  counts_.assign(static_cast<size_t>(bins_), 0);
}

void NumericStatistics::AddToHistogram(double value) {
  if (counts_.empty()) return;
  const double scaled = (value - edges_.front()) / (edges_.back() - edges_.front()) *
                        static_cast<double>(bins_);
  auto bin = static_cast<size_t>(
      std::clamp<int64_t>(static_cast<int64_t>(scaled), 0, bins_ - 1));
  // Rounding may put a value beside the edge it belongs behind.
  if (bin > 0 && value < edges_[bin]) --bin;
  if (bin + 1 < counts_.size() && value >= edges_[bin + 1]) ++bin;
  ++counts_[bin];
}

Json NumericStatistics::Metric() const {
  Json metric = EmptyMetric("numeric", rows_, nulls_);
  if (values_ == 0) return metric;
  metric["mean"] = FiniteJson(mean_);
  if (values_ > 1) {
    metric["stddev"] = FiniteJson(std::sqrt(squares_ / static_cast<double>(values_ - 1)));
  }
  metric["min_val"] = FiniteJson(least_);
  metric["max_val"] = FiniteJson(greatest_);
  constexpr std::array<const char*, kQuantiles.size()> kNames = {"p50", "p75", "p90",
                                                                 "p95", "p99"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    metric[kNames[i]] = FiniteJson(quantiles_[i]);
  }
  if (!counts_.empty()) {
    metric["histogram"] = {
        {"bins", edges_}, {"counts", counts_}, {"bin_width", edges_[1] - edges_[0]}};
  }
  return metric;
}

CategoricalStatistics::CategoricalStatistics(std::shared_ptr<arrow::DataType> type,
                                             int64_t top_count, int64_t memory_bytes)
    : type_(std::move(type)),
      top_count_(static_cast<size_t>(std::max<int64_t>(top_count, 0))),
      max_bytes_(memory_bytes) {}

void CategoricalStatistics::BeginPass() {
  counts_.clear();
  bytes_ = 0;
}

arrow::Status CategoricalStatistics::Observe(const arrow::Array& values) {
  ARROW_ASSIGN_OR_RAISE(auto cast, CastTo(values, arrow::large_utf8()));
  const auto& texts = static_cast<const arrow::LargeStringArray&>(*cast);
  if (first_pass_) {
    rows_ += texts.length();
    nulls_ += texts.null_count();
  }
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (!texts.IsNull(i)) Count(texts.GetView(i));
  }
  return arrow::Status::OK();
}

void CategoricalStatistics::Count(std::string_view value) {
  if (part_.bits > 0 && !part_.Has(Hash()(value))) return;
  auto found = counts_.find(value);
  if (found != counts_.end()) {
    ++found->second;
    return;
  }
  counts_.emplace(std::string(value), 1);
  bytes_ += static_cast<int64_t>(value.size()) + kEntryBytes;
  while (bytes_ > max_bytes_ && counts_.size() > 1 && part_.bits < kMaxBits) SplitPart();
}

/// Leaves half of the part for a later pass. Counts so far of what stays are whole.
void CategoricalStatistics::SplitPart() {
  parts_left_.push_back({part_.bits + 1, part_.ending | uint64_t{1} << part_.bits});
  ++part_.bits;
  for (auto entry = counts_.begin(); entry != counts_.end();) {
    if (part_.Has(Hash()(entry->first))) {
      ++entry;
      continue;
    }
    bytes_ -= static_cast<int64_t>(entry->first.size()) + kEntryBytes;
    entry = counts_.erase(entry);
  }
}

arrow::Result<bool> CategoricalStatistics::EndPass() {
  first_pass_ = false;
  unique_ += static_cast<int64_t>(counts_.size());
  const auto is_before = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  for (auto& [text, count] : counts_) {
    if (top_count_ == 0) break;
    std::pair<std::string, int64_t> entry(text, count);
    if (top_.size() == top_count_ && !is_before(entry, top_.back())) continue;
    if (top_.size() == top_count_) top_.pop_back();
    top_.insert(std::upper_bound(top_.begin(), top_.end(), entry, is_before),
                std::move(entry));
  }
  counts_.clear();
  if (parts_left_.empty()) return false;
  part_ = parts_left_.front();
  parts_left_.pop_front();
  return true;
}

Json CategoricalStatistics::ValueJson(const std::string& text) const {
  if (type_->id() == arrow::Type::BOOL) return text == "true";
  if (arrow::is_integer(type_->id())) return Json::parse(text);
  return text;
}

Json CategoricalStatistics::Metric() const {
  Json metric = EmptyMetric("categorical", rows_, nulls_);
  if (rows_ == nulls_) return metric;
  Json values = Json::array();
  int64_t others = rows_ - nulls_;
  for (const auto& [text, count] : top_) {
    values.push_back({{"value", ValueJson(text)}, {"count", count}});
    others -= count;
  }
  metric["histogram"] = {
      {"values", std::move(values)}, {"other_count", others}, {"unique_count", unique_}};
  return metric;
}

}  // namespace floe::offline
