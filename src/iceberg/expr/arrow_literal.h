#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"

namespace arrow {
class DataType;
struct Scalar;
}  // namespace arrow

namespace floe::iceberg {

/// `literal` as an Arrow scalar of `type`, which must be what ToArrowType gives for the
/// literal's type (times in other units are refused). NULL gives a null scalar.
arrow::Result<std::shared_ptr<arrow::Scalar>> ToArrowScalar(
    const Literal& literal, const std::shared_ptr<arrow::DataType>& type);

}  // namespace floe::iceberg
