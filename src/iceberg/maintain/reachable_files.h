#pragma once

#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Files that snapshots use, each manifest read once.
class ReachableFiles {
 public:
  /// Adds the manifest list, the manifests and the live data and delete files of
  /// `snapshot`. Manifests of `skipped` are passed over.
  arrow::Status AddSnapshot(const Table& table, const Snapshot& snapshot,
                            const std::set<std::string>& skipped = {});
  /// Adds the metadata files, and the statistics of the snapshots `metadata` has.
  arrow::Status AddMetadata(const TableMetadata& metadata, const std::string& location);

  const std::set<std::string>& manifest_lists() const { return manifest_lists_; }
  const std::set<std::string>& manifests() const { return manifests_; }
  const std::set<std::string>& content() const { return content_; }
  const std::set<std::string>& others() const { return others_; }

 private:
  std::set<std::string> manifest_lists_;
  std::set<std::string> manifests_;
  std::set<std::string> content_;
  std::set<std::string> others_;
};

}  // namespace floe::iceberg
