#pragma once

#include <vector>

#include "arrow/result.h"
#include "iceberg/avro/schema.h"
#include "iceberg/format/file_schema.h"

namespace floe::iceberg {

/// The fields of a record schema with the Arrow types their values are decoded to (spec
/// Appendix A, "Avro"). Leaves are numbered in preorder. A leaf whose Avro type has no
/// Iceberg type (an enum, a union of several types) gets arrow::null(): it can be passed
/// over, not read. kCorruptData when `schema` is no record.
arrow::Result<std::vector<FileField>> AvroFileFields(const avro::Schema& schema);

/// Whether an array is a map written as pairs of key and value.
bool IsAvroPairs(const avro::Schema& schema);

}  // namespace floe::iceberg
