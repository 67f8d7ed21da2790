#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "offline/bound_source.h"
#include "offline/historical_features.h"

namespace floe::offline {

/// The entity frame of a request without entities, as HistoricalFeaturesRequest says:
/// columns are the views' join keys in order of first use, then the time column as
/// timestamp[us or ns, UTC]. `sources` are parallel to request.views. kInvalidArgument
/// when two views have different types for one key.
arrow::Result<std::shared_ptr<arrow::Table>> EntitiesOfRange(
    const HistoricalFeaturesRequest& request,
    const std::vector<std::shared_ptr<const BoundSource>>& sources);

}  // namespace floe::offline
