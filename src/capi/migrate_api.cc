#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/request.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/migrate.h"
#include "io/file_io.h"

namespace floe::capi {

namespace {

using iceberg::ForeignFile;
using iceberg::ForeignTable;
using nlohmann::json;

arrow::Status RegisterTable(floe_catalog* handle, const char* name,
                            const char* metadata_location, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(metadata_location, "metadata_location"));
  ARROW_ASSIGN_OR_RAISE(auto catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(auto identifier, iceberg::TableIdentifier::Parse(name));
  ARROW_RETURN_NOT_OK(EnsureNamespace(*catalog, identifier.levels));
  ARROW_ASSIGN_OR_RAISE(auto loaded,
                        catalog->RegisterTable(identifier, metadata_location));
  if (out_json == nullptr) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(
      std::string text,
      iceberg::DumpJson({{"metadata_location", loaded.metadata_location},
                         {"table_uuid", loaded.metadata->table_uuid}},
                        "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

arrow::Result<iceberg::ForeignSchemaOptions> SchemaOptionsOf(const Request& request) {
  iceberg::ForeignSchemaOptions options;
  options.threads = DefaultThreadCount();
  ARROW_ASSIGN_OR_RAISE(options.partition_types, request.TextMap("partition_types"));
  ARROW_ASSIGN_OR_RAISE(const std::string use, request.TextOr("nanoseconds", "refuse"));
  if (use == "truncate") {
    options.nanoseconds = iceberg::NanosecondUse::kTruncate;
  } else if (use == "keep") {
    options.nanoseconds = iceberg::NanosecondUse::kKeep;
  } else if (use != "refuse") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "\"nanoseconds\" is '{}': expected refuse, truncate or keep", use);
  }
  return options;
}

arrow::Status MigrateInto(floe_catalog* handle, const char* name, const Request& request,
                          const std::vector<ForeignFile>& files,
                          const ForeignTable& description, json* answer) {
  ARROW_ASSIGN_OR_RAISE(auto catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(auto identifier, iceberg::TableIdentifier::Parse(name));
  ARROW_ASSIGN_OR_RAISE(auto properties, request.TextMap("properties"));
  ARROW_ASSIGN_OR_RAISE(const bool append, request.BooleanOr("append", false));
  iceberg::AddForeignOptions options;
  options.threads = DefaultThreadCount();
  iceberg::TablePtr table;
  if (append) {
    ARROW_ASSIGN_OR_RAISE(table, iceberg::Table::Load(catalog, identifier));
    ARROW_ASSIGN_OR_RAISE(table, AddForeignFiles(table, files, options));
  } else {
    ARROW_ASSIGN_OR_RAISE(table, MigrateFiles(catalog, identifier, files, description,
                                              properties, options));
  }
  (*answer)["metadata_location"] = table->metadata_location();
  (*answer)["snapshot_id"] = table->metadata()->current_snapshot()->snapshot_id;
  return arrow::Status::OK();
}

arrow::Status Migrate(floe_catalog* handle, const char* name, const char* request_json,
                      char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(request_json, "request_json"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the migration request",
                     {"paths", "append", "dry_run", "nanoseconds", "partition_types",
                      "properties", "storage_options"}));
  ARROW_ASSIGN_OR_RAISE(const auto paths, request.Texts("paths"));
  ARROW_ASSIGN_OR_RAISE(const auto storage, request.TextMap("storage_options"));
  ARROW_ASSIGN_OR_RAISE(const auto options, SchemaOptionsOf(request));
  ARROW_ASSIGN_OR_RAISE(const bool dry_run, request.BooleanOr("dry_run", false));
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<FileIO> io, MakeFileIO(storage));
  ARROW_ASSIGN_OR_RAISE(const auto files, iceberg::ListForeignFiles(*io, paths));
  ARROW_ASSIGN_OR_RAISE(const ForeignTable description,
                        iceberg::UniteForeignFiles(*io, files, options));
  json answer = {{"files", files.size()},
                 {"rows", description.row_count},
                 {"bytes", description.size_bytes},
                 {"format_version", description.format_version},
                 {"schema", json::parse(iceberg::SchemaToJsonText(*description.schema))}};
  if (!dry_run) {
    ARROW_RETURN_NOT_OK(MigrateInto(handle, name, request, files, description, &answer));
  }
  if (out_json == nullptr) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string text, iceberg::DumpJson(answer, "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_register_table(floe_catalog* catalog, const char* table,
                                const char* metadata_location, char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::RegisterTable(catalog, table, metadata_location, out_json);
  });
}

floe_error* floe_migrate(floe_catalog* catalog, const char* table,
                         const char* request_json, char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::Migrate(catalog, table, request_json, out_json); });
}

}  // extern "C"
