#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/spec/name_mapping.h"

namespace parquet {
class SchemaDescriptor;
}  // namespace parquet

namespace floe::iceberg {

/// The fields of a Parquet file, as Arrow reads them. kNotSupported or kCorruptData where
/// the file's schema cannot be read.
arrow::Result<std::shared_ptr<const FileSchema>> ParquetFileSchema(
    const parquet::SchemaDescriptor& schema, const NameMapping* mapping);

}  // namespace floe::iceberg
