#include "iceberg/format/parquet/file_schema.h"

#include <charconv>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
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

}  // namespace

arrow::Result<std::shared_ptr<const FileSchema>> ParquetFileSchema(
    const parquet::SchemaDescriptor& schema, const NameMapping* mapping) {
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  parquet::arrow::SchemaManifest manifest;
  ARROW_RETURN_NOT_OK(
      parquet::arrow::SchemaManifest::Make(&schema, nullptr, properties, &manifest));
  std::vector<FileField> fields;
  for (const auto& field : manifest.schema_fields) fields.push_back(Convert(field));
  return FileSchema::Make(std::move(fields), mapping);
}

}  // namespace floe::iceberg
