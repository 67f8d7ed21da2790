#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/util/type_fwd.h"
#include "iceberg/format/parquet/parquet_file.h"

namespace floe::iceberg {

/// Least and greatest value of a part of a string or binary column.
struct KeyBounds {
  bool known = false;     ///< Otherwise anything may be in it.
  bool all_null = false;  ///< Nothing is in it.
  std::string lower;
  std::string upper;
};

/// All that a lookup needs to know of a string or binary column of a file, parsed once.
/// Immutable.
struct KeyColumn {
  /// Bytes of the file that hold whole data pages, one after another.
  struct Page {
    KeyBounds bounds;
    int64_t first_row = 0;  ///< Position in the file.
    int64_t row_count = 0;
    int64_t offset = 0;
    int64_t size = 0;
  };
  struct Group {
    KeyBounds bounds;
    std::shared_ptr<const parquet::BloomFilter> bloom_filter;  ///< Null: none.
    arrow::Compression::type compression{};
    /// Where the dictionary page is, before the first data page; size 0: none.
    int64_t dictionary_offset = 0;
    int64_t dictionary_size = 0;
    /// One per data page, or one for all where the file has no offset index.
    std::vector<Page> pages;
  };
  std::vector<Group> groups;

  /// kInvalidArgument for a column that is not of byte arrays with one value per row.
  static arrow::Result<std::shared_ptr<const KeyColumn>> Make(const ParquetFile& file,
                                                              int column);
};

}  // namespace floe::iceberg
