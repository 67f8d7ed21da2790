#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "arrow/result.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {

/// `literal` in the bytes a column chunk holds such a value as (its plain encoding,
/// without length); nullopt where the file's type differs from the table's in a way that
/// changes them, or where equal values may have different bytes.
std::optional<std::string> PhysicalBytes(const parquet::ColumnDescriptor& column,
                                         const Literal& literal);

/// The distinct values of a column chunk, when all its pages are encoded by a dictionary
/// of at most kMaxDictionaryBytes; nullopt otherwise. NULL is not among them.
inline constexpr int64_t kMaxDictionaryBytes = int64_t{1} << 20;
arrow::Result<std::optional<std::set<std::string>>> DictionaryValues(
    const ParquetFile& file, int row_group, int column);

}  // namespace floe::iceberg
