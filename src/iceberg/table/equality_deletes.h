#pragma once

#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// Positions in the file of `task` of the rows that its equality deletes remove,
/// ascending, distinct (spec, "Equality Delete Files"). Key columns are found by field
/// id, also below structs and also where the table has dropped them since; NULL equals
/// NULL, NaN equals NaN, and 0.0 is not -0.0 (as in the Java reference). Keys of delete
/// files are kept in a cache of the process, bounded by bytes.
arrow::Result<std::vector<int64_t>> LoadEqualityDeletedRows(const Table& table,
                                                            const FileScanTask& task);

}  // namespace floe::iceberg
