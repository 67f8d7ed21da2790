#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "floe/floe.h"

namespace floe::capi {

/// Takes over an input stream, so that it is released however the call ends. A null
/// pointer gives nullptr.
class InputStream {
 public:
  explicit InputStream(ArrowArrayStream* stream) : stream_(stream) {}
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  /// The stream as a reader, once; nullptr when there was none.
  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ToReader();

 private:
  ArrowArrayStream* stream_;
};

/// As InputStream, for a schema.
class InputSchema {
 public:
  explicit InputSchema(ArrowSchema* schema) : schema_(schema) {}
  ~InputSchema();
  InputSchema(const InputSchema&) = delete;
  InputSchema& operator=(const InputSchema&) = delete;

  arrow::Result<std::shared_ptr<arrow::Schema>> ToSchema();

 private:
  ArrowSchema* schema_;
};

/// Hands `reader` out. Errors while reading it are worded "[CODE] message".
arrow::Status ExportReader(std::shared_ptr<arrow::RecordBatchReader> reader,
                           ArrowArrayStream* out);

}  // namespace floe::capi
