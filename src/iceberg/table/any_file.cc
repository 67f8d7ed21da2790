#include "iceberg/table/any_file.h"

#include <utility>

#include "base/error.h"
#include "iceberg/format/avro/avro_data_file.h"
#include "iceberg/format/orc/orc_data_file.h"
#include "iceberg/format/parquet/parquet_reader.h"

namespace floe::iceberg {

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadAnyFile(
    const FileIO& io, const DataFile& file, const FileReadOptions& options) {
  if (!file.key_metadata.empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "file '{}' is encrypted, which is not supported", file.file_path);
  }
  switch (file.file_format) {
    case FileFormat::kParquet: {
      ARROW_ASSIGN_OR_RAISE(ParquetFilePtr opened,
                            ParquetFile::Open(io, file.file_path, file.file_size_bytes));
      return ReadDataFile(std::move(opened), options);
    }
    case FileFormat::kAvro:
      return ReadAvroFile(io, file.file_path, file.file_size_bytes, options);
    case FileFormat::kOrc:
      return ReadOrcFile(io, file.file_path, file.file_size_bytes, options);
    case FileFormat::kPuffin:
      break;
  }
  return MakeError(ErrorCode::kNotSupported, "the rows of file '{}' are in format {}",
                   file.file_path, FileFormatName(file.file_format));
}

}  // namespace floe::iceberg
