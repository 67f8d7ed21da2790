#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "base/lru_cache.h"
#include "base/random.h"
#include "iceberg/spec/table_metadata.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// Parsed metadata files by location.
using TableMetadataCache = LruCache<TableMetadata>;
inline constexpr int64_t kTableMetadataCacheBytes = int64_t{64} << 20;

/// The cache all catalogs of the process share, bounded by kTableMetadataCacheBytes.
TableMetadataCache& ProcessTableMetadataCache();

/// Reads and parses a metadata.json, through `cache` unless it is null. Only files whose
/// name holds a UUID are kept: others ("v3.metadata.json") are reused when a table is
/// dropped and made again. kNoSuchFile or kCorruptData name the file.
arrow::Result<TableMetadataPtr> ReadTableMetadata(
    const FileIO& io, const std::string& location,
    TableMetadataCache* cache = &ProcessTableMetadataCache());

/// The version a metadata file's name begins with ("00003-<uuid>.metadata.json" and
/// "v3.metadata.json" are 3), or -1.
int64_t MetadataVersion(std::string_view location);

/// Writes `metadata` as version `version` under its location (or
/// write.metadata.path): {version:05}-{uuid}.metadata.json. Returns where.
arrow::Result<std::string> WriteTableMetadata(FileIO& io, const TableMetadata& metadata,
                                              int64_t version, Random& random);

}  // namespace floe::iceberg
