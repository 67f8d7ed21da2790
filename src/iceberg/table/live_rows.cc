#include "iceberg/table/live_rows.h"

#include <utility>

#include "base/error.h"
#include "iceberg/format/read_options.h"
#include "iceberg/table/row_lineage.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadLiveRows(
    const ScanPlan& plan, const FileScanTask& task, const LiveRowsOptions& options) {
  FileReadOptions read;
  read.schema = options.schema;
  if (options.with_lineage) {
    ARROW_ASSIGN_OR_RAISE(read.schema, WithLineageColumns(*options.schema));
  }
  read.include_position = options.with_positions;
  auto reader = ReadLiveRowsOf(*plan.table, task, std::move(read));
  if (reader.ok()) return reader;
  return WithContext(reader.status(), "file", task.file->file_path);
}

std::vector<std::shared_ptr<const DataFile>> OwnDeletes(const FileScanTask& task) {
  std::vector<std::shared_ptr<const DataFile>> own;
  for (const auto& deletes : task.position_deletes) {
    if (DataFileOfDeletes(*deletes) == task.file->file_path) own.push_back(deletes);
  }
  return own;
}

}  // namespace floe::iceberg
