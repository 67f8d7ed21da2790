#include "iceberg/format/row_projector.h"

#include <algorithm>
#include <utility>

#include "arrow/array/array_primitive.h"
#include "arrow/buffer.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/exec.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "arrow/util/bitmap_ops.h"
#include "base/error.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/select_rows.h"

namespace floe::iceberg {
namespace {

/// The top-level columns that hold what the row filter looks at.
arrow::Result<SchemaPtr> FilterColumns(const FileReadOptions& options) {
  const Schema& schema =
      options.filter_schema != nullptr ? *options.filter_schema : *options.schema;
  std::vector<int32_t> wanted = ReferencedFieldIds(*options.filter);
  std::vector<NestedField> columns;
  for (const NestedField& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(const SchemaPtr single, Schema::Make({field}));
    const auto found = std::remove_if(wanted.begin(), wanted.end(), [&](int32_t id) {
      return single->FindField(id) != nullptr;
    });
    if (found != wanted.end()) columns.push_back(field);
    wanted.erase(found, wanted.end());
  }
  if (!wanted.empty()) {
    return MakeError(ErrorCode::kInternal,
                     "the filter looks at field {}, which is not in the schema to read; "
                     "set filter_schema to the schema it is bound to",
                     wanted.front());
  }
  return Schema::Make(std::move(columns));
}

/// One bit a row of [begin, begin + length), set for rows of `ranges`.
arrow::Result<std::shared_ptr<arrow::BooleanArray>> MaskOf(
    const std::vector<RowRange>& ranges, int64_t begin, int64_t length,
    arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits,
                        arrow::AllocateEmptyBitmap(length, pool));
  for (const RowRange& range : ranges) {
    arrow::bit_util::SetBitsTo(bits->mutable_data(), range.begin - begin,
                               range.end - range.begin, true);
  }
  return std::make_shared<arrow::BooleanArray>(length, std::move(bits));
}

arrow::Result<std::shared_ptr<arrow::BooleanArray>> Both(const arrow::BooleanArray& a,
                                                         const arrow::BooleanArray& b,
                                                         arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(
      auto bits, arrow::internal::BitmapAnd(pool, a.values()->data(), a.offset(),
                                            b.values()->data(), b.offset(), a.length(),
                                            /*out_offset=*/0));
  return std::make_shared<arrow::BooleanArray>(a.length(), std::move(bits));
}

}  // namespace

arrow::Result<RowProjector> RowProjector::Make(const FileReadOptions& options,
                                               std::shared_ptr<const FileSchema> fields) {
  RowProjector projector;
  projector.filter_ = options.filter;
  projector.include_position_ = options.include_position;
  projector.pool_ =
      options.memory_pool != nullptr ? options.memory_pool : arrow::default_memory_pool();
  projector.counters_ = options.counters;
  const auto make = [&](const Schema& schema, const std::vector<int>& other_leaves) {
    return ColumnProjection::Make(schema, fields, options.constants, other_leaves);
  };
  ARROW_ASSIGN_OR_RAISE(projector.projection_, make(*options.schema, {}));
  if (options.filter_rows && options.filter != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const SchemaPtr filter_columns, FilterColumns(options));
    ARROW_ASSIGN_OR_RAISE(projector.filter_projection_,
                          make(*filter_columns, projector.projection_.leaf_columns()));
    ARROW_ASSIGN_OR_RAISE(
        projector.projection_,
        make(*options.schema, projector.filter_projection_->leaf_columns()));
  }
  ARROW_ASSIGN_OR_RAISE(projector.schema_, ToArrowSchema(*options.schema));
  if (options.include_position) {
    ARROW_ASSIGN_OR_RAISE(
        projector.schema_,
        projector.schema_->AddField(
            projector.schema_->num_fields(),
            arrow::field(FileReadOptions::kPositionColumn, arrow::int64(),
                         /*nullable=*/false)));
  }
  return projector;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowProjector::Apply(
    std::shared_ptr<arrow::RecordBatch> batch, int64_t begin,
    const std::vector<RowRange>& ranges) const {
  const std::vector<RowRange> wanted =
      IntersectRanges(ranges, {RowRange{begin, begin + batch->num_rows()}});
  if (wanted.empty()) return arrow::RecordBatch::MakeEmpty(schema_, pool_);
  const RowRange extent{wanted.front().begin, wanted.back().end};
  batch = batch->Slice(extent.begin - begin, extent.end - extent.begin);
  begin = extent.begin;
  if (!filter_projection_.has_value()) {
    if (counters_ != nullptr) counters_->rows += RangesLength(wanted);
    return KeepRanges(*batch, begin, wanted);
  }
  std::shared_ptr<arrow::BooleanArray> mask;
  if (wanted.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(mask, MaskOf(wanted, begin, batch->num_rows(), pool_));
  }
  const int64_t selected = mask == nullptr ? batch->num_rows() : mask->true_count();
  ARROW_ASSIGN_OR_RAISE(auto rows, filter_projection_->Apply(*batch, pool_));
  ARROW_ASSIGN_OR_RAISE(auto matches, EvaluateRows(*filter_, *rows));
  if (mask == nullptr) {
    mask = std::move(matches);
  } else {
    ARROW_ASSIGN_OR_RAISE(mask, Both(*mask, *matches, pool_));
  }
  if (mask->true_count() == mask->length()) mask = nullptr;
  ARROW_ASSIGN_OR_RAISE(auto result, Keep(*batch, begin, mask));
  if (counters_ != nullptr) {
    counters_->rows += selected;
    counters_->rows_filtered += selected - result->num_rows();
  }
  return result;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowProjector::KeepRanges(
    const arrow::RecordBatch& batch, int64_t begin,
    const std::vector<RowRange>& wanted) const {
  if (wanted.size() == 1) return Keep(batch, begin, nullptr);
  ARROW_ASSIGN_OR_RAISE(auto projected, projection_.Apply(batch, pool_));
  std::vector<RowRange> in_batch;
  in_batch.reserve(wanted.size());
  for (const RowRange& range : wanted) {
    in_batch.push_back({range.begin - begin, range.end - begin});
  }
  std::shared_ptr<arrow::BooleanArray> mask;
  arrow::compute::ExecContext context(pool_);
  arrow::ArrayVector columns = projected->columns();
  for (auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto selected, SelectRows(*column, in_batch, pool_));
    if (selected == nullptr) {
      if (mask == nullptr) {
        ARROW_ASSIGN_OR_RAISE(mask, MaskOf(in_batch, 0, batch.num_rows(), pool_));
      }
      ARROW_ASSIGN_OR_RAISE(
          auto kept,
          arrow::compute::Filter(column, mask, arrow::compute::FilterOptions::Defaults(),
                                 &context));
      selected = kept.make_array();
    }
    column = std::move(selected);
  }
  if (include_position_) {
    ARROW_ASSIGN_OR_RAISE(auto positions, Positions(wanted));
    columns.push_back(std::move(positions));
  }
  return arrow::RecordBatch::Make(schema_, RangesLength(wanted), std::move(columns));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> RowProjector::Keep(
    const arrow::RecordBatch& batch, int64_t begin,
    const std::shared_ptr<arrow::BooleanArray>& mask) const {
  const int64_t rows = mask != nullptr ? mask->true_count() : batch.num_rows();
  if (rows == 0) return arrow::RecordBatch::MakeEmpty(schema_, pool_);
  ARROW_ASSIGN_OR_RAISE(auto projected, projection_.Apply(batch, pool_));
  arrow::ArrayVector columns = projected->columns();
  if (include_position_) {
    ARROW_ASSIGN_OR_RAISE(auto positions, Positions({{begin, begin + batch.num_rows()}}));
    columns.push_back(std::move(positions));
  }
  if (mask != nullptr) {
    arrow::compute::ExecContext context(pool_);
    for (auto& column : columns) {
      ARROW_ASSIGN_OR_RAISE(
          auto kept,
          arrow::compute::Filter(column, mask, arrow::compute::FilterOptions::Defaults(),
                                 &context));
      column = kept.make_array();
    }
  }
  return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
}

arrow::Result<std::shared_ptr<arrow::Array>> RowProjector::Positions(
    const std::vector<RowRange>& ranges) const {
  const int64_t length = RangesLength(ranges);
  ARROW_ASSIGN_OR_RAISE(
      auto buffer,
      arrow::AllocateBuffer(length * static_cast<int64_t>(sizeof(int64_t)), pool_));
  auto* out = buffer->mutable_data_as<int64_t>();
  for (const RowRange& range : ranges) {
    for (int64_t row = range.begin; row < range.end; ++row) *out++ = row;
  }
  return std::make_shared<arrow::Int64Array>(length, std::move(buffer));
}

}  // namespace floe::iceberg
