#pragma once

#include <memory>
#include <string>

#include "arrow/record_batch.h"
#include "arrow/result.h"

namespace floe::cli {

/// Reads an entity file by its name's ending: .parquet, .csv (header line; types
/// inferred, times as ISO text) or .arrow (an IPC stream or file). kInvalidArgument names
/// the endings there are; kNoSuchFile; kCorruptData.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> OpenEntityFrame(
    const std::string& path);

}  // namespace floe::cli
