#pragma once

#include <string>
#include <vector>

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

}  // namespace floe::offline
