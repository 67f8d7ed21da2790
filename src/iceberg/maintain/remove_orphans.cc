#include "iceberg/maintain/remove_orphans.h"

#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/maintain/reachable_files.h"
#include "iceberg/table/file_location.h"
#include "io/file_io.h"

namespace floe::iceberg {
namespace {

constexpr std::string_view kMetadataSuffix = ".metadata.json";

/// One text for all ways to write a location: schemes of one store, slashes of file:.
std::string Normalized(const std::string& location) {
  std::string text = location;
  for (std::string_view scheme : {"s3a://", "s3n://"}) {
    if (text.starts_with(scheme)) text = "s3://" + text.substr(scheme.size());
  }
  if (auto path = LocalPath(text); path.ok()) text = *path;
  std::string single;
  size_t scheme_end = text.find("://");
  size_t keep = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i >= keep && text[i] == '/' && !single.empty() && single.back() == '/') continue;
    single += text[i];
  }
  return single;
}

std::string FolderOf(const std::string& location) {
  return location.substr(0, location.rfind('/'));
}

arrow::Result<int64_t> CutOff(const Table& table, const RemoveOrphansOptions& options) {
  int64_t now_ms = table.context().clock->NowMillis();
  int64_t cut_off =
      options.older_than_ms.value_or(now_ms - RemoveOrphansOptions::kDefaultAgeMs);
  if (options.allow_recent || cut_off <= now_ms - RemoveOrphansOptions::kMinAgeMs) {
    return cut_off;
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "files younger than a day may belong to commits under way: choose an "
                   "older time, or allow recent files where nobody else writes");
}

arrow::Result<std::set<std::string>> ReachableOf(const Table& table,
                                                 const MaintenanceProgress& progress) {
  const TableMetadata& metadata = *table.metadata();
  ReachableFiles files;
  ARROW_RETURN_NOT_OK(files.AddMetadata(metadata, table.metadata_location()));
  int64_t done = 0;
  for (const Snapshot& snapshot : metadata.snapshots) {
    ARROW_RETURN_NOT_OK(files.AddSnapshot(table, snapshot));
    if (!progress) continue;
    progress("reading snapshots", ++done,
             static_cast<int64_t>(metadata.snapshots.size()));
  }
  std::set<std::string> reachable;
  for (const auto* kind :
       {&files.manifest_lists(), &files.manifests(), &files.content(), &files.others()}) {
    for (const std::string& location : *kind) reachable.insert(Normalized(location));
  }
  return reachable;
}

/// Another table's files would all look like orphans of this one.
arrow::Status CheckOwn(const Table& table, const std::string& location,
                       const std::string& own_folder) {
  bool is_metadata = location.ends_with(kMetadataSuffix);
  if (!is_metadata || FolderOf(location) == own_folder) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "{} lies under the location of table '{}' but not among its metadata: "
                   "it looks like another table, whose files must stay",
                   location, table.name());
}

/// Files of the table's folders from before `cut_off_ms`.
arrow::Result<std::set<std::string>> ListOldFiles(const Table& table,
                                                  int64_t cut_off_ms) {
  const TableMetadata& metadata = *table.metadata();
  std::string own_folder = Normalized(FolderOf(table.metadata_location()));
  std::set<std::string> folders = {Normalized(metadata.location),
                                   Normalized(DataFolder(metadata)), own_folder};
  std::set<std::string> found;
  for (const std::string& folder : folders) {
    ARROW_ASSIGN_OR_RAISE(auto entries, table.io()->List(folder, true));
    for (const FileEntry& entry : entries) {
      std::string location = Normalized(entry.location);
      ARROW_RETURN_NOT_OK(CheckOwn(table, location, own_folder));
      bool is_hint = location == JoinLocation(own_folder, "version-hint.text");
      if (!is_hint && entry.modified_ms < cut_off_ms) found.insert(entry.location);
    }
  }
  return found;
}

}  // namespace

arrow::Result<MaintenanceReport> RemoveOrphanFiles(const TablePtr& table,
                                                   const RemoveOrphansOptions& options) {
  if (table->metadata()->Property("gc.enabled", "true") != "true") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '{}' has gc.enabled=false: its files may belong to other "
                     "tables",
                     table->name());
  }
  ARROW_ASSIGN_OR_RAISE(int64_t cut_off, CutOff(*table, options));
  MaintenanceReport report;
  report.action = "remove-orphans";
  report.is_dry_run = options.dry_run;
  // Files are listed before the newest version is read, so that what is committed in
  // between is among what that reaches.
  ARROW_ASSIGN_OR_RAISE(auto candidates, ListOldFiles(*table, cut_off));
  ARROW_ASSIGN_OR_RAISE(report.table, table->Refresh());
  ARROW_ASSIGN_OR_RAISE(auto reachable, ReachableOf(*report.table, options.progress));
  std::erase_if(candidates, [&](const std::string& location) {
    return reachable.count(Normalized(location)) > 0;
  });
  report.counts["removed_files"] = 0;
  RemoveFiles(*report.table, {candidates.begin(), candidates.end()}, options.progress,
              &report);
  return report;
}

}  // namespace floe::iceberg
