#pragma once

#include "arrow/status.h"

namespace floe::offline {

/// Makes Arrow's kernels outside its core library (min_max, sort_indices) callable. Costs
/// nothing after the first call. Thread-safe.
arrow::Status RegisterComputeKernels();

}  // namespace floe::offline
