#pragma once

#include <memory>

#include "arrow/record_batch.h"
#include "iceberg/spec/schema.h"

namespace floe::cli {

/// `reader`, whose rows are of `schema`, with variant columns as JSON text.
std::shared_ptr<arrow::RecordBatchReader> VariantsAsText(
    std::shared_ptr<arrow::RecordBatchReader> reader, iceberg::SchemaPtr schema);

}  // namespace floe::cli
