#pragma once

#include <cstdint>
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

/// Seconds that Feast uses for "no time" (NaT) inside unix timestamps.
inline constexpr int64_t kNullTimestampSeconds = INT64_MIN;

/// Builds one column (ToArrowType) from feast.types.Value messages. Not thread-safe.
///
/// An unset Value, null_val and the NaT of a timestamp become NULL. An element NaT
/// becomes a null element. A value of another type than the column's is an error
/// (kInvalidArgument naming column and both types), but for int32 in an INT64 column and
/// float in a DOUBLE one, which are widened. Timestamps beyond what microseconds hold
/// are kInvalidArgument.
class ValueColumnBuilder {
 public:
  /// `column` is for messages. The builder takes memory from `pool` (nullptr: default).
  static arrow::Result<std::unique_ptr<ValueColumnBuilder>> Make(
      ValueType type, std::string column, arrow::MemoryPool* pool = nullptr);
  virtual ~ValueColumnBuilder() = default;

  virtual arrow::Status Append(const ::feast::types::Value& value) = 0;
  /// `bytes` is a serialized Value; kInvalidArgument when it is not. Empty is NULL.
  virtual arrow::Status AppendSerialized(std::string_view bytes) = 0;
  virtual arrow::Status AppendNull() = 0;
  virtual int64_t length() const = 0;
  /// The column so far; the builder is empty again afterwards.
  virtual arrow::Result<std::shared_ptr<arrow::Array>> Finish() = 0;
};

/// Reads a column (ToArrowType, or ToStorage of what another engine wrote; of maps and
/// the like also their JSON text) as feast.types.Value messages. Immutable; thread-safe.
///
/// NULL is the unset Value, so it serializes to nothing. A null element of a list or set
/// is what Feast puts there: zero, "", false, NaT. A timestamp with a fraction of a
/// second is floored.
class ValueColumnReader {
 public:
  /// kInvalidArgument when `array` is not of the column type of `type`.
  static arrow::Result<std::unique_ptr<ValueColumnReader>> Make(
      ValueType type, std::string column, std::shared_ptr<arrow::Array> array);
  virtual ~ValueColumnReader() = default;

  /// Appends the serialized Value of `row` to `*out`; nothing for NULL.
  virtual arrow::Status AppendSerialized(int64_t row, std::string* out) const = 0;
  arrow::Status Get(int64_t row, ::feast::types::Value* value) const;

 protected:
  std::string column_;
};

/// `array`, a source column of any Arrow type that can hold `type`, as the column type
/// ToArrowType(type): dictionaries decoded, large and view types narrowed, numbers cast
/// where no value changes, any timestamp or date to microseconds UTC (a naive one is
/// UTC, nanoseconds are floored), decimals and uuids to text, maps, structs and nested
/// lists, or their JSON text, to messages. kInvalidArgument names the column, both types
/// and the first value that does not fit.
arrow::Result<std::shared_ptr<arrow::Array>> ToStorage(
    ValueType type, const std::string& column, const std::shared_ptr<arrow::Array>& array,
    arrow::MemoryPool* pool = nullptr);

}  // namespace floe::feast
