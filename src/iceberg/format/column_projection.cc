#include "iceberg/format/column_projection.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "arrow/array.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/compute/cast.h"
#include "arrow/compute/exec.h"
#include "arrow/extension_type.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/bitmap_ops.h"
#include "base/error.h"
#include "iceberg/expr/arrow_literal.h"
#include "iceberg/format/shredded_variant.h"

namespace floe::iceberg {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

bool IsListLike(arrow::Type::type id) {
  return id == arrow::Type::LIST || id == arrow::Type::LARGE_LIST ||
         id == arrow::Type::FIXED_SIZE_LIST || id == arrow::Type::LIST_VIEW ||
         id == arrow::Type::LARGE_LIST_VIEW;
}

bool HasChildNamed(const FileField& field, std::string_view name) {
  return std::any_of(field.children.begin(), field.children.end(),
                     [&](const FileField& child) { return child.name == name; });
}

bool HasShapeOf(const FileField& source, const Type& target) {
  switch (target.id()) {
    case TypeId::kStruct:
      return !source.is_leaf() && source.field->type()->id() == arrow::Type::STRUCT;
    case TypeId::kList:
      return IsListLike(source.field->type()->id()) && source.children.size() == 1;
    case TypeId::kMap:
      return source.field->type()->id() == arrow::Type::MAP &&
             source.children.size() == 2;
    case TypeId::kVariant:
      return !source.is_leaf() && HasChildNamed(source, "metadata");
    default:
      return source.is_leaf();
  }
}

const FileField* FindById(const std::vector<FileField>& fields, int32_t field_id) {
  for (const FileField& field : fields) {
    if (field.field_id == field_id) return &field;
  }
  return nullptr;
}

/// The first leaf below `field`, preferring one outside lists and maps.
int AnyLeaf(const FileField& field) {
  if (field.is_leaf()) return field.column;
  int repeated = -1;
  for (const FileField& child : field.children) {
    const int leaf = AnyLeaf(child);
    if (leaf < 0) continue;
    if (child.is_leaf() || child.field->type()->id() == arrow::Type::STRUCT) return leaf;
    if (repeated < 0) repeated = leaf;
  }
  return repeated;
}

bool IsRead(const FileField& field, const std::set<int>& leaves) {
  if (field.is_leaf()) return leaves.count(field.column) > 0;
  return std::any_of(field.children.begin(), field.children.end(),
                     [&](const FileField& child) { return IsRead(child, leaves); });
}

int PositionAmongRead(const std::vector<FileField>& siblings, const FileField* field,
                      const std::set<int>& leaves) {
  int position = 0;
  for (const FileField& sibling : siblings) {
    if (&sibling == field) return position;
    if (IsRead(sibling, leaves)) ++position;
  }
  return -1;
}

class Resolver {
 public:
  explicit Resolver(const std::map<int32_t, Literal>& constants)
      : constants_(constants) {}

  arrow::Result<ProjectedColumn> Resolve(const NestedField& target,
                                         const std::vector<FileField>& siblings) {
    const FileField* source = FindById(siblings, target.id);
    // Of type unknown there are no values, whatever a file says.
    if (source == nullptr || target.type->id() == TypeId::kUnknown) {
      return Missing(target);
    }
    return Present(target, *source);
  }

  const std::set<int>& leaves() const { return leaves_; }

 private:
  arrow::Result<ProjectedColumn> Missing(const NestedField& target) {
    ProjectedColumn column;
    column.target = target;
    ARROW_ASSIGN_OR_RAISE(column.type, ToArrowType(*target.type));
    auto constant = constants_.find(target.id);
    if (constant != constants_.end()) {
      if (constant->second.is_null()) {
        column.constant = constant->second;
      } else {
        ARROW_ASSIGN_OR_RAISE(column.constant, constant->second.CastTo(target.type));
      }
    } else if (target.initial_default != nullptr) {
      column.constant = *target.initial_default;
      // A struct's default says that it is there: its fields have their own.
      if (target.type->id() == TypeId::kStruct) {
        for (const NestedField& field : target.type->fields()) {
          ARROW_ASSIGN_OR_RAISE(column.children.emplace_back(), Missing(field));
        }
      }
    } else if (target.required) {
      return MakeError(ErrorCode::kCorruptData,
                       "the file has no column '{}' (field id {}), which is required and "
                       "has no default",
                       target.name, target.id);
    }
    return column;
  }

  arrow::Result<ProjectedColumn> Present(const NestedField& target,
                                         const FileField& source) {
    if (!HasShapeOf(source, *target.type)) {
      return MakeError(ErrorCode::kNotSupported,
                       "column '{}' (field id {}) is {} in the file but {} in the table",
                       target.name, target.id, source.field->type()->ToString(),
                       target.type->ToString());
    }
    ProjectedColumn column;
    column.target = target;
    column.source = &source;
    ARROW_ASSIGN_OR_RAISE(column.type, ToArrowType(*target.type));
    if (source.is_leaf()) {
      leaves_.insert(source.column);
      return column;
    }
    if (target.type->id() == TypeId::kVariant) {
      AddAllLeaves(source);
      return column;
    }
    const size_t leaves_before = leaves_.size();
    const std::vector<NestedField>& fields = target.type->fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      // Elements, keys and values are found by place: older writers gave them no ids.
      const bool by_place = target.type->id() != TypeId::kStruct;
      ARROW_ASSIGN_OR_RAISE(auto child, by_place ? Present(fields[i], source.children[i])
                                                 : Resolve(fields[i], source.children));
      column.children.push_back(std::move(child));
    }
    // A struct none of whose fields is in the file is still NULL where the file says so.
    if (leaves_.size() == leaves_before) leaves_.insert(AnyLeaf(source));
    return column;
  }

  void AddAllLeaves(const FileField& field) {
    if (field.is_leaf()) leaves_.insert(field.column);
    for (const FileField& child : field.children) AddAllLeaves(child);
  }

  const std::map<int32_t, Literal>& constants_;
  std::set<int> leaves_;
};

void SetPositions(const std::vector<FileField>& siblings, const std::set<int>& leaves,
                  std::vector<ProjectedColumn>* columns) {
  for (ProjectedColumn& column : *columns) {
    if (column.source == nullptr) continue;
    column.position = PositionAmongRead(siblings, column.source, leaves);
    SetPositions(column.source->children, leaves, &column.children);
  }
}

arrow::Result<ArrayPtr> MakeConstant(const ProjectedColumn& column, int64_t length,
                                     arrow::MemoryPool* pool) {
  if (!column.constant.has_value()) {
    return arrow::MakeArrayOfNull(column.type, length, pool);
  }
  if (column.target.type->id() == TypeId::kStruct) {
    arrow::ArrayVector children;
    for (const ProjectedColumn& child : column.children) {
      ARROW_ASSIGN_OR_RAISE(children.emplace_back(), MakeConstant(child, length, pool));
    }
    return std::make_shared<arrow::StructArray>(column.type, length, std::move(children));
  }
  ARROW_ASSIGN_OR_RAISE(auto scalar, ToArrowScalar(*column.constant, column.type));
  return arrow::MakeArrayFromScalar(*scalar, length, pool);
}

arrow::Result<ArrayPtr> Convert(const ProjectedColumn& column, const ArrayPtr& array,
                                arrow::MemoryPool* pool);

arrow::Result<std::shared_ptr<arrow::Buffer>> Validity(const arrow::Array& array,
                                                       arrow::MemoryPool* pool) {
  if (array.null_count() == 0) return nullptr;
  if (array.offset() == 0) return array.null_bitmap();
  return arrow::internal::CopyBitmap(pool, array.null_bitmap_data(), array.offset(),
                                     array.length());
}

arrow::Result<ArrayPtr> ConvertStruct(const ProjectedColumn& column,
                                      const ArrayPtr& array, arrow::MemoryPool* pool) {
  const auto& source = static_cast<const arrow::StructArray&>(*array);
  arrow::ArrayVector children;
  for (const ProjectedColumn& child : column.children) {
    ArrayPtr converted;
    if (child.source == nullptr) {
      ARROW_ASSIGN_OR_RAISE(converted, MakeConstant(child, array->length(), pool));
    } else {
      ARROW_ASSIGN_OR_RAISE(converted,
                            Convert(child, source.field(child.position), pool));
    }
    children.push_back(std::move(converted));
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, Validity(*array, pool));
  return std::make_shared<arrow::StructArray>(column.type, array->length(),
                                              std::move(children), std::move(validity),
                                              array->null_count());
}

arrow::Result<ArrayPtr> ConvertList(const ProjectedColumn& column, ArrayPtr array,
                                    arrow::MemoryPool* pool) {
  if (array->type_id() != arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::BaseListType&>(*array->type());
    arrow::compute::ExecContext context(pool);
    ARROW_ASSIGN_OR_RAISE(
        array, arrow::compute::Cast(*array, arrow::list(list.value_field()),
                                    arrow::compute::CastOptions::Safe(), &context));
  }
  const auto& source = static_cast<const arrow::ListArray&>(*array);
  ARROW_ASSIGN_OR_RAISE(auto values, Convert(column.children[0], source.values(), pool));
  return std::make_shared<arrow::ListArray>(
      column.type, array->length(), source.value_offsets(), std::move(values),
      source.null_bitmap(), source.null_count(), source.offset());
}

arrow::Result<ArrayPtr> ConvertMap(const ProjectedColumn& column, const ArrayPtr& array,
                                   arrow::MemoryPool* pool) {
  const auto& source = static_cast<const arrow::MapArray&>(*array);
  ARROW_ASSIGN_OR_RAISE(auto keys, Convert(column.children[0], source.keys(), pool));
  ARROW_ASSIGN_OR_RAISE(auto items, Convert(column.children[1], source.items(), pool));
  return std::make_shared<arrow::MapArray>(
      column.type, array->length(), source.value_offsets(), std::move(keys),
      std::move(items), source.null_bitmap(), source.null_count(), source.offset());
}

arrow::Result<ArrayPtr> Convert(const ProjectedColumn& column, const ArrayPtr& array,
                                arrow::MemoryPool* pool) {
  switch (column.target.type->id()) {
    case TypeId::kStruct:
      return ConvertStruct(column, array, pool);
    case TypeId::kList:
      return ConvertList(column, array, pool);
    case TypeId::kMap:
      return ConvertMap(column, array, pool);
    case TypeId::kVariant: {
      const auto& storage =
          array->type_id() == arrow::Type::EXTENSION
              ? *static_cast<const arrow::ExtensionArray&>(*array).storage()
              : *array;
      return AssembleVariant(static_cast<const arrow::StructArray&>(storage), column.type,
                             pool);
    }
    default:
      return PromoteLeaf(array, *column.target.type, column.type, column.target.name,
                         pool);
  }
}

}  // namespace

arrow::Result<ColumnProjection> ColumnProjection::Make(
    const Schema& schema, std::shared_ptr<const FileSchema> file,
    const std::map<int32_t, Literal>& constants, const std::vector<int>& other_leaves) {
  ColumnProjection projection;
  ARROW_ASSIGN_OR_RAISE(projection.arrow_schema_, ToArrowSchema(schema));
  Resolver resolver(constants);
  for (const NestedField& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto column, resolver.Resolve(field, file->fields()));
    projection.columns_.push_back(std::move(column));
  }
  std::set<int> leaves = resolver.leaves();
  leaves.insert(other_leaves.begin(), other_leaves.end());
  SetPositions(file->fields(), leaves, &projection.columns_);
  projection.leaf_columns_.assign(leaves.begin(), leaves.end());
  projection.file_ = std::move(file);
  return projection;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ColumnProjection::Apply(
    const arrow::RecordBatch& batch, arrow::MemoryPool* pool) const {
  arrow::ArrayVector arrays;
  for (const ProjectedColumn& column : columns_) {
    arrays.emplace_back();
    if (column.source == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(arrays.back(),
                          Convert(column, batch.column(column.position), pool));
  }
  return Assemble(std::move(arrays), batch.num_rows(), pool);
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ColumnProjection::Assemble(
    std::vector<std::shared_ptr<arrow::Array>> arrays, int64_t length,
    arrow::MemoryPool* pool) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const ProjectedColumn& column = columns_[i];
    if (column.source == nullptr) {
      ARROW_ASSIGN_OR_RAISE(arrays[i], MakeConstant(column, length, pool));
    } else if (column.target.required && arrays[i]->null_count() > 0) {
      return MakeError(ErrorCode::kCorruptData,
                       "column '{}' is required but the file has NULLs in it",
                       column.target.name);
    }
  }
  return arrow::RecordBatch::Make(arrow_schema_, length, std::move(arrays));
}

}  // namespace floe::iceberg
