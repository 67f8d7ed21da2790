#include "iceberg/format/parquet/encoding_choice.h"

#include "arrow/io/memory.h"
#include "arrow/record_batch.h"
#include "arrow/util/compression.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

/// A saving counts from a tenth up.
constexpr double kWorthwhile = 0.9;

/// The footer of the sample written with one setting.
arrow::Result<std::shared_ptr<parquet::FileMetaData>> WriteSample(
    const std::shared_ptr<parquet::schema::GroupNode>& schema,
    const arrow::RecordBatch& sample, arrow::Compression::type codec, int level,
    bool dictionary) {
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  parquet::WriterProperties::Builder builder;
  builder.compression(codec)->disable_write_page_index()->disable_statistics();
  if (arrow::util::Codec::SupportsCompressionLevel(codec))
    builder.compression_level(level);
  if (dictionary) {
    builder.enable_dictionary();
  } else {
    builder.disable_dictionary();
  }
  auto file = parquet::ParquetFileWriter::Open(sink, schema, builder.build());
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  ARROW_RETURN_NOT_OK(parquet::arrow::FileWriter::Make(
      arrow::default_memory_pool(), std::move(file), sample.schema(),
      parquet::default_arrow_writer_properties(), &writer));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(sample));
  ARROW_RETURN_NOT_OK(writer->Close());
  return writer->metadata();
}

}  // namespace

arrow::Result<std::map<std::string, EncodingChoice>> ChooseEncodings(
    const std::shared_ptr<parquet::schema::GroupNode>& schema,
    const arrow::RecordBatch& sample, int codec, int compression_level) {
  std::map<std::string, EncodingChoice> choices;
  if (sample.num_rows() < kMinSampleRows) return choices;
  const auto part = sample.Slice(0, std::min(kSampleRows, sample.num_rows()));
  const auto type = static_cast<arrow::Compression::type>(codec);
  ARROW_ASSIGN_OR_RAISE(auto dictionary,
                        WriteSample(schema, *part, type, compression_level, true));
  ARROW_ASSIGN_OR_RAISE(auto plain,
                        WriteSample(schema, *part, type, compression_level, false));
  for (int column = 0; column < plain->num_columns(); ++column) {
    const auto with = dictionary->RowGroup(0)->ColumnChunk(column);
    const auto without = plain->RowGroup(0)->ColumnChunk(column);
    EncodingChoice choice;
    choice.dictionary =
        static_cast<double>(with->total_uncompressed_size()) <
        kWorthwhile * static_cast<double>(without->total_uncompressed_size());
    const auto& chosen = choice.dictionary ? with : without;
    choice.compressed =
        static_cast<double>(chosen->total_compressed_size()) <
        kWorthwhile * static_cast<double>(chosen->total_uncompressed_size());
    choices[plain->schema()->Column(column)->path()->ToDotString()] = choice;
  }
  return choices;
}

}  // namespace floe::iceberg
