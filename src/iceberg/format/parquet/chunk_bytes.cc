#include "iceberg/format/parquet/chunk_bytes.h"

#include <algorithm>

#include "iceberg/format/file_schema.h"
#include "parquet/metadata.h"

namespace floe::iceberg {

int64_t ChunkBytes(const ParquetFile& file, int row_group, const FileField& field) {
  if (field.is_leaf()) {
    const auto chunk = file.row_group(row_group).ColumnChunk(field.column);
    // A footer may say anything; no chunk is larger than its file.
    return std::clamp<int64_t>(chunk->total_compressed_size(), 0, file.file_size());
  }
  int64_t bytes = 0;
  for (const FileField& child : field.children) {
    bytes += ChunkBytes(file, row_group, child);
  }
  return bytes;
}

}  // namespace floe::iceberg
