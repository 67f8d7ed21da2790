#include "iceberg/table/file_location.h"

#include "io/file_io.h"

namespace floe::iceberg {

std::string DataFolder(const TableMetadata& metadata) {
  return metadata.Property("write.data.path", JoinLocation(metadata.location, "data"));
}

std::string DataFileLocation(const TableMetadata& metadata, const PartitionSpec& spec,
                             const std::vector<Literal>& partition,
                             std::string_view name) {
  std::string folder = DataFolder(metadata);
  if (!partition.empty()) folder = JoinLocation(folder, spec.PartitionPath(partition));
  return JoinLocation(folder, name);
}

}  // namespace floe::iceberg
