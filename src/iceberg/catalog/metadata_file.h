#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "base/random.h"
#include "iceberg/spec/table_metadata.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// Reads and parses a metadata.json. kNoSuchFile or kCorruptData name the file.
arrow::Result<TableMetadataPtr> ReadTableMetadata(const FileIO& io,
                                                  const std::string& location);

/// The version a metadata file's name begins with ("00003-<uuid>.metadata.json" and
/// "v3.metadata.json" are 3), or -1.
int64_t MetadataVersion(std::string_view location);

/// Writes `metadata` as version `version` under its location (or
/// write.metadata.path): {version:05}-{uuid}.metadata.json. Returns where.
arrow::Result<std::string> WriteTableMetadata(FileIO& io, const TableMetadata& metadata,
                                              int64_t version, Random& random);

}  // namespace floe::iceberg
