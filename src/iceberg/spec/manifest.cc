#include "iceberg/spec/manifest.h"

#include <algorithm>

namespace floe::iceberg {

std::string_view FileFormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kAvro:
      return "AVRO";
    case FileFormat::kOrc:
      return "ORC";
    case FileFormat::kParquet:
      return "PARQUET";
    default:
      return "PUFFIN";
  }
}

const ColumnMetrics* DataFile::FindMetrics(int32_t field_id) const {
  const auto found = std::lower_bound(
      metrics.begin(), metrics.end(), field_id,
      [](const ColumnMetrics& column, int32_t id) { return column.field_id < id; });
  return found == metrics.end() || found->field_id != field_id ? nullptr : &*found;
}

int64_t AssignFirstRowIds(int64_t first_row_id, std::vector<ManifestFile>* manifests) {
  int64_t next = first_row_id;
  for (ManifestFile& manifest : *manifests) {
    if (manifest.content != ManifestContent::kData || manifest.first_row_id) continue;
    manifest.first_row_id = next;
    next +=
        manifest.added_rows_count.value_or(0) + manifest.existing_rows_count.value_or(0);
  }
  return next;
}

}  // namespace floe::iceberg
