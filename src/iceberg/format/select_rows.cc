#include "iceberg/format/select_rows.h"

#include <cstring>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/data.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/bit_util.h"
#include "arrow/util/bitmap_ops.h"

namespace floe::iceberg {
namespace {

using Buffers = std::vector<std::shared_ptr<arrow::Buffer>>;

/// Bytes of a value; 0 for types whose values have no place of one width.
int64_t ValueWidth(const arrow::DataType& type) {
  const bool is_fixed = arrow::is_fixed_width(type.id()) &&
                        type.id() != arrow::Type::BOOL &&
                        type.id() != arrow::Type::DICTIONARY;
  return is_fixed ? type.byte_width() : 0;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> SelectValidity(
    const arrow::ArrayData& data, const std::vector<RowRange>& ranges, int64_t length,
    arrow::MemoryPool* pool) {
  if (data.buffers[0] == nullptr || data.GetNullCount() == 0) return nullptr;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits,
                        arrow::AllocateEmptyBitmap(length, pool));
  int64_t out = 0;
  for (const RowRange& range : ranges) {
    const int64_t rows = range.end - range.begin;
    arrow::internal::CopyBitmap(data.buffers[0]->data(), data.offset + range.begin, rows,
                                bits->mutable_data(), out);
    out += rows;
  }
  return bits;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> SelectFixed(
    const arrow::ArrayData& data, const std::vector<RowRange>& ranges, int64_t length,
    int64_t width, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> values,
                        arrow::AllocateBuffer(length * width, pool));
  const uint8_t* in = data.buffers[1]->data() + data.offset * width;
  uint8_t* out = values->mutable_data();
  for (const RowRange& range : ranges) {
    const auto bytes = static_cast<size_t>((range.end - range.begin) * width);
    std::memcpy(out, in + range.begin * width, bytes);
    out += bytes;
  }
  return values;
}

/// Offsets and bytes of strings or binaries, whose runs lie side by side too.
arrow::Status SelectTexts(const arrow::ArrayData& data,
                          const std::vector<RowRange>& ranges, int64_t length,
                          arrow::MemoryPool* pool, Buffers* buffers) {
  const auto* in = data.GetValues<int32_t>(1);
  int64_t bytes = 0;
  for (const RowRange& range : ranges) bytes += in[range.end] - in[range.begin];
  ARROW_ASSIGN_OR_RAISE(
      std::shared_ptr<arrow::Buffer> offsets,
      arrow::AllocateBuffer((length + 1) * static_cast<int64_t>(sizeof(int32_t)), pool));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> texts,
                        arrow::AllocateBuffer(bytes, pool));
  auto* out = offsets->mutable_data_as<int32_t>();
  int32_t written = 0;
  for (const RowRange& range : ranges) {
    const int32_t shift = in[range.begin] - written;
    for (int64_t row = range.begin; row < range.end; ++row) *out++ = in[row] - shift;
    const int32_t run_bytes = in[range.end] - in[range.begin];
    if (run_bytes > 0) {
      std::memcpy(texts->mutable_data() + written,
                  data.buffers[2]->data() + in[range.begin],
                  static_cast<size_t>(run_bytes));
    }
    written += run_bytes;
  }
  *out = written;
  buffers->push_back(std::move(offsets));
  buffers->push_back(std::move(texts));
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> SelectRows(
    const arrow::Array& column, const std::vector<RowRange>& ranges,
    arrow::MemoryPool* pool) {
  const arrow::ArrayData& data = *column.data();
  const int64_t width = ValueWidth(*data.type);
  const bool is_text = arrow::is_base_binary_like(data.type->id()) &&
                       !arrow::is_large_binary_like(data.type->id());
  if (width == 0 && !is_text) return nullptr;
  const int64_t length = RangesLength(ranges);
  Buffers buffers;
  ARROW_ASSIGN_OR_RAISE(buffers.emplace_back(),
                        SelectValidity(data, ranges, length, pool));
  if (is_text) {
    ARROW_RETURN_NOT_OK(SelectTexts(data, ranges, length, pool, &buffers));
  } else {
    ARROW_ASSIGN_OR_RAISE(buffers.emplace_back(),
                          SelectFixed(data, ranges, length, width, pool));
  }
  return arrow::MakeArray(arrow::ArrayData::Make(data.type, length, std::move(buffers)));
}

}  // namespace floe::iceberg
