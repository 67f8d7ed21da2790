#include "iceberg/catalog/glue/glue_table.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "iceberg/catalog/hive_type_text.h"

namespace floe::iceberg::glue {
namespace {

using Json = nlohmann::json;

constexpr char kTableTypeKey[] = "table_type";
constexpr char kMetadataLocationKey[] = "metadata_location";
constexpr char kPreviousMetadataLocationKey[] = "previous_metadata_location";
/// Limits of Glue's.
constexpr size_t kMaxCommentBytes = 255;
constexpr size_t kMaxDescriptionBytes = 2048;

/// Fields of a Table that its TableInput has too.
constexpr const char* kInputFields[] = {
    "Name",           "Description",      "Owner",
    "LastAccessTime", "LastAnalyzedTime", "Retention",
    "PartitionKeys",  "ViewOriginalText", "ViewExpandedText",
    "TableType",      "Parameters",       "StorageDescriptor",
    "TargetTable"};

/// `text` as one line of at most `bytes_max` bytes, cut between characters.
std::string OneLine(std::string text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
  }
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  }
  return text;
}

Json ColumnOf(const NestedField& field, bool is_current) {
  Json column = {{"Name", field.name},
                 {"Type", HiveTypeText(*field.type, HiveZonedTime::kPlain)},
                 {"Parameters",
                  {{"iceberg.field.id", std::to_string(field.id)},
                   {"iceberg.field.optional", field.required ? "false" : "true"},
                   {"iceberg.field.current", is_current ? "true" : "false"}}}};
  if (!field.doc.empty()) column["Comment"] = OneLine(field.doc, kMaxCommentBytes);
  return column;
}

/// The current columns, then those of other schemas that are gone.
Json ColumnsOf(const TableMetadata& metadata) {
  Json columns = Json::array();
  std::set<std::string> names;
  auto add = [&](const Schema& schema, bool is_current) {
    for (const NestedField& field : schema.fields()) {
      if (!names.insert(field.name).second) continue;
      columns.push_back(ColumnOf(field, is_current));
    }
  };
  add(*metadata.schema(), true);
  for (const SchemaPtr& schema : metadata.schemas) {
    if (schema->schema_id() != metadata.current_schema_id) add(*schema, false);
  }
  return columns;
}

/// Writes what `to` is into a TableInput.
void SetContents(const TablePointer& to, Json* input) {
  const TableMetadata& metadata = *to.metadata;
  (*input)["TableType"] = "EXTERNAL_TABLE";
  Json& storage = (*input)["StorageDescriptor"];
  if (!storage.is_object()) storage = Json::object();
  storage["Columns"] = ColumnsOf(metadata);
  storage["Location"] = metadata.location;
  for (const char* property : {"comment", "Description"}) {
    auto found = metadata.properties.find(property);
    if (found == metadata.properties.end()) continue;
    (*input)["Description"] = OneLine(found->second, kMaxDescriptionBytes);
  }
  Json& parameters = (*input)["Parameters"];
  if (!parameters.is_object()) parameters = Json::object();
  for (const auto& [key, value] : metadata.properties) parameters[key] = value;
  parameters[kTableTypeKey] = "ICEBERG";
  parameters[kMetadataLocationKey] = to.location;
}

Json InputOf(const Json& stored) {
  Json input = Json::object();
  for (const char* key : kInputFields) {
    auto found = stored.find(key);
    if (found != stored.end() && !found->is_null()) input[key] = *found;
  }
  return input;
}

Json ParametersOf(const Json& stored) {
  auto found = stored.find("Parameters");
  return found != stored.end() && found->is_object() ? *found : Json::object();
}

}  // namespace

std::string TextOf(const Json& object, const char* key) {
  auto found = object.find(key);
  bool is_text = found != object.end() && found->is_string();
  return is_text ? found->get<std::string>() : "";
}

Json NewTableInput(const TableIdentifier& table, const TablePointer& pointer) {
  Json input = {{"Name", table.name}};
  SetContents(pointer, &input);
  return input;
}

Json UpdatedTableInput(const Json& stored, const TablePointer& from,
                       const TablePointer& to) {
  Json input = InputOf(stored);
  Json parameters = ParametersOf(stored);
  for (const auto& [key, unused] : from.metadata->properties) {
    if (to.metadata->properties.count(key) == 0) parameters.erase(key);
  }
  parameters[kPreviousMetadataLocationKey] = from.location;
  input["Parameters"] = std::move(parameters);
  SetContents(to, &input);
  return input;
}

Json RenamedTableInput(const Json& stored, const std::string& name) {
  Json input = InputOf(stored);
  input["Name"] = name;
  return input;
}

bool IsIcebergTable(const Json& stored) {
  std::string type = TextOf(ParametersOf(stored), kTableTypeKey);
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return type == "iceberg";
}

arrow::Result<std::string> MetadataLocationOf(const Json& stored,
                                              const TableIdentifier& table) {
  const Json parameters = ParametersOf(stored);
  if (!IsIcebergTable(stored)) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' in Glue is not an Iceberg table (its type is {}, its "
                     "table_type '{}'): migrate it to Iceberg, or use another name",
                     table.ToString(), TextOf(stored, "TableType"),
                     TextOf(parameters, kTableTypeKey));
  }
  std::string location = TextOf(parameters, kMetadataLocationKey);
  if (!location.empty()) return location;
  return MakeError(ErrorCode::kCorruptData,
                   "Iceberg table '{}' has no metadata_location in Glue: register its "
                   "newest metadata file under another name",
                   table.ToString());
}

}  // namespace floe::iceberg::glue
