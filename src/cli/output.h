#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "cli/progress.h"

namespace floe::cli {

/// How rows leave the program.
enum class OutputFormat { kGrid, kCsv, kJsonl, kParquet, kArrow };

/// kInvalidArgument names the formats there are.
arrow::Result<OutputFormat> ParseOutputFormat(const std::string& text);

/// Writes all rows of `reader` to the file `path`, or to stdout when it is empty (Parquet
/// needs a file). A file appears whole or not at all. Returns the number of rows.
arrow::Result<int64_t> WriteRows(arrow::RecordBatchReader& reader, OutputFormat format,
                                 const std::string& path, Progress& progress);

}  // namespace floe::cli
