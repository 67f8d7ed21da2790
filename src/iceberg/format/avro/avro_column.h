#pragma once

#include <memory>
#include <set>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/avro/decoder.h"
#include "iceberg/avro/schema.h"
#include "iceberg/format/file_schema.h"

namespace floe::iceberg {

/// Decodes values of one Avro field into an Arrow array. One thread.
class AvroColumn {
 public:
  /// Of `field`, written as `schema`, with its leaves in `leaves` alone; nullptr when
  /// none of them is wanted. kNotSupported for a wanted leaf that cannot be read.
  static arrow::Result<std::unique_ptr<AvroColumn>> Make(const FileField& field,
                                                         const avro::Schema& schema,
                                                         const std::set<int>& leaves,
                                                         arrow::MemoryPool* pool);

  virtual ~AvroColumn() = default;
  /// Reads one value. Broken bytes make the decoder fail; a status is for the rest.
  virtual arrow::Status Read(avro::Decoder* decoder) = 0;
  virtual arrow::Status AppendNull() = 0;
  /// The values read since the last call.
  virtual arrow::Result<std::shared_ptr<arrow::Array>> Finish() = 0;
};

}  // namespace floe::iceberg
