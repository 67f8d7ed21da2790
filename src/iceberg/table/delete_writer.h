#pragma once

#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Rows of one data file to remove: with format 3 all of them, those that earlier deletes
/// of the file removed included, since a data file has one vector at most.
struct DeletedRows {
  DataFile file;  ///< Its path, spec and partition are looked at.
  std::vector<int64_t> positions;
};

/// Writes delete files for `rows` (data files distinct, none without positions): with
/// format 2 Parquet position deletes sorted by file and position, one per data file or,
/// where write.delete.granularity is partition, per partition; with format 3 one Puffin
/// file of deletion vectors. What was written is removed when it fails.
arrow::Result<std::vector<DataFile>> WriteDeletes(const Table& table,
                                                  std::vector<DeletedRows> rows);

/// Removes files that no commit came to hold; what stays is an orphan.
void RemoveUncommitted(const Table& table, const std::vector<DataFile>& files);

}  // namespace floe::iceberg
