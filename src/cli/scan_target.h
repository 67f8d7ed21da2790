#pragma once

#include <string>

#include "arrow/result.h"
#include "cli/catalog_options.h"
#include "iceberg/table/metadata_table.h"

namespace floe::cli {

/// As LoadTable; "namespace.table.files" and the like are metadata tables.
arrow::Result<iceberg::ScanTarget> LoadScanTarget(const CatalogOptions& options,
                                                  const std::string& name_or_path);

}  // namespace floe::cli
