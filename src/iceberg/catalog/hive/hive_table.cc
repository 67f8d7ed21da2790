#include "iceberg/catalog/hive/hive_table.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/catalog/hive/hive_client.h"

namespace floe::iceberg::hive {
namespace {

constexpr char kPreviousMetadataLocationKey[] = "previous_metadata_location";
constexpr char kTableTypeKey[] = "table_type";
constexpr char kStorageHandlerKey[] = "storage_handler";
constexpr char kUuidKey[] = "uuid";
constexpr char kHiveEngineKey[] = "engine.hive.enabled";
/// A property of Iceberg and what Hive calls the same.
constexpr char kGcEnabled[] = "gc.enabled";
constexpr char kExternalTablePurge[] = "external.table.purge";

using Parameters = std::map<std::string, std::string>;

std::string InLowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return text;
}

/// The metastore's name of a table property.
std::string ParameterOf(const std::string& property) {
  return property == kGcEnabled ? kExternalTablePurge : property;
}

bool IsHiveEngineEnabled(const TableMetadata& metadata, const HiveTableLayout& layout) {
  return metadata.Property(kHiveEngineKey,
                           layout.is_hive_engine_enabled ? "true" : "false") == "true";
}

ThriftValue ColumnsOf(const TableMetadata& metadata, const HiveTableLayout& layout) {
  std::vector<ThriftValue> columns;
  std::set<std::string> names;
  for (const NestedField& column : metadata.schema()->fields()) {
    // To Hive, names that differ in case alone are one: the first is shown.
    if (!names.insert(InLowerCase(column.name)).second) continue;
    columns.push_back(ThriftValue::Struct(
        {{1, ThriftValue::String(column.name)},
         {2, ThriftValue::String(HiveTypeText(*column.type, layout.zoned_time))},
         {3, ThriftValue::String(column.doc)}}));
  }
  return ThriftValue::List(ThriftType::kStruct, std::move(columns));
}

ThriftValue StorageOf(const TableMetadata& metadata, const HiveTableLayout& layout) {
  bool for_hive = IsHiveEngineEnabled(metadata, layout);
  ThriftValue serde = ThriftValue::Struct(
      {{2, ThriftValue::String(for_hive ? "org.apache.iceberg.mr.hive.HiveIcebergSerDe"
                                        : "org.apache.hadoop.hive.serde2.lazy."
                                          "LazySimpleSerDe")},
       {3, ThriftValue::StringMap({})}});
  return ThriftValue::Struct(
      {{1, ColumnsOf(metadata, layout)},
       {2, ThriftValue::String(metadata.location)},
       {3,
        ThriftValue::String(for_hive ? "org.apache.iceberg.mr.hive.HiveIcebergInputFormat"
                                     : "org.apache.hadoop.mapred.FileInputFormat")},
       {4, ThriftValue::String(for_hive
                                   ? "org.apache.iceberg.mr.hive.HiveIcebergOutputFormat"
                                   : "org.apache.hadoop.mapred.FileOutputFormat")},
       {5, ThriftValue::Bool(false)},
       {6, ThriftValue::I32(0)},
       {7, std::move(serde)},
       {8, ThriftValue::Strings({})},
       {9, ThriftValue::List(ThriftType::kStruct, {})},
       {10, ThriftValue::StringMap({})}});
}

/// Copies what a snapshot's summary counts into Hive's basic statistics.
void SetStatistics(const TableMetadata& metadata, Parameters* parameters) {
  const Snapshot* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return;
  constexpr std::pair<const char*, const char*> kStatistics[] = {
      {"total-data-files", "numFiles"},
      {"total-records", "numRows"},
      {"total-files-size", "totalSize"}};
  for (const auto& [property, statistic] : kStatistics) {
    auto found = snapshot->summary.find(property);
    if (found != snapshot->summary.end()) (*parameters)[statistic] = found->second;
  }
}

void SetParameters(const TablePointer& to, const HiveTableLayout& layout,
                   Parameters* parameters) {
  for (const auto& [key, value] : to.metadata->properties) {
    (*parameters)[ParameterOf(key)] = value;
  }
  (*parameters)["EXTERNAL"] = "TRUE";
  (*parameters)[kTableTypeKey] = "ICEBERG";
  (*parameters)[kMetadataLocationKey] = to.location;
  (*parameters)[kUuidKey] = to.metadata->table_uuid;
  if (IsHiveEngineEnabled(*to.metadata, layout)) {
    (*parameters)[kStorageHandlerKey] =
        "org.apache.iceberg.mr.hive.HiveIcebergStorageHandler";
  } else {
    parameters->erase(kStorageHandlerKey);
  }
  SetStatistics(*to.metadata, parameters);
}

}  // namespace

ThriftValue NewHiveTable(const TableIdentifier& table, const TablePointer& pointer,
                         const std::string& owner, int64_t now_ms,
                         const HiveTableLayout& layout) {
  Parameters parameters;
  SetParameters(pointer, layout, &parameters);
  auto seconds = static_cast<int32_t>(now_ms / 1000);
  return ThriftValue::Struct(
      {{field::kTableName, ThriftValue::String(table.name)},
       {field::kTableDatabase, ThriftValue::String(table.levels.front())},
       {field::kTableOwner, ThriftValue::String(owner)},
       {field::kTableCreateTime, ThriftValue::I32(seconds)},
       {field::kTableLastAccessTime, ThriftValue::I32(seconds)},
       {field::kTableRetention, ThriftValue::I32(std::numeric_limits<int32_t>::max())},
       {field::kTableStorage, StorageOf(*pointer.metadata, layout)},
       {field::kTablePartitionKeys, ThriftValue::List(ThriftType::kStruct, {})},
       {field::kTableParameters, ThriftValue::StringMap(parameters)},
       {field::kTableType, ThriftValue::String("EXTERNAL_TABLE")}});
}

void UpdateHiveTable(ThriftValue* stored, const TablePointer& from,
                     const TablePointer& to, const HiveTableLayout& layout) {
  Parameters parameters = stored->StringMapOf(field::kTableParameters);
  for (const auto& [key, unused] : from.metadata->properties) {
    if (to.metadata->properties.count(key) == 0) parameters.erase(ParameterOf(key));
  }
  SetParameters(to, layout, &parameters);
  parameters[kPreviousMetadataLocationKey] = from.location;
  // Hive's statistics of columns say nothing about the new snapshot.
  parameters.erase("COLUMN_STATS_ACCURATE");
  stored->SetField(field::kTableParameters, ThriftValue::StringMap(parameters));
  stored->SetField(field::kTableStorage, StorageOf(*to.metadata, layout));
}

bool IsIcebergTable(const ThriftValue& stored) {
  Parameters parameters = stored.StringMapOf(field::kTableParameters);
  auto type = parameters.find(kTableTypeKey);
  return type != parameters.end() && InLowerCase(type->second) == "iceberg";
}

arrow::Result<std::string> MetadataLocationOf(const ThriftValue& stored,
                                              const TableIdentifier& table) {
  Parameters parameters = stored.StringMapOf(field::kTableParameters);
  if (!IsIcebergTable(stored)) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' in the metastore is not an Iceberg table (its type is {}, its "
                     "table_type '{}'): migrate it to Iceberg, or use another name",
                     table.ToString(), stored.TextOf(field::kTableType),
                     parameters[kTableTypeKey]);
  }
  std::string location = parameters[kMetadataLocationKey];
  if (!location.empty()) return location;
  return MakeError(ErrorCode::kCorruptData,
                   "Iceberg table '{}' has no metadata_location in the metastore: "
                   "register its newest metadata file under another name",
                   table.ToString());
}

}  // namespace floe::iceberg::hive
