#include "iceberg/table/snapshot_history.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/snapshot_operation.h"

namespace floe::iceberg {
namespace {

const Snapshot* FindSnapshot(const TableMetadata& metadata, std::optional<int64_t> id) {
  if (!id) return nullptr;
  auto found = metadata.SnapshotById(*id);
  return found.ok() ? *found : nullptr;
}

}  // namespace

std::vector<const Snapshot*> AncestorsOf(const TableMetadata& metadata,
                                         const Snapshot* newest) {
  std::vector<const Snapshot*> ancestors;
  // Broken metadata may hold a circle.
  while (newest != nullptr && ancestors.size() < metadata.snapshots.size()) {
    ancestors.push_back(newest);
    newest = FindSnapshot(metadata, newest->parent_snapshot_id);
  }
  return ancestors;
}

bool IsAncestor(const TableMetadata& metadata, const Snapshot* newest, int64_t ancestor) {
  auto ancestors = AncestorsOf(metadata, newest);
  return std::any_of(ancestors.begin(), ancestors.end(), [&](const Snapshot* snapshot) {
    return snapshot->snapshot_id == ancestor;
  });
}

arrow::Result<std::vector<const Snapshot*>> SnapshotsSince(const TableMetadata& metadata,
                                                           const Snapshot* newest,
                                                           std::optional<int64_t> start) {
  std::vector<const Snapshot*> since = AncestorsOf(metadata, newest);
  if (!start) {
    if (since.empty() || !since.back()->parent_snapshot_id) return since;
    return MakeError(ErrorCode::kCommitConflict,
                     "the change was made for an empty table, whose first snapshots have "
                     "expired since: start again from the new table");
  }
  auto found = std::find_if(since.begin(), since.end(), [&](const Snapshot* snapshot) {
    return snapshot->snapshot_id == *start;
  });
  if (found == since.end()) {
    return MakeError(ErrorCode::kCommitConflict,
                     "the change was made for snapshot {}, which the branch does not "
                     "descend from any more: start again from the new table",
                     *start);
  }
  since.erase(found, since.end());
  return since;
}

arrow::Result<std::vector<ManifestEntry>> ReadAllEntries(const Table& table,
                                                         const ManifestFile& manifest) {
  const TableMetadata& metadata = *table.metadata();
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                        metadata.SpecById(manifest.partition_spec_id));
  ARROW_ASSIGN_OR_RAISE(TypePtr type, spec->PartitionType(*metadata.schema()));
  ARROW_ASSIGN_OR_RAISE(std::string bytes, table.io()->ReadAll(manifest.manifest_path,
                                                               FileIO::kMaxReadAllBytes,
                                                               manifest.manifest_length));
  ManifestReadOptions options;
  options.include_deleted = true;
  return ReadManifest(bytes, manifest, *type, options);
}

arrow::Result<std::vector<ManifestEntry>> ChangesOf(const Table& table,
                                                    const Snapshot& snapshot,
                                                    ManifestContent content,
                                                    EntryStatus status) {
  ARROW_ASSIGN_OR_RAISE(auto manifests, ManifestsOf(table, &snapshot));
  std::vector<ManifestEntry> changes;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.added_snapshot_id != snapshot.snapshot_id ||
        manifest.content != content) {
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto entries, ReadAllEntries(table, manifest));
    for (ManifestEntry& entry : entries) {
      if (entry.status != status || entry.snapshot_id != snapshot.snapshot_id) continue;
      changes.push_back(std::move(entry));
    }
  }
  return changes;
}

std::optional<std::string> DataFileOfDeletes(const DataFile& deletes) {
  if (deletes.content != FileContent::kPositionDeletes) return std::nullopt;
  if (deletes.referenced_data_file) return deletes.referenced_data_file;
  const ColumnMetrics* paths = deletes.FindMetrics(kDeleteFilePathId);
  if (paths == nullptr || !paths->lower_bound || !paths->upper_bound) return std::nullopt;
  // Bounds may be cut short, but an upper one is then raised: equal ones are whole.
  if (*paths->lower_bound != *paths->upper_bound) return std::nullopt;
  return *paths->lower_bound;
}

}  // namespace floe::iceberg
