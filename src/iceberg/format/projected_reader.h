#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/format/read_options.h"

namespace floe::iceberg {

/// Rows as a file holds them.
struct FileRows {
  /// The file's top-level fields of which a leaf was asked for, in its order; within
  /// nested ones only fields with such leaves.
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t first_row = 0;  ///< Position in the file.
};

/// Decodes a data file from its first row on. One thread.
class FileDecoder {
 public:
  virtual ~FileDecoder() = default;
  /// Up to `max_rows` rows, none of them before those given earlier; rows before
  /// `next_wanted` may be passed over. A null batch at the end.
  virtual arrow::Result<FileRows> Next(int64_t max_rows, int64_t next_wanted) = 0;
};

/// Makes the decoder of the leaves given (ordinals of FileField::column, ascending).
using OpenDecoder =
    std::function<arrow::Result<std::unique_ptr<FileDecoder>>(const std::vector<int>&)>;

/// Reads a file through a decoder as `options` ask. `location` is for errors.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadProjected(
    const std::string& location, std::shared_ptr<const FileSchema> fields,
    const FileReadOptions& options, const OpenDecoder& open);

}  // namespace floe::iceberg
