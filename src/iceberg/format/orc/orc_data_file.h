#pragma once

#include <memory>
#include <string>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/format/read_options.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// Reads an ORC data or delete file as `options.schema`, in file order; as ReadDataFile
/// does Parquet's. Stripes none of whose rows are wanted are not read. `file_size` is the
/// manifest's (checked), or negative when unknown. kCorruptData and kNotSupported name
/// the file.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadOrcFile(
    const FileIO& io, const std::string& location, int64_t file_size,
    const FileReadOptions& options);

}  // namespace floe::iceberg
