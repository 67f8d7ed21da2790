#include "iceberg/table/metadata_columns.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/array/util.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/expr/arrow_literal.h"
#include "iceberg/table/any_file.h"

namespace floe::iceberg {
namespace {

namespace id = metadata_column;
using ArrayPtr = std::shared_ptr<arrow::Array>;

bool IsReserved(int32_t field_id) {
  switch (field_id) {
    case id::kFile:
    case id::kPos:
    case id::kDeleted:
    case id::kSpecId:
    case id::kPartition:
    case id::kRowId:
    case id::kLastUpdated:
      return true;
    default:
      return false;
  }
}

/// Rewritten files hold these two; the others come from metadata alone.
bool MayBeStored(int32_t field_id) {
  return field_id == id::kRowId || field_id == id::kLastUpdated;
}

/// All partition fields the table ever had, by id.
arrow::Result<TypePtr> UnionOfPartitionTypes(const TableMetadata& metadata) {
  std::map<int32_t, NestedField> fields;
  for (const PartitionSpec& spec : metadata.partition_specs) {
    ARROW_ASSIGN_OR_RAISE(const TypePtr type, spec.PartitionType(*metadata.schema()));
    for (const NestedField& field : type->fields()) {
      auto [found, is_new] = fields.try_emplace(field.id, field);
      if (!is_new && found->second.type->id() == TypeId::kUnknown) {
        found->second.type = field.type;
      }
    }
  }
  std::vector<NestedField> all;
  for (auto& [field_id, field] : fields) {
    field.required = false;
    const bool is_taken =
        std::any_of(all.begin(), all.end(),
                    [&](const NestedField& other) { return other.name == field.name; });
    if (is_taken) field.name += fmt::format("_{}", field_id);
    all.push_back(std::move(field));
  }
  return Type::Struct(std::move(all));
}

arrow::Result<std::optional<NestedField>> FindMetadataColumn(
    std::string_view name, const TableMetadata& metadata) {
  const auto optional = [&](int32_t field_id, TypePtr type) {
    return std::optional<NestedField>(
        NestedField::Optional(field_id, std::string(name), std::move(type)));
  };
  const auto required = [&](int32_t field_id, TypePtr type) {
    return std::optional<NestedField>(
        NestedField::Required(field_id, std::string(name), std::move(type)));
  };
  if (name == "_file") return required(id::kFile, Type::String());
  if (name == "_pos") return required(id::kPos, Type::Long());
  if (name == "_deleted") return required(id::kDeleted, Type::Boolean());
  if (name == "_spec_id") return required(id::kSpecId, Type::Int());
  if (name == "_row_id") return optional(id::kRowId, Type::Long());
  if (name == "_last_updated_sequence_number") {
    return optional(id::kLastUpdated, Type::Long());
  }
  if (name == "_partition") {
    ARROW_ASSIGN_OR_RAISE(TypePtr type, UnionOfPartitionTypes(metadata));
    if (!type->fields().empty()) return optional(id::kPartition, std::move(type));
  }
  return std::optional<NestedField>();
}

class MetadataColumnsReader final : public arrow::RecordBatchReader {
 public:
  MetadataColumnsReader(SchemaPtr wanted, std::shared_ptr<arrow::Schema> schema,
                        const FileScanTask& task, std::vector<int64_t> deleted,
                        std::shared_ptr<arrow::RecordBatchReader> base)
      : wanted_(std::move(wanted)),
        schema_(std::move(schema)),
        file_(task.file),
        spec_(task.spec),
        sequence_number_(task.sequence_number),
        deleted_(std::move(deleted)),
        base_(std::move(base)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(base_->ReadNext(out));
    if (*out == nullptr) return arrow::Status::OK();
    const arrow::RecordBatch& rows = **out;
    const int64_t length = rows.num_rows();
    const auto& positions =
        static_cast<const arrow::Int64Array&>(*rows.column(rows.num_columns() - 1));
    arrow::ArrayVector columns;
    int stored = 0;
    for (size_t i = 0; i < wanted_->fields().size(); ++i) {
      const NestedField& field = wanted_->fields()[i];
      const auto& type = schema_->field(static_cast<int>(i))->type();
      ArrayPtr column;
      if (!IsReserved(field.id) || MayBeStored(field.id)) column = rows.column(stored++);
      if (IsReserved(field.id)) {
        ARROW_ASSIGN_OR_RAISE(column, Make(field, type, column, positions));
      }
      columns.push_back(std::move(column));
    }
    if (schema_->num_fields() > static_cast<int>(columns.size())) {
      columns.push_back(rows.columns().back());
    }
    *out = arrow::RecordBatch::Make(schema_, length, std::move(columns));
    return arrow::Status::OK();
  }

  arrow::Status Close() override { return base_->Close(); }

 private:
  arrow::Result<ArrayPtr> Make(const NestedField& field,
                               const std::shared_ptr<arrow::DataType>& type,
                               const ArrayPtr& stored,
                               const arrow::Int64Array& positions) const {
    switch (field.id) {
      case id::kFile:
        return arrow::MakeArrayFromScalar(arrow::StringScalar(file_->file_path),
                                          positions.length());
      case id::kPos:
        return arrow::MakeArray(positions.data());
      case id::kDeleted:
        return MakeDeleted(positions);
      case id::kSpecId:
        return arrow::MakeArrayFromScalar(arrow::Int32Scalar(file_->spec_id),
                                          positions.length());
      case id::kPartition:
        return MakePartition(*field.type, type, positions.length());
      case id::kRowId:
        return FillIn(stored, [&](int64_t row) {
          return *file_->first_row_id + positions.Value(row);
        });
      default:
        return FillIn(stored, [&](int64_t) { return sequence_number_; });
    }
  }

  arrow::Result<ArrayPtr> MakeDeleted(const arrow::Int64Array& positions) const {
    arrow::BooleanBuilder flags;
    for (int64_t row = 0; row < positions.length(); ++row) {
      ARROW_RETURN_NOT_OK(flags.Append(
          std::binary_search(deleted_.begin(), deleted_.end(), positions.Value(row))));
    }
    return flags.Finish();
  }

  arrow::Result<ArrayPtr> MakePartition(
      const Type& type, const std::shared_ptr<arrow::DataType>& arrow_type,
      int64_t length) const {
    arrow::ArrayVector children;
    for (size_t i = 0; i < type.fields().size(); ++i) {
      const NestedField& field = type.fields()[i];
      const auto& child_type = arrow_type->field(static_cast<int>(i))->type();
      std::shared_ptr<arrow::Scalar> value = arrow::MakeNullScalar(child_type);
      for (size_t place = 0; place < spec_->fields.size(); ++place) {
        if (spec_->fields[place].field_id != field.id ||
            place >= file_->partition.size() || file_->partition[place].is_null()) {
          continue;
        }
        ARROW_ASSIGN_OR_RAISE(const Literal cast,
                              file_->partition[place].CastTo(field.type));
        ARROW_ASSIGN_OR_RAISE(value, ToArrowScalar(cast, child_type));
      }
      ARROW_ASSIGN_OR_RAISE(children.emplace_back(),
                            arrow::MakeArrayFromScalar(*value, length));
    }
    return std::make_shared<arrow::StructArray>(arrow_type, length, std::move(children));
  }

  /// Values that rows do not have of their own they inherit from their file, unless it is
  /// of before the upgrade to format 3 (spec, "Row Lineage").
  template <typename Inherit>
  arrow::Result<ArrayPtr> FillIn(const ArrayPtr& stored, Inherit inherit) const {
    if (stored->null_count() == 0 || !file_->first_row_id) return stored;
    const auto& values = static_cast<const arrow::Int64Array&>(*stored);
    arrow::Int64Builder filled;
    ARROW_RETURN_NOT_OK(filled.Reserve(values.length()));
    for (int64_t row = 0; row < values.length(); ++row) {
      filled.UnsafeAppend(values.IsValid(row) ? values.Value(row) : inherit(row));
    }
    return filled.Finish();
  }

  const SchemaPtr wanted_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::shared_ptr<const DataFile> file_;
  const std::shared_ptr<const PartitionSpec> spec_;
  const int64_t sequence_number_;
  const std::vector<int64_t> deleted_;
  std::shared_ptr<arrow::RecordBatchReader> base_;
};

}  // namespace

arrow::Result<SchemaPtr> SelectColumns(const Schema& schema,
                                       const TableMetadata& metadata,
                                       const std::vector<std::string>& names) {
  std::vector<NestedField> fields;
  for (const std::string& name : names) {
    const auto own =
        std::find_if(schema.fields().begin(), schema.fields().end(),
                     [&](const NestedField& field) { return field.name == name; });
    if (own != schema.fields().end()) {
      fields.push_back(*own);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto column, FindMetadataColumn(name, metadata));
    if (!column) return schema.Select({name});
    fields.push_back(*std::move(column));
  }
  return Schema::Make(std::move(fields), schema.schema_id());
}

bool HasMetadataColumns(const Schema& schema) {
  return std::any_of(schema.fields().begin(), schema.fields().end(),
                     [](const NestedField& field) { return IsReserved(field.id); });
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadWithMetadataColumns(
    const Table& table, const FileScanTask& task, FileReadOptions read) {
  const SchemaPtr wanted = read.schema;
  ARROW_ASSIGN_OR_RAISE(auto arrow_schema, ToArrowSchema(*wanted));
  if (read.include_position) {
    ARROW_ASSIGN_OR_RAISE(
        arrow_schema,
        arrow_schema->AddField(arrow_schema->num_fields(),
                               arrow::field(FileReadOptions::kPositionColumn,
                                            arrow::int64(), /*nullable=*/false)));
  }
  std::vector<NestedField> stored;
  bool wants_deleted = false;
  for (const NestedField& field : wanted->fields()) {
    if (!IsReserved(field.id) || MayBeStored(field.id)) stored.push_back(field);
    wants_deleted |= field.id == id::kDeleted;
  }
  ARROW_ASSIGN_OR_RAISE(read.schema,
                        Schema::Make(std::move(stored), wanted->schema_id()));
  read.include_position = true;
  ARROW_ASSIGN_OR_RAISE(read.name_mapping, TableNameMapping(*table.metadata()));
  read.constants = task.constants;
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> deleted, LoadDeletedRows(table, task));
  if (!wants_deleted && !deleted.empty()) {
    read.row_ranges = LiveRanges(std::numeric_limits<int64_t>::max(), deleted);
  }
  ARROW_ASSIGN_OR_RAISE(auto base, ReadAnyFile(*table.io(), *task.file, read));
  return std::make_shared<MetadataColumnsReader>(wanted, std::move(arrow_schema), task,
                                                 std::move(deleted), std::move(base));
}

}  // namespace floe::iceberg
