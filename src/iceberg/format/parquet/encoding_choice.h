#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"

namespace arrow {
class RecordBatch;
}
namespace parquet::schema {
class GroupNode;
}

namespace floe::iceberg {

/// What was found best for a leaf column.
struct EncodingChoice {
  bool dictionary = true;
  bool compressed = true;
};

/// Rows of the first batch that are tried; below kMinSampleRows nothing is concluded.
inline constexpr int64_t kSampleRows = 16 * 1024;
inline constexpr int64_t kMinSampleRows = 1024;

/// Tries the leaves of `sample` with and without a dictionary, compressed by the codec
/// given (an arrow::Compression::type), and weighs the sizes: what saves less than a
/// tenth is left out, for it costs time on every read. Keyed by the leaf's dotted path;
/// empty when the sample is too small.
arrow::Result<std::map<std::string, EncodingChoice>> ChooseEncodings(
    const std::shared_ptr<parquet::schema::GroupNode>& schema,
    const arrow::RecordBatch& sample, int codec, int compression_level);

}  // namespace floe::iceberg
