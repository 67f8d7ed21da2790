#include "iceberg/table/key_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

/// `fields` with what leads to the ids of `wanted` alone, all of it optional and named by
/// id: a name may have been used twice in a table's history. Ids found are taken away.
std::vector<NestedField> Pruned(const std::vector<NestedField>& fields,
                                std::vector<int32_t>* wanted) {
  std::vector<NestedField> kept;
  for (const NestedField& field : fields) {
    NestedField copy = field;
    copy.required = false;
    copy.name = fmt::format("f{}", field.id);
    copy.doc.clear();
    if (auto found = std::find(wanted->begin(), wanted->end(), field.id);
        found != wanted->end() && field.type->is_primitive()) {
      wanted->erase(found);
    } else if (field.type->id() == TypeId::kStruct) {
      std::vector<NestedField> children = Pruned(field.type->fields(), wanted);
      if (children.empty()) continue;
      copy.type = Type::Struct(std::move(children));
    } else {
      continue;
    }
    kept.push_back(std::move(copy));
  }
  return kept;
}

void MergeInto(std::vector<NestedField> from, std::vector<NestedField>* into) {
  for (NestedField& field : from) {
    auto same = std::find_if(into->begin(), into->end(), [&](const NestedField& other) {
      return other.id == field.id;
    });
    if (same == into->end()) {
      into->push_back(std::move(field));
      continue;
    }
    std::vector<NestedField> children = same->type->fields();
    MergeInto(field.type->fields(), &children);
    same->type = Type::Struct(std::move(children));
  }
}

/// The current schema, then the others from the newest on.
std::vector<SchemaPtr> NewestFirst(const TableMetadata& metadata) {
  std::vector<SchemaPtr> schemas = metadata.schemas;
  const int32_t current = metadata.current_schema_id;
  std::sort(schemas.begin(), schemas.end(),
            [&](const SchemaPtr& left, const SchemaPtr& right) {
              const bool left_is_current = left->schema_id() == current;
              if (left_is_current != (right->schema_id() == current)) {
                return left_is_current;
              }
              return left->schema_id() > right->schema_id();
            });
  return schemas;
}

/// The arrays of the leaves below `fields`, NULL where a struct around them is.
arrow::Status CollectLeaves(const std::vector<NestedField>& fields,
                            const arrow::ArrayVector& arrays,
                            arrow::ArrayVector* leaves) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].type->id() != TypeId::kStruct) {
      leaves->push_back(arrays[i]);
      continue;
    }
    const auto& parent = static_cast<const arrow::StructArray&>(*arrays[i]);
    ARROW_ASSIGN_OR_RAISE(arrow::ArrayVector children, parent.Flatten());
    ARROW_RETURN_NOT_OK(CollectLeaves(fields[i].type->fields(), children, leaves));
  }
  return arrow::Status::OK();
}

template <typename T>
void AppendBytes(T value, std::string* key) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  key->append(bytes, sizeof(T));
}

template <typename T>
void AppendFloat(T value, std::string* key) {
  AppendBytes(std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value, key);
}

/// Appends the value of one row, which is not NULL, so that no two values of the type, or
/// lists of them, have the same bytes unless they are equal.
arrow::Status AppendValue(const arrow::Array& array, int64_t row, std::string* key) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      key->push_back(static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0);
      return arrow::Status::OK();
    case arrow::Type::FLOAT:
      AppendFloat(static_cast<const arrow::FloatArray&>(array).Value(row), key);
      return arrow::Status::OK();
    case arrow::Type::DOUBLE:
      AppendFloat(static_cast<const arrow::DoubleArray&>(array).Value(row), key);
      return arrow::Status::OK();
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const auto view = static_cast<const arrow::BinaryArray&>(array).GetView(row);
      AppendBytes(static_cast<uint32_t>(view.size()), key);
      key->append(view);
      return arrow::Status::OK();
    }
    default:
      break;
  }
  if (!arrow::is_fixed_width(array.type_id())) {
    return MakeError(ErrorCode::kNotSupported, "values of type {} make no delete key",
                     array.type()->ToString());
  }
  const int width = array.type()->byte_width();
  const auto* values = array.data()->GetValues<char>(1, /*absolute_offset=*/0);
  key->append(values + (array.offset() + row) * width, static_cast<size_t>(width));
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<KeyColumns> KeyColumns::Make(const TableMetadata& metadata,
                                           std::vector<int32_t> field_ids) {
  std::sort(field_ids.begin(), field_ids.end());
  field_ids.erase(std::unique(field_ids.begin(), field_ids.end()), field_ids.end());
  if (field_ids.empty()) {
    return MakeError(ErrorCode::kCorruptData, "an equality delete file without columns");
  }
  KeyColumns columns;
  columns.ids_ = field_ids;
  std::vector<NestedField> fields;
  for (const SchemaPtr& schema : NewestFirst(metadata)) {
    if (field_ids.empty()) break;
    MergeInto(Pruned(schema->fields(), &field_ids), &fields);
  }
  if (!field_ids.empty()) {
    return MakeError(
        ErrorCode::kCorruptData,
        "equality deletes look at field {}, which no schema of the table has "
        "as a column or in a struct",
        field_ids.front());
  }
  ARROW_ASSIGN_OR_RAISE(columns.schema_, Schema::Make(std::move(fields)));
  columns.signature_ = columns.schema_->ToString();
  return columns;
}

arrow::Status KeyColumns::ForEachKey(
    const arrow::RecordBatch& batch,
    const std::function<arrow::Status(int64_t, std::string_view)>& visit) const {
  arrow::ArrayVector leaves;
  ARROW_RETURN_NOT_OK(CollectLeaves(schema_->fields(), batch.columns(), &leaves));
  std::string key;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    key.clear();
    for (const auto& leaf : leaves) {
      const bool is_null = leaf->IsNull(row);
      key.push_back(is_null ? 0 : 1);
      if (!is_null) ARROW_RETURN_NOT_OK(AppendValue(*leaf, row, &key));
    }
    ARROW_RETURN_NOT_OK(visit(row, key));
  }
  return arrow::Status::OK();
}

}  // namespace floe::iceberg
