#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "base/progress.h"
#include "capi/request.h"
#include "floe/floe.h"
#include "offline/source.h"

namespace floe::capi {

/// The keys of a `source` of a request.
const std::vector<std::string>& SourceKeys();

/// The source described by such an object; loads its table.
arrow::Result<offline::FeatureSource> SourceOf(floe_catalog* catalog,
                                               const Request& request);

/// What ends a retrieval at the "timeout_ms" of a request's "options"; null without one.
/// The retrieval and its rows borrow it (RetrievalOptions::progress).
arrow::Result<std::shared_ptr<Progress>> TimeoutOf(const Request& request);

/// The other "options" of a request.
arrow::Result<offline::RetrievalOptions> OptionsOf(const Request& request);

}  // namespace floe::capi
