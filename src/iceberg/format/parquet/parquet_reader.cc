#include "iceberg/format/parquet/parquet_reader.h"

#include <algorithm>

#include "arrow/array.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/exec.h"
#include "arrow/datum.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/column_projection.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "iceberg/format/parquet/row_ranges.h"
#include "iceberg/format/parquet/selected_rows.h"
#include "parquet/arrow/reader.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"

namespace floe::iceberg {
namespace {

/// The top-level columns that hold what the row filter looks at.
arrow::Result<SchemaPtr> FilterColumns(const ParquetReadOptions& options) {
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

/// Row groups of which at most this part is wanted are read page by page.
constexpr double kSparsePart = 0.5;

class DataFileReader final : public arrow::RecordBatchReader {
 public:
  static arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Make(
      ParquetFilePtr file, const ParquetReadOptions& options) {
    if (options.schema == nullptr || options.batch_rows <= 0) {
      return MakeError(ErrorCode::kInternal,
                       "a reader needs a schema and batch_rows > 0");
    }
    std::shared_ptr<DataFileReader> reader(new DataFileReader(std::move(file), options));
    ARROW_RETURN_NOT_OK(reader->Init());
    return reader;
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    return GuardParquet(file_->location(), [&] { return Next(out); });
  }

 private:
  DataFileReader(ParquetFilePtr file, const ParquetReadOptions& options)
      : file_(std::move(file)),
        options_(options),
        pool_(options.memory_pool != nullptr ? options.memory_pool
                                             : arrow::default_memory_pool()) {
    counters_ = options_.counters != nullptr ? options_.counters : &own_counters_;
  }

  arrow::Status Init() {
    const arrow::Status status = MakeProjections();
    if (!status.ok()) return WithContext(status, "file", file_->location());
    ARROW_ASSIGN_OR_RAISE(schema_, ToArrowSchema(*options_.schema));
    if (options_.include_position) {
      ARROW_ASSIGN_OR_RAISE(
          schema_, schema_->AddField(schema_->num_fields(),
                                     arrow::field(ParquetReadOptions::kPositionColumn,
                                                  arrow::int64(), /*nullable=*/false)));
    }
    ranges_ = {RowRange{0, file_->row_count()}};
    if (options_.filter != nullptr) {
      ARROW_ASSIGN_OR_RAISE(ranges_, PruneRows(*file_, *options_.filter,
                                               options_.name_mapping.get(), counters_));
    }
    if (options_.row_ranges.has_value()) {
      ranges_ = IntersectRanges(ranges_, *options_.row_ranges);
    }
    return arrow::Status::OK();
  }

  arrow::Status MakeProjections() {
    ARROW_ASSIGN_OR_RAISE(auto fields, file_->Fields(options_.name_mapping.get()));
    const auto make = [&](const Schema& schema, const std::vector<int>& other_leaves) {
      return ColumnProjection::Make(schema, fields, options_.constants, other_leaves);
    };
    ARROW_ASSIGN_OR_RAISE(projection_, make(*options_.schema, {}));
    if (!options_.filter_rows || options_.filter == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const SchemaPtr filter_columns, FilterColumns(options_));
    ARROW_ASSIGN_OR_RAISE(filter_projection_,
                          make(*filter_columns, projection_.leaf_columns()));
    ARROW_ASSIGN_OR_RAISE(projection_,
                          make(*options_.schema, filter_projection_->leaf_columns()));
    return arrow::Status::OK();
  }

  arrow::Status Next(std::shared_ptr<arrow::RecordBatch>* out) {
    out->reset();
    while (true) {
      if (!group_is_open_ || position_ >= group_ranges_.back().end) {
        CloseGroup();
        ARROW_ASSIGN_OR_RAISE(const bool more, OpenNextGroup());
        if (!more) return arrow::Status::OK();
      }
      if (selected_rows_ != nullptr) {
        ARROW_ASSIGN_OR_RAISE(*out, NextSelected());
      } else {
        ARROW_ASSIGN_OR_RAISE(const Chunk chunk, NextChunk());
        counters_->rows += chunk.batch->num_rows();
        ARROW_ASSIGN_OR_RAISE(*out, Finish(chunk));
      }
      if ((*out)->num_rows() > 0) return arrow::Status::OK();
    }
  }

  /// The next rows of the open row group, by its pages. The filter's columns come first:
  /// of the others only what it leaves is read.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextSelected() {
    std::vector<uint32_t> rows = TakeNextRows();
    counters_->rows += static_cast<int64_t>(rows.size());
    if (filter_projection_.has_value()) {
      ARROW_ASSIGN_OR_RAISE(auto columns,
                            selected_rows_->Read(*filter_projection_, rows));
      ARROW_ASSIGN_OR_RAISE(auto mask, EvaluateRows(*options_.filter, *columns));
      size_t kept = 0;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (mask->Value(static_cast<int64_t>(i))) rows[kept++] = rows[i];
      }
      counters_->rows_filtered += static_cast<int64_t>(rows.size() - kept);
      rows.resize(kept);
    }
    if (rows.empty()) return arrow::RecordBatch::MakeEmpty(schema_, pool_);
    ARROW_ASSIGN_OR_RAISE(auto batch, selected_rows_->Read(projection_, rows));
    if (!options_.include_position) return batch;
    std::vector<RowRange> positions;
    const int64_t start = file_->row_group_start(group_);
    for (const uint32_t row : rows) positions.push_back({start + row, start + row + 1});
    ARROW_ASSIGN_OR_RAISE(auto column, Positions(positions));
    return batch->AddColumn(batch->num_columns(), schema_->fields().back(), column);
  }

  /// Up to batch_rows wanted rows from position_ on, numbered within the row group.
  std::vector<uint32_t> TakeNextRows() {
    std::vector<uint32_t> rows;
    const int64_t start = file_->row_group_start(group_);
    for (const RowRange& range : group_ranges_) {
      for (int64_t row = std::max(range.begin, position_); row < range.end; ++row) {
        if (static_cast<int64_t>(rows.size()) == options_.batch_rows) return rows;
        rows.push_back(static_cast<uint32_t>(row - start));
        position_ = row + 1;
      }
    }
    return rows;
  }

  /// Rows as they are in the file, and where in it they are.
  struct Chunk {
    std::shared_ptr<arrow::RecordBatch> batch;
    std::vector<RowRange> rows;
  };

  arrow::Result<Chunk> NextChunk() {
    Chunk chunk;
    if (batches_ == nullptr) {
      const int64_t end =
          std::min(position_ + options_.batch_rows, group_ranges_.back().end);
      chunk.rows = IntersectRanges(group_ranges_, {RowRange{position_, end}});
      position_ = end;
      chunk.batch = arrow::RecordBatch::Make(arrow::schema({}), RangesLength(chunk.rows),
                                             arrow::ArrayVector{});
      return chunk;
    }
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
    if (batch == nullptr) {
      return MakeError(ErrorCode::kCorruptData,
                       "row group {} of the Parquet file '{}' ends after {} of {} rows",
                       group_, file_->location(),
                       position_ - file_->row_group_start(group_),
                       file_->row_group_rows(group_));
    }
    const int64_t begin = position_;
    position_ += batch->num_rows();
    chunk.rows = IntersectRanges(group_ranges_, {RowRange{begin, position_}});
    ARROW_ASSIGN_OR_RAISE(chunk.batch, TakeRanges(batch, begin, chunk.rows));
    return chunk;
  }

  arrow::Result<bool> OpenNextGroup() {
    while (++group_ < file_->row_group_count()) {
      const RowRange group{file_->row_group_start(group_),
                           file_->row_group_start(group_ + 1)};
      group_ranges_ = IntersectRanges(ranges_, {group});
      if (group_ranges_.empty()) continue;
      position_ = group.begin;
      group_is_open_ = true;
      if (projection_.leaf_columns().empty()) return true;
      ARROW_ASSIGN_OR_RAISE(const bool by_page, IsReadByPage());
      if (by_page) {
        selected_rows_ =
            std::make_unique<SelectedRowsReader>(file_, group_, &scratch_, pool_);
        return true;
      }
      ARROW_RETURN_NOT_OK(OpenReader());
      ARROW_ASSIGN_OR_RAISE(
          batches_, reader_->GetRecordBatchReader({group_}, projection_.leaf_columns()));
      return true;
    }
    return false;
  }

  arrow::Result<bool> IsReadByPage() const {
    const auto wanted = static_cast<double>(RangesLength(group_ranges_));
    const auto rows = static_cast<double>(file_->row_group_rows(group_));
    if (wanted > kSparsePart * rows) return false;
    ARROW_ASSIGN_OR_RAISE(bool can,
                          SelectedRowsReader::CanRead(*file_, group_, projection_));
    if (can && filter_projection_.has_value()) {
      ARROW_ASSIGN_OR_RAISE(
          can, SelectedRowsReader::CanRead(*file_, group_, *filter_projection_));
    }
    return can;
  }

  void CloseGroup() {
    batches_.reset();
    selected_rows_.reset();
    group_is_open_ = false;
  }

  arrow::Status OpenReader() {
    if (reader_ != nullptr) return arrow::Status::OK();
    parquet::ReaderProperties properties(pool_);
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_batch_size(options_.batch_rows);
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    // Mapped files are read in place; others by few, large, coalesced reads.
    arrow_properties.set_pre_buffer(!file_->input()->supports_zero_copy());
    auto parquet_reader =
        parquet::ParquetFileReader::Open(file_->input(), properties, file_->metadata());
    ARROW_ASSIGN_OR_RAISE(
        reader_, parquet::arrow::FileReader::Make(pool_, std::move(parquet_reader),
                                                  arrow_properties));
    return arrow::Status::OK();
  }

  /// The rows of `ranges` (positions in the file) of a batch that starts at `begin`.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeRanges(
      const std::shared_ptr<arrow::RecordBatch>& batch, int64_t begin,
      const std::vector<RowRange>& ranges) const {
    arrow::RecordBatchVector slices;
    for (const RowRange& range : ranges) {
      slices.push_back(batch->Slice(range.begin - begin, range.end - range.begin));
    }
    if (slices.empty()) return batch->Slice(0, 0);
    if (slices.size() == 1) return slices[0];
    return arrow::ConcatenateRecordBatches(slices, pool_);
  }

  /// Filters, maps to the table's columns, adds the position.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const Chunk& chunk) {
    std::shared_ptr<arrow::BooleanArray> mask;
    if (filter_projection_.has_value()) {
      ARROW_ASSIGN_OR_RAISE(auto rows, filter_projection_->Apply(*chunk.batch, pool_));
      ARROW_ASSIGN_OR_RAISE(mask, EvaluateRows(*options_.filter, *rows));
      if (mask->true_count() == mask->length()) mask = nullptr;
    }
    const int64_t rows = mask != nullptr ? mask->true_count() : chunk.batch->num_rows();
    counters_->rows_filtered += chunk.batch->num_rows() - rows;
    if (rows == 0) return arrow::RecordBatch::MakeEmpty(schema_, pool_);
    ARROW_ASSIGN_OR_RAISE(auto batch, projection_.Apply(*chunk.batch, pool_));
    arrow::ArrayVector columns = batch->columns();
    if (options_.include_position) {
      ARROW_ASSIGN_OR_RAISE(auto positions, Positions(chunk.rows));
      columns.push_back(std::move(positions));
    }
    if (mask != nullptr) {
      arrow::compute::ExecContext context(pool_);
      for (auto& column : columns) {
        ARROW_ASSIGN_OR_RAISE(
            auto kept,
            arrow::compute::Filter(column, mask,
                                   arrow::compute::FilterOptions::Defaults(), &context));
        column = kept.make_array();
      }
    }
    return arrow::RecordBatch::Make(schema_, rows, std::move(columns));
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Positions(
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

  const ParquetFilePtr file_;
  const ParquetReadOptions options_;
  arrow::MemoryPool* const pool_;
  ParquetReadCounters own_counters_;
  ParquetReadCounters* counters_;
  std::shared_ptr<arrow::Schema> schema_;
  ColumnProjection projection_;
  std::optional<ColumnProjection> filter_projection_;
  std::vector<RowRange> ranges_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  int group_ = -1;
  bool group_is_open_ = false;
  std::vector<RowRange> group_ranges_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  DecodeScratchPool scratch_;
  std::unique_ptr<SelectedRowsReader> selected_rows_;
  int64_t position_ = 0;  ///< Of the next row to decode.
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadDataFile(
    ParquetFilePtr file, const ParquetReadOptions& options) {
  const std::string location = file->location();
  return GuardParquet(location,
                      [&] { return DataFileReader::Make(std::move(file), options); });
}

}  // namespace floe::iceberg
