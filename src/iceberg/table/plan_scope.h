#pragma once

#include <map>
#include <memory>

#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// A plan without its files: snapshot, schemas and filter chosen and checked.
arrow::Result<std::shared_ptr<ScanPlan>> PlanScope(const TablePtr& table,
                                                   const ScanOptions& options);

/// The values that identity partitions fix, by the columns' field ids.
std::map<int32_t, Literal> IdentityConstants(const PartitionSpec& spec,
                                             const DataFile& file);

}  // namespace floe::iceberg
