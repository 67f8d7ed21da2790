#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/spec/schema.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// The columns that make a key of an equality delete, and keys of rows as bytes.
class KeyColumns {
 public:
  /// Columns by field id, in their newest types: of the current schema, or, of those it
  /// has no more, of the newest that has them. kCorruptData names an id no schema has, or
  /// one below a list or map.
  static arrow::Result<KeyColumns> Make(const TableMetadata& metadata,
                                        std::vector<int32_t> field_ids);

  /// What to read to have them: the columns, optional, within their structs.
  const SchemaPtr& schema() const { return schema_; }
  /// The same text for the same columns of the same types.
  const std::string& signature() const { return signature_; }

  /// Calls `visit(row, key)` for each row of a batch of schema(); the bytes are valid
  /// during the call. Equal keys have equal bytes.
  arrow::Status ForEachKey(
      const arrow::RecordBatch& batch,
      const std::function<arrow::Status(int64_t, std::string_view)>& visit) const;

 private:
  std::vector<int32_t> ids_;  ///< Ascending.
  SchemaPtr schema_;
  std::string signature_;
};

}  // namespace floe::iceberg
