#include "iceberg/table/sort_rows.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/initialize.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/table/partition_router.h"

namespace floe::iceberg {
namespace {

/// Sorting is not among the functions that Arrow registers by itself.
arrow::Status RegisterSorting() {
  static const arrow::Status kRegistered = arrow::compute::Initialize();
  return kRegistered;
}

/// Columns whose Arrow order is the one of Iceberg's values; of floats it is not (NaN).
bool SortsAsIs(const NestedField& field) {
  switch (field.type->id()) {
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
    case TypeId::kString:
    case TypeId::kDecimal:
      return true;
    default:
      return false;
  }
}

/// Numbers in the order of the transform's results, NULL where these are.
arrow::Result<std::shared_ptr<arrow::Array>> Ranks(const Schema& schema,
                                                   const SortField& field,
                                                   const arrow::RecordBatch& batch) {
  PartitionField source;
  source.source_id = field.source_id;
  source.transform = field.transform;
  ARROW_ASSIGN_OR_RAISE(TransformedColumn column, TransformColumn(schema, source, batch));
  std::vector<int32_t> order(column.values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return column.values[static_cast<size_t>(a)].Compare(
               column.values[static_cast<size_t>(b)]) < 0;
  });
  std::vector<int32_t> rank(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    rank[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
  }
  arrow::Int32Builder builder;
  ARROW_RETURN_NOT_OK(builder.Reserve(batch.num_rows()));
  for (int32_t code : column.rows) {
    if (column.values[static_cast<size_t>(code)].is_null()) {
      builder.UnsafeAppendNull();
    } else {
      builder.UnsafeAppend(rank[static_cast<size_t>(code)]);
    }
  }
  return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> KeyColumn(const Schema& schema,
                                                       const SortField& field,
                                                       const arrow::RecordBatch& batch) {
  if (field.transform.kind() == Transform::Kind::kIdentity) {
    for (size_t i = 0; i < schema.fields().size(); ++i) {
      const NestedField& column = schema.fields()[i];
      if (column.id == field.source_id && SortsAsIs(column)) {
        return batch.column(static_cast<int>(i));
      }
    }
  }
  return Ranks(schema, field, batch);
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SortRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& schema,
    const SortOrder& order) {
  if (order.fields.empty() || batch->num_rows() < 2) return batch;
  ARROW_RETURN_NOT_OK(RegisterSorting());
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  std::vector<arrow::compute::SortKey> keys;
  for (const SortField& field : order.fields) {
    ARROW_ASSIGN_OR_RAISE(auto column, KeyColumn(schema, field, *batch));
    auto index = static_cast<int>(keys.size());
    fields.push_back(arrow::field(fmt::format("k{}", index), column->type()));
    columns.push_back(std::move(column));
    keys.emplace_back(arrow::FieldRef(index),
                      field.direction == SortDirection::kAscending
                          ? arrow::compute::SortOrder::Ascending
                          : arrow::compute::SortOrder::Descending,
                      field.null_order == NullOrder::kNullsFirst
                          ? arrow::compute::NullPlacement::AtStart
                          : arrow::compute::NullPlacement::AtEnd);
  }
  auto key_batch = arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                            batch->num_rows(), std::move(columns));
  ARROW_ASSIGN_OR_RAISE(auto indices, arrow::compute::SortIndices(
                                          arrow::Datum(key_batch),
                                          arrow::compute::SortOptions(std::move(keys))));
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum sorted,
      arrow::compute::Take(arrow::Datum(batch), arrow::Datum(std::move(indices)),
                           arrow::compute::TakeOptions::NoBoundsCheck()));
  return sorted.record_batch();
}

arrow::Result<SortOrder> SortOrderById(const std::vector<SortOrder>& orders, int32_t id) {
  if (id == SortOrder::kUnsortedId) return SortOrder();
  auto found = std::find_if(orders.begin(), orders.end(),
                            [&](const SortOrder& order) { return order.order_id == id; });
  if (found != orders.end()) return *found;
  return MakeError(ErrorCode::kInvalidArgument, "the table has no sort order {}", id);
}

}  // namespace floe::iceberg
