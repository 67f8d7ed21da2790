#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/request_counters.h"

namespace floe::cli {

/// {"requests": {"get": 3, ...}, "read_bytes": ..., "written_bytes": ..., "retries": ...,
/// "cost": [{"store": ..., "requests_usd": ..., "egress_usd": ..., ...}, ...]}
nlohmann::json StatsJson(const RequestCounters::Totals& totals);

/// The same for people, several lines.
std::string StatsText(const RequestCounters::Totals& totals);

}  // namespace floe::cli
