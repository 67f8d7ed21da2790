#include "iceberg/table/manage_snapshots.h"

#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/table/conflict_check.h"
#include "iceberg/table/merging_operation.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {

class ManageSnapshots::Operation final : public TableOperation {
 public:
  explicit Operation(std::vector<Change> changes) : changes_(std::move(changes)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    metadata_ = base.metadata().get();
    refs_ = metadata_->refs;
    result_ = TableChange{{requirement::AssertTableUuid{metadata_->table_uuid}}, {}};
    required_.clear();
    for (const Change& change : changes_) {
      ARROW_RETURN_NOT_OK(WithContext(Make(change), "table", base.name()));
    }
    return result_;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

 private:
  using Kind = Change::Kind;

  arrow::Status Make(const Change& change) {
    switch (change.kind) {
      case Kind::kSetCurrent:
        return PutMain(*change.number);
      case Kind::kRollback:
        return Rollback(*change.number);
      case Kind::kRollbackToTime:
        return RollbackToTime(*change.number);
      case Kind::kCreate:
        return Create(change);
      case Kind::kReplace:
        return Replace(change);
      case Kind::kFastForward:
        return FastForward(change);
      case Kind::kRemove:
        return Remove(change.name);
      case Kind::kRename:
        return Rename(change);
      default:
        return Retain(change);
    }
  }

  const Snapshot* HeadOf(const std::string& name) const {
    auto found = refs_.find(name);
    if (found == refs_.end()) return nullptr;
    auto snapshot = metadata_->SnapshotById(found->second.snapshot_id);
    return snapshot.ok() ? *snapshot : nullptr;
  }

  arrow::Result<SnapshotRef> RefOf(const std::string& name) const {
    auto found = refs_.find(name);
    if (found != refs_.end()) return found->second;
    // Names the refs there are.
    return metadata_->SnapshotByRef(name).status();
  }

  /// What others did to the ref since is a conflict, looked at anew by the next attempt.
  void Require(const std::string& name) {
    if (!required_.insert(name).second) return;
    std::optional<int64_t> id;
    auto known = metadata_->refs.find(name);
    if (known != metadata_->refs.end()) id = known->second.snapshot_id;
    result_.requirements.push_back(requirement::AssertRefSnapshotId{name, id});
  }

  arrow::Status Put(const std::string& name, const SnapshotRef& ref) {
    ARROW_RETURN_NOT_OK(metadata_->SnapshotById(ref.snapshot_id).status());
    Require(name);
    refs_[name] = ref;
    result_.updates.push_back(update::SetSnapshotRef{name, ref});
    return arrow::Status::OK();
  }

  arrow::Status PutMain(int64_t snapshot_id) {
    SnapshotRef ref;
    if (auto known = refs_.find(kMainBranch); known != refs_.end()) ref = known->second;
    ref.snapshot_id = snapshot_id;
    return Put(kMainBranch, ref);
  }

  arrow::Status Rollback(int64_t snapshot_id) {
    ARROW_RETURN_NOT_OK(metadata_->SnapshotById(snapshot_id).status());
    if (!IsAncestor(*metadata_, HeadOf(kMainBranch), snapshot_id)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "snapshot {} is no ancestor of the current one: set it current to "
                       "go there all the same",
                       snapshot_id);
    }
    return PutMain(snapshot_id);
  }

  arrow::Status RollbackToTime(int64_t timestamp_ms) {
    for (const Snapshot* snapshot : AncestorsOf(*metadata_, HeadOf(kMainBranch))) {
      if (snapshot->timestamp_ms < timestamp_ms) return PutMain(snapshot->snapshot_id);
    }
    return MakeError(ErrorCode::kNoSuchSnapshot,
                     "no ancestor of the current snapshot is older than {} ms since 1970",
                     timestamp_ms);
  }

  arrow::Status Create(const Change& change) {
    if (refs_.count(change.name) > 0) {
      return MakeError(ErrorCode::kAlreadyExists, "there is a branch or tag '{}' already",
                       change.name);
    }
    SnapshotRef ref;
    ref.type = change.type;
    if (change.number) {
      ref.snapshot_id = *change.number;
    } else if (const Snapshot* head = HeadOf(kMainBranch)) {
      ref.snapshot_id = head->snapshot_id;
    } else {
      return MakeError(ErrorCode::kNoSuchSnapshot,
                       "the table has no snapshot that '{}' could stand at", change.name);
    }
    return Put(change.name, ref);
  }

  arrow::Status Replace(const Change& change) {
    ARROW_ASSIGN_OR_RAISE(SnapshotRef ref, RefOf(change.name));
    ref.snapshot_id = *change.number;
    return Put(change.name, ref);
  }

  arrow::Status FastForward(const Change& change) {
    ARROW_ASSIGN_OR_RAISE(SnapshotRef to, RefOf(change.other));
    auto known = refs_.find(change.name);
    SnapshotRef ref;
    if (known != refs_.end()) {
      ref = known->second;
      if (!IsAncestor(*metadata_, HeadOf(change.other), ref.snapshot_id)) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "'{}' cannot be fast-forwarded to '{}', which does not descend "
                         "from it",
                         change.name, change.other);
      }
      if (ref.snapshot_id == to.snapshot_id) return arrow::Status::OK();
    }
    ref.snapshot_id = to.snapshot_id;
    return Put(change.name, ref);
  }

  arrow::Status Remove(const std::string& name) {
    ARROW_RETURN_NOT_OK(RefOf(name).status());
    if (name == kMainBranch) {
      return MakeError(ErrorCode::kInvalidArgument, "'main' cannot be removed");
    }
    Require(name);
    refs_.erase(name);
    result_.updates.push_back(update::RemoveSnapshotRef{name});
    return arrow::Status::OK();
  }

  arrow::Status Rename(const Change& change) {
    ARROW_ASSIGN_OR_RAISE(SnapshotRef ref, RefOf(change.name));
    if (refs_.count(change.other) > 0) {
      return MakeError(ErrorCode::kAlreadyExists, "there is a branch or tag '{}' already",
                       change.other);
    }
    ARROW_RETURN_NOT_OK(Remove(change.name));
    return Put(change.other, ref);
  }

  arrow::Status Retain(const Change& change) {
    ARROW_ASSIGN_OR_RAISE(SnapshotRef ref, RefOf(change.name));
    ref.min_snapshots_to_keep = change.retention.min_snapshots_to_keep;
    ref.max_snapshot_age_ms = change.retention.max_snapshot_age_ms;
    ref.max_ref_age_ms = change.retention.max_ref_age_ms;
    return Put(change.name, ref);
  }

  std::vector<Change> changes_;
  const TableMetadata* metadata_ = nullptr;
  std::map<std::string, SnapshotRef> refs_;
  std::set<std::string> required_;
  TableChange result_;
};

ManageSnapshots& ManageSnapshots::SetCurrent(int64_t snapshot_id) {
  changes_.push_back({Change::Kind::kSetCurrent, "", "", snapshot_id});
  return *this;
}

ManageSnapshots& ManageSnapshots::RollbackTo(int64_t snapshot_id) {
  changes_.push_back({Change::Kind::kRollback, "", "", snapshot_id});
  return *this;
}

ManageSnapshots& ManageSnapshots::RollbackToTime(int64_t timestamp_ms) {
  changes_.push_back({Change::Kind::kRollbackToTime, "", "", timestamp_ms});
  return *this;
}

ManageSnapshots& ManageSnapshots::CreateBranch(std::string name,
                                               std::optional<int64_t> snapshot_id) {
  changes_.push_back({Change::Kind::kCreate, std::move(name), "", snapshot_id});
  return *this;
}

ManageSnapshots& ManageSnapshots::CreateTag(std::string name,
                                            std::optional<int64_t> snapshot_id) {
  changes_.push_back(
      {Change::Kind::kCreate, std::move(name), "", snapshot_id, RefType::kTag});
  return *this;
}

ManageSnapshots& ManageSnapshots::Replace(std::string name, int64_t snapshot_id) {
  changes_.push_back({Change::Kind::kReplace, std::move(name), "", snapshot_id});
  return *this;
}

ManageSnapshots& ManageSnapshots::FastForward(std::string branch, std::string to) {
  changes_.push_back({Change::Kind::kFastForward, std::move(branch), std::move(to)});
  return *this;
}

ManageSnapshots& ManageSnapshots::Remove(std::string name) {
  changes_.push_back({Change::Kind::kRemove, std::move(name)});
  return *this;
}

ManageSnapshots& ManageSnapshots::Rename(std::string from, std::string to) {
  changes_.push_back({Change::Kind::kRename, std::move(from), std::move(to)});
  return *this;
}

ManageSnapshots& ManageSnapshots::SetRetention(std::string name, RefRetention retention) {
  changes_.push_back({Change::Kind::kRetain, std::move(name), "", std::nullopt,
                      RefType::kBranch, retention});
  return *this;
}

arrow::Result<TablePtr> ManageSnapshots::Commit() {
  Operation operation(changes_);
  return CommitWithRetry(table_, operation);
}

namespace {

constexpr char kSourceSnapshot[] = "source-snapshot-id";
constexpr char kStagedId[] = "wap.id";
constexpr char kPublishedId[] = "published-wap-id";

std::string SummaryOf(const Snapshot& snapshot, const char* key) {
  auto found = snapshot.summary.find(key);
  return found == snapshot.summary.end() ? "" : found->second;
}

/// The files of the picked snapshot, as a commit of their own.
class PickOperation final : public MergingOperation {
 public:
  PickOperation(SnapshotOptions options, FileChanges changes, const Snapshot& picked)
      : MergingOperation(std::move(options), std::move(changes)), picked_(picked) {}

 protected:
  std::string OperationName() const override { return picked_.operation(); }

  arrow::Status Validate(const Table& base, const Snapshot* parent) override {
    const TableMetadata& metadata = *base.metadata();
    std::string picked = std::to_string(picked_.snapshot_id);
    std::string staged = SummaryOf(picked_, kStagedId);
    for (const Snapshot* snapshot : AncestorsOf(metadata, parent)) {
      bool is_same = snapshot->snapshot_id == picked_.snapshot_id ||
                     SummaryOf(*snapshot, kSourceSnapshot) == picked;
      bool is_published = !staged.empty() && SummaryOf(*snapshot, kPublishedId) == staged;
      if (!is_same && !is_published) continue;
      return MakeError(ErrorCode::kInvalidArgument,
                       "snapshot {} was picked before, by snapshot {}", picked,
                       snapshot->snapshot_id);
    }
    if (changes().removed_partitions.empty()) return arrow::Status::OK();
    // Partitions are replaced as they were when the snapshot was made.
    ConflictCheck check(base, parent, picked_.parent_snapshot_id);
    FileScope scope = FileScope::Partitions(changes().removed_partitions);
    ARROW_RETURN_NOT_OK(check.NoAddedData(scope));
    return check.NoRemovedData(scope);
  }

 private:
  Snapshot picked_;
};

}  // namespace

arrow::Result<TablePtr> CherryPick(const TablePtr& table, int64_t snapshot_id) {
  const TableMetadata& metadata = *table->metadata();
  ARROW_ASSIGN_OR_RAISE(const Snapshot* picked, metadata.SnapshotById(snapshot_id));
  if (picked->parent_snapshot_id == metadata.current_snapshot_id) {
    return ManageSnapshots(table).SetCurrent(snapshot_id).Commit();
  }
  bool replaces = SummaryOf(*picked, "replace-partitions") == "true";
  if (picked->operation() != "append" && !replaces) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "snapshot {} is of the operation {}: only appends and replaced "
                     "partitions can be picked, or a snapshot that follows on the "
                     "current one",
                     snapshot_id, picked->operation());
  }
  FileChanges changes;
  ARROW_ASSIGN_OR_RAISE(auto added, ChangesOf(*table, *picked, ManifestContent::kData,
                                              EntryStatus::kAdded));
  for (ManifestEntry& entry : added) {
    if (replaces) {
      ARROW_ASSIGN_OR_RAISE(std::string partition, PartitionIdentity(entry.file));
      changes.removed_partitions.insert(std::move(partition));
    }
    changes.data.push_back({std::move(entry.file), std::nullopt});
  }
  SnapshotOptions options;
  options.summary[kSourceSnapshot] = std::to_string(snapshot_id);
  std::string staged = SummaryOf(*picked, kStagedId);
  if (!staged.empty()) options.summary[kPublishedId] = staged;
  if (replaces) options.summary["replace-partitions"] = "true";
  PickOperation operation(std::move(options), std::move(changes), *picked);
  return CommitWithRetry(table, operation);
}

}  // namespace floe::iceberg
