#include "iceberg/spec/schema.h"

#include <algorithm>
#include <utility>

#include "arrow/util/utf8.h"
#include "base/error.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {
namespace {

/// Nested types deeper than this are refused, so that walking them may recurse.
constexpr int kMaxTypeDepth = 100;

/// What the JSON of the schema could not hold is refused when the schema is made.
arrow::Status CheckWritable(const NestedField& field, const std::string& name) {
  arrow::util::InitializeUTF8();
  if (!arrow::util::ValidateUTF8(field.name) || !arrow::util::ValidateUTF8(field.doc)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the name or doc of field {} is not UTF-8", field.id);
  }
  for (const auto& value : {field.initial_default, field.write_default}) {
    if (value == nullptr) continue;
    if (!value->type()->Equals(*field.type)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' of type {} has a default of type {}", name,
                       field.type->ToString(), value->type()->ToString());
    }
    if (field.type->id() == TypeId::kStruct) continue;
    const auto json = value->ToJsonText();
    if (!json.ok()) return WithContext(json.status(), "default of column", name);
  }
  return arrow::Status::OK();
}

/// Collects every field of a type with its full name, in preorder.
class FieldIndexer {
 public:
  FieldIndexer(std::unordered_map<int32_t, const NestedField*>* by_id,
               std::unordered_map<std::string, int32_t>* id_by_name,
               std::unordered_map<int32_t, std::string>* name_by_id)
      : by_id_(by_id), id_by_name_(id_by_name), name_by_id_(name_by_id) {}

  arrow::Status Add(const Type& type, const std::string& prefix, int depth) {
    if (depth > kMaxTypeDepth) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' nests deeper than {} levels", prefix, kMaxTypeDepth);
    }
    for (const NestedField& field : type.fields()) {
      std::string name = prefix.empty() ? field.name : prefix + "." + field.name;
      if (field.name.empty()) {
        return MakeError(ErrorCode::kInvalidArgument, "field {} has no name", field.id);
      }
      ARROW_RETURN_NOT_OK(CheckWritable(field, name));
      const auto [by_id, is_new] = by_id_->emplace(field.id, &field);
      if (!is_new) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "columns '{}' and '{}' have the same field id {}",
                         name_by_id_->at(field.id), name, field.id);
      }
      if (!id_by_name_->emplace(name, field.id).second) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "two columns are named '{}'; rename one", name);
      }
      (*name_by_id_)[field.id] = name;
      if (field.type->is_nested()) ARROW_RETURN_NOT_OK(Add(*field.type, name, depth + 1));
    }
    return arrow::Status::OK();
  }

 private:
  std::unordered_map<int32_t, const NestedField*>* by_id_;
  std::unordered_map<std::string, int32_t>* id_by_name_;
  std::unordered_map<int32_t, std::string>* name_by_id_;
};

}  // namespace

arrow::Result<SchemaPtr> Schema::Make(std::vector<NestedField> fields, int32_t schema_id,
                                      std::vector<int32_t> identifier_field_ids) {
  std::shared_ptr<Schema> schema(new Schema());
  schema->schema_id_ = schema_id;
  schema->struct_ = Type::Struct(std::move(fields));
  schema->identifier_ids_ = std::move(identifier_field_ids);
  FieldIndexer indexer(&schema->by_id_, &schema->id_by_name_, &schema->name_by_id_);
  ARROW_RETURN_NOT_OK(indexer.Add(*schema->struct_, "", 0));
  for (const auto& [id, field] : schema->by_id_) {
    schema->highest_field_id_ = std::max(schema->highest_field_id_, id);
  }
  for (const int32_t id : schema->identifier_ids_) {
    if (schema->FindField(id) == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "identifier field {} is not a column of schema {}", id, schema_id);
    }
  }
  return schema;
}

const NestedField* Schema::FindField(int32_t field_id) const {
  const auto found = by_id_.find(field_id);
  return found == by_id_.end() ? nullptr : found->second;
}

const NestedField* Schema::FindField(std::string_view full_name) const {
  const auto found = id_by_name_.find(std::string(full_name));
  return found == id_by_name_.end() ? nullptr : FindField(found->second);
}

arrow::Result<const NestedField*> Schema::GetField(std::string_view full_name) const {
  if (const NestedField* field = FindField(full_name)) return field;
  std::vector<std::string> names;
  for (const auto& [name, id] : id_by_name_) names.push_back(name);
  std::sort(names.begin(), names.end());
  const std::string nearest = NearestName(full_name, names);
  return MakeError(ErrorCode::kNoSuchColumn, "there is no column '{}'{}", full_name,
                   nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

std::string Schema::FullName(int32_t field_id) const {
  const auto found = name_by_id_.find(field_id);
  return found == name_by_id_.end() ? "" : found->second;
}

std::vector<std::string> Schema::ColumnNames() const {
  std::vector<std::string> names;
  names.reserve(fields().size());
  for (const NestedField& field : fields()) names.push_back(field.name);
  return names;
}

arrow::Result<SchemaPtr> Schema::Select(const std::vector<std::string>& names) const {
  std::vector<NestedField> selected;
  selected.reserve(names.size());
  for (const std::string& name : names) {
    const auto found =
        std::find_if(fields().begin(), fields().end(),
                     [&](const NestedField& field) { return field.name == name; });
    if (found == fields().end()) {
      const std::string nearest = NearestName(name, ColumnNames());
      return MakeError(
          ErrorCode::kNoSuchColumn, "there is no top-level column '{}'{}", name,
          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    selected.push_back(*found);
  }
  return Make(std::move(selected), schema_id_);
}

bool Schema::SameFields(const Schema& other) const {
  std::vector<int32_t> left = identifier_ids_;
  std::vector<int32_t> right = other.identifier_ids_;
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  return left == right && struct_->Equals(*other.struct_);
}

std::string Schema::ToString() const { return struct_->ToString(); }

}  // namespace floe::iceberg
