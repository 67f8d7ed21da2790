#include "cli/request_stats.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/store_prices.h"

namespace floe::cli {
namespace {

std::string BytesText(int64_t bytes) {
  constexpr double kStep = 1024;
  auto amount = static_cast<double>(bytes);
  for (const char* unit : {"B", "KiB", "MiB"}) {
    if (amount < kStep) return fmt::format("{:.{}f} {}", amount, unit[1] ? 1 : 0, unit);
    amount /= kStep;
  }
  return fmt::format("{:.1f} GiB", amount);
}

}  // namespace

nlohmann::json StatsJson(const RequestCounters::Totals& totals) {
  nlohmann::json requests = nlohmann::json::object();
  for (int kind = 0; kind < kRequestKinds; ++kind) {
    const auto one = static_cast<RequestKind>(kind);
    requests[std::string(RequestKindName(one))] = totals.of(one);
  }
  nlohmann::json costs = nlohmann::json::array();
  for (const StorePrice& price : kStorePrices) {
    const StoreCost cost = CostAt(price, totals);
    costs.push_back({{"store", price.store},
                     {"requests_usd", cost.requests_usd},
                     {"egress_usd", cost.egress_usd},
                     {"prices_as_of", price.as_of},
                     {"prices_from", price.source}});
  }
  return {{"requests", requests},
          {"read_bytes", totals.read_bytes},
          {"written_bytes", totals.written_bytes},
          {"retries", totals.retries},
          {"cost", costs}};
}

std::string StatsText(const RequestCounters::Totals& totals) {
  std::string text = "requests ";
  for (int kind = 0; kind < kRequestKinds; ++kind) {
    const auto one = static_cast<RequestKind>(kind);
    text += fmt::format("  {} {}", RequestKindName(one), totals.of(one));
  }
  text += fmt::format("  retries {}\nbytes      {} read, {} written\n", totals.retries,
                      BytesText(totals.read_bytes), BytesText(totals.written_bytes));
  for (const StorePrice& price : kStorePrices) {
    const StoreCost cost = CostAt(price, totals);
    text += fmt::format(
        "cost       ${:.6f} of requests, ${:.6f} more if read across the internet: {} "
        "({})\n",
        cost.requests_usd, cost.egress_usd, price.store, price.as_of);
  }
  return text;
}

}  // namespace floe::cli
