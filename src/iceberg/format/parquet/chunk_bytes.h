#pragma once

#include <cstdint>

#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

struct FileField;

/// The compressed bytes of a field's columns in one row group, all leaves of a nested
/// field together: what reading the whole field there costs.
int64_t ChunkBytes(const ParquetFile& file, int row_group, const FileField& field);

}  // namespace floe::iceberg
