#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/format/parquet/metrics_config.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class Schema;
}

/// Parquet files that no Iceberg writer made.
namespace floe::iceberg {

/// The file's columns by name alone. kNotSupported when it holds Iceberg's field ids:
/// such a file belongs to a table whose metadata says what they mean.
arrow::Result<std::shared_ptr<arrow::Schema>> ForeignSchema(const ParquetFile& file);

/// The file as a manifest of a table with `schema` and `mapping` describes it, its
/// partition left empty. Metrics come from the footer; NaNs are not counted there.
arrow::Result<DataFile> DescribeForeignFile(const ParquetFile& file, const Schema& schema,
                                            const NameMapping& mapping,
                                            const MetricsConfig& metrics);

/// Whether every row of the file's column `field` is `value` (which may be NULL), as far
/// as the footer tells; false also when it tells nothing.
arrow::Result<bool> IsConstantColumn(const ParquetFile& file, const NestedField& field,
                                     const NameMapping& mapping, const Literal& value);

}  // namespace floe::iceberg
