#include "iceberg/format/parquet/parquet_status.h"

namespace floe::iceberg {

arrow::Status ParquetError(const std::string& location, const arrow::Status& status,
                           ParquetUse use) {
  // A detail is the mark of an error that did not come from decoding: a store's, Floe's.
  if (status.detail() != nullptr) return WithContext(status, "file", location);
  switch (status.code()) {
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError:
      return MakeError(ErrorCode::kResourceExhausted,
                       "not enough memory for the Parquet file '{}': {}", location,
                       status.message());
    case arrow::StatusCode::NotImplemented:
      return MakeError(ErrorCode::kNotSupported,
                       "the Parquet file '{}' uses what Floe cannot read: {}", location,
                       status.message());
    case arrow::StatusCode::Cancelled:
      return MakeError(ErrorCode::kCancelled, "'{}': {}", location, status.message());
    default:
      if (use == ParquetUse::kWrite) {
        return MakeError(ErrorCode::kInternal, "cannot write the Parquet file '{}': {}",
                         location, status.message());
      }
      return MakeError(ErrorCode::kCorruptData, "cannot decode the Parquet file '{}': {}",
                       location, status.message());
  }
}

}  // namespace floe::iceberg
