#pragma once

#include <memory>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/format/read_options.h"
#include "iceberg/spec/name_mapping.h"

namespace floe::iceberg {

using ParquetReadCounters = FileReadCounters;
using ParquetReadOptions = FileReadOptions;

/// Reads `file` as `options.schema`, in file order. Columns are matched by field id at
/// any depth; types are promoted; a missing column has its constant, its initial default,
/// or NULL (kCorruptData when required). Errors come from ReadNext too. One thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadDataFile(
    ParquetFilePtr file, const ParquetReadOptions& options);

/// The row ranges of `file` that may hold matches of `filter` (bound): by row group
/// statistics, bloom filters, page bounds, then dictionaries. Ascending, disjoint,
/// adjacent ones merged. `counters` may be null.
arrow::Result<std::vector<RowRange>> PruneRows(const ParquetFile& file,
                                               const Predicate& filter,
                                               const NameMapping* name_mapping,
                                               ParquetReadCounters* counters);

}  // namespace floe::iceberg
