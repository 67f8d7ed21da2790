#pragma once

#include <string>

#include "arrow/result.h"
#include "capi/handles.h"
#include "iceberg/table/metadata_table.h"

namespace floe::capi {

/// As LoadTable; "namespace.table.files" and the like are metadata tables.
arrow::Result<iceberg::ScanTarget> LoadScanTarget(floe_catalog* handle,
                                                  const std::string& name);

}  // namespace floe::capi
