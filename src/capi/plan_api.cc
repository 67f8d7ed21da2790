#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/request.h"
#include "capi/stream.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/scan.h"

namespace floe::capi {
namespace {

using nlohmann::json;

/// Columns of planned files under construction.
struct FileColumns {
  arrow::StringBuilder path;
  arrow::StringBuilder format;
  arrow::Int64Builder rows;
  arrow::Int64Builder bytes;
  arrow::Int64Builder sequence_number;
  std::shared_ptr<arrow::StringBuilder> delete_path =
      std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder delete_files{arrow::default_memory_pool(), delete_path};

  arrow::Status Reserve(const iceberg::ScanPlan& plan) {
    const auto count = static_cast<int64_t>(plan.tasks.size());
    int64_t path_bytes = 0;
    for (const auto& task : plan.tasks) {
      path_bytes += static_cast<int64_t>(task.file->file_path.size());
    }
    ARROW_RETURN_NOT_OK(path.Reserve(count));
    ARROW_RETURN_NOT_OK(path.ReserveData(path_bytes));
    ARROW_RETURN_NOT_OK(format.Reserve(count));
    ARROW_RETURN_NOT_OK(rows.Reserve(count));
    ARROW_RETURN_NOT_OK(bytes.Reserve(count));
    ARROW_RETURN_NOT_OK(sequence_number.Reserve(count));
    return delete_files.Reserve(count);
  }

  arrow::Status Append(const iceberg::FileScanTask& task) {
    ARROW_RETURN_NOT_OK(path.Append(task.file->file_path));
    ARROW_RETURN_NOT_OK(format.Append(iceberg::FileFormatName(task.file->file_format)));
    rows.UnsafeAppend(task.file->record_count);
    bytes.UnsafeAppend(task.file->file_size_bytes);
    sequence_number.UnsafeAppend(task.sequence_number);
    ARROW_RETURN_NOT_OK(delete_files.Append());
    for (const auto* deletes : {&task.position_deletes, &task.equality_deletes}) {
      for (const auto& file : *deletes) {
        ARROW_RETURN_NOT_OK(delete_path->Append(file->file_path));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(int64_t count) {
    const auto field = [](const char* name, std::shared_ptr<arrow::DataType> type) {
      return arrow::field(name, std::move(type), /*nullable=*/false);
    };
    auto schema = arrow::schema({
        field("file_path", arrow::utf8()),
        field("file_format", arrow::utf8()),
        field("record_count", arrow::int64()),
        field("file_size_bytes", arrow::int64()),
        field("sequence_number", arrow::int64()),
        field("delete_files", delete_files.type()),
    });
    arrow::ArrayVector columns;
    arrow::ArrayBuilder* builders[] = {&path,  &format,          &rows,
                                       &bytes, &sequence_number, &delete_files};
    for (arrow::ArrayBuilder* builder : builders) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builder->Finish());
    }
    return arrow::RecordBatch::Make(std::move(schema), count, std::move(columns));
  }
};

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> FilesOf(
    const iceberg::ScanPlan& plan) {
  FileColumns columns;
  ARROW_RETURN_NOT_OK(columns.Reserve(plan));
  for (const iceberg::FileScanTask& task : plan.tasks) {
    ARROW_RETURN_NOT_OK(columns.Append(task));
  }
  ARROW_ASSIGN_OR_RAISE(auto batch,
                        columns.Finish(static_cast<int64_t>(plan.tasks.size())));
  return arrow::RecordBatchReader::Make({batch}, batch->schema());
}

json ReportOf(const iceberg::ScanPlan& plan) {
  const iceberg::ScanCounters& counters = plan.counters;
  json snapshot_id = nullptr;
  if (plan.snapshot) snapshot_id = plan.snapshot->snapshot_id;
  return {{"snapshot_id", snapshot_id},
          {"manifests", counters.manifests},
          {"manifests_skipped", counters.manifests_skipped},
          {"files", counters.files},
          {"files_skipped_by_partition", counters.files_skipped_by_partition},
          {"files_skipped_by_metrics", counters.files_skipped_by_metrics},
          {"files_kept", counters.files_kept},
          {"rows_kept", counters.rows_kept},
          {"bytes_kept", counters.bytes_kept},
          {"delete_files", counters.delete_files}};
}

arrow::Status PlanFiles(floe_catalog* handle, const char* name, const char* options_json,
                        ArrowArrayStream* out, char** out_report_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(options_json, "the plan options",
                                       {"filter", "snapshot_id", "ref", "as_of_ms"}));
  iceberg::ScanOptions options;
  ARROW_ASSIGN_OR_RAISE(std::optional<std::string> filter, request.FindText("filter"));
  if (filter) {
    ARROW_ASSIGN_OR_RAISE(options.filter, iceberg::ParsePredicate(*filter));
  }
  ARROW_ASSIGN_OR_RAISE(options.selector, SelectorOf(request));
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(iceberg::ScanPlanPtr plan, iceberg::PlanFiles(table, options));
  ARROW_ASSIGN_OR_RAISE(auto reader, FilesOf(*plan));
  ARROW_ASSIGN_OR_RAISE(std::string report,
                        iceberg::DumpJson(ReportOf(*plan), "the report"));
  ARROW_RETURN_NOT_OK(ExportReader(std::move(reader), out));
  if (out_report_json != nullptr) *out_report_json = ToCString(report);
  return arrow::Status::OK();
}

}  // namespace
}  // namespace floe::capi

extern "C" {

floe_error* floe_plan_files(floe_catalog* catalog, const char* table,
                            const char* options_json, struct ArrowArrayStream* out,
                            char** out_report_json) {
  return floe::capi::Export([&] {
    return floe::capi::PlanFiles(catalog, table, options_json, out, out_report_json);
  });
}

}  // extern "C"
