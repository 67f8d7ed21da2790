#pragma once

#include <cstdint>
#include <functional>

#include "arrow/status.h"

namespace floe {

/// The number of threads a parallel step uses: FLOE_THREADS if set, else the machine's.
int DefaultThreadCount();

/// Calls `body(task)` for each task in [0, task_count) on up to `thread_count` threads,
/// the calling one included, and returns the error of the lowest failed task. After a
/// failure no new task starts. Tasks are handed out in order.
arrow::Status ParallelFor(int64_t task_count, int thread_count,
                          const std::function<arrow::Status(int64_t task)>& body);

}  // namespace floe
