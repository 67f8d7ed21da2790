#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "feast/value_type.h"

namespace arrow {
class Array;
class MemoryPool;
}  // namespace arrow

namespace feast::types {
class Value;
}  // namespace feast::types

namespace floe::feast {

/// The JSON text that a column keeps of a value of `type`, one of those stored as
/// ValueStorage::kMessage; docs/types.md describes it. Exact: ValueFromJson gives the
/// same message back, but for the payload of NaN. Object members are in the order of
/// their names, so that equal values are equal texts.
///
/// What JSON has a form for is written plainly (texts, int64, double, booleans, maps with
/// text keys, lists of those); any other value is an object of one member whose name is
/// "$" and the name of its field in feast.types.Value without "_val": {"$int32": 5}. A
/// map's own keys that begin with "$" get one more.
arrow::Result<std::string> ValueToJson(ValueType type,
                                       const ::feast::types::Value& value);

/// The inverse. kCorruptData names what in the text is no value of `type`.
arrow::Status ValueFromJson(ValueType type, std::string_view text,
                            ::feast::types::Value* value);

/// A column of serialized messages (ToArrowType of `type`) as utf8 JSON texts.
arrow::Result<std::shared_ptr<arrow::Array>> MessagesToJson(
    ValueType type, const std::string& column, const arrow::Array& messages,
    arrow::MemoryPool* pool = nullptr);

}  // namespace floe::feast
