#include "iceberg/maintain/expire_snapshots.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/maintain/reachable_files.h"
#include "iceberg/table/snapshot_history.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMaxSnapshotAgeMs = int64_t{5} * 24 * 3600 * 1000;

arrow::Result<int64_t> NumberProperty(const TableMetadata& metadata, const char* key,
                                      int64_t unset) {
  std::string text = metadata.Property(key, "");
  if (text.empty()) return unset;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0) return value;
  return MakeError(ErrorCode::kInvalidConfig,
                   "table property {} is '{}': expected a number above 0", key, text);
}

/// Which snapshots and refs of one version of the table expire.
class Expiry {
 public:
  Expiry(const TableMetadata& metadata, const ExpireSnapshotsOptions& options,
         int64_t now_ms)
      : metadata_(metadata), options_(options), now_ms_(now_ms) {}

  arrow::Status Choose() {
    ARROW_RETURN_NOT_OK(ReadDefaults());
    for (const auto& [name, ref] : metadata_.refs) {
      ARROW_ASSIGN_OR_RAISE(const Snapshot* head,
                            metadata_.SnapshotById(ref.snapshot_id));
      int64_t age = now_ms_ - head->timestamp_ms;
      if (name != kMainBranch && age > ref.max_ref_age_ms.value_or(max_ref_age_ms_)) {
        refs_.push_back(name);
      } else {
        Retain(ref, head);
      }
    }
    for (const Snapshot& snapshot : metadata_.snapshots) {
      bool is_kept = retained_.count(snapshot.snapshot_id) > 0;
      bool is_young = branches_.count(snapshot.snapshot_id) == 0 &&
                      snapshot.timestamp_ms >= older_than_ms_;
      if (!is_kept && !is_young) expired_.insert(snapshot.snapshot_id);
    }
    return ChooseNamed();
  }

  const std::vector<std::string>& refs() const { return refs_; }
  const std::set<int64_t>& expired() const { return expired_; }

 private:
  arrow::Status ReadDefaults() {
    ARROW_ASSIGN_OR_RAISE(int64_t age,
                          NumberProperty(metadata_, "history.expire.max-snapshot-age-ms",
                                         kMaxSnapshotAgeMs));
    older_than_ms_ = options_.older_than_ms.value_or(now_ms_ - age);
    ARROW_ASSIGN_OR_RAISE(
        int64_t keep,
        NumberProperty(metadata_, "history.expire.min-snapshots-to-keep", 1));
    min_to_keep_ = options_.retain_last.value_or(static_cast<int32_t>(
        std::min<int64_t>(keep, std::numeric_limits<int32_t>::max())));
    if (min_to_keep_ < 1) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "at least one snapshot of a branch stays, not {}", min_to_keep_);
    }
    ARROW_ASSIGN_OR_RAISE(max_ref_age_ms_,
                          NumberProperty(metadata_, "history.expire.max-ref-age-ms",
                                         std::numeric_limits<int64_t>::max()));
    return arrow::Status::OK();
  }

  void Retain(const SnapshotRef& ref, const Snapshot* head) {
    auto ancestors = AncestorsOf(metadata_, head);
    heads_.insert(head->snapshot_id);
    retained_.insert(head->snapshot_id);
    if (ref.type == RefType::kTag) return;
    int64_t oldest =
        ref.max_snapshot_age_ms ? now_ms_ - *ref.max_snapshot_age_ms : older_than_ms_;
    int32_t keep = ref.min_snapshots_to_keep.value_or(min_to_keep_);
    bool is_past = false;
    for (size_t i = 0; i < ancestors.size(); ++i) {
      branches_.insert(ancestors[i]->snapshot_id);
      bool is_young = ancestors[i]->timestamp_ms >= oldest;
      is_past = is_past || (static_cast<int64_t>(i) >= keep && !is_young);
      if (!is_past) retained_.insert(ancestors[i]->snapshot_id);
    }
  }

  arrow::Status ChooseNamed() {
    for (int64_t id : options_.snapshot_ids) {
      if (heads_.count(id) > 0) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "snapshot {} cannot expire: a branch or tag stands at it", id);
      }
      // Gone already is as good as gone.
      if (metadata_.SnapshotById(id).ok()) expired_.insert(id);
    }
    return arrow::Status::OK();
  }

  const TableMetadata& metadata_;
  const ExpireSnapshotsOptions& options_;
  int64_t now_ms_;
  int64_t older_than_ms_ = 0;
  int32_t min_to_keep_ = 1;
  int64_t max_ref_age_ms_ = 0;
  std::set<int64_t> heads_;
  std::set<int64_t> branches_;  ///< Ancestors of the branches that stay.
  std::set<int64_t> retained_;
  std::vector<std::string> refs_;
  std::set<int64_t> expired_;
};

class ExpireOperation final : public TableOperation {
 public:
  explicit ExpireOperation(const ExpireSnapshotsOptions& options) : options_(options) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    const TableMetadata& metadata = *base.metadata();
    Expiry expiry(metadata, options_, base.context().clock->NowMillis());
    ARROW_RETURN_NOT_OK(WithContext(expiry.Choose(), "table", base.name()));
    before_ = base.metadata();
    expired_ = expiry.expired();
    expired_refs_ = expiry.refs();
    TableChange change;
    if (expired_.empty() && expired_refs_.empty()) return change;
    change.requirements = {requirement::AssertTableUuid{metadata.table_uuid}};
    // A ref moved meanwhile may stand at what would go.
    for (const auto& [name, ref] : metadata.refs) {
      change.requirements.push_back(
          requirement::AssertRefSnapshotId{name, ref.snapshot_id});
    }
    for (const std::string& name : expired_refs_) {
      change.updates.push_back(update::RemoveSnapshotRef{name});
    }
    if (!expired_.empty()) {
      change.updates.push_back(
          update::RemoveSnapshots{{expired_.begin(), expired_.end()}});
    }
    return change;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

  const TableMetadataPtr& before() const { return before_; }
  const std::set<int64_t>& expired() const { return expired_; }
  const std::vector<std::string>& expired_refs() const { return expired_refs_; }

 private:
  const ExpireSnapshotsOptions& options_;
  TableMetadataPtr before_;
  std::set<int64_t> expired_;
  std::vector<std::string> expired_refs_;
};

void AddMissing(const std::set<std::string>& files, const std::set<std::string>& kept,
                std::vector<std::string>* missing) {
  std::set_difference(files.begin(), files.end(), kept.begin(), kept.end(),
                      std::back_inserter(*missing));
}

/// Files that the expired snapshots of `before` alone use, data before what lists it.
arrow::Result<std::vector<std::string>> FilesOfExpired(
    const Table& table, const TableMetadata& before, const std::set<int64_t>& expired,
    const MaintenanceProgress& report) {
  ReachableFiles kept;
  int64_t done = 0;
  auto total = static_cast<int64_t>(before.snapshots.size());
  for (const Snapshot& snapshot : table.metadata()->snapshots) {
    if (expired.count(snapshot.snapshot_id) > 0) continue;
    ARROW_RETURN_NOT_OK(kept.AddSnapshot(table, snapshot));
    if (report) report("reading snapshots", ++done, total);
  }
  ReachableFiles gone;
  for (const Snapshot& snapshot : before.snapshots) {
    if (expired.count(snapshot.snapshot_id) == 0) continue;
    // What a kept manifest lists is kept; those of expired snapshots alone are read.
    ARROW_RETURN_NOT_OK(gone.AddSnapshot(table, snapshot, kept.manifests()));
    if (report) report("reading snapshots", ++done, total);
  }
  std::vector<std::string> files;
  AddMissing(gone.content(), kept.content(), &files);
  AddMissing(gone.manifests(), kept.manifests(), &files);
  AddMissing(gone.manifest_lists(), kept.manifest_lists(), &files);
  ReachableFiles old_metadata;
  ReachableFiles new_metadata;
  ARROW_RETURN_NOT_OK(old_metadata.AddMetadata(before, ""));
  ARROW_RETURN_NOT_OK(
      new_metadata.AddMetadata(*table.metadata(), table.metadata_location()));
  // Metadata files that fall out of the log are the catalog's to remove.
  for (const MetadataLogEntry& entry : before.metadata_log) {
    ARROW_RETURN_NOT_OK(new_metadata.AddMetadata(TableMetadata(), entry.metadata_file));
  }
  ARROW_RETURN_NOT_OK(new_metadata.AddMetadata(TableMetadata(), ""));
  AddMissing(old_metadata.others(), new_metadata.others(), &files);
  return files;
}

}  // namespace

arrow::Result<MaintenanceReport> ExpireSnapshots(const TablePtr& table,
                                                 const ExpireSnapshotsOptions& options) {
  if (table->metadata()->Property("gc.enabled", "true") != "true") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '{}' has gc.enabled=false: its files may belong to other "
                     "tables",
                     table->name());
  }
  MaintenanceReport report;
  report.action = "expire-snapshots";
  report.is_dry_run = options.dry_run;
  ExpireOperation operation(options);
  report.table = table;
  if (options.dry_run) {
    ARROW_RETURN_NOT_OK(operation.Apply(*table).status());
  } else {
    ARROW_ASSIGN_OR_RAISE(report.table, CommitWithRetry(table, operation));
  }
  report.counts["expired_snapshots"] = static_cast<int64_t>(operation.expired().size());
  report.counts["expired_refs"] = static_cast<int64_t>(operation.expired_refs().size());
  report.counts["removed_files"] = 0;
  if (!options.remove_files || operation.expired().empty()) return report;
  ARROW_ASSIGN_OR_RAISE(
      auto files, FilesOfExpired(*report.table, *operation.before(), operation.expired(),
                                 options.progress));
  RemoveFiles(*report.table, files, options.progress, &report);
  return report;
}

}  // namespace floe::iceberg
