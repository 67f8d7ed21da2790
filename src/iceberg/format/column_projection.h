#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/schema.h"

namespace arrow {
class Array;
class DataType;
class MemoryPool;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace floe::iceberg {

/// How to make one column of the table from one field of a file.
struct ProjectedColumn {
  NestedField target;
  std::shared_ptr<arrow::DataType> type;  ///< ToArrowType(*target.type).
  const FileField* source = nullptr;      ///< nullptr: the file does not have it.
  std::optional<Literal> constant;        ///< The value where there is no source.
  int position = -1;  ///< Of the source among its siblings that are read.
  std::vector<ProjectedColumn> children;
};

/// Maps a file's columns to a table schema's by field id (spec, "Column Projection").
class ColumnProjection {
 public:
  /// `constants` by field id stand in for top-level columns the file lacks. Batches given
  /// to Apply hold `other_leaves` too. kCorruptData names a required column without a
  /// value, kNotSupported a type that is not promoted.
  static arrow::Result<ColumnProjection> Make(const Schema& schema,
                                              std::shared_ptr<const FileSchema> file,
                                              const std::map<int32_t, Literal>& constants,
                                              const std::vector<int>& other_leaves);

  /// The file's leaves to read, other_leaves included, ascending. May be empty.
  const std::vector<int>& leaf_columns() const { return leaf_columns_; }
  const std::vector<ProjectedColumn>& columns() const { return columns_; }

  /// A batch of the leaves, as Arrow's Parquet reader gives them (without columns where
  /// there are no leaves), as the table's columns.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Apply(
      const arrow::RecordBatch& batch, arrow::MemoryPool* pool) const;
  /// A batch of `length` rows from the columns' arrays, already of the table's types; a
  /// null pointer for a column the file does not have.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Assemble(
      std::vector<std::shared_ptr<arrow::Array>> arrays, int64_t length,
      arrow::MemoryPool* pool) const;

  const std::shared_ptr<arrow::Schema>& arrow_schema() const { return arrow_schema_; }

 private:
  std::shared_ptr<const FileSchema> file_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<ProjectedColumn> columns_;
  std::vector<int> leaf_columns_;
};

/// Makes `array`, a leaf as Arrow's Parquet reader gives it, an array of `target`'s type
/// `type`: promotion, time units (nanoseconds are floored), decimals, dictionaries.
/// `name` is for errors.
arrow::Result<std::shared_ptr<arrow::Array>> PromoteLeaf(
    const std::shared_ptr<arrow::Array>& array, const Type& target,
    const std::shared_ptr<arrow::DataType>& type, const std::string& name,
    arrow::MemoryPool* pool);

}  // namespace floe::iceberg
