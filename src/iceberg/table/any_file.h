#pragma once

#include <memory>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/format/read_options.h"
#include "iceberg/spec/manifest.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// Reads a data or delete file by the reader of its format (Parquet, ORC, Avro).
/// kNotSupported for Puffin, whose vectors are no rows.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadAnyFile(
    const FileIO& io, const DataFile& file, const FileReadOptions& options);

}  // namespace floe::iceberg
