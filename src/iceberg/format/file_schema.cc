#include "iceberg/format/file_schema.h"

#include <algorithm>
#include <utility>

#include "arrow/type.h"

namespace floe::iceberg {
namespace {

bool HasIds(const std::vector<FileField>& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const FileField& field) {
    return field.field_id >= 0 || HasIds(field.children);
  });
}

/// The name a mapping uses for the `index`-th child of `parent`.
std::string MappedName(const FileField* parent, size_t index, const FileField& child) {
  if (parent == nullptr || parent->field->type()->id() == arrow::Type::STRUCT) {
    return child.name;
  }
  if (parent->field->type()->id() == arrow::Type::MAP)
    return index == 0 ? "key" : "value";
  return "element";
}

void ApplyMapping(const std::vector<MappedField>& mapping, const FileField* parent,
                  std::vector<FileField>* fields) {
  for (size_t i = 0; i < fields->size(); ++i) {
    FileField& field = (*fields)[i];
    const std::string name = MappedName(parent, i, field);
    for (const MappedField& mapped : mapping) {
      if (std::find(mapped.names.begin(), mapped.names.end(), name) ==
          mapped.names.end()) {
        continue;
      }
      field.field_id = mapped.field_id;
      ApplyMapping(mapped.fields, &field, &field.children);
      break;
    }
  }
}

void Index(const std::vector<FileField>& fields,
           std::unordered_map<int32_t, const FileField*>* by_id) {
  for (const FileField& field : fields) {
    if (field.field_id >= 0) by_id->emplace(field.field_id, &field);
    Index(field.children, by_id);
  }
}

}  // namespace

std::shared_ptr<const FileSchema> FileSchema::Make(std::vector<FileField> fields,
                                                   const NameMapping* mapping) {
  auto result = std::make_shared<FileSchema>();
  result->fields_ = std::move(fields);
  result->has_own_ids_ = HasIds(result->fields_);
  if (!result->has_own_ids_ && mapping != nullptr) {
    ApplyMapping(mapping->fields, nullptr, &result->fields_);
  }
  Index(result->fields_, &result->by_id_);
  return result;
}

const FileField* FileSchema::Find(int32_t field_id) const {
  auto found = by_id_.find(field_id);
  return found == by_id_.end() ? nullptr : found->second;
}

int FileSchema::LeafColumn(int32_t field_id) const {
  const FileField* field = Find(field_id);
  return field == nullptr ? -1 : field->column;
}

}  // namespace floe::iceberg
