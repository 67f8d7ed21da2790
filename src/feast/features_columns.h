#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe::feast {

/// The values of a serialized feast.serving.GetOnlineFeaturesResponse column by column,
/// so that a client need not look at them one by one. Little-endian, without padding:
///
///   u32 column count, then per column (as the message has them; names are not repeated):
///     u8 form, u32 row count, u32 null count, null count times u32 (rows without a
///     value, ascending), then by form, with zeros or empty texts for nulls:
///       0: nothing: the column's values are of other types, or of several
///       1: row count times f64 (DOUBLE, and FLOAT widened)
///       2: row count times i64 (INT64 and INT32)
///       3: row count times u8 (BOOL)
///       4: row count times u32, the bytes of each text; then the texts (STRING, UTF-8)
///
/// kInvalidArgument for bytes that are no such message.
arrow::Result<std::string> FeaturesColumns(std::string_view message);

}  // namespace floe::feast
