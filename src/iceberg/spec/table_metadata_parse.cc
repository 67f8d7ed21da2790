#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/metadata_json.h"
#include "iceberg/spec/schema_json.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

/// The most bytes a metadata file may decompress to.
constexpr size_t kMaxMetadataBytes = size_t{1} << 30;
/// zlib: a gzip header is expected and checked.
constexpr int kGzipWindowBits = MAX_WBITS + 16;

arrow::Status Corrupt(std::string message) {
  return MakeErrorMessage(ErrorCode::kCorruptData, "table metadata: " + message);
}

arrow::Result<std::string> Gunzip(std::string_view bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) {
    return MakeError(ErrorCode::kResourceExhausted, "zlib has no memory to start");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end_on_return(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min(bytes.size(), kMaxMetadataBytes));
  std::string text;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const size_t written = text.size();
    if (written >= kMaxMetadataBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "table metadata decompress to more than the limit of {} bytes",
                       kMaxMetadataBytes);
    }
    text.resize(std::min(kMaxMetadataBytes, std::max(4 * bytes.size(), 2 * written)));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + written);
    stream.avail_out = static_cast<uInt>(text.size() - written);
    state = inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
    const bool stuck = state != Z_STREAM_END && stream.avail_out > 0;
    if ((state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) || stuck) {
      return Corrupt("the gzip data are broken or cut off");
    }
  }
  return text;
}

arrow::Result<std::string> Unzstd(std::string_view bytes) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx);
  if (context == nullptr) {
    return MakeError(ErrorCode::kResourceExhausted, "zstd has no memory to start");
  }
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  std::string text;
  size_t left = 1;
  while (left != 0 || in.pos < in.size) {
    const size_t written = text.size();
    if (written >= kMaxMetadataBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "table metadata decompress to more than the limit of {} bytes",
                       kMaxMetadataBytes);
    }
    text.resize(std::min(kMaxMetadataBytes, std::max(4 * bytes.size(), 2 * written)));
    ZSTD_outBuffer out = {text.data(), text.size(), written};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    const bool is_cut_off = left != 0 && in.pos == in.size && out.pos < out.size;
    text.resize(out.pos);
    if (ZSTD_isError(left) || is_cut_off) {
      return Corrupt("the zstd data are broken or cut off");
    }
  }
  return text;
}

/// Fills a TableMetadata from its JSON object, part by part.
class MetadataParser {
 public:
  explicit MetadataParser(const JsonObject& object) : object_(object) {}

  arrow::Result<TableMetadataPtr> Parse() {
    ARROW_RETURN_NOT_OK(ParseHeader());
    ARROW_RETURN_NOT_OK(ParseSchemas());
    ARROW_RETURN_NOT_OK(ParseSpecs());
    ARROW_RETURN_NOT_OK(ParseSortOrders());
    ARROW_RETURN_NOT_OK(ParseProperties());
    ARROW_RETURN_NOT_OK(ParseSnapshots());
    ARROW_RETURN_NOT_OK(ParseRefs());
    ARROW_RETURN_NOT_OK(ParseLogs());
    ARROW_RETURN_NOT_OK(KeepText("statistics", &metadata_->statistics_json));
    ARROW_RETURN_NOT_OK(
        KeepText("partition-statistics", &metadata_->partition_statistics_json));
    ARROW_RETURN_NOT_OK(KeepText("encryption-keys", &metadata_->encryption_keys_json));
    return TableMetadataPtr(std::move(metadata_));
  }

 private:
  bool is_v1() const { return metadata_->format_version == 1; }

  arrow::Status ParseHeader() {
    ARROW_ASSIGN_OR_RAISE(metadata_->format_version, object_.GetInt("format-version"));
    if (metadata_->format_version < 1) {
      return Corrupt(fmt::format("\"format-version\" is {}", metadata_->format_version));
    }
    if (metadata_->format_version > TableMetadata::kFormatVersionMax) {
      return MakeError(ErrorCode::kNotSupported,
                       "table metadata are of format version {}, this version of Floe "
                       "reads up to {}; read the table with a newer one",
                       metadata_->format_version, TableMetadata::kFormatVersionMax);
    }
    if (is_v1()) {
      ARROW_ASSIGN_OR_RAISE(auto uuid, object_.FindString("table-uuid"));
      metadata_->table_uuid = uuid.value_or("");
    } else {
      ARROW_ASSIGN_OR_RAISE(metadata_->table_uuid, object_.GetString("table-uuid"));
      ARROW_ASSIGN_OR_RAISE(metadata_->last_sequence_number,
                            object_.GetLong("last-sequence-number"));
    }
    ARROW_ASSIGN_OR_RAISE(metadata_->location, object_.GetString("location"));
    ARROW_ASSIGN_OR_RAISE(metadata_->last_updated_ms, object_.GetLong("last-updated-ms"));
    ARROW_ASSIGN_OR_RAISE(metadata_->last_column_id, object_.GetInt("last-column-id"));
    if (metadata_->format_version >= 3) {
      ARROW_ASSIGN_OR_RAISE(metadata_->next_row_id, object_.GetLong("next-row-id"));
    }
    return arrow::Status::OK();
  }

  /// Format 1's "schema" is the current one; the other keys of schemas are optional.
  arrow::Status ParseOnlySchema() {
    ARROW_ASSIGN_OR_RAISE(const json* value, object_.Get("schema"));
    ARROW_ASSIGN_OR_RAISE(SchemaPtr schema, SchemaFromJson(*value, "\"schema\""));
    metadata_->current_schema_id = schema->schema_id();
    if (!metadata_->SchemaById(schema->schema_id()).ok()) {
      metadata_->schemas.push_back(std::move(schema));
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseSchemas() {
    if (is_v1() && !object_.Has("schemas")) return ParseOnlySchema();
    ARROW_ASSIGN_OR_RAISE(const json* schemas, object_.GetArray("schemas"));
    for (size_t i = 0; i < schemas->size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(SchemaPtr schema,
                            SchemaFromJson((*schemas)[i], fmt::format("schemas[{}]", i)));
      if (metadata_->SchemaById(schema->schema_id()).ok()) {
        return Corrupt(fmt::format("two schemas have the id {}", schema->schema_id()));
      }
      metadata_->schemas.push_back(std::move(schema));
    }
    if (is_v1() && !object_.Has("current-schema-id")) return ParseOnlySchema();
    ARROW_ASSIGN_OR_RAISE(metadata_->current_schema_id,
                          object_.GetInt("current-schema-id"));
    if (!metadata_->SchemaById(metadata_->current_schema_id).ok()) {
      return Corrupt(fmt::format("\"current-schema-id\" {} is none of the schemas",
                                 metadata_->current_schema_id));
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseSpecs() {
    if (is_v1() && !object_.Has("partition-specs")) {
      ARROW_ASSIGN_OR_RAISE(const json* value, object_.Get("partition-spec"));
      PartitionSpec spec;
      ARROW_ASSIGN_OR_RAISE(spec.fields,
                            PartitionFieldsFromJson(*value, "\"partition-spec\""));
      metadata_->partition_specs.push_back(std::move(spec));
    } else {
      ARROW_ASSIGN_OR_RAISE(const json* specs, object_.GetArray("partition-specs"));
      for (size_t i = 0; i < specs->size(); ++i) {
        ARROW_ASSIGN_OR_RAISE(
            PartitionSpec spec,
            PartitionSpecFromJson((*specs)[i], fmt::format("partition-specs[{}]", i)));
        if (metadata_->SpecById(spec.spec_id).ok()) {
          return Corrupt(fmt::format("two partition specs have the id {}", spec.spec_id));
        }
        metadata_->partition_specs.push_back(std::move(spec));
      }
      ARROW_RETURN_NOT_OK(ParseDefaultSpecId());
    }
    if (!metadata_->SpecById(metadata_->default_spec_id).ok()) {
      return Corrupt(fmt::format("\"default-spec-id\" {} is none of the specs",
                                 metadata_->default_spec_id));
    }
    return ParseLastPartitionId();
  }

  arrow::Status ParseDefaultSpecId() {
    if (!is_v1() || object_.Has("default-spec-id")) {
      return object_.GetInt("default-spec-id").Value(&metadata_->default_spec_id);
    }
    // Optional in format 1; specs are numbered as they come, so the newest is the
    // greatest.
    for (const PartitionSpec& spec : metadata_->partition_specs) {
      metadata_->default_spec_id = std::max(metadata_->default_spec_id, spec.spec_id);
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseLastPartitionId() {
    if (!is_v1() || object_.Has("last-partition-id")) {
      ARROW_ASSIGN_OR_RAISE(metadata_->last_partition_id,
                            object_.GetInt("last-partition-id"));
      return arrow::Status::OK();
    }
    for (const PartitionSpec& spec : metadata_->partition_specs) {
      for (const PartitionField& field : spec.fields) {
        metadata_->last_partition_id =
            std::max(metadata_->last_partition_id, field.field_id);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseSortOrders() {
    if (is_v1() && !object_.Has("sort-orders")) {
      metadata_->sort_orders.push_back(SortOrder());
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const json* orders, object_.GetArray("sort-orders"));
    ARROW_ASSIGN_OR_RAISE(metadata_->default_sort_order_id,
                          object_.GetInt("default-sort-order-id"));
    bool has_default = false;
    for (size_t i = 0; i < orders->size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          SortOrder order,
          SortOrderFromJson((*orders)[i], fmt::format("sort-orders[{}]", i)));
      has_default |= order.order_id == metadata_->default_sort_order_id;
      metadata_->sort_orders.push_back(std::move(order));
    }
    if (!has_default) {
      return Corrupt(fmt::format("\"default-sort-order-id\" {} is none of the orders",
                                 metadata_->default_sort_order_id));
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseProperties() {
    const json* properties = object_.Find("properties");
    if (properties == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(JsonObject::Make(*properties, "\"properties\"").status());
    for (const auto& [key, value] : properties->items()) {
      if (value.is_null()) continue;
      if (!value.is_string()) {
        return Corrupt(fmt::format("property \"{}\" must be a string", key));
      }
      metadata_->properties[key] = value.get<std::string>();
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseSnapshots() {
    ARROW_ASSIGN_OR_RAISE(const json* snapshots, object_.FindArray("snapshots"));
    for (size_t i = 0; snapshots != nullptr && i < snapshots->size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          Snapshot snapshot,
          SnapshotFromJson((*snapshots)[i], fmt::format("snapshots[{}]", i),
                           metadata_->format_version));
      if (snapshot.sequence_number > metadata_->last_sequence_number && !is_v1()) {
        return Corrupt(
            fmt::format("snapshot {} has sequence number {}, above the table's last, {}",
                        snapshot.snapshot_id, snapshot.sequence_number,
                        metadata_->last_sequence_number));
      }
      metadata_->snapshots.push_back(std::move(snapshot));
    }
    ARROW_ASSIGN_OR_RAISE(metadata_->current_snapshot_id,
                          object_.FindLong("current-snapshot-id"));
    // Java writes -1 where there is no snapshot.
    if (metadata_->current_snapshot_id == -1) metadata_->current_snapshot_id.reset();
    if (metadata_->current_snapshot_id && metadata_->current_snapshot() == nullptr) {
      return Corrupt(fmt::format("\"current-snapshot-id\" {} is none of the snapshots",
                                 *metadata_->current_snapshot_id));
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseRefs() {
    if (const json* refs = object_.Find("refs")) {
      ARROW_RETURN_NOT_OK(JsonObject::Make(*refs, "\"refs\"").status());
      for (const auto& [name, value] : refs->items()) {
        ARROW_ASSIGN_OR_RAISE(SnapshotRef ref,
                              SnapshotRefFromJson(value, "refs." + name));
        if (!metadata_->SnapshotById(ref.snapshot_id).ok()) {
          return Corrupt(fmt::format("ref '{}' is of snapshot {}, which is not there",
                                     name, ref.snapshot_id));
        }
        metadata_->refs.emplace(name, ref);
      }
    }
    const auto main = metadata_->refs.find(kMainBranch);
    if (main == metadata_->refs.end()) {
      if (!metadata_->current_snapshot_id) return arrow::Status::OK();
      SnapshotRef ref;
      ref.snapshot_id = *metadata_->current_snapshot_id;
      metadata_->refs.emplace(kMainBranch, ref);
      return arrow::Status::OK();
    }
    if (main->second.snapshot_id != metadata_->current_snapshot_id) {
      return Corrupt(fmt::format(
          "branch main is at snapshot {}, but \"current-snapshot-id\" is another",
          main->second.snapshot_id));
    }
    return arrow::Status::OK();
  }

  arrow::Status ParseLogs() {
    ARROW_ASSIGN_OR_RAISE(const json* snapshot_log, object_.FindArray("snapshot-log"));
    for (size_t i = 0; snapshot_log != nullptr && i < snapshot_log->size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          const JsonObject entry,
          JsonObject::Make((*snapshot_log)[i], fmt::format("snapshot-log[{}]", i)));
      SnapshotLogEntry parsed;
      ARROW_ASSIGN_OR_RAISE(parsed.timestamp_ms, entry.GetLong("timestamp-ms"));
      ARROW_ASSIGN_OR_RAISE(parsed.snapshot_id, entry.GetLong("snapshot-id"));
      metadata_->snapshot_log.push_back(parsed);
    }
    ARROW_ASSIGN_OR_RAISE(const json* metadata_log, object_.FindArray("metadata-log"));
    for (size_t i = 0; metadata_log != nullptr && i < metadata_log->size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          const JsonObject entry,
          JsonObject::Make((*metadata_log)[i], fmt::format("metadata-log[{}]", i)));
      MetadataLogEntry parsed;
      ARROW_ASSIGN_OR_RAISE(parsed.timestamp_ms, entry.GetLong("timestamp-ms"));
      ARROW_ASSIGN_OR_RAISE(parsed.metadata_file, entry.GetString("metadata-file"));
      metadata_->metadata_log.push_back(std::move(parsed));
    }
    return arrow::Status::OK();
  }

  arrow::Status KeepText(const char* key, std::string* text) {
    ARROW_ASSIGN_OR_RAISE(const json* value, object_.FindArray(key));
    if (value == nullptr || value->empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(*text, DumpJson(*value, key));
    return arrow::Status::OK();
  }

  const JsonObject& object_;
  std::shared_ptr<TableMetadata> metadata_ = std::make_shared<TableMetadata>();
};

}  // namespace

arrow::Result<TableMetadataPtr> TableMetadataFromJson(const json& value) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(value, "table metadata"));
  return MetadataParser(object).Parse();
}

arrow::Result<TableMetadataPtr> ParseTableMetadata(std::string_view bytes) {
  if (bytes.size() > kMaxMetadataBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "table metadata of {} bytes are above the limit of {}", bytes.size(),
                     kMaxMetadataBytes);
  }
  std::string inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    ARROW_ASSIGN_OR_RAISE(inflated, Gunzip(bytes));
    bytes = inflated;
  } else if (bytes.starts_with("\x28\xb5\x2f\xfd")) {
    ARROW_ASSIGN_OR_RAISE(inflated, Unzstd(bytes));
    bytes = inflated;
  }
  ARROW_ASSIGN_OR_RAISE(const json value, ParseJson(bytes, "table metadata"));
  return TableMetadataFromJson(value);
}

}  // namespace floe::iceberg
