#pragma once

#include <cstdint>
#include <memory>

#include "arrow/result.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// Reserved fields of row lineage (spec, "Row Lineage"), which rewritten files hold.
inline constexpr int32_t kRowIdFieldId = 2147483540;
inline constexpr int32_t kLastUpdatedFieldId = 2147483539;
inline constexpr char kRowIdColumn[] = "_row_id";
inline constexpr char kLastUpdatedColumn[] = "_last_updated_sequence_number";

/// `schema` with the two lineage columns at its end.
arrow::Result<SchemaPtr> WithLineageColumns(const Schema& schema);

}  // namespace floe::iceberg
