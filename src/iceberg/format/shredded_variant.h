#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace floe::iceberg {

/// A variant column as files hold it, a struct of `metadata`, `value` and, where it is
/// shredded, `typed_value` (Parquet's variant shredding specification), as the struct of
/// metadata and value that `type` describes: shredded parts are put back into the value.
/// kCorruptData names what no writer makes.
arrow::Result<std::shared_ptr<arrow::Array>> AssembleVariant(
    const arrow::StructArray& column, const std::shared_ptr<arrow::DataType>& type,
    arrow::MemoryPool* pool);

}  // namespace floe::iceberg
