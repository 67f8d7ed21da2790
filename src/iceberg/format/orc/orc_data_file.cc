#include "iceberg/format/orc/orc_data_file.h"

#include <algorithm>
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
#include "iceberg/format/orc/orc_column.h"
#include "iceberg/format/orc/orc_metadata.h"
#include "iceberg/format/orc/orc_stream.h"
#include "iceberg/format/projected_reader.h"
#include "io/prefetch.h"

namespace floe::iceberg {
namespace {

using orc::StreamKind;

struct OrcFile {
  std::shared_ptr<arrow::io::RandomAccessFile> input;
  orc::FileTail tail;
  std::vector<FileField> fields;
};

arrow::Result<std::shared_ptr<OrcFile>> OpenFile(const FileIO& io,
                                                 const std::string& location,
                                                 int64_t file_size) {
  auto file = std::make_shared<OrcFile>();
  ARROW_ASSIGN_OR_RAISE(file->input, io.OpenInput(location, file_size));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->input->GetSize());
  if (file_size >= 0 && size != file_size) {
    return MakeError(ErrorCode::kCorruptData, "it has {} bytes, its manifest says {}",
                     size, file_size);
  }
  constexpr int64_t kHeadBytes = 16;
  constexpr int64_t kTailBytes = 256 << 10;
  ARROW_ASSIGN_OR_RAISE(
      file->input,
      PrefetchRanges(file->input,
                     {{0, kHeadBytes}, {size - std::min(size, kTailBytes), kTailBytes}}));
  ARROW_ASSIGN_OR_RAISE(file->tail, orc::ReadFileTail(file->input.get()));
  file->fields = orc::OrcFileFields(file->tail.types);
  return file;
}

/// The streams of one stripe.
class OpenStripe final : public orc::StripeSource {
 public:
  /// `input`: the file's, perhaps with the stripe's bytes fetched.
  OpenStripe(std::shared_ptr<OrcFile> file, orc::StripeFooter footer,
             std::shared_ptr<arrow::io::RandomAccessFile> input)
      : file_(std::move(file)), footer_(std::move(footer)), input_(std::move(input)) {}

  const orc::Type& type(uint32_t column) const override {
    return file_->tail.types[column];
  }
  const orc::Encoding& encoding(uint32_t column) const override {
    return footer_.encodings[column];
  }

  arrow::Result<std::optional<orc::ByteStream>> Open(uint32_t column,
                                                     StreamKind kind) override {
    for (const orc::Stream& stream : footer_.streams) {
      if (stream.column != column || stream.kind != kind) continue;
      ARROW_ASSIGN_OR_RAISE(auto bytes, input_->ReadAt(stream.offset, stream.length));
      if (bytes->size() != stream.length) {
        return MakeError(ErrorCode::kCorruptData, "ORC file: a stream is cut off");
      }
      return orc::ByteStream(std::move(bytes), file_->tail.compression,
                             file_->tail.block_size);
    }
    return std::nullopt;
  }

  arrow::Result<int64_t> LocalTimeBase() const override {
    constexpr int64_t kUtcBase = 1'420'070'400;  // 2015-01-01T00:00:00.
    const std::string& zone = footer_.writer_time_zone;
    for (const char* utc : {"", "UTC", "GMT", "Etc/UTC", "Etc/GMT", "Z"}) {
      if (zone == utc) return kUtcBase;
    }
    return MakeError(ErrorCode::kNotSupported,
                     "ORC file: times without a zone were written in time zone '{}', "
                     "only UTC is read; rewrite the file",
                     zone);
  }

 private:
  std::shared_ptr<OrcFile> file_;
  orc::StripeFooter footer_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
};

class OrcDecoder final : public FileDecoder {
 public:
  OrcDecoder(std::shared_ptr<OrcFile> file, const std::vector<int>& leaves,
             arrow::MemoryPool* pool)
      : file_(std::move(file)), leaves_(leaves.begin(), leaves.end()), pool_(pool) {}

  arrow::Result<FileRows> Next(int64_t max_rows, int64_t next_wanted) override {
    FileRows rows;
    ARROW_ASSIGN_OR_RAISE(const bool more, OpenNextStripe(next_wanted));
    if (!more) return rows;
    rows.first_row = row_;
    const int64_t count = std::min(max_rows, stripe_end_ - row_);
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (auto& [name, column] : columns_) {
      ARROW_ASSIGN_OR_RAISE(auto array, column->Read(count, nullptr));
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(std::move(array));
    }
    row_ += count;
    rows.batch = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count,
                                          std::move(arrays));
    return rows;
  }

 private:
  /// Makes sure that a stripe with rows is open; those that end before `next_wanted` are
  /// not read. False at the end.
  arrow::Result<bool> OpenNextStripe(int64_t next_wanted) {
    while (row_ == stripe_end_ || stripe_end_ <= next_wanted) {
      columns_.clear();
      if (next_stripe_ == file_->tail.stripes.size()) return false;
      const orc::Stripe& stripe = file_->tail.stripes[next_stripe_++];
      row_ = stripe.first_row;
      stripe_end_ = row_ + stripe.row_count;
      if (stripe.row_count == 0 || stripe_end_ <= next_wanted) continue;
      ARROW_RETURN_NOT_OK(Open(stripe));
    }
    return true;
  }

  /// Where the streams of the wanted columns lie. The columns below a field follow its
  /// own in number, up to the next field's.
  std::vector<arrow::io::ReadRange> WantedRanges(const orc::StripeFooter& footer) const {
    const std::vector<uint32_t>& fields = file_->tail.types[0].children;
    std::vector<arrow::io::ReadRange> ranges;
    for (const orc::Stream& stream : footer.streams) {
      const auto after = std::upper_bound(fields.begin(), fields.end(), stream.column);
      if (after == fields.begin()) continue;
      const auto field = static_cast<size_t>(after - fields.begin()) - 1;
      if (!orc::HasLeafIn(file_->fields[field], leaves_)) continue;
      ranges.push_back({stream.offset, stream.length});
    }
    return ranges;
  }

  arrow::Status Open(const orc::Stripe& stripe) {
    ARROW_ASSIGN_OR_RAISE(auto footer,
                          ReadStripeFooter(file_->input.get(), file_->tail, stripe));
    ARROW_ASSIGN_OR_RAISE(auto input, PrefetchRanges(file_->input, WantedRanges(footer)));
    stripe_ = std::make_unique<OpenStripe>(file_, std::move(footer), std::move(input));
    const orc::Type& root = file_->tail.types[0];
    for (size_t i = 0; i < root.children.size(); ++i) {
      const FileField& field = file_->fields[i];
      if (!orc::HasLeafIn(field, leaves_)) continue;
      ARROW_ASSIGN_OR_RAISE(
          auto column,
          orc::OrcColumn::Make(field, root.children[i], leaves_, stripe_.get(), pool_));
      columns_.emplace_back(field.name, std::move(column));
    }
    return arrow::Status::OK();
  }

  std::shared_ptr<OrcFile> file_;
  const std::set<int> leaves_;
  arrow::MemoryPool* const pool_;
  std::unique_ptr<OpenStripe> stripe_;
  std::vector<std::pair<std::string, std::unique_ptr<orc::OrcColumn>>> columns_;
  size_t next_stripe_ = 0;
  int64_t row_ = 0;  ///< Of the next row to decode.
  int64_t stripe_end_ = 0;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadOrcFile(
    const FileIO& io, const std::string& location, int64_t file_size,
    const FileReadOptions& options) {
  auto opened = OpenFile(io, location, file_size);
  if (!opened.ok()) return WithContext(opened.status(), "file", location);
  std::shared_ptr<OrcFile> file = *std::move(opened);
  auto schema = FileSchema::Make(file->fields, options.name_mapping.get());
  arrow::MemoryPool* pool =
      options.memory_pool != nullptr ? options.memory_pool : arrow::default_memory_pool();
  return ReadProjected(location, schema, options, [&](const std::vector<int>& leaves) {
    return arrow::Result<std::unique_ptr<FileDecoder>>(
        std::make_unique<OrcDecoder>(file, leaves, pool));
  });
}

}  // namespace floe::iceberg
