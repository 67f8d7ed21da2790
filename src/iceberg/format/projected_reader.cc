#include "iceberg/format/projected_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "iceberg/format/row_projector.h"

namespace floe::iceberg {
namespace {

class ProjectedReader final : public arrow::RecordBatchReader {
 public:
  ProjectedReader(std::string location, RowProjector projector,
                  const FileReadOptions& options, std::unique_ptr<FileDecoder> decoder)
      : location_(std::move(location)),
        projector_(std::move(projector)),
        batch_rows_(options.batch_rows),
        decoder_(std::move(decoder)) {
    ranges_ = options.row_ranges.value_or(
        std::vector<RowRange>{{0, std::numeric_limits<int64_t>::max()}});
  }

  std::shared_ptr<arrow::Schema> schema() const override { return projector_.schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    auto batch = Next();
    if (!batch.ok()) return WithContext(batch.status(), "file", location_);
    *out = *std::move(batch);
    return arrow::Status::OK();
  }

 private:
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    while (true) {
      while (range_ < ranges_.size() && ranges_[range_].end <= position_) ++range_;
      if (range_ == ranges_.size()) return nullptr;
      const int64_t next_wanted = std::max(position_, ranges_[range_].begin);
      ARROW_ASSIGN_OR_RAISE(FileRows rows, decoder_->Next(batch_rows_, next_wanted));
      if (rows.batch == nullptr) return nullptr;
      position_ = rows.first_row + rows.batch->num_rows();
      ARROW_ASSIGN_OR_RAISE(
          auto batch, projector_.Apply(std::move(rows.batch), rows.first_row, ranges_));
      if (batch->num_rows() > 0) return batch;
    }
  }

  const std::string location_;
  const RowProjector projector_;
  const int64_t batch_rows_;
  std::unique_ptr<FileDecoder> decoder_;
  std::vector<RowRange> ranges_;
  size_t range_ = 0;
  int64_t position_ = 0;
};

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Make(
    const std::string& location, std::shared_ptr<const FileSchema> fields,
    const FileReadOptions& options, const OpenDecoder& open) {
  if (options.schema == nullptr || options.batch_rows <= 0) {
    return MakeError(ErrorCode::kInternal, "a reader needs a schema and batch_rows > 0");
  }
  ARROW_ASSIGN_OR_RAISE(RowProjector projector,
                        RowProjector::Make(options, std::move(fields)));
  ARROW_ASSIGN_OR_RAISE(auto decoder, open(projector.leaf_columns()));
  return std::make_shared<ProjectedReader>(location, std::move(projector), options,
                                           std::move(decoder));
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadProjected(
    const std::string& location, std::shared_ptr<const FileSchema> fields,
    const FileReadOptions& options, const OpenDecoder& open) {
  auto reader = Make(location, std::move(fields), options, open);
  if (!reader.ok()) return WithContext(reader.status(), "file", location);
  return reader;
}

}  // namespace floe::iceberg
