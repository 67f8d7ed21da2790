#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/catalog/rest/content_file_json.h"
#include "iceberg/catalog/rest/predicate_json.h"
#include "iceberg/catalog/rest/rest_catalog.h"
#include "iceberg/catalog/rest/rest_endpoints.h"
#include "iceberg/catalog/rest/rest_json.h"
#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

constexpr size_t kMaxTasks = 10'000'000;
constexpr size_t kMaxPlanTasks = 1'000'000;
constexpr int64_t kFirstPollMs = 50;
constexpr int64_t kLongestPollMs = 5'000;

arrow::Result<json> RequestToJson(const CatalogScanRequest& request,
                                  const Schema& schema) {
  json value = {{"snapshot-id", request.snapshot_id},
                {"case-sensitive", true},
                {"use-snapshot-schema", request.uses_snapshot_schema}};
  if (!request.columns.empty()) value["select"] = request.columns;
  json filter = PredicateToJson(*request.filter, schema);
  if (filter != json(true)) value["filter"] = std::move(filter);
  return value;
}

/// Collects ScanTasks objects.
class TaskCollector {
 public:
  TaskCollector(const TableMetadata& metadata, const Schema& schema)
      : metadata_(metadata), schema_(schema) {}

  arrow::Status Add(const json& answer) {
    ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(answer, "the plan"));
    std::vector<std::shared_ptr<const DataFile>> deletes;
    ARROW_ASSIGN_OR_RAISE(const json* delete_files, object.FindArray("delete-files"));
    if (delete_files != nullptr) {
      for (const json& item : *delete_files) {
        ARROW_ASSIGN_OR_RAISE(DataFile file,
                              ContentFileFromJson(item, metadata_, schema_));
        deletes.push_back(std::make_shared<const DataFile>(std::move(file)));
      }
    }
    ARROW_ASSIGN_OR_RAISE(const json* tasks, object.FindArray("file-scan-tasks"));
    if (tasks != nullptr) {
      for (const json& task : *tasks) ARROW_RETURN_NOT_OK(AddTask(task, deletes));
    }
    ARROW_ASSIGN_OR_RAISE(const json* plan_tasks, object.FindArray("plan-tasks"));
    if (plan_tasks == nullptr) return arrow::Status::OK();
    for (const json& task : *plan_tasks) {
      ARROW_ASSIGN_OR_RAISE(std::string text, JsonText(task, "plan-tasks"));
      plan_tasks_.push_back(std::move(text));
      if (++plan_tasks_seen_ > kMaxPlanTasks) {
        return MakeError(ErrorCode::kResourceExhausted,
                         "the server's plan has more than {} parts", kMaxPlanTasks);
      }
    }
    return arrow::Status::OK();
  }

  std::deque<std::string>& plan_tasks() { return plan_tasks_; }
  std::vector<CatalogScanTask> TakeTasks() { return std::move(tasks_); }

 private:
  arrow::Status AddTask(const json& value,
                        const std::vector<std::shared_ptr<const DataFile>>& deletes) {
    ARROW_ASSIGN_OR_RAISE(const JsonObject object, JsonObject::Make(value, "a task"));
    ARROW_ASSIGN_OR_RAISE(const json* data_file, object.Get("data-file"));
    ARROW_ASSIGN_OR_RAISE(DataFile file,
                          ContentFileFromJson(*data_file, metadata_, schema_));
    CatalogScanTask task;
    ARROW_ASSIGN_OR_RAISE(const std::vector<int32_t> references,
                          object.FindIntList("delete-file-references"));
    for (int32_t index : references) {
      if (index < 0 || static_cast<size_t>(index) >= deletes.size()) {
        return MakeError(ErrorCode::kCorruptData,
                         "the server's plan names delete file {} of {}", index,
                         deletes.size());
      }
      task.deletes.push_back(deletes[static_cast<size_t>(index)]);
    }
    task.file = std::make_shared<const DataFile>(std::move(file));
    tasks_.push_back(std::move(task));
    if (tasks_.size() <= kMaxTasks) return arrow::Status::OK();
    return MakeError(ErrorCode::kResourceExhausted,
                     "the scan would read more than {} files: narrow the filter",
                     kMaxTasks);
  }

  const TableMetadata& metadata_;
  const Schema& schema_;
  std::vector<CatalogScanTask> tasks_;
  std::deque<std::string> plan_tasks_;
  size_t plan_tasks_seen_ = 0;
};

arrow::Result<std::string> StatusOf(const RestAnswer& answer) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(answer.body, "the plan"));
  return object.GetString("status");
}

/// Of a "failed" or "cancelled" plan.
arrow::Status FailureOf(const std::string& what, const std::string& status,
                        const json& answer) {
  std::string message;
  const auto error = answer.find("error");
  if (error != answer.end() && error->is_object()) {
    message = error->value("message", json()).is_string()
                  ? (*error)["message"].get<std::string>()
                  : "";
  }
  return MakeError(ErrorCode::kServiceUnavailable,
                   "{}: the server's plan is {}{}{}; set scan-planning-mode to client to "
                   "plan here",
                   what, status, message.empty() ? "" : ": ", message);
}

}  // namespace

arrow::Result<json> RestCatalog::AwaitPlan(const RestCall& first,
                                           const RestAnswer& submitted) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(submitted.body, "the plan"));
  ARROW_ASSIGN_OR_RAISE(const std::string plan_id, object.GetString("plan-id"));
  ARROW_RETURN_NOT_OK(CheckServed(kFetchPlan, first.what));
  RestCall poll{.path = first.path + "/" + PercentEncode(plan_id)};
  poll.what = first.what;
  poll.token = first.token;
  poll.not_found = ErrorCode::kServiceUnavailable;
  const int64_t timeout_ms = session_->settings().planning_timeout_ms;
  int64_t waited_ms = 0;
  for (int64_t wait_ms = kFirstPollMs; waited_ms < timeout_ms;
       wait_ms = std::min(2 * wait_ms, kLongestPollMs)) {
    Wait(wait_ms);
    waited_ms += wait_ms;
    ARROW_ASSIGN_OR_RAISE(RestAnswer answer, session_->Send(poll));
    ARROW_ASSIGN_OR_RAISE(const std::string status, StatusOf(answer));
    if (status == "completed") return std::move(answer.body);
    if (status != "submitted") return FailureOf(first.what, status, answer.body);
  }
  if (server_.Serves(kCancelPlan)) {
    RestCall cancel = poll;
    cancel.method = "DELETE";
    // The plan is given up either way; the server forgets it by itself in the end.
    static_cast<void>(session_->Send(cancel));
  }
  return MakeError(ErrorCode::kDeadlineExceeded,
                   "{}: the server has no plan after {} ms; raise "
                   "rest.scan-planning-timeout-ms, or set scan-planning-mode to client",
                   first.what, timeout_ms);
}

arrow::Result<std::optional<CatalogScan>> RestCatalog::PlanScan(
    const TableIdentifier& table, const TableMetadata& metadata,
    const CatalogScanRequest& request) {
  const auto record = records_.Find(table);
  const std::string mode =
      record ? FirstProperty(record->config, {"scan-planning-mode"}) : "";
  const bool is_asked =
      mode.empty() ? session_->settings().plans_on_server : mode == "server";
  if (!is_asked) return std::nullopt;
  RestCall call{.method = "POST", .path = TablePath(table) + "/plan"};
  call.what = fmt::format("plan a scan of table '{}'", table.ToString());
  call.token = TokenOf(table);
  ARROW_RETURN_NOT_OK(CheckServed(kPlanScan, call.what));
  ARROW_ASSIGN_OR_RAISE(const Snapshot* snapshot,
                        metadata.SnapshotById(request.snapshot_id));
  SchemaPtr schema = metadata.schema();
  if (request.uses_snapshot_schema && snapshot->schema_id) {
    ARROW_ASSIGN_OR_RAISE(schema, metadata.SchemaById(*snapshot->schema_id));
  }
  ARROW_ASSIGN_OR_RAISE(const json body, RequestToJson(request, *schema));
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  ARROW_ASSIGN_OR_RAISE(RestAnswer answer, session_->Send(call));
  ARROW_ASSIGN_OR_RAISE(const std::string status, StatusOf(answer));
  if (status == "submitted") {
    ARROW_ASSIGN_OR_RAISE(answer.body, AwaitPlan(call, answer));
  } else if (status != "completed") {
    return FailureOf(call.what, status, answer.body);
  }
  TaskCollector tasks(metadata, *schema);
  ARROW_RETURN_NOT_OK(WithContext(tasks.Add(answer.body), "table", table.ToString()));
  while (!tasks.plan_tasks().empty()) {
    RestCall fetch{.method = "POST", .path = TablePath(table) + "/tasks"};
    fetch.what = call.what;
    fetch.token = call.token;
    fetch.not_found = ErrorCode::kServiceUnavailable;
    ARROW_RETURN_NOT_OK(CheckServed(kFetchTasks, fetch.what));
    const json plan_task = {{"plan-task", tasks.plan_tasks().front()}};
    tasks.plan_tasks().pop_front();
    ARROW_ASSIGN_OR_RAISE(fetch.body, DumpJson(plan_task, fetch.what));
    ARROW_ASSIGN_OR_RAISE(const RestAnswer part, session_->Send(fetch));
    ARROW_RETURN_NOT_OK(WithContext(tasks.Add(part.body), "table", table.ToString()));
  }
  CatalogScan scan;
  scan.tasks = tasks.TakeTasks();
  ARROW_ASSIGN_OR_RAISE(scan.io, PlanIo(table, answer.body, metadata, record));
  return std::optional<CatalogScan>(std::move(scan));
}

}  // namespace floe::iceberg
