#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "feast/value_type.h"

namespace arrow {
class Array;
class MemoryPool;
}  // namespace arrow

namespace floe::feast {

/// The messages (ValueStorage::kMessage) that stand for the rows of a map, struct or
/// nested list. A binary column is taken for messages already, and checked; a
/// string column for their JSON. Keys of maps
/// in a MAP are strings; null members become unset Values. Errors as in ToStorage.
arrow::Result<std::shared_ptr<arrow::Array>> MessagesFromArrow(
    const ValueTypeInfo& info, const std::string& column,
    const std::shared_ptr<arrow::Array>& array, arrow::MemoryPool* pool);

}  // namespace floe::feast
