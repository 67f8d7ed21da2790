#include "capi/source_request.h"

#include <map>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "capi/config_keys.h"
#include "capi/handles.h"

namespace floe::capi {

namespace {

constexpr int64_t kMaxThreads = 1024;

arrow::Result<iceberg::TablePtr> TableOf(
    floe_catalog* catalog, const Request& request, const std::string& name,
    const std::map<std::string, std::string>& storage_options) {
  if (!request.Has("catalog")) return LoadTable(catalog, name, storage_options);
  ARROW_ASSIGN_OR_RAISE(Request config, request.Object("catalog", CatalogKeys()));
  floe_catalog own;
  ARROW_ASSIGN_OR_RAISE(own.catalog, SharedCatalog(config));
  return LoadTable(&own, name, storage_options);
}

}  // namespace

const std::vector<std::string>& SourceKeys() {
  static const auto* const keys =
      new std::vector<std::string>{"name",
                                   "table",
                                   "catalog",
                                   "snapshot_id",
                                   "ref",
                                   "as_of_ms",
                                   "parquet",
                                   "storage_options",
                                   "timestamp_field",
                                   "created_timestamp_column"};
  return *keys;
}

arrow::Result<offline::FeatureSource> SourceOf(floe_catalog* catalog,
                                               const Request& request) {
  offline::FeatureSource source;
  ARROW_ASSIGN_OR_RAISE(source.storage_options, request.TextMap("storage_options"));
  if (request.Has("table") == request.Has("parquet")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} must have one of 'table' and 'parquet'", request.where());
  }
  if (request.Has("table")) {
    ARROW_ASSIGN_OR_RAISE(std::string table, request.Text("table"));
    ARROW_ASSIGN_OR_RAISE(source.table,
                          TableOf(catalog, request, table, source.storage_options));
    source.name = table;
  } else {
    if (request.Has("catalog")) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} has both 'catalog' and 'parquet'; files are in no catalog",
                       request.where());
    }
    ARROW_ASSIGN_OR_RAISE(source.parquet_path, request.Text("parquet"));
    source.name = source.parquet_path;
  }
  ARROW_ASSIGN_OR_RAISE(source.snapshot, SelectorOf(request));
  ARROW_ASSIGN_OR_RAISE(source.name, request.TextOr("name", source.name));
  ARROW_ASSIGN_OR_RAISE(source.timestamp_field, request.Text("timestamp_field"));
  ARROW_ASSIGN_OR_RAISE(source.created_timestamp_column,
                        request.TextOr("created_timestamp_column", ""));
  return source;
}

arrow::Result<std::shared_ptr<Progress>> TimeoutOf(const Request& request) {
  ARROW_ASSIGN_OR_RAISE(
      Request given, request.ObjectOrEmpty("options", {"threads", "memory_budget_bytes",
                                                       "batch_rows", "timeout_ms"}));
  ARROW_ASSIGN_OR_RAISE(std::optional<int64_t> timeout_ms,
                        given.FindInteger("timeout_ms"));
  if (!timeout_ms) return nullptr;
  auto progress = std::make_shared<Progress>();
  progress->SetTimeout(Clock::System(), *timeout_ms);
  return progress;
}

arrow::Result<offline::RetrievalOptions> OptionsOf(const Request& request) {
  offline::RetrievalOptions options;
  ARROW_ASSIGN_OR_RAISE(
      Request given, request.ObjectOrEmpty("options", {"threads", "memory_budget_bytes",
                                                       "batch_rows", "timeout_ms"}));
  ARROW_ASSIGN_OR_RAISE(int64_t threads,
                        given.IntegerOr("threads", options.threads, 0, kMaxThreads));
  options.threads = static_cast<int>(threads);
  ARROW_ASSIGN_OR_RAISE(
      options.memory_budget_bytes,
      given.IntegerOr("memory_budget_bytes", options.memory_budget_bytes, 1));
  ARROW_ASSIGN_OR_RAISE(options.batch_rows,
                        given.IntegerOr("batch_rows", options.batch_rows, 1));
  return options;
}

}  // namespace floe::capi
