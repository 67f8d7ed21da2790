#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/partition_text.h"
#include "capi/request.h"
#include "capi/scan_target.h"
#include "capi/stream.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/table_metadata.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/incremental_scan.h"
#include "iceberg/table/metadata_table.h"
#include "iceberg/table/replace_rows.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/schema_of_rows.h"

namespace floe::capi {

namespace {

using nlohmann::json;

arrow::Status TableExists(floe_catalog* handle, const char* table, int* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(table, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::TableIdentifier identifier,
                        iceberg::TableIdentifier::Parse(table));
  ARROW_ASSIGN_OR_RAISE(bool exists, catalog->TableExists(identifier));
  *out = exists ? 1 : 0;
  return arrow::Status::OK();
}

/// The member of a list of metadata JSON whose `id_key` is `id`; null where there is
/// none.
json MemberById(const json& metadata, const char* list, const char* id_key, int64_t id) {
  if (auto found = metadata.find(list); found != metadata.end()) {
    for (const json& member : *found) {
      if (member.value(id_key, int64_t{-1}) == id) return member;
    }
  }
  return nullptr;
}

json SnapshotsJson(const iceberg::TableMetadata& metadata) {
  json snapshots = json::array();
  for (const iceberg::Snapshot& snapshot : metadata.snapshots) {
    json parent = nullptr;
    if (snapshot.parent_snapshot_id) parent = *snapshot.parent_snapshot_id;
    snapshots.push_back({{"snapshot_id", snapshot.snapshot_id},
                         {"parent_snapshot_id", parent},
                         {"sequence_number", snapshot.sequence_number},
                         {"timestamp_ms", snapshot.timestamp_ms},
                         {"operation", snapshot.operation()},
                         {"summary", snapshot.summary}});
  }
  return snapshots;
}

json RefsJson(const iceberg::TableMetadata& metadata) {
  json refs = json::object();
  for (const auto& [name, ref] : metadata.refs) {
    refs[name] = {{"snapshot_id", ref.snapshot_id},
                  {"type", ref.type == iceberg::RefType::kTag ? "tag" : "branch"}};
  }
  return refs;
}

arrow::Status DescribeTable(floe_catalog* handle, const char* name, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out_json, "out_json"));
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table, LoadTable(handle, name));
  const iceberg::TableMetadata& metadata = *table->metadata();
  ARROW_ASSIGN_OR_RAISE(std::string text, iceberg::TableMetadataToJson(metadata));
  ARROW_ASSIGN_OR_RAISE(json spec_json, iceberg::ParseJson(text, "the table metadata"));
  ARROW_ASSIGN_OR_RAISE(json schema,
                        iceberg::ParseJson(iceberg::SchemaToJsonText(*metadata.schema()),
                                           "the table schema"));
  json current = nullptr;
  if (metadata.current_snapshot_id) current = *metadata.current_snapshot_id;
  json answer = {
      {"name", table->name()},
      {"uuid", metadata.table_uuid},
      {"format_version", metadata.format_version},
      {"location", metadata.location},
      {"metadata_location", table->metadata_location()},
      {"last_updated_ms", metadata.last_updated_ms},
      {"current_snapshot_id", current},
      {"schema", schema},
      {"partition_spec",
       MemberById(spec_json, "partition-specs", "spec-id", metadata.default_spec_id)},
      {"sort_order",
       MemberById(spec_json, "sort-orders", "order-id", metadata.default_sort_order_id)},
      {"properties", metadata.properties},
      {"refs", RefsJson(metadata)},
      {"snapshots", SnapshotsJson(metadata)},
  };
  ARROW_ASSIGN_OR_RAISE(std::string dumped, iceberg::DumpJson(answer, "the answer"));
  *out_json = ToCString(dumped);
  return arrow::Status::OK();
}

arrow::Status TableSchema(floe_catalog* handle, const char* name,
                          const char* options_json, ArrowSchema* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(options_json, "the schema options",
                                       {"snapshot_id", "ref", "as_of_ms"}));
  iceberg::ScanOptions options;
  ARROW_ASSIGN_OR_RAISE(options.selector, SelectorOf(request));
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(iceberg::ScanPlanPtr plan, iceberg::PlanFiles(table, options));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Schema> schema,
                        iceberg::ToArrowSchema(*plan->schema));
  return arrow::ExportSchema(*schema, out);
}

arrow::Status CreateTable(floe_catalog* handle, const char* name, ArrowSchema* schema,
                          const char* options_json) {
  InputSchema input(schema);
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::TableIdentifier identifier,
                        iceberg::TableIdentifier::Parse(name));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(options_json, "the table options",
                                       {"partition_by", "properties", "format_version",
                                        "location", "if_not_exists"}));
  iceberg::CreateTableRequest creation;
  ARROW_ASSIGN_OR_RAISE(int64_t format_version,
                        request.IntegerOr("format_version", creation.format_version, 1,
                                          iceberg::TableMetadata::kFormatVersionMax));
  creation.format_version = static_cast<int>(format_version);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Schema> arrow_schema, input.ToSchema());
  ARROW_ASSIGN_OR_RAISE(creation.schema,
                        iceberg::FromArrowSchema(*arrow_schema, creation.format_version));
  ARROW_ASSIGN_OR_RAISE(auto partition_by, request.FindTexts("partition_by"));
  if (partition_by) {
    ARROW_ASSIGN_OR_RAISE(creation.spec,
                          ParsePartitionBy(*partition_by, *creation.schema));
  }
  ARROW_ASSIGN_OR_RAISE(creation.properties, request.TextMap("properties"));
  ARROW_ASSIGN_OR_RAISE(creation.location, request.FindText("location"));
  ARROW_ASSIGN_OR_RAISE(bool if_not_exists, request.BooleanOr("if_not_exists", false));
  ARROW_RETURN_NOT_OK(iceberg::EnsureNamespace(*catalog, identifier.levels));
  arrow::Status created = catalog->CreateTable(identifier, creation).status();
  if (if_not_exists && IsError(created, ErrorCode::kAlreadyExists)) {
    return arrow::Status::OK();
  }
  return created;
}

arrow::Status DropTable(floe_catalog* handle, const char* name, bool purge) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::TableIdentifier identifier,
                        iceberg::TableIdentifier::Parse(name));
  return catalog->DropTable(identifier, purge);
}

/// What an append did, from the snapshot it made; nothing where it made none.
json AppendResult(const iceberg::Table& before, const iceberg::Table& after) {
  json result = {{"snapshot_id", nullptr},
                 {"rows", 0},
                 {"files", 0},
                 {"metadata_location", after.metadata_location()}};
  const iceberg::Snapshot* snapshot = after.metadata()->current_snapshot();
  if (after.metadata_location() == before.metadata_location() || snapshot == nullptr) {
    return result;
  }
  auto count = [&](const char* key) -> int64_t {
    auto found = snapshot->summary.find(key);
    return found == snapshot->summary.end() ? 0 : std::stoll(found->second);
  };
  result["snapshot_id"] = snapshot->snapshot_id;
  result["rows"] = count("added-records");
  result["files"] = count("added-data-files");
  return result;
}

arrow::Status Append(floe_catalog* handle, const char* name, ArrowArrayStream* rows,
                     const char* options_json, char** out_json) {
  InputStream input(rows);
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(rows, "rows"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(options_json, "the append options",
                     {"snapshot_properties", "add_columns", "overwrite"}));
  ARROW_ASSIGN_OR_RAISE(auto summary, request.TextMap("snapshot_properties"));
  ARROW_ASSIGN_OR_RAISE(bool adds_columns, request.BooleanOr("add_columns", false));
  ARROW_ASSIGN_OR_RAISE(bool overwrites, request.BooleanOr("overwrite", false));
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::RecordBatchReader> reader,
                        input.ToReader());
  if (adds_columns && !overwrites) {
    ARROW_ASSIGN_OR_RAISE(table, iceberg::AddMissingColumns(table, *reader->schema()));
  }
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr appended,
                        overwrites ? iceberg::ReplaceRows(table, *reader, {}, summary)
                                   : iceberg::AppendBatches(table, *reader, {}, summary));
  if (out_json != nullptr) {
    ARROW_ASSIGN_OR_RAISE(
        std::string text,
        iceberg::DumpJson(AppendResult(*table, *appended), "the answer"));
    *out_json = ToCString(text);
  }
  return arrow::Status::OK();
}

/// The rows of a scan's target: its own, those of a metadata table, or its changes.
arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTarget(
    const Request& request, iceberg::ScanTarget target, iceberg::ScanOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto about, request.FindText("metadata_table"));
  if (about) target.metadata_table = *about;
  if (!request.Has("changes")) {
    if (request.Has("after_snapshot_id")) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} has 'after_snapshot_id' without 'changes'", request.where());
    }
    return iceberg::Scan(target, options);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string changes, request.Text("changes"));
  if (!target.metadata_table.empty() || (changes != "appends" && changes != "all")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'changes' of {} is \"appends\" or \"all\", of a table that is no "
                     "metadata table",
                     request.where());
  }
  iceberg::IncrementalScanOptions incremental;
  incremental.scan = std::move(options);
  ARROW_ASSIGN_OR_RAISE(incremental.from_snapshot_id,
                        request.FindInteger("after_snapshot_id"));
  if (changes == "appends") return iceberg::ScanAppends(target.table, incremental);
  return iceberg::ScanChanges(target.table, incremental);
}

arrow::Status Scan(floe_catalog* handle, const char* name, const char* options_json,
                   ArrowArrayStream* out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(options_json, "the scan options",
                     {"columns", "filter", "snapshot_id", "ref", "as_of_ms", "limit",
                      "metadata_table", "changes", "after_snapshot_id"}));
  iceberg::ScanOptions options;
  ARROW_ASSIGN_OR_RAISE(options.columns, request.FindTexts("columns"));
  ARROW_ASSIGN_OR_RAISE(std::optional<std::string> filter, request.FindText("filter"));
  if (filter) {
    ARROW_ASSIGN_OR_RAISE(options.filter, iceberg::ParsePredicate(*filter));
  }
  ARROW_ASSIGN_OR_RAISE(options.selector, SelectorOf(request));
  if (request.Has("limit")) {
    ARROW_ASSIGN_OR_RAISE(
        options.limit,
        request.IntegerOr("limit", 0, 0, std::numeric_limits<int64_t>::max()));
  }
  ARROW_ASSIGN_OR_RAISE(iceberg::ScanTarget target, LoadScanTarget(handle, name));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::RecordBatchReader> reader,
                        ReadTarget(request, std::move(target), std::move(options)));
  return ExportReader(std::move(reader), out);
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_table_exists(floe_catalog* catalog, const char* table, int* out) {
  return floe::capi::Export([&] { return floe::capi::TableExists(catalog, table, out); });
}

floe_error* floe_describe_table(floe_catalog* catalog, const char* table,
                                char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::DescribeTable(catalog, table, out_json); });
}

floe_error* floe_table_schema(floe_catalog* catalog, const char* table,
                              const char* options_json, struct ArrowSchema* out) {
  return floe::capi::Export(
      [&] { return floe::capi::TableSchema(catalog, table, options_json, out); });
}

floe_error* floe_create_table(floe_catalog* catalog, const char* table,
                              struct ArrowSchema* schema, const char* options_json) {
  return floe::capi::Export(
      [&] { return floe::capi::CreateTable(catalog, table, schema, options_json); });
}

floe_error* floe_drop_table(floe_catalog* catalog, const char* table, int purge) {
  return floe::capi::Export(
      [&] { return floe::capi::DropTable(catalog, table, purge != 0); });
}

floe_error* floe_append(floe_catalog* catalog, const char* table,
                        struct ArrowArrayStream* rows, const char* options_json,
                        char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::Append(catalog, table, rows, options_json, out_json); });
}

floe_error* floe_scan(floe_catalog* catalog, const char* table, const char* options_json,
                      struct ArrowArrayStream* out) {
  return floe::capi::Export(
      [&] { return floe::capi::Scan(catalog, table, options_json, out); });
}

}  // extern "C"
