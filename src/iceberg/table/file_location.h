#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// Where a table's data files go: write.data.path, else data/ under its location.
std::string DataFolder(const TableMetadata& metadata);

/// A data or delete file of a partition: its folder, then `name`.
std::string DataFileLocation(const TableMetadata& metadata, const PartitionSpec& spec,
                             const std::vector<Literal>& partition,
                             std::string_view name);

}  // namespace floe::iceberg
