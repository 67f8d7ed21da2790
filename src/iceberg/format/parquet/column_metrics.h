#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/parquet/metrics_config.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class Array;
}
namespace parquet {
class FileMetaData;
}

namespace floe::iceberg {

/// Counts NaNs per field id over the arrays given; of float and double fields outside
/// lists and maps, which are the ones that can have bounds.
class NanCounter {
 public:
  void Count(const arrow::Array& array, const NestedField& field);
  const std::map<int32_t, int64_t>& counts() const { return counts_; }

 private:
  void CountBelow(const arrow::Array& array, const NestedField& field,
                  std::vector<const arrow::Array*>* parents);
  std::map<int32_t, int64_t> counts_;
};

/// The least and the greatest long text or binary of columns outside lists and maps. A
/// footer leaves a bound out that is longer than kMaxFooterBytes, so that where one is
/// missing it is one of these.
class LongValueBounds {
 public:
  /// Parquet's limit for statistics (its WriterProperties' max_statistics_size).
  static constexpr int64_t kMaxFooterBytes = 4096;
  struct Bounds {
    std::string lower;
    std::string upper;
  };

  void Count(const arrow::Array& array, const NestedField& field);
  const std::map<int32_t, Bounds>& bounds() const { return bounds_; }

 private:
  std::map<int32_t, Bounds> bounds_;
};

/// The field ids a footer's leaf columns have, in their order; -1 where there is none.
std::vector<int32_t> FooterFieldIds(const parquet::FileMetaData& footer);

/// Iceberg metrics of a file, by field id, from its footer (bounds merged over row
/// groups), and from the NaNs and long values seen while writing. `field_ids` are those
/// of the leaf columns.
arrow::Result<std::vector<ColumnMetrics>> MakeColumnMetrics(
    const parquet::FileMetaData& footer, const std::vector<int32_t>& field_ids,
    const Schema& schema, const MetricsConfig& config,
    const std::map<int32_t, int64_t>& nan_counts,
    const std::map<int32_t, LongValueBounds::Bounds>& long_bounds);

/// Where the footer's row groups begin in the file.
std::vector<int64_t> SplitOffsets(const parquet::FileMetaData& footer);

/// The first `length` characters of a UTF-8 text: a lower bound of it.
std::string TruncatedLowerText(std::string_view text, int32_t length);
/// The least text of at most `length` characters that is not below `text`; nullopt when
/// there is none. `text` itself where it is short enough.
std::optional<std::string> TruncatedUpperText(std::string_view text, int32_t length);
/// The same of bytes.
std::optional<std::string> TruncatedUpperBytes(std::string_view bytes, int32_t length);

}  // namespace floe::iceberg
