#include "iceberg/table/scan_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/metadata_columns.h"
#include "iceberg/table/plan_scope.h"
#include "iceberg/table/residual.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/snapshot_manifests.h"
#include "io/prefetch.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMaxPlannedFiles = 10'000'000;

/// What planning needs of one partition spec.
struct SpecPlan {
  std::shared_ptr<const PartitionSpec> spec;
  TypePtr partition_type;
  PredicatePtr projected;
};

/// The live files of one manifest.
struct ManifestPlan {
  std::vector<FileScanTask> tasks;
  ScanCounters counters;
};

arrow::Status CheckSelector(const SnapshotSelector& selector) {
  int given = (selector.snapshot_id ? 1 : 0) + (selector.ref ? 1 : 0) +
              (selector.as_of_ms ? 1 : 0);
  if (given <= 1) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "choose the snapshot by id, by ref or by time, not by several");
}

/// Ids of the columns whose metrics planning decodes; nullopt: all.
arrow::Result<std::optional<std::vector<int32_t>>> MetricsFieldIds(
    const Schema& schema, const Predicate& filter, const ScanOptions& options) {
  if (!options.metrics_columns) return std::nullopt;
  std::vector<int32_t> ids = ReferencedFieldIds(filter);
  for (const std::string& name : *options.metrics_columns) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, schema.GetField(name));
    ids.push_back(field->id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool HasLiveFiles(const ManifestFile& manifest) {
  return manifest.added_files_count.value_or(1) > 0 ||
         manifest.existing_files_count.value_or(1) > 0;
}

class Planner {
 public:
  Planner(ScanPlan* plan, const ScanOptions& options)
      : plan_(*plan), options_(options), table_(*plan->table) {}

  /// The live files of a snapshot.
  arrow::Status Run(const Snapshot& snapshot) {
    ARROW_ASSIGN_OR_RAISE(const auto list, ManifestsOf(table_, snapshot));
    return PlanManifests(*list);
  }

  /// The files that the snapshots added.
  arrow::Status RunAdded(const std::vector<const Snapshot*>& snapshots) {
    added_by_.emplace();
    for (const Snapshot* snapshot : snapshots) added_by_->insert(snapshot->snapshot_id);
    ManifestList manifests;
    for (const Snapshot* snapshot : snapshots) {
      ARROW_ASSIGN_OR_RAISE(const auto list, ManifestsOf(table_, *snapshot));
      std::copy_if(list->begin(), list->end(), std::back_inserter(manifests),
                   [&](const ManifestFile& manifest) {
                     return manifest.content == ManifestContent::kData &&
                            manifest.added_snapshot_id == snapshot->snapshot_id;
                   });
    }
    return PlanManifests(manifests);
  }

 private:
  arrow::Status PlanManifests(const ManifestList& list) {
    ARROW_ASSIGN_OR_RAISE(metrics_ids_,
                          MetricsFieldIds(*plan_.table_schema, *plan_.filter, options_));
    ARROW_RETURN_NOT_OK(SelectManifests(list));
    ARROW_RETURN_NOT_OK(IndexDeletes());
    std::vector<ManifestPlan> planned(data_.size());
    ARROW_RETURN_NOT_OK(
        ParallelFor(static_cast<int64_t>(data_.size()), Threads(),
                    [&](int64_t i) { return PlanManifest(*data_[i], &planned[i]); }));
    return Collect(std::move(planned));
  }

  int Threads() const {
    if (options_.threads > 0) return options_.threads;
    return ThreadsToRead(table_.metadata()->location, table_.context().threads);
  }

  arrow::Result<const SpecPlan*> SpecPlanOf(int32_t spec_id) {
    if (auto found = specs_.find(spec_id); found != specs_.end()) return &found->second;
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                          table_.metadata()->SpecById(spec_id));
    SpecPlan plan;
    plan.spec = std::make_shared<const PartitionSpec>(*spec);
    ARROW_ASSIGN_OR_RAISE(plan.partition_type, spec->PartitionType(*plan_.table_schema));
    ARROW_ASSIGN_OR_RAISE(plan.projected,
                          ProjectToPartition(plan_.filter, *plan_.table_schema, *spec));
    return &specs_.emplace(spec_id, std::move(plan)).first->second;
  }

  arrow::Status SelectManifests(const ManifestList& list) {
    for (const ManifestFile& manifest : list) {
      if (!HasLiveFiles(manifest)) continue;
      ARROW_ASSIGN_OR_RAISE(const SpecPlan* spec, SpecPlanOf(manifest.partition_spec_id));
      bool may_match = ManifestMayMatch(*spec->projected, *spec->spec,
                                        *spec->partition_type, manifest.partitions);
      if (manifest.content == ManifestContent::kDeletes) {
        if (may_match) deletes_.push_back(&manifest);
        continue;
      }
      ++plan_.counters.manifests;
      if (may_match) {
        data_.push_back(&manifest);
      } else {
        ++plan_.counters.manifests_skipped;
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status IndexDeletes() {
    std::vector<std::shared_ptr<const ManifestEntries>> decoded(deletes_.size());
    ARROW_RETURN_NOT_OK(
        ParallelFor(static_cast<int64_t>(deletes_.size()), Threads(), [&](int64_t i) {
          const SpecPlan& spec = specs_.at(deletes_[i]->partition_spec_id);
          return table_.context()
              .cache
              ->ManifestAt(*table_.io(), *deletes_[i], *spec.partition_type,
                           std::vector<int32_t>{kDeleteFilePathId})
              .Value(&decoded[i]);
        }));
    for (size_t i = 0; i < deletes_.size(); ++i) {
      const SpecPlan& spec = specs_.at(deletes_[i]->partition_spec_id);
      for (const ManifestEntry& entry : *decoded[i]) {
        std::shared_ptr<const DataFile> file(decoded[i], &entry.file);
        ++plan_.counters.delete_files;
        ARROW_RETURN_NOT_OK(delete_index_.Add(std::move(file),
                                              entry.sequence_number.value_or(0),
                                              spec.spec->is_unpartitioned()));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status PlanManifest(const ManifestFile& manifest, ManifestPlan* planned) const {
    const SpecPlan& spec = specs_.at(manifest.partition_spec_id);
    ARROW_ASSIGN_OR_RAISE(
        auto entries, table_.context().cache->ManifestAt(
                          *table_.io(), manifest, *spec.partition_type, metrics_ids_));
    bool has_filter = plan_.filter->op() != Predicate::Op::kTrue;
    if (!has_filter) planned->tasks.reserve(entries->size());
    for (const ManifestEntry& entry : *entries) {
      if (added_by_ && (entry.status != EntryStatus::kAdded ||
                        !added_by_->contains(entry.snapshot_id.value_or(-1)))) {
        continue;
      }
      ++planned->counters.files;
      if (has_filter &&
          !PartitionMayMatch(*spec.projected, *spec.spec, entry.file.partition)) {
        ++planned->counters.files_skipped_by_partition;
        continue;
      }
      ARROW_RETURN_NOT_OK(PlanFile(spec, entries, entry, planned));
    }
    return arrow::Status::OK();
  }

  arrow::Status PlanFile(const SpecPlan& spec,
                         const std::shared_ptr<const ManifestEntries>& entries,
                         const ManifestEntry& entry, ManifestPlan* planned) const {
    FileScanTask task;
    task.constants = IdentityConstants(*spec.spec, entry.file);
    task.residual = ResidualFor(plan_.filter, task.constants);
    if (task.residual->op() == Predicate::Op::kFalse) {
      ++planned->counters.files_skipped_by_partition;
      return arrow::Status::OK();
    }
    if (!MayMatch(*task.residual, FileBounds(entry.file))) {
      ++planned->counters.files_skipped_by_metrics;
      return arrow::Status::OK();
    }
    task.file = std::shared_ptr<const DataFile>(entries, &entry.file);
    task.spec = spec.spec;
    task.sequence_number = entry.sequence_number.value_or(0);
    if (!delete_index_.empty()) {
      ARROW_ASSIGN_OR_RAISE(ApplyingDeletes deletes,
                            delete_index_.For(entry.file, task.sequence_number));
      task.position_deletes = std::move(deletes.positions);
      task.equality_deletes = std::move(deletes.equality);
    }
    ++planned->counters.files_kept;
    planned->counters.bytes_kept += entry.file.file_size_bytes;
    planned->counters.rows_kept += entry.file.record_count;
    planned->tasks.push_back(std::move(task));
    return arrow::Status::OK();
  }

  arrow::Status Collect(std::vector<ManifestPlan> planned) {
    ScanCounters& total = plan_.counters;
    size_t tasks = 0;
    for (const ManifestPlan& part : planned) tasks += part.tasks.size();
    plan_.tasks.reserve(tasks);
    for (ManifestPlan& part : planned) {
      total.files += part.counters.files;
      total.files_skipped_by_partition += part.counters.files_skipped_by_partition;
      total.files_skipped_by_metrics += part.counters.files_skipped_by_metrics;
      total.files_kept += part.counters.files_kept;
      total.bytes_kept += part.counters.bytes_kept;
      total.rows_kept += part.counters.rows_kept;
      if (total.files_kept > kMaxPlannedFiles) {
        return MakeError(ErrorCode::kResourceExhausted,
                         "the scan of table '{}' would read more than {} files: narrow "
                         "the filter",
                         table_.name(), kMaxPlannedFiles);
      }
      std::move(part.tasks.begin(), part.tasks.end(), std::back_inserter(plan_.tasks));
    }
    return arrow::Status::OK();
  }

  ScanPlan& plan_;
  const ScanOptions& options_;
  const Table& table_;
  std::optional<std::vector<int32_t>> metrics_ids_;
  /// Only files that these snapshots added; nullopt: all live ones.
  std::optional<std::set<int64_t>> added_by_;
  std::map<int32_t, SpecPlan> specs_;
  std::vector<const ManifestFile*> data_;
  std::vector<const ManifestFile*> deletes_;
  DeleteIndex delete_index_;
};

}  // namespace

std::map<int32_t, Literal> IdentityConstants(const PartitionSpec& spec,
                                             const DataFile& file) {
  std::map<int32_t, Literal> constants;
  for (size_t i = 0; i < spec.fields.size() && i < file.partition.size(); ++i) {
    if (spec.fields[i].transform.kind() != Transform::Kind::kIdentity) continue;
    constants.emplace(spec.fields[i].source_id, file.partition[i]);
  }
  return constants;
}

arrow::Result<std::shared_ptr<const NameMapping>> TableNameMapping(
    const TableMetadata& metadata) {
  auto found = metadata.properties.find(NameMapping::kProperty);
  if (found == metadata.properties.end()) return nullptr;
  auto mapping = NameMapping::FromJsonText(found->second);
  if (!mapping.ok()) {
    return WithContext(mapping.status(), "table property", NameMapping::kProperty);
  }
  return std::make_shared<const NameMapping>(std::move(*mapping));
}

arrow::Result<std::pair<const Snapshot*, SchemaPtr>> SelectSnapshot(
    const TableMetadata& metadata, const SnapshotSelector& selector) {
  ARROW_RETURN_NOT_OK(CheckSelector(selector));
  const Snapshot* snapshot = metadata.current_snapshot();
  bool sees_old_schema = false;
  if (selector.snapshot_id) {
    ARROW_ASSIGN_OR_RAISE(snapshot, metadata.SnapshotById(*selector.snapshot_id));
    sees_old_schema = true;
  } else if (selector.as_of_ms) {
    ARROW_ASSIGN_OR_RAISE(snapshot, metadata.SnapshotAsOf(*selector.as_of_ms));
    sees_old_schema = true;
  } else if (selector.ref) {
    ARROW_ASSIGN_OR_RAISE(snapshot, metadata.SnapshotByRef(*selector.ref));
    auto ref = metadata.refs.find(*selector.ref);
    sees_old_schema = ref != metadata.refs.end() && ref->second.type == RefType::kTag;
  }
  if (!sees_old_schema || snapshot == nullptr || !snapshot->schema_id) {
    return std::make_pair(snapshot, metadata.schema());
  }
  ARROW_ASSIGN_OR_RAISE(SchemaPtr schema, metadata.SchemaById(*snapshot->schema_id));
  return std::make_pair(snapshot, schema);
}

namespace {

/// The plan before its files are chosen.
arrow::Result<std::shared_ptr<ScanPlan>> FramePlan(const TablePtr& table,
                                                   const SchemaPtr& schema,
                                                   const ScanOptions& options) {
  auto plan = std::make_shared<ScanPlan>();
  plan->table = table;
  plan->table_schema = schema;
  plan->schema = schema;
  if (options.columns) {
    auto chosen = SelectColumns(*schema, *table->metadata(), *options.columns);
    if (!chosen.ok()) return WithContext(chosen.status(), "table", table->name());
    plan->schema = *chosen;
  }
  auto bound = Bind(options.filter, *schema);
  if (!bound.ok()) return WithContext(bound.status(), "table", table->name());
  plan->filter = *bound;
  return plan;
}

}  // namespace

arrow::Result<ScanPlanPtr> PlanSnapshot(const TablePtr& table, const Snapshot* snapshot,
                                        const SchemaPtr& schema,
                                        const ScanOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto plan, FramePlan(table, schema, options));
  if (snapshot == nullptr) return plan;
  plan->snapshot = *snapshot;
  Planner planner(plan.get(), options);
  ARROW_RETURN_NOT_OK(WithContext(planner.Run(*snapshot), "table", table->name()));
  return plan;
}

arrow::Result<ScanPlanPtr> PlanAddedFiles(const TablePtr& table,
                                          const std::vector<const Snapshot*>& snapshots,
                                          const SchemaPtr& schema,
                                          const ScanOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto plan, FramePlan(table, schema, options));
  if (snapshots.empty()) return plan;
  plan->snapshot = *snapshots.back();
  Planner planner(plan.get(), options);
  ARROW_RETURN_NOT_OK(WithContext(planner.RunAdded(snapshots), "table", table->name()));
  return plan;
}

arrow::Result<std::shared_ptr<ScanPlan>> PlanScope(const TablePtr& table,
                                                   const ScanOptions& options) {
  auto selected = SelectSnapshot(*table->metadata(), options.selector);
  if (!selected.ok()) return WithContext(selected.status(), "table", table->name());
  ARROW_ASSIGN_OR_RAISE(auto plan, FramePlan(table, selected->second, options));
  if (selected->first != nullptr) plan->snapshot = *selected->first;
  return plan;
}

arrow::Result<ScanPlanPtr> PlanFiles(const TablePtr& table, const ScanOptions& options) {
  auto selected = SelectSnapshot(*table->metadata(), options.selector);
  if (!selected.ok()) return WithContext(selected.status(), "table", table->name());
  return PlanSnapshot(table, selected->first, selected->second, options);
}

}  // namespace floe::iceberg
