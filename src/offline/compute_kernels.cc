#include "offline/compute_kernels.h"

#include "arrow/compute/initialize.h"

namespace floe::offline {

arrow::Status RegisterComputeKernels() {
  static const arrow::Status kRegistered = arrow::compute::Initialize();
  return kRegistered;
}

}  // namespace floe::offline
