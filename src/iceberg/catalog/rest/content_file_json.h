#pragma once

#include <nlohmann/json_fwd.hpp>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// A ContentFile of a scan plan: a data or delete file with the partition values of the
/// spec it names. Metrics are not read. kCorruptData names the file and what is wrong.
arrow::Result<DataFile> ContentFileFromJson(const nlohmann::json& value,
                                            const TableMetadata& metadata,
                                            const Schema& schema);

}  // namespace floe::iceberg
