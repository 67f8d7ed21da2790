#include "iceberg/spec/manifest_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "iceberg/spec/manifest_field_ids.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

json Required(const char* name, json type, int32_t field_id) {
  return {{"name", name}, {"type", std::move(type)}, {"field-id", field_id}};
}

json Optional(const char* name, json type, int32_t field_id) {
  json field = Required(name, json::array({"null", std::move(type)}), field_id);
  field["default"] = nullptr;
  return field;
}

json Record(const char* name, json fields) {
  return {{"type", "record"}, {"name", name}, {"fields", std::move(fields)}};
}

json Array(json items, int32_t element_id) {
  return {{"type", "array"}, {"items", std::move(items)}, {"element-id", element_id}};
}

/// A map with int keys: an array of key-value records (spec Appendix A).
json IntMap(int32_t key_id, int32_t value_id, const char* value_type) {
  const std::string name = fmt::format("k{}_v{}", key_id, value_id);
  return {{"type", "array"},
          {"logicalType", "map"},
          {"items",
           Record(name.c_str(), json::array({Required("key", "int", key_id),
                                             Required("value", value_type, value_id)}))}};
}

json Logical(const char* type, const char* logical_type) {
  return {{"type", type}, {"logicalType", logical_type}};
}

json Timestamp(const char* logical_type, bool utc) {
  json type = Logical("long", logical_type);
  type["adjust-to-utc"] = utc;
  return type;
}

/// The Avro type of partition values, naming each fixed on its first use only.
class PartitionTypes {
 public:
  json Of(const Type& type) {
    switch (type.id()) {
      case TypeId::kBoolean:
        return "boolean";
      case TypeId::kInt:
        return "int";
      case TypeId::kLong:
        return "long";
      case TypeId::kFloat:
        return "float";
      case TypeId::kDouble:
        return "double";
      case TypeId::kDate:
        return Logical("int", "date");
      case TypeId::kTime:
        return Logical("long", "time-micros");
      case TypeId::kTimestamp:
        return Timestamp("timestamp-micros", false);
      case TypeId::kTimestampTz:
        return Timestamp("timestamp-micros", true);
      case TypeId::kTimestampNs:
        return Timestamp("timestamp-nanos", false);
      case TypeId::kTimestampTzNs:
        return Timestamp("timestamp-nanos", true);
      case TypeId::kString:
        return "string";
      case TypeId::kUuid:
        return Fixed("uuid_fixed", 16, {{"logicalType", "uuid"}});
      case TypeId::kFixed:
        return Fixed(fmt::format("fixed_{}", type.length()), type.length(),
                     json::object());
      case TypeId::kDecimal:
        return Fixed(fmt::format("decimal_{}_{}", type.precision(), type.scale()),
                     DecimalFixedBytes(type.precision()),
                     {{"logicalType", "decimal"},
                      {"precision", type.precision()},
                      {"scale", type.scale()}});
      default:
        return "bytes";
    }
  }

 private:
  json Fixed(const std::string& name, int32_t size, json attributes) {
    if (!defined_.insert(name).second) return name;
    attributes["type"] = "fixed";
    attributes["name"] = name;
    attributes["size"] = size;
    return attributes;
  }

  std::set<std::string> defined_;
};

json PartitionRecord(const Type& partition_type) {
  json fields = json::array();
  PartitionTypes types;
  for (const NestedField& field : partition_type.fields()) {
    const std::string name = AvroName(field.name);
    json written;
    if (field.type->id() == TypeId::kUnknown) {
      written = Required(name.c_str(), "null", field.id);
      written["default"] = nullptr;
    } else {
      written = Optional(name.c_str(), types.Of(*field.type), field.id);
    }
    if (name != field.name) written["iceberg-field-name"] = field.name;
    fields.push_back(std::move(written));
  }
  return Record("r102", std::move(fields));
}

json DataFileRecord(int format_version, const Type& partition_type) {
  namespace id = manifest_field;
  json fields = json::array();
  if (format_version > 1) fields.push_back(Required("content", "int", id::kContent));
  fields.push_back(Required("file_path", "string", id::kFilePath));
  fields.push_back(Required("file_format", "string", id::kFileFormat));
  fields.push_back(
      Required("partition", PartitionRecord(partition_type), id::kPartition));
  fields.push_back(Required("record_count", "long", id::kRecordCount));
  fields.push_back(Required("file_size_in_bytes", "long", id::kFileSize));
  if (format_version == 1) {
    fields.push_back(Required("block_size_in_bytes", "long", id::kBlockSize));
  }
  fields.push_back(Optional("column_sizes", IntMap(117, 118, "long"), id::kColumnSizes));
  fields.push_back(Optional("value_counts", IntMap(119, 120, "long"), id::kValueCounts));
  fields.push_back(
      Optional("null_value_counts", IntMap(121, 122, "long"), id::kNullCounts));
  fields.push_back(
      Optional("nan_value_counts", IntMap(138, 139, "long"), id::kNanCounts));
  fields.push_back(Optional("lower_bounds", IntMap(126, 127, "bytes"), id::kLowerBounds));
  fields.push_back(Optional("upper_bounds", IntMap(129, 130, "bytes"), id::kUpperBounds));
  fields.push_back(Optional("key_metadata", "bytes", id::kKeyMetadata));
  fields.push_back(Optional("split_offsets", Array("long", 133), id::kSplitOffsets));
  if (format_version > 1) {
    fields.push_back(Optional("equality_ids", Array("int", 136), id::kEqualityIds));
  }
  fields.push_back(Optional("sort_order_id", "int", id::kSortOrderId));
  if (format_version >= 3) {
    fields.push_back(Optional("first_row_id", "long", id::kFirstRowId));
  }
  if (format_version > 1) {
    fields.push_back(Optional("referenced_data_file", "string", id::kReferencedDataFile));
  }
  if (format_version >= 3) {
    fields.push_back(Optional("content_offset", "long", id::kContentOffset));
    fields.push_back(Optional("content_size_in_bytes", "long", id::kContentSize));
  }
  return Record("r2", std::move(fields));
}

json SummaryRecord() {
  return Record(
      "r508",
      json::array({Required("contains_null", "boolean", list_field::kContainsNull),
                   Optional("contains_nan", "boolean", list_field::kContainsNan),
                   Optional("lower_bound", "bytes", list_field::kLowerBound),
                   Optional("upper_bound", "bytes", list_field::kUpperBound)}));
}

}  // namespace

std::string ManifestEntryAvroSchema(int format_version, const Type& partition_type) {
  namespace id = manifest_field;
  json fields = json::array();
  fields.push_back(Required("status", "int", id::kStatus));
  fields.push_back(Optional("snapshot_id", "long", id::kSnapshotId));
  if (format_version > 1) {
    fields.push_back(Optional("sequence_number", "long", id::kSequenceNumber));
    fields.push_back(Optional("file_sequence_number", "long", id::kFileSequenceNumber));
  }
  fields.push_back(Required("data_file", DataFileRecord(format_version, partition_type),
                            id::kDataFile));
  // A partition field's name that is not UTF-8 is refused where the spec is written.
  return Record("manifest_entry", std::move(fields))
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string ManifestListAvroSchema(int format_version) {
  json fields = json::array();
  const auto counter = [&](const char* name, const char* type, int32_t field_id) {
    fields.push_back(format_version > 1 ? Required(name, type, field_id)
                                        : Optional(name, type, field_id));
  };
  fields.push_back(Required("manifest_path", "string", list_field::kManifestPath));
  fields.push_back(Required("manifest_length", "long", list_field::kManifestLength));
  fields.push_back(Required("partition_spec_id", "int", list_field::kPartitionSpecId));
  if (format_version > 1) {
    fields.push_back(Required("content", "int", list_field::kContent));
    fields.push_back(Required("sequence_number", "long", list_field::kSequenceNumber));
    fields.push_back(
        Required("min_sequence_number", "long", list_field::kMinSequenceNumber));
  }
  fields.push_back(Required("added_snapshot_id", "long", list_field::kAddedSnapshotId));
  counter("added_files_count", "int", list_field::kAddedFilesCount);
  counter("existing_files_count", "int", list_field::kExistingFilesCount);
  counter("deleted_files_count", "int", list_field::kDeletedFilesCount);
  counter("added_rows_count", "long", list_field::kAddedRowsCount);
  counter("existing_rows_count", "long", list_field::kExistingRowsCount);
  counter("deleted_rows_count", "long", list_field::kDeletedRowsCount);
  fields.push_back(
      Optional("partitions", Array(SummaryRecord(), 508), list_field::kPartitions));
  fields.push_back(Optional("key_metadata", "bytes", list_field::kKeyMetadata));
  if (format_version >= 3) {
    fields.push_back(Optional("first_row_id", "long", list_field::kFirstRowId));
  }
  return Record("manifest_file", std::move(fields)).dump();
}

int32_t DecimalFixedBytes(int32_t precision) {
  __int128 largest = 1;
  for (int32_t i = 0; i < precision && i < 38; ++i) largest *= 10;
  --largest;
  int32_t bytes = 1;
  while (bytes < 16 && (largest >> (8 * bytes - 1)) != 0) ++bytes;
  return bytes;
}

std::string AvroName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  std::string safe;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool is_digit = c >= '0' && c <= '9';
    if (is_letter(c) || (is_digit && i > 0)) {
      safe.push_back(c);
    } else if (is_digit) {
      safe += fmt::format("_{}", c);
    } else {
      safe += fmt::format("_x{:X}", static_cast<unsigned char>(c));
    }
  }
  return safe;
}

}  // namespace floe::iceberg
