#include "iceberg/format/parquet/key_column.h"

#include <algorithm>

#include "base/error.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "parquet/bloom_filter.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

KeyBounds ToKeyBounds(const ColumnBounds& bounds) {
  KeyBounds result;
  result.all_null = bounds.value_count && bounds.null_count &&
                    *bounds.null_count >= *bounds.value_count;
  if (bounds.lower && bounds.upper) {
    result.known = true;
    result.lower = bounds.lower->as<std::string>();
    result.upper = bounds.upper->as<std::string>();
  }
  return result;
}

/// Binary bounds hold for text as well: both are ordered by unsigned bytes.
arrow::Status AddPages(const ParquetFile& file, int row_group, int column,
                       int64_t chunk_start, int64_t chunk_size, KeyColumn::Group* group) {
  const int64_t start = file.row_group_start(row_group);
  const int64_t rows = file.row_group_rows(row_group);
  ARROW_ASSIGN_OR_RAISE(const auto offsets, file.OffsetIndex(row_group, column));
  if (offsets == nullptr) {
    group->pages.push_back({group->bounds, start, rows, chunk_start, chunk_size});
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto bounds,
                        file.PageBounds(row_group, column, Type::Binary()));
  const auto& locations = offsets->page_locations();
  for (size_t i = 0; i < locations.size(); ++i) {
    const int64_t end =
        i + 1 < locations.size() ? locations[i + 1].first_row_index : rows;
    KeyColumn::Page page;
    if (!bounds.empty()) page.bounds = ToKeyBounds(bounds[i]);
    page.first_row = start + locations[i].first_row_index;
    page.row_count = end - locations[i].first_row_index;
    page.offset = locations[i].offset;
    page.size = locations[i].compressed_page_size;
    group->pages.push_back(std::move(page));
  }
  if (!locations.empty() && chunk_start < locations[0].offset) {
    group->dictionary_offset = chunk_start;
    group->dictionary_size = locations[0].offset - chunk_start;
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const KeyColumn>> Build(const ParquetFile& file,
                                                      int column) {
  const parquet::ColumnDescriptor& descriptor = *file.column(column);
  if (descriptor.physical_type() != parquet::Type::BYTE_ARRAY ||
      descriptor.max_repetition_level() > 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "keys are looked up in string or binary columns outside lists and "
                     "maps; '{}' of '{}' is none",
                     descriptor.path()->ToDotString(), file.location());
  }
  auto result = std::make_shared<KeyColumn>();
  for (int i = 0; i < file.row_group_count(); ++i) {
    KeyColumn::Group group;
    const auto chunk = file.row_group(i).ColumnChunk(column);
    group.compression = chunk->compression();
    group.bounds = ToKeyBounds(file.RowGroupBounds(i, column, Type::Binary()));
    ARROW_ASSIGN_OR_RAISE(group.bloom_filter, file.BloomFilter(i, column));
    int64_t start = chunk->data_page_offset();
    if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
      start = std::min(start, chunk->dictionary_page_offset());
    }
    const int64_t size = chunk->total_compressed_size();
    if (start < 0 || size < 0 || start > file.file_size() - size) {
      return MakeError(ErrorCode::kCorruptData,
                       "column {} of row group {} lies outside the Parquet file '{}'",
                       column, i, file.location());
    }
    ARROW_RETURN_NOT_OK(AddPages(file, i, column, start, size, &group));
    result->groups.push_back(std::move(group));
  }
  return result;
}

}  // namespace

arrow::Result<std::shared_ptr<const KeyColumn>> KeyColumn::Make(const ParquetFile& file,
                                                                int column) {
  return GuardParquet(file.location(), [&] { return Build(file, column); });
}

}  // namespace floe::iceberg
