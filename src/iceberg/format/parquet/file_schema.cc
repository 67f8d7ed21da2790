#include "iceberg/format/parquet/file_schema.h"

#include <algorithm>
#include <charconv>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "iceberg/spec/schema.h"
#include "parquet/arrow/schema.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

int32_t FieldIdOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return -1;
  const int index = field.metadata()->FindKey(kFieldIdKey);
  if (index < 0) return -1;
  const std::string& text = field.metadata()->value(index);
  int32_t id = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? id : -1;
}

FileField Convert(const parquet::arrow::SchemaField& source) {
  FileField field;
  field.field_id = FieldIdOf(*source.field);
  field.name = source.field->name();
  field.field = source.field;
  field.column = source.column_index;
  const std::vector<parquet::arrow::SchemaField>* children = &source.children;
  // Arrow has a struct between a map and its key and value.
  if (source.field->type()->id() == arrow::Type::MAP && children->size() == 1) {
    children = &children->front().children;
  }
  for (const auto& child : *children) field.children.push_back(Convert(child));
  return field;
}

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

arrow::Result<std::shared_ptr<const FileSchema>> FileSchema::Make(
    const parquet::SchemaDescriptor& schema, const NameMapping* mapping) {
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  parquet::arrow::SchemaManifest manifest;
  ARROW_RETURN_NOT_OK(
      parquet::arrow::SchemaManifest::Make(&schema, nullptr, properties, &manifest));
  auto result = std::make_shared<FileSchema>();
  for (const auto& field : manifest.schema_fields) {
    result->fields_.push_back(Convert(field));
  }
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
