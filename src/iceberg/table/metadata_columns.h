#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/result.h"
#include "iceberg/spec/schema.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {

/// Columns every table has without storing them (spec, "Reserved Field IDs"): of any
/// table _file, _pos, _deleted, _spec_id and _partition; with format 3 also _row_id and
/// _last_updated_sequence_number, NULL for rows of before the upgrade.
namespace metadata_column {
inline constexpr int32_t kFile = 2147483646;
inline constexpr int32_t kPos = 2147483645;
inline constexpr int32_t kDeleted = 2147483644;
inline constexpr int32_t kSpecId = 2147483643;
inline constexpr int32_t kPartition = 2147483642;
inline constexpr int32_t kRowId = 2147483540;
inline constexpr int32_t kLastUpdated = 2147483539;
}  // namespace metadata_column

/// The top-level columns named, in that order: the schema's, or else metadata columns.
/// kNoSuchColumn as Schema::Select.
arrow::Result<SchemaPtr> SelectColumns(const Schema& schema,
                                       const TableMetadata& metadata,
                                       const std::vector<std::string>& names);

bool HasMetadataColumns(const Schema& schema);

/// Reads the rows of `task` as `read` asks, read.schema having metadata columns: live
/// rows only, unless _deleted is among them. One thread.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadWithMetadataColumns(
    const Table& table, const FileScanTask& task, FileReadOptions read);

}  // namespace floe::iceberg
