#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "capi/config_keys.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/request.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/glue/glue_catalog.h"
#include "iceberg/catalog/hive/hive_catalog.h"
#include "iceberg/catalog/rest/rest_catalog.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/table_context.h"
#include "io/file_io.h"

namespace floe::capi {

namespace {

std::unique_ptr<iceberg::CatalogRegistry> MakeRegistry() {
  auto registry = std::make_unique<iceberg::CatalogRegistry>();
  iceberg::RegisterGlueCatalog(*registry);
  iceberg::RegisterHiveCatalog(*registry);
  iceberg::RegisterSqlCatalog(*registry);
  iceberg::RegisterRestCatalog(*registry);
  return registry;
}

/// The catalogs of this process, one connection per configuration. The pointer is never
/// destroyed, since threads may still run then; floe_shutdown empties it.
std::unique_ptr<iceberg::CatalogRegistry>& Registry() {
  static auto* const registry =
      new std::unique_ptr<iceberg::CatalogRegistry>(MakeRegistry());
  static std::atomic<pid_t> owner = ::getpid();
  // A forked process may neither use nor close its parent's connections.
  if (owner.exchange(::getpid()) != ::getpid()) {
    static_cast<void>(registry->release());
    *registry = MakeRegistry();
  }
  return *registry;
}

arrow::Result<iceberg::CatalogConfig> ConfigOf(const Request& request) {
  iceberg::CatalogConfig config;
  ARROW_ASSIGN_OR_RAISE(config.catalog_type, request.Text("catalog_type"));
  ARROW_ASSIGN_OR_RAISE(config.catalog_name,
                        request.TextOr("catalog_name", config.catalog_name));
  ARROW_ASSIGN_OR_RAISE(config.uri, request.TextOr("uri", ""));
  ARROW_ASSIGN_OR_RAISE(config.warehouse, request.TextOr("warehouse", ""));
  ARROW_ASSIGN_OR_RAISE(config.properties, request.TextMap("storage_options"));
  return config;
}

arrow::Status OpenCatalog(const char* config_json, floe_catalog** out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_RETURN_NOT_OK(CheckNotNull(config_json, "config_json"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(config_json, "the catalog configuration",
                                       CatalogKeys(), ErrorCode::kInvalidConfig));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog,
                        SharedCatalog(request));
  *out = std::make_unique<floe_catalog>(floe_catalog{std::move(catalog)}).release();
  return arrow::Status::OK();
}

arrow::Status PutJson(const nlohmann::json& value, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(out_json, "out_json"));
  ARROW_ASSIGN_OR_RAISE(std::string text, iceberg::DumpJson(value, "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

arrow::Status ListNamespaces(floe_catalog* handle, char** out_json) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, iceberg::ListAllNamespaces(*catalog));
  std::vector<std::string> names;
  for (const auto& levels : namespaces) {
    names.push_back(iceberg::NamespaceToString(levels));
  }
  return PutJson(names, out_json);
}

arrow::Status ListTables(floe_catalog* handle, const char* name_space, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name_space, "name_space"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::Namespace levels, iceberg::ParseNamespace(name_space));
  ARROW_ASSIGN_OR_RAISE(std::vector<iceberg::TableIdentifier> tables,
                        catalog->ListTables(levels));
  std::vector<std::string> names;
  for (const iceberg::TableIdentifier& table : tables) names.push_back(table.ToString());
  return PutJson(names, out_json);
}

arrow::Status CreateNamespace(floe_catalog* handle, const char* name_space) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name_space, "name_space"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::Namespace levels, iceberg::ParseNamespace(name_space));
  return catalog->CreateNamespace(levels, {});
}

/// Whether a table is named by its metadata file rather than in the catalog. A catalog
/// name never holds a slash or ends like a file.
bool IsMetadataLocation(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json");
}

}  // namespace

arrow::Result<std::shared_ptr<iceberg::Catalog>> CatalogOf(floe_catalog* handle) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "catalog"));
  return handle->catalog;
}

arrow::Result<std::shared_ptr<iceberg::Catalog>> SharedCatalog(const Request& request) {
  ARROW_ASSIGN_OR_RAISE(iceberg::CatalogConfig config, ConfigOf(request));
  if (Registry() == nullptr) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "floe_shutdown was called: no catalog can be opened any more");
  }
  return Registry()->Open(config);
}

arrow::Result<iceberg::TablePtr> LoadTable(
    floe_catalog* handle, const std::string& name,
    const std::map<std::string, std::string>& storage_options) {
  if (IsMetadataLocation(name)) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO(storage_options));
    return iceberg::Table::FromMetadataFile(std::move(io), name);
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(iceberg::TableIdentifier identifier,
                        iceberg::TableIdentifier::Parse(name));
  return iceberg::Table::Load(std::move(catalog), identifier);
}

arrow::Result<iceberg::SnapshotSelector> SelectorOf(const Request& request) {
  iceberg::SnapshotSelector selector;
  ARROW_ASSIGN_OR_RAISE(selector.snapshot_id, request.FindInteger("snapshot_id"));
  ARROW_ASSIGN_OR_RAISE(selector.ref, request.FindText("ref"));
  ARROW_ASSIGN_OR_RAISE(selector.as_of_ms, request.FindInteger("as_of_ms"));
  int pins = selector.snapshot_id.has_value() + selector.ref.has_value() +
             selector.as_of_ms.has_value();
  if (pins > 1) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} pins more than one of snapshot_id, ref and as_of_ms; keep one",
                     request.where());
  }
  return selector;
}

}  // namespace floe::capi

extern "C" {

const char* floe_version(void) { return FLOE_VERSION; }

void floe_shutdown(void) {
  floe::capi::Registry().reset();
  floe::iceberg::MetadataCache::Process()->Clear();
}

floe_error* floe_catalog_open(const char* config_json, floe_catalog** out) {
  return floe::capi::Export([&] { return floe::capi::OpenCatalog(config_json, out); });
}

void floe_catalog_close(floe_catalog* catalog) {
  std::unique_ptr<floe_catalog> owned(catalog);
}

floe_error* floe_list_namespaces(floe_catalog* catalog, char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::ListNamespaces(catalog, out_json); });
}

floe_error* floe_list_tables(floe_catalog* catalog, const char* name_space,
                             char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::ListTables(catalog, name_space, out_json); });
}

floe_error* floe_create_namespace(floe_catalog* catalog, const char* name_space) {
  return floe::capi::Export(
      [&] { return floe::capi::CreateNamespace(catalog, name_space); });
}

}  // extern "C"
