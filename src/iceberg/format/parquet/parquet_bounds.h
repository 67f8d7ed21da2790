#pragma once

#include <optional>
#include <string_view>

#include "iceberg/expr/evaluator.h"
#include "iceberg/spec/literal.h"

namespace parquet {
class ColumnChunkMetaData;
class ColumnDescriptor;
}  // namespace parquet

namespace floe::iceberg {

enum class BoundSide { kLower, kUpper };

/// A plain-encoded minimum or maximum of a leaf column as a bound of `type`, the column's
/// type in the table. nullopt when it is no bound of it: NaN, an order that is not
/// Iceberg's, a type that is not promoted to `type`, bytes of the wrong length.
std::optional<Literal> DecodeBound(const parquet::ColumnDescriptor& column,
                                   std::string_view encoded, const TypePtr& type,
                                   BoundSide side);

/// Counts and bounds of a column chunk.
ColumnBounds ChunkBounds(const parquet::ColumnChunkMetaData& chunk,
                         const parquet::ColumnDescriptor& column, const TypePtr& type);

}  // namespace floe::iceberg
