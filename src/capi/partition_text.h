#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"
#include "iceberg/table/update_table.h"

namespace floe::capi {

/// The partition spec of texts as Iceberg's SQL has them: "column", "day(ts)",
/// "bucket(16, k)", "truncate(4, s)". Fields are named as the reference implementation
/// names them (ts_day, k_bucket, s_trunc). kInvalidArgument names the text and the
/// transforms there are; kNoSuchColumn the column.
arrow::Result<iceberg::PartitionSpec> ParsePartitionBy(
    const std::vector<std::string>& texts, const iceberg::Schema& schema);

/// The columns of a sort order from texts such as "k", "bucket(16, k) desc" or
/// "ts desc nulls first". Without "nulls ...": first when ascending, last when
/// descending.
arrow::Result<std::vector<iceberg::SortColumn>> ParseSortOrder(
    const std::vector<std::string>& texts, const iceberg::Schema& schema);

}  // namespace floe::capi
