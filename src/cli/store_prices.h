#pragma once

#include <array>

#include "base/request_counters.h"

namespace floe::cli {

/// What an object store charges, in USD. Class A: PUT and LIST; class B: GET and HEAD;
/// DELETE is free on all of them.
struct StorePrice {
  const char* store;
  double class_a_per_1000;
  double class_b_per_1000;
  double egress_per_gb;  ///< To the internet, first paid tier; within the region free.
  const char* as_of;     ///< When the list was looked at.
  const char* source;    ///< Which public list, and of which region.
};

/// The one table of prices. docs/costs.md repeats it (a test compares them).
inline constexpr std::array<StorePrice, 4> kStorePrices = {{
    {"Amazon S3 Standard", 0.005, 0.0004, 0.09, "2026-11-26",
     "Amazon S3 pricing, US East (N. Virginia)"},
    {"Cloudflare R2 Standard", 0.0045, 0.00036, 0.0, "2026-11-26",
     "Cloudflare R2 docs, Pricing"},
    {"Google Cloud Storage Standard", 0.005, 0.0004, 0.12, "2026-11-26",
     "Cloud Storage pricing examples, us-east1"},
    {"Azure Blob Storage hot", 0.0055, 0.00044, 0.087, "2026-11-26",
     "Azure Blob Storage pricing, LRS, East US"},
}};

struct StoreCost {
  double requests_usd = 0;
  double egress_usd = 0;  ///< Of the bytes read, should they leave the store's region.
};

StoreCost CostAt(const StorePrice& price, const RequestCounters::Totals& totals);

}  // namespace floe::cli
