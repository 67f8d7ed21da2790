#include "iceberg/format/parquet/foreign_file.h"

#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/format/parquet/column_metrics.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "parquet/metadata.h"

namespace floe::iceberg {
namespace {

void CollectLeafIds(const std::vector<FileField>& fields, std::vector<int32_t>* ids) {
  for (const FileField& field : fields) {
    if (field.is_leaf()) (*ids)[static_cast<size_t>(field.column)] = field.field_id;
    CollectLeafIds(field.children, ids);
  }
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Schema>> ForeignSchema(const ParquetFile& file) {
  ARROW_ASSIGN_OR_RAISE(const auto fields, file.Fields(nullptr));
  if (fields->has_own_ids()) {
    return MakeError(
        ErrorCode::kNotSupported,
        "'{}' has Iceberg field ids, so it belongs to an Iceberg table: take "
        "that one over by its metadata (floe register TABLE METADATA.json)",
        file.location());
  }
  std::vector<std::shared_ptr<arrow::Field>> columns;
  for (const FileField& field : fields->fields()) columns.push_back(field.field);
  return arrow::schema(std::move(columns));
}

arrow::Result<DataFile> DescribeForeignFile(const ParquetFile& file, const Schema& schema,
                                            const NameMapping& mapping,
                                            const MetricsConfig& metrics) {
  ARROW_ASSIGN_OR_RAISE(const auto fields, file.Fields(&mapping));
  std::vector<int32_t> leaf_ids(static_cast<size_t>(file.column_count()), -1);
  CollectLeafIds(fields->fields(), &leaf_ids);
  DataFile described;
  described.file_path = file.location();
  described.file_format = FileFormat::kParquet;
  described.file_size_bytes = file.file_size();
  described.record_count = file.row_count();
  ARROW_ASSIGN_OR_RAISE(described.metrics, GuardParquet(file.location(), [&] {
                          return MakeColumnMetrics(*file.metadata(), leaf_ids, schema,
                                                   metrics, {}, {});
                        }));
  if (file.column_count() > 0) described.split_offsets = SplitOffsets(*file.metadata());
  return described;
}

arrow::Result<bool> IsConstantColumn(const ParquetFile& file, const NestedField& field,
                                     const NameMapping& mapping, const Literal& value) {
  ARROW_ASSIGN_OR_RAISE(const auto fields, file.Fields(&mapping));
  const int column = fields->LeafColumn(field.id);
  if (column < 0) return false;
  for (int group = 0; group < file.row_group_count(); ++group) {
    const int64_t rows = file.row_group_rows(group);
    if (rows == 0) continue;
    const ColumnBounds bounds = file.RowGroupBounds(group, column, field.type);
    const bool is_constant =
        value.is_null() ? bounds.null_count == rows
                        : bounds.null_count == 0 && bounds.lower && bounds.upper &&
                              *bounds.lower == value && *bounds.upper == value;
    if (!is_constant) return false;
  }
  return true;
}

}  // namespace floe::iceberg
