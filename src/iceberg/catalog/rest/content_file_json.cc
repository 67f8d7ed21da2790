#include "iceberg/catalog/rest/content_file_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/literal_json.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

/// Servers differ in case and in what joins words: POSITION_DELETES, position-deletes.
std::string Normal(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return text;
}

arrow::Result<FileContent> ContentOf(const std::string& text) {
  const std::string content = Normal(text);
  if (content == "data") return FileContent::kData;
  if (content == "position-deletes") return FileContent::kPositionDeletes;
  if (content == "equality-deletes") return FileContent::kEqualityDeletes;
  return MakeError(ErrorCode::kNotSupported, "a file's content is '{}'", text);
}

arrow::Result<FileFormat> FormatOf(const std::string& text) {
  const std::string format = Normal(text);
  for (FileFormat known :
       {FileFormat::kAvro, FileFormat::kOrc, FileFormat::kParquet, FileFormat::kPuffin}) {
    if (Normal(std::string(FileFormatName(known))) == format) return known;
  }
  return MakeError(ErrorCode::kNotSupported, "a file's format is '{}'", text);
}

/// The values, by position or, as older servers write them, by the fields' ids.
arrow::Result<std::vector<Literal>> PartitionOf(const json* value,
                                                const PartitionSpec& spec,
                                                const Schema& schema) {
  std::vector<Literal> partition;
  ARROW_ASSIGN_OR_RAISE(const TypePtr type, spec.PartitionType(schema));
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const TypePtr& field_type = type->fields()[i].type;
    const json* item = nullptr;
    if (value != nullptr && value->is_array() && i < value->size()) {
      item = &(*value)[i];
    } else if (value != nullptr && value->is_object()) {
      const auto found = value->find(std::to_string(spec.fields[i].field_id));
      if (found != value->end()) item = &*found;
    } else {
      return MakeError(ErrorCode::kCorruptData, "a file has no value for partition '{}'",
                       spec.fields[i].name);
    }
    if (item == nullptr || item->is_null()) {
      partition.push_back(Literal::Null(field_type));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(Literal literal, LiteralFromJson(field_type, *item));
    partition.push_back(std::move(literal));
  }
  return partition;
}

arrow::Result<DataFile> ReadFile(const JsonObject& object, const TableMetadata& metadata,
                                 const Schema& schema) {
  DataFile file;
  ARROW_ASSIGN_OR_RAISE(file.file_path, object.GetString("file-path"));
  ARROW_ASSIGN_OR_RAISE(const std::string content, object.GetString("content"));
  ARROW_ASSIGN_OR_RAISE(file.content, ContentOf(content));
  ARROW_ASSIGN_OR_RAISE(const std::string format, object.GetString("file-format"));
  ARROW_ASSIGN_OR_RAISE(file.file_format, FormatOf(format));
  ARROW_ASSIGN_OR_RAISE(file.spec_id, object.GetInt("spec-id"));
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
  ARROW_ASSIGN_OR_RAISE(file.partition,
                        PartitionOf(object.Find("partition"), *spec, schema));
  ARROW_ASSIGN_OR_RAISE(file.record_count, object.GetLong("record-count"));
  ARROW_ASSIGN_OR_RAISE(file.file_size_bytes, object.GetLong("file-size-in-bytes"));
  ARROW_ASSIGN_OR_RAISE(file.equality_ids, object.FindIntList("equality-ids"));
  ARROW_ASSIGN_OR_RAISE(file.sort_order_id, object.FindInt("sort-order-id"));
  ARROW_ASSIGN_OR_RAISE(file.first_row_id, object.FindLong("first-row-id"));
  ARROW_ASSIGN_OR_RAISE(file.referenced_data_file,
                        object.FindString("referenced-data-file"));
  ARROW_ASSIGN_OR_RAISE(file.content_offset, object.FindLong("content-offset"));
  ARROW_ASSIGN_OR_RAISE(file.content_size_bytes,
                        object.FindLong("content-size-in-bytes"));
  ARROW_ASSIGN_OR_RAISE(const json* offsets, object.FindArray("split-offsets"));
  for (const json& offset : offsets == nullptr ? json::array() : *offsets) {
    if (const auto number = JsonToLong(offset)) file.split_offsets.push_back(*number);
  }
  if (file.record_count < 0 || file.file_size_bytes < 0) {
    return MakeError(ErrorCode::kCorruptData, "a file's size or row count is negative");
  }
  return file;
}

}  // namespace

arrow::Result<DataFile> ContentFileFromJson(const json& value,
                                            const TableMetadata& metadata,
                                            const Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, "a file"));
  auto file = ReadFile(object, metadata, schema);
  if (file.ok()) return file;
  const auto path = object.FindString("file-path");
  return WithContext(file.status(), "file", path.ok() ? path->value_or("?") : "?");
}

}  // namespace floe::iceberg
