#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "feast/value_type.h"

namespace arrow {
class Array;
class BinaryArray;
class MemoryPool;
}  // namespace arrow
namespace feast::types {
class EntityKey;
}  // namespace feast::types

namespace floe::feast {

/// The join key and value of a view without entities.
inline constexpr char kDummyEntityJoinKey[] = "__dummy_id";
inline constexpr int kEntityKeyVersionDefault = 3;

/// The bytes Feast's serialize_entity_key gives (feast.infra.key_encoding_utils), for
/// version 2 or 3: join keys sorted bytewise by name, then the values in that order.
/// kInvalidArgument for another version, for join keys and values of different number, a
/// join key that occurs twice, and a value that is not STRING, BYTES, INT32, INT64 or
/// UNIX_TIMESTAMP, naming the join key.
arrow::Result<std::string> SerializeEntityKey(const ::feast::types::EntityKey& key,
                                              int version = kEntityKeyVersionDefault);

/// The same from a serialized EntityKey message.
arrow::Result<std::string> SerializeEntityKeyMessage(
    std::string_view message, int version = kEntityKeyVersionDefault);

/// The inverse, for version 3; kInvalidArgument for bytes that are no entity key, naming
/// the offset. (Version 2 does not hold what it takes.)
arrow::Result<::feast::types::EntityKey> DeserializeEntityKey(std::string_view bytes);

/// One column of entity keys.
struct JoinKeyColumn {
  std::string name;
  ValueType type;  ///< STRING, BYTES, INT32, INT64 or UNIX_TIMESTAMP.
  std::shared_ptr<arrow::Array> values;  ///< Anything ToStorage takes for `type`.
};

/// The serialized keys of all rows, in row order. A row in which any join key is NULL
/// has no key and is NULL in the result. No columns: `row_count` keys of no join key.
arrow::Result<std::shared_ptr<arrow::BinaryArray>> SerializeEntityKeys(
    const std::vector<JoinKeyColumn>& columns, int64_t row_count,
    int version = kEntityKeyVersionDefault, arrow::MemoryPool* pool = nullptr);

}  // namespace floe::feast
