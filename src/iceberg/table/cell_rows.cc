#include "iceberg/table/cell_rows.h"

#include "arrow/array/builder_base.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/expr/arrow_literal.h"

namespace floe::iceberg {
namespace {

arrow::Status AppendCell(const Cell& cell, arrow::ArrayBuilder* builder);

arrow::Status AppendParts(const Cell::Parts& parts, arrow::ArrayBuilder* builder) {
  switch (builder->type()->id()) {
    case arrow::Type::STRUCT: {
      auto* structs = static_cast<arrow::StructBuilder*>(builder);
      ARROW_RETURN_NOT_OK(structs->Append());
      for (int i = 0; i < structs->num_fields(); ++i) {
        ARROW_RETURN_NOT_OK(
            AppendCell(parts.at(static_cast<size_t>(i)), structs->field_builder(i)));
      }
      return arrow::Status::OK();
    }
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (const Cell& part : parts) {
        ARROW_RETURN_NOT_OK(AppendCell(part, list->value_builder()));
      }
      return arrow::Status::OK();
    }
    case arrow::Type::MAP: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      for (const Cell& part : parts) {
        const auto& entry = std::get<Cell::Parts>(part.value);
        ARROW_RETURN_NOT_OK(AppendCell(entry.at(0), map->key_builder()));
        ARROW_RETURN_NOT_OK(AppendCell(entry.at(1), map->item_builder()));
      }
      return arrow::Status::OK();
    }
    default:
      return MakeError(ErrorCode::kInternal, "a column of type {} was given parts",
                       builder->type()->ToString());
  }
}

arrow::Status AppendNumber(int64_t number, arrow::ArrayBuilder* builder) {
  switch (builder->type()->id()) {
    case arrow::Type::INT32:
      return static_cast<arrow::Int32Builder*>(builder)->Append(
          static_cast<int32_t>(number));
    case arrow::Type::INT64:
      return static_cast<arrow::Int64Builder*>(builder)->Append(number);
    case arrow::Type::TIMESTAMP:
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(number);
    default:
      return MakeError(ErrorCode::kInternal, "a column of type {} was given a number",
                       builder->type()->ToString());
  }
}

arrow::Status AppendCell(const Cell& cell, arrow::ArrayBuilder* builder) {
  if (std::holds_alternative<std::monostate>(cell.value)) return builder->AppendNull();
  if (const auto* parts = std::get_if<Cell::Parts>(&cell.value)) {
    return AppendParts(*parts, builder);
  }
  if (const auto* number = std::get_if<int64_t>(&cell.value)) {
    return AppendNumber(*number, builder);
  }
  if (const auto* literal = std::get_if<Literal>(&cell.value)) {
    if (literal->is_null()) return builder->AppendNull();
    ARROW_ASSIGN_OR_RAISE(const auto scalar, ToArrowScalar(*literal, builder->type()));
    return builder->AppendScalar(*scalar);
  }
  if (const auto* boolean = std::get_if<bool>(&cell.value)) {
    return static_cast<arrow::BooleanBuilder*>(builder)->Append(*boolean);
  }
  // Text and bytes have one builder in common.
  return static_cast<arrow::BinaryBuilder*>(builder)->Append(
      std::get<std::string>(cell.value));
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ToRecordBatch(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<CellRow>& rows) {
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(),
                                           schema->field(i)->type(), &builder));
    for (const CellRow& row : rows) {
      ARROW_RETURN_NOT_OK(AppendCell(row.at(static_cast<size_t>(i)), builder.get()));
    }
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builder->Finish());
  }
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()),
                                  std::move(columns));
}

}  // namespace floe::iceberg
