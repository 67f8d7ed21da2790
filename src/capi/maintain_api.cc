#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/request.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/maintain/compact.h"
#include "iceberg/maintain/expire_snapshots.h"
#include "iceberg/maintain/remove_orphans.h"
#include "iceberg/maintain/rewrite_deletes.h"
#include "iceberg/maintain/rewrite_manifests.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/row_delete.h"

namespace floe::capi {

namespace {

using iceberg::MaintenanceReport;
using iceberg::TablePtr;
using nlohmann::json;

constexpr char kDescending[] = " desc";

arrow::Status DeleteRows(floe_catalog* handle, const char* name, const char* filter,
                         const char* options_json, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(filter, "filter"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(options_json, "the delete options",
                                       {"mode", "snapshot_properties"}));
  iceberg::DeleteRowsOptions options;
  ARROW_ASSIGN_OR_RAISE(auto mode, request.FindText("mode"));
  if (mode && *mode != "copy-on-write" && *mode != "merge-on-read") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the delete mode is '{}': expected copy-on-write or merge-on-read",
                     *mode);
  }
  if (mode) {
    options.mode = *mode == "merge-on-read" ? iceberg::DeleteMode::kMergeOnRead
                                            : iceberg::DeleteMode::kCopyOnWrite;
  }
  ARROW_ASSIGN_OR_RAISE(options.summary, request.TextMap("snapshot_properties"));
  ARROW_ASSIGN_OR_RAISE(iceberg::PredicatePtr where, iceberg::ParsePredicate(filter));
  ARROW_ASSIGN_OR_RAISE(TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(auto result, iceberg::DeleteRows(table, where, options));
  if (out_json == nullptr) return arrow::Status::OK();
  json answer = {{"deleted_rows", result.deleted_rows},
                 {"removed_files", result.removed_files},
                 {"rewritten_files", result.rewritten_files},
                 {"delete_files", result.delete_files},
                 {"metadata_location", result.table->metadata_location()}};
  ARROW_ASSIGN_OR_RAISE(std::string text, iceberg::DumpJson(answer, "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

arrow::Result<iceberg::PredicatePtr> FilterOf(const Request& request) {
  ARROW_ASSIGN_OR_RAISE(auto text, request.FindText("filter"));
  if (!text) return iceberg::Predicate::True();
  return iceberg::ParsePredicate(*text);
}

arrow::Result<std::optional<int64_t>> PositiveOf(const Request& request,
                                                 const char* key) {
  if (!request.Has(key)) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(
      int64_t value, request.IntegerOr(key, 1, 1, std::numeric_limits<int64_t>::max()));
  return std::optional<int64_t>(value);
}

arrow::Result<MaintenanceReport> Compact(const TablePtr& table, const Request& request) {
  iceberg::CompactOptions options;
  ARROW_ASSIGN_OR_RAISE(options.filter, FilterOf(request));
  ARROW_ASSIGN_OR_RAISE(options.target_file_bytes, PositiveOf(request, "target_bytes"));
  ARROW_ASSIGN_OR_RAISE(auto min_files, PositiveOf(request, "min_files"));
  options.min_input_files = min_files.value_or(options.min_input_files);
  ARROW_ASSIGN_OR_RAISE(options.rewrite_all, request.BooleanOr("rewrite_all", false));
  ARROW_ASSIGN_OR_RAISE(auto sort_by, request.FindTexts("sort_by"));
  if (sort_by) options.sort_by.emplace();
  for (const std::string& text : sort_by.value_or(std::vector<std::string>())) {
    iceberg::SortColumn column;
    column.column = text;
    if (text.ends_with(kDescending)) {
      column.column = text.substr(0, text.size() - std::string(kDescending).size());
      column.direction = iceberg::SortDirection::kDescending;
    }
    options.sort_by->push_back(std::move(column));
  }
  ARROW_ASSIGN_OR_RAISE(options.dry_run, request.BooleanOr("dry_run", false));
  return iceberg::CompactFiles(table, options);
}

arrow::Result<MaintenanceReport> Deletes(const TablePtr& table, const Request& request) {
  iceberg::RewriteDeletesOptions options;
  ARROW_ASSIGN_OR_RAISE(options.filter, FilterOf(request));
  ARROW_ASSIGN_OR_RAISE(auto min_files, PositiveOf(request, "min_files"));
  options.min_delete_files = min_files.value_or(options.min_delete_files);
  ARROW_ASSIGN_OR_RAISE(options.dry_run, request.BooleanOr("dry_run", false));
  return iceberg::RewriteDeletes(table, options);
}

arrow::Result<MaintenanceReport> Manifests(const TablePtr& table,
                                           const Request& request) {
  iceberg::RewriteManifestsOptions options;
  ARROW_ASSIGN_OR_RAISE(options.target_bytes, PositiveOf(request, "target_bytes"));
  ARROW_ASSIGN_OR_RAISE(options.dry_run, request.BooleanOr("dry_run", false));
  return iceberg::RewriteManifests(table, options);
}

arrow::Result<MaintenanceReport> Expire(const TablePtr& table, const Request& request) {
  iceberg::ExpireSnapshotsOptions options;
  ARROW_ASSIGN_OR_RAISE(options.older_than_ms, request.FindInteger("older_than_ms"));
  if (request.Has("retain_last")) {
    ARROW_ASSIGN_OR_RAISE(
        int64_t retain,
        request.IntegerOr("retain_last", 1, 1, std::numeric_limits<int32_t>::max()));
    options.retain_last = static_cast<int32_t>(retain);
  }
  ARROW_ASSIGN_OR_RAISE(bool keep_files, request.BooleanOr("keep_files", false));
  options.remove_files = !keep_files;
  ARROW_ASSIGN_OR_RAISE(options.dry_run, request.BooleanOr("dry_run", false));
  return iceberg::ExpireSnapshots(table, options);
}

arrow::Result<MaintenanceReport> Orphans(const TablePtr& table, const Request& request) {
  iceberg::RemoveOrphansOptions options;
  ARROW_ASSIGN_OR_RAISE(options.older_than_ms, request.FindInteger("older_than_ms"));
  ARROW_ASSIGN_OR_RAISE(options.allow_recent, request.BooleanOr("allow_recent", false));
  ARROW_ASSIGN_OR_RAISE(options.dry_run, request.BooleanOr("dry_run", false));
  return iceberg::RemoveOrphanFiles(table, options);
}

/// One kind of upkeep: the options it takes, and doing it.
struct MaintainAction {
  std::vector<std::string> keys;
  arrow::Result<MaintenanceReport> (*run)(const TablePtr& table, const Request& request);
};

const std::map<std::string, MaintainAction>& Actions() {
  static const auto& actions = *new std::map<std::string, MaintainAction>{
      {"compact",
       {{"filter", "target_bytes", "min_files", "rewrite_all", "sort_by", "dry_run"},
        Compact}},
      {"deletes", {{"filter", "min_files", "dry_run"}, Deletes}},
      {"manifests", {{"target_bytes", "dry_run"}, Manifests}},
      {"expire", {{"older_than_ms", "retain_last", "keep_files", "dry_run"}, Expire}},
      {"orphans", {{"older_than_ms", "allow_recent", "dry_run"}, Orphans}},
  };
  return actions;
}

arrow::Status Maintain(floe_catalog* handle, const char* name, const char* action,
                       const char* options_json, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(action, "action"));
  auto found = Actions().find(action);
  if (found == Actions().end()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "there is no upkeep '{}': it is compact, deletes, manifests, expire "
                     "or orphans",
                     action);
  }
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(options_json, "the upkeep options", found->second.keys));
  ARROW_ASSIGN_OR_RAISE(TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(MaintenanceReport report, found->second.run(table, request));
  if (out_json != nullptr) *out_json = ToCString(MaintenanceReportToJson(report));
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_delete_rows(floe_catalog* catalog, const char* table, const char* filter,
                             const char* options_json, char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::DeleteRows(catalog, table, filter, options_json, out_json);
  });
}

floe_error* floe_maintain(floe_catalog* catalog, const char* table, const char* action,
                          const char* options_json, char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::Maintain(catalog, table, action, options_json, out_json);
  });
}

}  // extern "C"
