#pragma once

#include <map>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Removes data files and adds others in one snapshot, of the operation "replace" (same
/// rows, as compaction makes), "overwrite" or, with nothing added, "delete". Not
/// thread-safe.
class ReplaceFiles {
 public:
  enum class Kind { kReplace, kOverwrite };

  ReplaceFiles(TablePtr table, Kind kind) : table_(std::move(table)), kind_(kind) {}

  /// A live file, by its path as the manifest has it.
  ReplaceFiles& Delete(std::string file_path);
  ReplaceFiles& Append(DataFile file);
  ReplaceFiles& SetSummary(std::string key, std::string value);

  /// Commits, retrying on conflict. kCommitConflict, not retried, when a file to remove
  /// is no longer live, or position deletes were added to one meanwhile.
  arrow::Result<TablePtr> Commit();

 private:
  TablePtr table_;
  Kind kind_;
  std::vector<std::string> deletes_;
  std::vector<DataFile> files_;
  std::map<std::string, std::string> summary_;
};

}  // namespace floe::iceberg
