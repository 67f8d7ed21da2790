#pragma once

#include <string>
#include <vector>

#include "base/request_counters.h"
#include "offline/bound_source.h"
#include "offline/historical_features.h"
#include "offline/pull.h"

namespace floe::offline {

/// What a training set was made of, as JSON; see HistoricalFeatures::receipt_json.
/// `pins` are parallel to request.views. Credentials are not part of it.
std::string HistoricalReceipt(const HistoricalFeaturesRequest& request,
                              const std::vector<std::string>& entity_columns,
                              const std::vector<SourcePin>& pins);

/// The same for a pull of `kind`, "pull_latest" or "pull_all".
std::string PullReceipt(const PullRequest& request, const std::string& kind,
                        const SourcePin& pin);

/// `json`, an object, with the requests an answer cost: {"requests": {"get": 3, ...},
/// "read_bytes", "written_bytes", "retries"} under "cost". It differs from one time to
/// the next (caches), so it is no part of what a receipt pins.
std::string WithCost(const std::string& json, const RequestCounters::Totals& totals);

}  // namespace floe::offline
