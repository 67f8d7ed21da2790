#include "online/file_rows.h"

#include <utility>

#include "arrow/array.h"
#include "arrow/array/concatenate.h"
#include "arrow/builder.h"
#include "arrow/compute/api_vector.h"
#include "arrow/io/interfaces.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/parquet_reader.h"

namespace floe::online {

namespace {

using iceberg::RowRange;

/// Ranges of the distinct rows of `picks`, and per pick the ordinal of its row.
std::vector<RowRange> DistinctRows(std::span<const RowPick> picks,
                                   std::vector<int32_t>* ordinals) {
  std::vector<RowRange> ranges;
  int32_t ordinal = -1;
  for (size_t i = 0; i < picks.size(); ++i) {
    if (i == 0 || picks[i].row != picks[i - 1].row) {
      ++ordinal;
      const int64_t row = picks[i].row;
      if (!ranges.empty() && ranges.back().end == row) {
        ++ranges.back().end;
      } else {
        ranges.push_back({row, row + 1});
      }
    }
    ordinals->push_back(ordinal);
  }
  return ranges;
}

}  // namespace

arrow::Status FileRows::Gather(std::span<const WantedColumn> columns,
                               std::span<const RowPick> picks,
                               std::span<iceberg::OutputColumn* const> outputs,
                               const ReadDeadline& deadline) {
  ARROW_ASSIGN_OR_RAISE(auto fields, file_->Fields(index_.name_mapping().get()));
  std::vector<int> leaves(columns.size(), -1);
  std::vector<int> planned;
  for (size_t i = 0; i < columns.size(); ++i) {
    const int leaf = fields->LeafColumn(columns[i].field.id);
    if (leaf < 0 || !iceberg::OutputColumn::IsFlat(*columns[i].type) ||
        !iceberg::RowGroupColumns::CanRead(*file_, leaf, *columns[i].type)) {
      ARROW_RETURN_NOT_OK(deadline.Check("reading a column"));
      ARROW_RETURN_NOT_OK(GatherGeneral(columns[i], picks, outputs[i]));
      continue;
    }
    leaves[i] = leaf;
    planned.push_back(leaf);
  }
  if (planned.empty()) return arrow::Status::OK();
  std::vector<RowPick> local;
  size_t next = 0;
  for (int group = 0; group < file_->row_group_count() && next < picks.size(); ++group) {
    const int64_t begin = file_->row_group_start(group);
    const int64_t end = file_->row_group_start(group + 1);
    local.clear();
    for (; next < picks.size() && picks[next].row < end; ++next) {
      local.push_back({static_cast<uint32_t>(picks[next].row - begin), picks[next].slot});
    }
    if (local.empty()) continue;
    iceberg::RowGroupColumns reader(file_, group, scratch_);
    // Planning reads costs something and gains nothing where memory is read.
    if (!file_->input()->supports_zero_copy()) reader.WillRead(planned);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (leaves[i] < 0) continue;
      ARROW_RETURN_NOT_OK(deadline.Check("reading a column"));
      ARROW_RETURN_NOT_OK(reader.Gather(leaves[i], local, outputs[i]));
    }
  }
  if (next < picks.size()) {
    return MakeError(ErrorCode::kInternal, "row {} of '{}' is past its {} rows",
                     picks[next].row, file_->location(), file_->row_count());
  }
  return arrow::Status::OK();
}

arrow::Status FileRows::GatherGeneral(const WantedColumn& column,
                                      std::span<const RowPick> picks,
                                      iceberg::OutputColumn* output) {
  std::vector<int32_t> ordinals;
  iceberg::ParquetReadOptions options;
  options.row_ranges = DistinctRows(picks, &ordinals);
  ARROW_ASSIGN_OR_RAISE(options.schema, iceberg::Schema::Make({column.field}));
  options.name_mapping = index_.name_mapping();
  options.constants = indexed_.constants;
  ARROW_ASSIGN_OR_RAISE(auto reader, iceberg::ReadDataFile(file_, options));
  arrow::ArrayVector pieces;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) break;
    pieces.push_back(batch->column(0));
  }
  if (pieces.empty()) {
    return MakeError(ErrorCode::kInternal, "no rows came back from '{}'",
                     file_->location());
  }
  ARROW_ASSIGN_OR_RAISE(auto values, arrow::Concatenate(pieces));
  if (values->length() != ordinals.back() + 1) {
    return MakeError(ErrorCode::kInternal, "{} rows came back from '{}' instead of {}",
                     values->length(), file_->location(), ordinals.back() + 1);
  }
  if (values->length() != static_cast<int64_t>(picks.size())) {
    arrow::Int32Array order(static_cast<int64_t>(ordinals.size()),
                            arrow::Buffer::Wrap(ordinals));
    ARROW_ASSIGN_OR_RAISE(values, arrow::compute::Take(*values, order));
  }
  return output->PutArray(picks, *values);
}

}  // namespace floe::online
