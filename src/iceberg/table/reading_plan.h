#pragma once

#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// PlanFiles for those who read rows and nothing else: where the catalog's settings and
/// server ask for it (ScanPlanningCatalog), the server chooses the files. The rows are
/// the same; the order of files is the server's, files have no metrics and tasks no
/// sequence number, so that whoever changes the table or looks at files plans by
/// PlanFiles.
arrow::Result<ScanPlanPtr> PlanForReading(const TablePtr& table,
                                          const ScanOptions& options);

}  // namespace floe::iceberg
