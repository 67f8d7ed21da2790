#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// The rows of a batch that belong to one partition, in their order.
struct PartitionRows {
  std::string key;  ///< Equal for equal partitions, of any batch.
  std::vector<Literal> partition;
  std::shared_ptr<arrow::RecordBatch> rows;
};

/// A transform's results over a column: per row the index of its value among `values`,
/// which are distinct.
struct TransformedColumn {
  std::vector<int32_t> rows;
  std::vector<Literal> values;
};

/// `field.transform` of the column `field.source_id`; `batch` has exactly the columns of
/// the schema. kNotSupported for an unknown transform.
arrow::Result<TransformedColumn> TransformColumn(const Schema& schema,
                                                 const PartitionField& field,
                                                 const arrow::RecordBatch& batch);

/// Splits batches by the partition their rows belong to. A transform runs once per
/// distinct value (of times: per distinct hour or day), not once per row. Not
/// thread-safe.
class PartitionRouter {
 public:
  /// kNotSupported for an unknown transform.
  static arrow::Result<PartitionRouter> Make(const Schema& schema,
                                             const PartitionSpec& spec);

  /// `batch` has exactly the columns of the schema. Partitions come in the order in which
  /// they appear in the batch.
  arrow::Result<std::vector<PartitionRows>> Split(
      const std::shared_ptr<arrow::RecordBatch>& batch) const;

 private:
  friend arrow::Result<TransformedColumn> TransformColumn(
      const Schema& schema, const PartitionField& field, const arrow::RecordBatch& batch);
  struct Field {
    std::vector<int> column_path;  ///< Column, then struct fields down to the source.
    TypePtr source_type;
    Transform transform = Transform::Identity();
  };
  static arrow::Result<TransformedColumn> Encode(const Field& field,
                                                 const arrow::RecordBatch& batch);

  std::vector<Field> fields_;
};

/// Element `row` of an array of ToArrowType(*type), a primitive type.
arrow::Result<Literal> LiteralAt(const arrow::Array& array, int64_t row,
                                 const TypePtr& type);

}  // namespace floe::iceberg
