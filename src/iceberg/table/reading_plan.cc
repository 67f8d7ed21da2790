#include "iceberg/table/reading_plan.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/table/metadata_columns.h"
#include "iceberg/table/plan_scope.h"
#include "iceberg/table/residual.h"

namespace floe::iceberg {
namespace {

/// What only manifests say: the sequence number of rows.
bool NeedsManifests(const Schema& schema) {
  return schema.FindField(metadata_column::kLastUpdated) != nullptr;
}

CatalogScanRequest RequestOf(const ScanPlan& plan) {
  CatalogScanRequest request;
  request.snapshot_id = plan.snapshot->snapshot_id;
  request.uses_snapshot_schema = plan.table_schema != plan.table->metadata()->schema();
  request.filter = plan.filter;
  for (const std::string& name : plan.schema->ColumnNames()) {
    // Metadata columns are made here.
    if (plan.table_schema->FindField(name) != nullptr) request.columns.push_back(name);
  }
  return request;
}

arrow::Status AssignDeletes(const CatalogScanTask& planned, FileScanTask* task) {
  std::shared_ptr<const DataFile> vector;
  for (const auto& file : planned.deletes) {
    if (file->content == FileContent::kEqualityDeletes) {
      task->equality_deletes.push_back(file);
    } else if (file->content != FileContent::kPositionDeletes) {
      return MakeError(ErrorCode::kCorruptData,
                       "the server's plan names data file '{}' as a delete file",
                       file->file_path);
    } else if (file->content_offset) {
      DataFile named = *file;
      named.referenced_data_file = planned.file->file_path;
      vector = std::make_shared<const DataFile>(std::move(named));
    } else {
      task->position_deletes.push_back(file);
    }
  }
  // It holds what they do.
  if (vector != nullptr) task->position_deletes = {std::move(vector)};
  return arrow::Status::OK();
}

arrow::Status TakeTasks(const CatalogScan& scan, ScanPlan* plan) {
  std::map<int32_t, std::shared_ptr<const PartitionSpec>> specs;
  for (const CatalogScanTask& planned : scan.tasks) {
    FileScanTask task;
    task.file = planned.file;
    auto& spec = specs[planned.file->spec_id];
    if (spec == nullptr) {
      ARROW_ASSIGN_OR_RAISE(const PartitionSpec* found,
                            plan->table->metadata()->SpecById(planned.file->spec_id));
      spec = std::make_shared<const PartitionSpec>(*found);
    }
    task.spec = spec;
    task.constants = IdentityConstants(*spec, *task.file);
    task.residual = ResidualFor(plan->filter, task.constants);
    ++plan->counters.files;
    if (task.residual->op() == Predicate::Op::kFalse) {
      ++plan->counters.files_skipped_by_partition;
      continue;
    }
    ARROW_RETURN_NOT_OK(AssignDeletes(planned, &task));
    plan->counters.delete_files +=
        static_cast<int64_t>(task.position_deletes.size() + task.equality_deletes.size());
    ++plan->counters.files_kept;
    plan->counters.bytes_kept += task.file->file_size_bytes;
    plan->counters.rows_kept += task.file->record_count;
    plan->tasks.push_back(std::move(task));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<ScanPlanPtr> PlanForReading(const TablePtr& table,
                                          const ScanOptions& options) {
  auto* server = dynamic_cast<ScanPlanningCatalog*>(table->catalog().get());
  const bool wants_metrics =
      !options.metrics_columns || !options.metrics_columns->empty();
  if (server == nullptr || wants_metrics) return PlanFiles(table, options);
  ARROW_ASSIGN_OR_RAISE(auto plan, PlanScope(table, options));
  if (!plan->snapshot || NeedsManifests(*plan->schema)) return PlanFiles(table, options);
  ARROW_ASSIGN_OR_RAISE(
      const auto scan,
      server->PlanScan(table->identifier(), *table->metadata(), RequestOf(*plan)));
  if (!scan) return PlanFiles(table, options);
  ARROW_RETURN_NOT_OK(WithContext(TakeTasks(*scan, plan.get()), "table", table->name()));
  if (scan->io != nullptr) {
    plan->table =
        table->WithLoaded({table->metadata_location(), table->metadata(), scan->io});
  }
  return plan;
}

}  // namespace floe::iceberg
