#include "capi/stream.h"

#include <exception>
#include <utility>

#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "capi/error.h"

namespace floe::capi {

namespace {

/// Words a reader's errors so that the one who reads the stream can tell their code, and
/// stops exceptions as the exported functions do.
class ExportedReader final : public arrow::RecordBatchReader {
 public:
  explicit ExportedReader(std::shared_ptr<arrow::RecordBatchReader> reader)
      : reader_(std::move(reader)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    try {
      return Worded(reader_->ReadNext(batch));
    } catch (const std::exception& thrown) {
      return Worded(MakeError(ErrorCode::kInternal, "a library threw an exception: {}",
                              thrown.what()));
    }
  }

  arrow::Status Close() override { return Worded(reader_->Close()); }

 private:
  static arrow::Status Worded(const arrow::Status& status) {
    if (status.ok()) return status;
    return arrow::Status::IOError("[", ErrorCodeName(ErrorCodeOf(status)), "] ",
                                  ErrorText(status));
  }

  std::shared_ptr<arrow::RecordBatchReader> reader_;
};

}  // namespace

InputStream::~InputStream() {
  if (stream_ != nullptr && stream_->release != nullptr) stream_->release(stream_);
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> InputStream::ToReader() {
  if (stream_ == nullptr) return nullptr;
  return arrow::ImportRecordBatchReader(stream_);
}

InputSchema::~InputSchema() {
  if (schema_ != nullptr && schema_->release != nullptr) schema_->release(schema_);
}

arrow::Result<std::shared_ptr<arrow::Schema>> InputSchema::ToSchema() {
  ARROW_RETURN_NOT_OK(CheckNotNull(schema_, "schema"));
  return arrow::ImportSchema(schema_);
}

arrow::Status ExportReader(std::shared_ptr<arrow::RecordBatchReader> reader,
                           ArrowArrayStream* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  return arrow::ExportRecordBatchReader(
      std::make_shared<ExportedReader>(std::move(reader)), out);
}

}  // namespace floe::capi
