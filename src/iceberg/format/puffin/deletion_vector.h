#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/puffin/position_bitmap.h"
#include "iceberg/spec/manifest.h"
#include "io/file_io.h"

namespace floe::iceberg {

/// The blob type of deletion vectors (Puffin specification, "deletion-vector-v1").
inline constexpr char kDeletionVectorBlob[] = "deletion-vector-v1";

/// The blob's bytes: length, magic, bitmap, CRC-32. kCorruptData for anything else.
arrow::Result<PositionBitmap> DecodeDeletionVector(std::string_view blob);
/// kResourceExhausted when the bitmap takes more than a blob can (2 GiB).
arrow::Result<std::string> EncodeDeletionVector(const PositionBitmap& positions);

/// Reads the vector that `entry`, a delete file in Puffin format, describes; only its
/// bytes are fetched. kCorruptData names the file when the bytes, the referenced data
/// file or the row count do not fit the entry.
arrow::Result<PositionBitmap> ReadDeletionVector(const FileIO& io, const DataFile& entry);

/// The rows to remove of one data file: all of them, those that earlier vectors and
/// position deletes removed included, since a data file has one vector at most.
struct DeletedPositions {
  std::string data_file;  ///< Its path exactly as manifests give it.
  PositionBitmap positions;
};

/// Writes one Puffin file with a vector for each of `vectors` (not empty; data files
/// distinct; no empty bitmap) and returns their delete file entries, in that order:
/// content, path, format, counts, sizes, offsets and the referenced data file are set;
/// spec_id and partition are the caller's to copy from the data file.
arrow::Result<std::vector<DataFile>> WriteDeletionVectors(
    FileIO* io, const std::string& location,
    const std::vector<DeletedPositions>& vectors);

}  // namespace floe::iceberg
