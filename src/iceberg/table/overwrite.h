#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/conflict_check.h"
#include "iceberg/table/merging_operation.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Removes files and adds others in one snapshot, of the operation "replace" (same rows,
/// as compaction makes: Java's RewriteFiles), "overwrite" (Java's OverwriteFiles) or,
/// with nothing added, "delete". Not thread-safe.
///
/// Commits that happened since `table` was loaded are looked at: files to remove must
/// still be there, without new deletes of their rows.
class ReplaceFiles {
 public:
  enum class Kind { kReplace, kOverwrite };

  ReplaceFiles(TablePtr table, Kind kind) : table_(std::move(table)), kind_(kind) {}

  /// A live file, by its path as the manifest has it. New deletes anywhere in the table
  /// are a conflict.
  ReplaceFiles& Delete(std::string file_path);
  /// A live file. New deletes that may be of its rows are a conflict.
  ReplaceFiles& Delete(DataFile file);
  /// All files whose every row matches, at the moment of the commit; a file with some
  /// such rows is a conflict. kOverwrite only.
  ReplaceFiles& DeleteWhere(PredicatePtr filter);
  ReplaceFiles& Append(DataFile file);
  /// The data sequence number of appended files, as rewritten rows keep theirs: equality
  /// deletes committed meanwhile then still apply and are no conflict. kReplace only.
  ReplaceFiles& SetSequenceNumber(int64_t sequence_number);
  /// Delete files rewritten along; kReplace only.
  ReplaceFiles& RemoveDeletes(DataFile file);
  ReplaceFiles& AppendDeletes(DataFile file,
                              std::optional<int64_t> sequence_number = std::nullopt);
  /// What was read to make the change (unbound). With kSerializable, rows added meanwhile
  /// that may match are a conflict; in both, rows deleted meanwhile that may match are.
  ReplaceFiles& ValidateNothingNew(PredicatePtr filter, IsolationLevel level);
  ReplaceFiles& ToBranch(std::string branch);
  ReplaceFiles& SetSummary(std::string key, std::string value);

  /// Commits, retrying when another writer was first. kCommitConflict, not retried, when
  /// the change no longer fits the table.
  arrow::Result<TablePtr> Commit();

 private:
  class Operation;
  /// What the change was made for and looks at.
  struct Reads {
    std::optional<int64_t> start;
    std::vector<DataFile> removed;
    bool removes_by_path = false;
    PredicatePtr filter;
    IsolationLevel level = IsolationLevel::kSnapshot;
    bool keeps_sequence_number = false;
  };

  TablePtr table_;
  Kind kind_;
  FileChanges changes_;
  Reads reads_;
  std::optional<int64_t> sequence_number_;
  SnapshotOptions options_;
};

/// Replaces the partitions that the added files are of, as a whole (Java's
/// ReplacePartitions; dynamic overwrite). Of an unpartitioned table: all of it. Not
/// thread-safe.
class ReplacePartitions {
 public:
  explicit ReplacePartitions(TablePtr table) : table_(std::move(table)) {}

  /// Of the table's default spec.
  ReplacePartitions& Append(DataFile file);
  /// kCommitConflict when one of the partitions has data already.
  ReplacePartitions& ValidateAppendOnly();
  /// Rows deleted in the partitions since `table` was loaded are a conflict, with
  /// kSerializable also rows added. Without: the last writer wins.
  ReplacePartitions& ValidateNothingNew(IsolationLevel level);
  ReplacePartitions& ToBranch(std::string branch);
  ReplacePartitions& SetSummary(std::string key, std::string value);

  arrow::Result<TablePtr> Commit();

 private:
  class Operation;

  TablePtr table_;
  std::vector<DataFile> files_;
  bool append_only_ = false;
  std::optional<IsolationLevel> level_;
  SnapshotOptions options_;
};

/// Adds rows and deletes of rows in one snapshot (Java's RowDelta). Data files that the
/// deletes are about must still be there; a deletion vector that another writer added for
/// one of them is a conflict, for there is one per file. Not thread-safe.
class RowDelta {
 public:
  explicit RowDelta(TablePtr table) : table_(std::move(table)) {}

  RowDelta& AddRows(DataFile file);
  /// Position deletes (format 2), deletion vectors (3) or equality deletes.
  RowDelta& AddDeletes(DataFile file);
  RowDelta& RemoveRows(DataFile file);
  /// A delete file whose content the added ones hold too.
  RowDelta& RemoveDeletes(DataFile file);
  /// What was read to make the change (unbound). With kSerializable, rows added meanwhile
  /// that may match are a conflict. With added rows, rows deleted meanwhile are, too.
  RowDelta& ValidateNothingNew(PredicatePtr filter, IsolationLevel level);
  RowDelta& ToBranch(std::string branch);
  RowDelta& SetSummary(std::string key, std::string value);

  arrow::Result<TablePtr> Commit();

 private:
  class Operation;

  TablePtr table_;
  FileChanges changes_;
  std::vector<DataFile> removed_;
  PredicatePtr filter_;
  IsolationLevel level_ = IsolationLevel::kSnapshot;
  SnapshotOptions options_;
};

}  // namespace floe::iceberg
