#include "cli/store_prices.h"

namespace floe::cli {
namespace {

constexpr double kPerThousand = 1000;
/// As the stores bill it.
constexpr double kBytesPerGb = 1024.0 * 1024 * 1024;

}  // namespace

StoreCost CostAt(const StorePrice& price, const RequestCounters::Totals& totals) {
  const auto class_a =
      static_cast<double>(totals.of(RequestKind::kPut) + totals.of(RequestKind::kList));
  const auto class_b =
      static_cast<double>(totals.of(RequestKind::kGet) + totals.of(RequestKind::kHead));
  StoreCost cost;
  cost.requests_usd =
      (class_a * price.class_a_per_1000 + class_b * price.class_b_per_1000) /
      kPerThousand;
  cost.egress_usd =
      static_cast<double>(totals.read_bytes) / kBytesPerGb * price.egress_per_gb;
  return cost;
}

}  // namespace floe::cli
