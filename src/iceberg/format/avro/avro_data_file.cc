#include "iceberg/format/avro/avro_data_file.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/avro/container.h"
#include "iceberg/format/avro/avro_column.h"
#include "iceberg/format/avro/avro_fields.h"
#include "iceberg/format/projected_reader.h"

namespace floe::iceberg {
namespace {

/// A file in memory (mapped, where the store can) and its header.
struct AvroFile {
  std::shared_ptr<arrow::io::RandomAccessFile> input;
  std::shared_ptr<arrow::Buffer> bytes;
  std::optional<avro::ContainerReader> container;
};

arrow::Result<std::unique_ptr<AvroFile>> OpenFile(const FileIO& io,
                                                  const std::string& location,
                                                  int64_t file_size) {
  auto file = std::make_unique<AvroFile>();
  ARROW_ASSIGN_OR_RAISE(file->input, io.OpenInput(location, file_size));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->input->GetSize());
  if (file_size >= 0 && size != file_size) {
    return MakeError(ErrorCode::kCorruptData, "it has {} bytes, its manifest says {}",
                     size, file_size);
  }
  ARROW_ASSIGN_OR_RAISE(file->bytes, file->input->ReadAt(0, size));
  ARROW_ASSIGN_OR_RAISE(auto container, avro::ContainerReader::Open(
                                            static_cast<std::string_view>(*file->bytes)));
  file->container.emplace(std::move(container));
  return file;
}

class AvroDecoder final : public FileDecoder {
 public:
  static arrow::Result<std::unique_ptr<FileDecoder>> Make(
      std::unique_ptr<AvroFile> file, const FileSchema& fields,
      const std::vector<int>& leaf_columns, arrow::MemoryPool* pool) {
    std::unique_ptr<AvroDecoder> decoder(new AvroDecoder(std::move(file)));
    const std::set<int> leaves(leaf_columns.begin(), leaf_columns.end());
    const avro::Schema& record = *decoder->file_->container->schema();
    for (size_t i = 0; i < record.fields.size(); ++i) {
      const avro::Schema& type = *record.fields[i].type;
      ARROW_ASSIGN_OR_RAISE(auto column,
                            AvroColumn::Make(fields.fields()[i], type, leaves, pool));
      decoder->columns_.push_back({&type, record.fields[i].name, std::move(column)});
    }
    return decoder;
  }

  arrow::Result<FileRows> Next(int64_t max_rows, int64_t next_wanted) override {
    FileRows rows;
    ARROW_ASSIGN_OR_RAISE(const bool more, OpenBlock(next_wanted));
    if (!more) return rows;
    rows.first_row = row_;
    const int64_t count = std::min(max_rows, left_);
    for (int64_t i = 0; i < count && decoder_->ok(); ++i) {
      for (Column& column : columns_) {
        if (column.values == nullptr) {
          decoder_->Skip(*column.type);
        } else {
          ARROW_RETURN_NOT_OK(column.values->Read(&*decoder_));
        }
      }
    }
    ARROW_RETURN_NOT_OK(BlockStatus());
    row_ += count;
    left_ -= count;
    if (left_ == 0 && decoder_->remaining() > 0) {
      decoder_->Fail("bytes after the last record");
      ARROW_RETURN_NOT_OK(BlockStatus());
    }
    ARROW_ASSIGN_OR_RAISE(rows.batch, FinishBatch(count));
    return rows;
  }

 private:
  struct Column {
    const avro::Schema* type;
    std::string name;
    std::unique_ptr<AvroColumn> values;  ///< nullptr: passed over.
  };

  explicit AvroDecoder(std::unique_ptr<AvroFile> file) : file_(std::move(file)) {}

  /// Makes sure that a block with rows is open; whole ones before `next_wanted` are not
  /// decoded. False at the end.
  arrow::Result<bool> OpenBlock(int64_t next_wanted) {
    while (left_ == 0 || row_ + left_ <= next_wanted) {
      row_ += left_;
      left_ = 0;
      ARROW_ASSIGN_OR_RAISE(auto block, file_->container->Next());
      if (!block) return false;
      left_ = block->record_count;
      block_offset_ = block->file_offset;
      decoder_.emplace(block->data);
    }
    return true;
  }

  arrow::Status BlockStatus() const {
    return WithContext(decoder_->status(), "block at", std::to_string(block_offset_));
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> FinishBatch(int64_t rows) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (Column& column : columns_) {
      if (column.values == nullptr) continue;
      ARROW_ASSIGN_OR_RAISE(auto array, column.values->Finish());
      fields.push_back(arrow::field(column.name, array->type()));
      arrays.push_back(std::move(array));
    }
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows,
                                    std::move(arrays));
  }

  std::unique_ptr<AvroFile> file_;
  std::vector<Column> columns_;
  std::optional<avro::Decoder> decoder_;
  int64_t block_offset_ = 0;
  int64_t row_ = 0;   ///< Of the next record.
  int64_t left_ = 0;  ///< Records of the open block.
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadAvroFile(
    const FileIO& io, const std::string& location, int64_t file_size,
    const FileReadOptions& options) {
  auto opened = OpenFile(io, location, file_size);
  if (!opened.ok()) return WithContext(opened.status(), "file", location);
  std::unique_ptr<AvroFile> file = *std::move(opened);
  auto fields = AvroFileFields(*file->container->schema());
  if (!fields.ok()) return WithContext(fields.status(), "file", location);
  auto schema = FileSchema::Make(*std::move(fields), options.name_mapping.get());
  arrow::MemoryPool* pool =
      options.memory_pool != nullptr ? options.memory_pool : arrow::default_memory_pool();
  return ReadProjected(location, schema, options, [&](const std::vector<int>& leaves) {
    return AvroDecoder::Make(std::move(file), *schema, leaves, pool);
  });
}

}  // namespace floe::iceberg
