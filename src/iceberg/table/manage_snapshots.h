#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// How long a branch's snapshots, or a ref itself, are kept by expiry.
struct RefRetention {
  std::optional<int32_t> min_snapshots_to_keep;  ///< Of a branch.
  std::optional<int64_t> max_snapshot_age_ms;    ///< Of a branch.
  std::optional<int64_t> max_ref_age_ms;
};

/// Changes which snapshots branches and tags stand at (Java's ManageSnapshots). All
/// changes come with one commit, in their order. Not thread-safe.
class ManageSnapshots {
 public:
  explicit ManageSnapshots(TablePtr table) : table_(std::move(table)) {}

  /// Puts main at any snapshot.
  ManageSnapshots& SetCurrent(int64_t snapshot_id);
  /// Puts main at an ancestor of its snapshot; at the newest one before `timestamp_ms`.
  ManageSnapshots& RollbackTo(int64_t snapshot_id);
  ManageSnapshots& RollbackToTime(int64_t timestamp_ms);

  /// `snapshot_id` nullopt: the current one. kAlreadyExists.
  ManageSnapshots& CreateBranch(std::string name,
                                std::optional<int64_t> snapshot_id = std::nullopt);
  ManageSnapshots& CreateTag(std::string name,
                             std::optional<int64_t> snapshot_id = std::nullopt);
  /// Puts a branch or tag that exists at another snapshot.
  ManageSnapshots& Replace(std::string name, int64_t snapshot_id);
  /// Puts a branch where another ref stands, which must descend from it.
  ManageSnapshots& FastForward(std::string branch, std::string to);
  ManageSnapshots& Remove(std::string name);
  ManageSnapshots& Rename(std::string from, std::string to);
  ManageSnapshots& SetRetention(std::string name, RefRetention retention);

  /// kNoSuchSnapshot, kAlreadyExists or kInvalidArgument names the ref and why.
  arrow::Result<TablePtr> Commit();

 private:
  class Operation;
  struct Change {
    enum class Kind {
      kSetCurrent,
      kRollback,
      kRollbackToTime,
      kCreate,
      kReplace,
      kFastForward,
      kRemove,
      kRename,
      kRetain
    } kind;
    std::string name = {};
    std::string other = {};
    std::optional<int64_t> number = {};  ///< A snapshot id or a time.
    RefType type = RefType::kBranch;
    RefRetention retention = {};
  };

  TablePtr table_;
  std::vector<Change> changes_;
};

/// Adds to main what a snapshot outside its history changed (Java's cherrypick): by
/// moving main to it where it follows on main's snapshot, else as a new snapshot with the
/// same files. Only appends and replaced partitions can be picked, and each once.
arrow::Result<TablePtr> CherryPick(const TablePtr& table, int64_t snapshot_id);

}  // namespace floe::iceberg
