#include "iceberg/format/parquet/parquet_writer.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "arrow/util/compression.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "iceberg/format/parquet/column_metrics.h"
#include "iceberg/format/parquet/encoding_choice.h"
#include "iceberg/format/parquet/parquet_schema.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

/// In the form parquet-mr parses: it ignores statistics of text by an unnamed writer.
constexpr char kCreatedBy[] = "floe version " FLOE_VERSION;
/// Guessed size of encoded against in-memory bytes, before anything was written.
constexpr double kFirstSizeRatio = 0.5;

arrow::Compression::type CodecOf(ParquetCompression compression) {
  switch (compression) {
    case ParquetCompression::kSnappy:
      return arrow::Compression::SNAPPY;
    case ParquetCompression::kGzip:
      return arrow::Compression::GZIP;
    case ParquetCompression::kZstd:
      return arrow::Compression::ZSTD;
    case ParquetCompression::kLz4:
      return arrow::Compression::LZ4;
    case ParquetCompression::kBrotli:
      return arrow::Compression::BROTLI;
    case ParquetCompression::kUncompressed:
      break;
  }
  return arrow::Compression::UNCOMPRESSED;
}

arrow::Result<ParquetCompression> CompressionFromText(const std::string& text) {
  if (text == "uncompressed" || text == "none") return ParquetCompression::kUncompressed;
  if (text == "snappy") return ParquetCompression::kSnappy;
  if (text == "gzip") return ParquetCompression::kGzip;
  if (text == "zstd") return ParquetCompression::kZstd;
  if (text == "lz4") return ParquetCompression::kLz4;
  if (text == "brotli") return ParquetCompression::kBrotli;
  return MakeError(ErrorCode::kInvalidConfig,
                   "'{}' is no compression codec; use zstd, snappy, gzip, lz4, brotli or "
                   "uncompressed",
                   text);
}

template <typename T>
arrow::Result<T> NumberFromText(const std::string& key, const std::string& text, T min) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      value < min) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the property '{}' is '{}'; it must be a number from {} up", key,
                     text, min);
  }
  return value;
}

arrow::Status ApplyNumber(const std::string& key, const std::string& value,
                          int64_t* target) {
  ARROW_ASSIGN_OR_RAISE(*target, NumberFromText<int64_t>(key, value, 1));
  return arrow::Status::OK();
}

BloomFilterColumn* FindOrAddFilter(std::vector<BloomFilterColumn>* filters, int32_t id) {
  for (BloomFilterColumn& filter : *filters) {
    if (filter.field_id == id) return &filter;
  }
  filters->push_back({id});
  return &filters->back();
}

/// bloom-filter-enabled.column.NAME and bloom-filter-fpp.column.NAME.
arrow::Status ApplyBloomProperties(const std::map<std::string, std::string>& properties,
                                   DataFileWriterOptions* options) {
  const std::string enabled = "write.parquet.bloom-filter-enabled.column.";
  const std::string rate = "write.parquet.bloom-filter-fpp.column.";
  for (const auto& [key, value] : properties) {
    if (key.rfind(enabled, 0) != 0 || value != "true") continue;
    auto field = options->schema->GetField(std::string_view(key).substr(enabled.size()));
    if (!field.ok()) {
      return MakeError(ErrorCode::kInvalidConfig, "the property '{}' names no column: {}",
                       key, field.status().message());
    }
    BloomFilterColumn* filter = FindOrAddFilter(&options->bloom_filters, (*field)->id);
    const auto fpp = properties.find(rate + key.substr(enabled.size()));
    if (fpp == properties.end()) continue;
    ARROW_ASSIGN_OR_RAISE(filter->false_positive_rate,
                          NumberFromText<double>(fpp->first, fpp->second, 0.0));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status DataFileWriterOptions::ApplyTableProperties(
    const std::map<std::string, std::string>& properties) {
  constexpr std::string_view kPrefix = "write.parquet.";
  for (const auto& [key, value] : properties) {
    if (key.rfind(kPrefix, 0) != 0) continue;
    const std::string name = key.substr(kPrefix.size());
    if (name == "compression-codec") {
      auto codec = CompressionFromText(value);
      if (!codec.ok()) return WithContext(codec.status(), "property", key);
      compression = *codec;
    } else if (name == "compression-level") {
      ARROW_ASSIGN_OR_RAISE(compression_level, NumberFromText<int>(key, value, 0));
    } else if (name == "row-group-size-bytes") {
      ARROW_RETURN_NOT_OK(ApplyNumber(key, value, &row_group_bytes));
    } else if (name == "page-size-bytes") {
      ARROW_RETURN_NOT_OK(ApplyNumber(key, value, &page_bytes));
    } else if (name == "page-row-limit") {
      ARROW_RETURN_NOT_OK(ApplyNumber(key, value, &rows_per_page));
    }
  }
  ARROW_RETURN_NOT_OK(ApplyBloomProperties(properties, this));
  ARROW_ASSIGN_OR_RAISE(metrics, MetricsConfig::FromProperties(*schema, properties));
  return arrow::Status::OK();
}

namespace {

/// 0 for types Arrow cannot tell it of: only sizes of row groups depend on it.
int64_t MemoryBytes(const arrow::RecordBatch& batch) {
  const auto bytes = arrow::util::ReferencedBufferSize(batch);
  return bytes.ok() ? *bytes : 0;
}

}  // namespace

class DataFileWriter::Impl {
 public:
  Impl(std::shared_ptr<FileIO> io, DataFileWriterOptions options)
      : io_(std::move(io)),
        options_(std::move(options)),
        pool_(options_.memory_pool != nullptr ? options_.memory_pool
                                              : arrow::default_memory_pool()) {}

  ~Impl() { Discard(); }

  arrow::Status Init() {
    if (options_.schema == nullptr || options_.row_group_rows <= 0 ||
        options_.rows_per_page <= 0 || options_.page_bytes <= 0 ||
        options_.row_group_bytes <= 0) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          "a data file needs a schema and positive row group and page sizes");
    }
    ARROW_ASSIGN_OR_RAISE(parquet_schema_, ToParquetSchema(*options_.schema));
    ARROW_ASSIGN_OR_RAISE(auto all, ToArrowSchema(*options_.schema));
    arrow::FieldVector stored;
    for (int i = 0; i < all->num_fields(); ++i) {
      if (options_.schema->fields()[static_cast<size_t>(i)].type->id() ==
          TypeId::kUnknown) {
        continue;
      }
      stored.push_back(all->field(i));
      stored_columns_.push_back(i);
    }
    arrow_schema_ = arrow::schema(std::move(stored));
    return CheckBloomFilters();
  }

  arrow::Status Write(const arrow::RecordBatch& batch) {
    ARROW_RETURN_NOT_OK(CheckUsable());
    arrow::Status status = WriteConformed(batch);
    // After a failed write the file is not what the caller thinks it is.
    if (!status.ok() && !IsError(status, ErrorCode::kInvalidArgument)) Discard();
    return status;
  }

  arrow::Result<DataFile> Close() {
    ARROW_RETURN_NOT_OK(CheckUsable());
    auto result =
        GuardParquet(options_.location, [&] { return Finish(); }, ParquetUse::kWrite);
    Discard();
    return result;
  }

  arrow::Status Abort() {
    Discard();
    return arrow::Status::OK();
  }

  int64_t rows_written() const { return rows_; }

  int64_t bytes_written() const {
    return flushed_bytes_ +
           static_cast<int64_t>(SizeRatio() * static_cast<double>(group_memory_bytes_ +
                                                                  pending_memory_bytes_));
  }

 private:
  arrow::Status CheckUsable() const {
    if (!finished_) return arrow::Status::OK();
    return MakeError(ErrorCode::kInvalidArgument,
                     "the data file '{}' was closed, aborted or failed before",
                     options_.location);
  }

  arrow::Status CheckBloomFilters() {
    parquet::SchemaDescriptor descriptor;
    descriptor.Init(parquet_schema_);
    for (const BloomFilterColumn& filter : options_.bloom_filters) {
      std::string path;
      for (int i = 0; i < descriptor.num_columns(); ++i) {
        const auto* column = descriptor.Column(i);
        if (column->schema_node()->field_id() != filter.field_id) continue;
        if (column->physical_type() != parquet::Type::BOOLEAN) {
          path = column->path()->ToDotString();
        }
      }
      if (path.empty() || filter.false_positive_rate <= 0 ||
          filter.false_positive_rate >= 1 || filter.distinct_values < 0) {
        return MakeError(
            ErrorCode::kInvalidConfig,
            "no bloom filter can be made for field {} ('{}') at a false "
            "positive rate of {}: it takes a stored, non-boolean column and a "
            "rate between 0 and 1",
            filter.field_id, options_.schema->FullName(filter.field_id),
            filter.false_positive_rate);
      }
      bloom_paths_.push_back(std::move(path));
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Conform(
      const arrow::RecordBatch& batch) const {
    const auto& fields = options_.schema->fields();
    if (batch.num_columns() != static_cast<int>(fields.size())) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a batch has {} columns, the table's schema {}",
                       batch.num_columns(), fields.size());
    }
    arrow::ArrayVector columns;
    for (size_t i = 0; i < stored_columns_.size(); ++i) {
      const int column = stored_columns_[i];
      ARROW_ASSIGN_OR_RAISE(
          auto array, ConformArray(batch.column(column),
                                   arrow_schema_->field(static_cast<int>(i))->type(),
                                   fields[static_cast<size_t>(column)]));
      columns.push_back(std::move(array));
    }
    return arrow::RecordBatch::Make(arrow_schema_, batch.num_rows(), std::move(columns));
  }

  arrow::Status WriteConformed(const arrow::RecordBatch& batch) {
    ARROW_ASSIGN_OR_RAISE(auto conformed, Conform(batch));
    if (conformed->num_rows() == 0) return arrow::Status::OK();
    rows_ += conformed->num_rows();
    pending_memory_bytes_ += MemoryBytes(*conformed);
    pending_.push_back(std::move(conformed));
    // Small first batches are gathered until there is something to choose encodings by.
    if (writer_ == nullptr && options_.adaptive_encoding && rows_ < kMinSampleRows) {
      return arrow::Status::OK();
    }
    return GuardParquet(
        options_.location, [&] { return WritePending(); }, ParquetUse::kWrite);
  }

  arrow::Status WritePending() {
    if (writer_ == nullptr) {
      if (pending_.empty()) {
        ARROW_ASSIGN_OR_RAISE(auto empty, arrow::RecordBatch::MakeEmpty(arrow_schema_));
        return Open(*empty);
      }
      ARROW_ASSIGN_OR_RAISE(auto first, arrow::ConcatenateRecordBatches(pending_, pool_));
      pending_ = {std::move(first)};
      ARROW_RETURN_NOT_OK(Open(*pending_[0]));
    }
    for (const auto& batch : pending_) ARROW_RETURN_NOT_OK(WriteRows(*batch));
    pending_.clear();
    pending_memory_bytes_ = 0;
    return arrow::Status::OK();
  }

  arrow::Status WriteRows(const arrow::RecordBatch& batch) {
    int64_t offset = 0;
    while (offset < batch.num_rows()) {
      ARROW_RETURN_NOT_OK(StartGroupIfFull());
      const int64_t rows =
          std::min(batch.num_rows() - offset, options_.row_group_rows - group_rows_);
      const auto part = batch.Slice(offset, rows);
      ARROW_RETURN_NOT_OK(writer_->WriteRecordBatch(*part));
      LookAtValues(*part);
      group_rows_ += rows;
      offset += rows;
      group_memory_bytes_ += MemoryBytes(*part);
    }
    return arrow::Status::OK();
  }

  arrow::Status StartGroupIfFull() {
    if (group_rows_ < options_.row_group_rows &&
        group_memory_bytes_ < options_.row_group_bytes) {
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
    ARROW_ASSIGN_OR_RAISE(flushed_bytes_, sink_->Tell());
    flushed_memory_bytes_ += group_memory_bytes_;
    group_rows_ = 0;
    group_memory_bytes_ = 0;
    return arrow::Status::OK();
  }

  double SizeRatio() const {
    return flushed_memory_bytes_ == 0 ? kFirstSizeRatio
                                      : static_cast<double>(flushed_bytes_) /
                                            static_cast<double>(flushed_memory_bytes_);
  }

  /// For metrics that the footer does not give.
  void LookAtValues(const arrow::RecordBatch& batch) {
    for (size_t i = 0; i < stored_columns_.size(); ++i) {
      const auto column = static_cast<size_t>(stored_columns_[i]);
      const arrow::Array& array = *batch.column(static_cast<int>(i));
      nans_.Count(array, options_.schema->fields()[column]);
      long_values_.Count(array, options_.schema->fields()[column]);
    }
  }

  /// Rows a row group will hold, rather too many than too few: a bloom filter is
  /// allocated for that many, and folded to what came in the end.
  int64_t ExpectedGroupRows(const arrow::RecordBatch& first) const {
    const int64_t rows = std::max<int64_t>(first.num_rows(), 1);
    if (is_complete_) return std::min(rows, options_.row_group_rows);
    const int64_t row_bytes = std::max<int64_t>(pending_memory_bytes_ / rows, 1);
    const int64_t by_bytes = 2 * (options_.row_group_bytes / row_bytes + 1);
    return std::min(std::max(rows, by_bytes), options_.row_group_rows);
  }

  arrow::Result<std::shared_ptr<parquet::WriterProperties>> MakeProperties(
      const arrow::RecordBatch& first) const {
    const arrow::Compression::type codec = CodecOf(options_.compression);
    parquet::WriterProperties::Builder builder;
    builder.memory_pool(pool_)
        ->created_by(kCreatedBy)
        ->compression(codec)
        ->max_row_group_length(std::numeric_limits<int64_t>::max())
        ->data_pagesize(options_.page_bytes)
        ->max_rows_per_page(options_.rows_per_page)
        ->write_batch_size(
            std::min(parquet::DEFAULT_WRITE_BATCH_SIZE, options_.rows_per_page))
        ->enable_page_checksum()
        ->enable_write_page_index()
        ->enable_store_decimal_as_integer();
    if (arrow::util::Codec::SupportsCompressionLevel(codec)) {
      builder.compression_level(options_.compression_level);
    }
    for (size_t i = 0; i < bloom_paths_.size(); ++i) {
      const BloomFilterColumn& filter = options_.bloom_filters[i];
      parquet::BloomFilterOptions bloom;
      bloom.fpp = filter.false_positive_rate;
      bloom.ndv =
          filter.distinct_values > 0 ? filter.distinct_values : ExpectedGroupRows(first);
      builder.enable_bloom_filter(bloom_paths_[i], bloom);
    }
    // A file this small gains nothing by dictionaries, which a look-up reads in full.
    if (options_.adaptive_encoding && first.num_rows() < kMinSampleRows) {
      builder.disable_dictionary();
    }
    if (options_.adaptive_encoding) {
      ARROW_ASSIGN_OR_RAISE(auto choices, ChooseEncodings(parquet_schema_, first, codec,
                                                          options_.compression_level));
      for (const auto& [path, choice] : choices) {
        if (!choice.dictionary) builder.disable_dictionary(path);
        if (choice.compressed) continue;
        builder.compression(path, arrow::Compression::UNCOMPRESSED);
        builder.compression_level(path, arrow::util::kUseDefaultCompressionLevel);
      }
    }
    return builder.build();
  }

  arrow::Status Open(const arrow::RecordBatch& first) {
    ARROW_ASSIGN_OR_RAISE(auto properties, MakeProperties(first));
    ARROW_ASSIGN_OR_RAISE(sink_, io_->OpenOutput(options_.location, WriteMode::kCreate));
    std::shared_ptr<arrow::KeyValueMetadata> metadata;
    if (!options_.key_value_metadata.empty()) {
      metadata = std::make_shared<arrow::KeyValueMetadata>();
      for (const auto& [key, value] : options_.key_value_metadata) {
        metadata->Append(key, value);
      }
    }
    auto file =
        parquet::ParquetFileWriter::Open(sink_, parquet_schema_, properties, metadata);
    return parquet::arrow::FileWriter::Make(pool_, std::move(file), arrow_schema_,
                                            parquet::default_arrow_writer_properties(),
                                            &writer_);
  }

  arrow::Result<DataFile> Finish() {
    is_complete_ = true;
    if (writer_ == nullptr) ARROW_RETURN_NOT_OK(WritePending());
    ARROW_RETURN_NOT_OK(writer_->Close());
    DataFile file;
    ARROW_ASSIGN_OR_RAISE(file.file_size_bytes, sink_->Tell());
    const auto footer = writer_->metadata();
    file.file_path = options_.location;
    file.file_format = FileFormat::kParquet;
    file.record_count = footer->num_rows();
    ARROW_ASSIGN_OR_RAISE(
        file.metrics,
        MakeColumnMetrics(*footer, FooterFieldIds(*footer), *options_.schema,
                          options_.metrics, nans_.counts(), long_values_.bounds()));
    file.split_offsets = SplitOffsets(*footer);
    ARROW_RETURN_NOT_OK(sink_->Close());
    flushed_bytes_ = file.file_size_bytes;
    group_memory_bytes_ = 0;
    return file;
  }

  void Discard() {
    finished_ = true;
    writer_.reset();
    // Unless closed before, this is what leaves nothing behind; nothing can be done about
    // its failure.
    if (sink_ != nullptr && !sink_->closed()) static_cast<void>(sink_->Abort());
    sink_.reset();
  }

  const std::shared_ptr<FileIO> io_;
  const DataFileWriterOptions options_;
  arrow::MemoryPool* const pool_;
  std::shared_ptr<parquet::schema::GroupNode> parquet_schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;  ///< Of the stored columns.
  std::vector<int> stored_columns_;
  std::vector<std::string> bloom_paths_;
  std::shared_ptr<arrow::io::OutputStream> sink_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  arrow::RecordBatchVector pending_;  ///< Conformed, not written yet.
  NanCounter nans_;
  LongValueBounds long_values_;
  int64_t rows_ = 0;
  int64_t group_rows_ = 0;
  int64_t group_memory_bytes_ = 0;
  int64_t pending_memory_bytes_ = 0;
  bool is_complete_ = false;  ///< No more rows will come.
  int64_t flushed_memory_bytes_ = 0;
  int64_t flushed_bytes_ = 0;
  bool finished_ = false;
};

DataFileWriter::DataFileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DataFileWriter::~DataFileWriter() = default;

arrow::Result<std::unique_ptr<DataFileWriter>> DataFileWriter::Make(
    std::shared_ptr<FileIO> io, DataFileWriterOptions options) {
  auto impl = std::make_unique<Impl>(std::move(io), std::move(options));
  ARROW_RETURN_NOT_OK(impl->Init());
  return std::unique_ptr<DataFileWriter>(new DataFileWriter(std::move(impl)));
}

arrow::Status DataFileWriter::Write(const arrow::RecordBatch& batch) {
  return impl_->Write(batch);
}
int64_t DataFileWriter::rows_written() const { return impl_->rows_written(); }
int64_t DataFileWriter::bytes_written() const { return impl_->bytes_written(); }
arrow::Result<DataFile> DataFileWriter::Close() { return impl_->Close(); }
arrow::Status DataFileWriter::Abort() { return impl_->Abort(); }

}  // namespace floe::iceberg
