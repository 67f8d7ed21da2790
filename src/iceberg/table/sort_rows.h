#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class RecordBatch;
}

namespace floe::iceberg {

/// The rows of `batch`, which has exactly the columns of `schema`, in the order `order`
/// says; equal ones keep theirs. kNotSupported for an unknown transform.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> SortRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& schema,
    const SortOrder& order);

/// The sort order of the table with this id; kInvalidArgument when it has none.
arrow::Result<SortOrder> SortOrderById(const std::vector<SortOrder>& orders, int32_t id);

}  // namespace floe::iceberg
