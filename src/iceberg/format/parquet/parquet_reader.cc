#include "iceberg/format/parquet/parquet_reader.h"

#include <algorithm>

#include "arrow/array.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "iceberg/format/parquet/selected_rows.h"
#include "iceberg/format/row_projector.h"
#include "iceberg/format/row_ranges.h"
#include "io/prefetch.h"
#include "parquet/arrow/reader.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"

namespace floe::iceberg {
namespace {

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

  std::shared_ptr<arrow::Schema> schema() const override { return projector_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    return GuardParquet(file_->location(), [&] { return Next(out); });
  }

 private:
  DataFileReader(ParquetFilePtr file, const ParquetReadOptions& options)
      : file_(std::move(file)),
        options_(options),
        pool_(options.memory_pool != nullptr ? options.memory_pool
                                             : arrow::default_memory_pool()) {
    if (options_.counters == nullptr) options_.counters = &own_counters_;
    counters_ = options_.counters;
  }

  arrow::Status Init() {
    ARROW_ASSIGN_OR_RAISE(auto fields, file_->Fields(options_.name_mapping.get()));
    auto projector = RowProjector::Make(options_, std::move(fields));
    if (!projector.ok()) {
      return WithContext(projector.status(), "file", file_->location());
    }
    projector_ = std::make_unique<const RowProjector>(*std::move(projector));
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
        ARROW_ASSIGN_OR_RAISE(*out, NextDecoded());
      }
      if ((*out)->num_rows() > 0) return arrow::Status::OK();
    }
  }

  /// The next rows of the open row group, by its pages. The filter's columns come first:
  /// of the others only what it leaves is read.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextSelected() {
    std::vector<uint32_t> rows = TakeNextRows();
    counters_->rows += static_cast<int64_t>(rows.size());
    if (projector_->filter_projection().has_value()) {
      ARROW_ASSIGN_OR_RAISE(auto columns,
                            selected_rows_->Read(*projector_->filter_projection(), rows));
      ARROW_ASSIGN_OR_RAISE(auto mask, EvaluateRows(*options_.filter, *columns));
      size_t kept = 0;
      for (size_t i = 0; i < rows.size(); ++i) {
        if (mask->Value(static_cast<int64_t>(i))) rows[kept++] = rows[i];
      }
      counters_->rows_filtered += static_cast<int64_t>(rows.size() - kept);
      rows.resize(kept);
    }
    if (rows.empty()) return arrow::RecordBatch::MakeEmpty(projector_->schema(), pool_);
    ARROW_ASSIGN_OR_RAISE(auto batch,
                          selected_rows_->Read(projector_->projection(), rows));
    if (!options_.include_position) return batch;
    std::vector<RowRange> positions;
    const int64_t start = file_->row_group_start(group_);
    for (const uint32_t row : rows) positions.push_back({start + row, start + row + 1});
    ARROW_ASSIGN_OR_RAISE(auto column, projector_->Positions(positions));
    return batch->AddColumn(batch->num_columns(), projector_->schema()->fields().back(),
                            column);
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

  /// The next rows of the open row group, whose columns are decoded from its start on.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> NextDecoded() {
    const int64_t begin = position_;
    std::shared_ptr<arrow::RecordBatch> batch;
    if (batches_ == nullptr) {
      position_ = std::min(begin + options_.batch_rows, group_ranges_.back().end);
      batch = arrow::RecordBatch::Make(arrow::schema({}), position_ - begin,
                                       arrow::ArrayVector{});
      return projector_->Apply(std::move(batch), begin, group_ranges_);
    }
    ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
    if (batch == nullptr) {
      return MakeError(ErrorCode::kCorruptData,
                       "row group {} of the Parquet file '{}' ends after {} of {} rows",
                       group_, file_->location(),
                       position_ - file_->row_group_start(group_),
                       file_->row_group_rows(group_));
    }
    position_ += batch->num_rows();
    return projector_->Apply(std::move(batch), begin, group_ranges_);
  }

  arrow::Result<bool> OpenNextGroup() {
    while (++group_ < file_->row_group_count()) {
      const RowRange group{file_->row_group_start(group_),
                           file_->row_group_start(group_ + 1)};
      group_ranges_ = IntersectRanges(ranges_, {group});
      if (group_ranges_.empty()) continue;
      position_ = group.begin;
      group_is_open_ = true;
      if (projector_->leaf_columns().empty()) return true;
      ARROW_ASSIGN_OR_RAISE(const bool by_page, IsReadByPage());
      if (by_page) {
        selected_rows_ =
            std::make_unique<SelectedRowsReader>(file_, group_, &scratch_, pool_);
        return true;
      }
      ARROW_RETURN_NOT_OK(OpenReader());
      ARROW_ASSIGN_OR_RAISE(
          batches_, reader_->GetRecordBatchReader({group_}, projector_->leaf_columns()));
      return true;
    }
    return false;
  }

  arrow::Result<bool> IsReadByPage() const {
    const auto wanted = static_cast<double>(RangesLength(group_ranges_));
    const auto rows = static_cast<double>(file_->row_group_rows(group_));
    if (wanted > kSparsePart * rows) return false;
    ARROW_ASSIGN_OR_RAISE(
        bool can, SelectedRowsReader::CanRead(*file_, group_, projector_->projection()));
    if (can && projector_->filter_projection().has_value()) {
      ARROW_ASSIGN_OR_RAISE(can, SelectedRowsReader::CanRead(
                                     *file_, group_, *projector_->filter_projection()));
    }
    return can;
  }

  void CloseGroup() {
    batches_.reset();
    selected_rows_.reset();
    group_is_open_ = false;
  }

  /// Where the open row group's columns lie.
  std::vector<arrow::io::ReadRange> GroupRanges() const {
    std::vector<arrow::io::ReadRange> ranges;
    for (const int column : projector_->leaf_columns()) {
      const auto chunk = file_->row_group(group_).ColumnChunk(column);
      int64_t begin = chunk->data_page_offset();
      if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
        begin = std::min(begin, chunk->dictionary_page_offset());
      }
      ranges.push_back({begin, chunk->total_compressed_size()});
    }
    return ranges;
  }

  arrow::Status OpenReader() {
    const bool is_remote = IsRemoteInput(*file_->input());
    if (reader_ != nullptr && !is_remote) return arrow::Status::OK();
    std::shared_ptr<arrow::io::RandomAccessFile> input = file_->input();
    if (is_remote) {
      ARROW_ASSIGN_OR_RAISE(input, PrefetchRanges(std::move(input), GroupRanges()));
    }
    parquet::ReaderProperties properties(pool_);
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_batch_size(options_.batch_rows);
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    // Mapped files are read in place, and of remote ones the row group is there already.
    arrow_properties.set_pre_buffer(!is_remote && !input->supports_zero_copy());
    auto parquet_reader =
        parquet::ParquetFileReader::Open(std::move(input), properties, file_->metadata());
    ARROW_ASSIGN_OR_RAISE(
        reader_, parquet::arrow::FileReader::Make(pool_, std::move(parquet_reader),
                                                  arrow_properties));
    return arrow::Status::OK();
  }

  const ParquetFilePtr file_;
  ParquetReadOptions options_;
  arrow::MemoryPool* const pool_;
  ParquetReadCounters own_counters_;
  ParquetReadCounters* counters_;
  std::unique_ptr<const RowProjector> projector_;
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
