#pragma once

#include <map>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/snapshot_operation.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Adds data files to a table in one snapshot. Small manifests are merged now and then,
/// as the commit.manifest* properties say (Java's MergeAppend); after Fast() older
/// manifests are kept as they are (Java's FastAppend). Not thread-safe.
class AppendFiles {
 public:
  explicit AppendFiles(TablePtr table) : table_(std::move(table)) {}

  /// `file.spec_id` says which spec its partition is of.
  AppendFiles& Append(DataFile file);
  AppendFiles& Append(std::vector<DataFile> files);
  AppendFiles& Fast();
  AppendFiles& ToBranch(std::string branch);
  /// Adds the snapshot to no branch: ManageSnapshots::CherryPick publishes it.
  AppendFiles& StageOnly();
  /// An extra property of the snapshot's summary. The spec's own keys win.
  AppendFiles& SetSummary(std::string key, std::string value);

  /// Commits, retrying on conflict; see CommitWithRetry for errors. Returns the table
  /// with the new snapshot. No file: a snapshot without files, as Java makes.
  /// The data files are the caller's: they are not removed on failure.
  arrow::Result<TablePtr> Commit();

 private:
  TablePtr table_;
  std::vector<DataFile> files_;
  bool is_fast_ = false;
  SnapshotOptions options_;
};

}  // namespace floe::iceberg
