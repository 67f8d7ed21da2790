#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class Array;
class DataType;
}  // namespace arrow
namespace parquet::schema {
class GroupNode;
}

namespace floe::iceberg {

/// The Parquet schema of `schema` (spec, Appendix A, "Parquet"), with field ids at every
/// level. Top-level columns of type unknown are left out. kNotSupported names a column
/// that Parquet, or Floe, cannot store.
arrow::Result<std::shared_ptr<parquet::schema::GroupNode>> ToParquetSchema(
    const Schema& schema);

/// `array` with exactly the type `type` (names and nullability of nested fields taken
/// from it). kInvalidArgument names `field` for another type or a NULL where it is
/// required.
arrow::Result<std::shared_ptr<arrow::Array>> ConformArray(
    const std::shared_ptr<arrow::Array>& array,
    const std::shared_ptr<arrow::DataType>& type, const NestedField& field);

}  // namespace floe::iceberg
