#include "iceberg/table/merging_operation.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "iceberg/table/conflict_check.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/snapshot_history.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kManifestTargetBytes = int64_t{8} << 20;
constexpr int64_t kMinCountToMerge = 100;
constexpr int kVectorVersion = 3;

bool HasLiveFiles(const ManifestFile& manifest) {
  return manifest.added_files_count.value_or(1) > 0 ||
         manifest.existing_files_count.value_or(1) > 0;
}

arrow::Result<int64_t> PositiveProperty(const TableMetadata& metadata, const char* key,
                                        int64_t unset) {
  std::string text = metadata.Property(key, "");
  if (text.empty()) return unset;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0) return value;
  return MakeError(ErrorCode::kInvalidConfig,
                   "table property {} is '{}': expected a number above 0", key, text);
}

/// `upgraded`: the table got its format version after the file was made for it.
arrow::Status CheckAddedFile(const TableMetadata& metadata, const DataFile& file,
                             bool upgraded) {
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
  if (file.partition.size() != spec->fields.size()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} has {} partition values, but partition spec {} has {} fields",
                     file.file_path, file.partition.size(), spec->spec_id,
                     spec->fields.size());
  }
  if (file.content != FileContent::kPositionDeletes) return arrow::Status::OK();
  // Spec, "Position Delete Files" and "Deletion Vectors".
  bool is_vector = file.file_format == FileFormat::kPuffin;
  if (is_vector && metadata.format_version < kVectorVersion) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} is a deletion vector, which format-version {} does not have",
                     file.file_path, metadata.format_version);
  }
  if (!is_vector && metadata.format_version >= kVectorVersion) {
    return MakeError(upgraded ? ErrorCode::kCommitConflict : ErrorCode::kInvalidArgument,
                     "{} is a position delete file; format-version {} takes deletion "
                     "vectors alone",
                     file.file_path, metadata.format_version);
  }
  bool is_complete =
      file.referenced_data_file && file.content_offset && file.content_size_bytes;
  if (is_vector && !is_complete) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the deletion vector in {} lacks its data file, offset or length",
                     file.file_path);
  }
  return arrow::Status::OK();
}

/// Groups from the end, so that the bin that is not full holds the newest manifests,
/// which come first (Java's ListPacker.packEnd).
std::vector<std::vector<ManifestFile>> PackFromEnd(
    const std::vector<ManifestFile>& manifests, int64_t target_bytes) {
  std::vector<std::vector<ManifestFile>> bins;
  int64_t bytes = 0;
  for (auto manifest = manifests.rbegin(); manifest != manifests.rend(); ++manifest) {
    if (bins.empty() || bytes + manifest->manifest_length > target_bytes) {
      bins.emplace_back();
      bytes = 0;
    }
    bins.back().insert(bins.back().begin(), *manifest);
    bytes += manifest->manifest_length;
  }
  std::reverse(bins.begin(), bins.end());
  return bins;
}

}  // namespace

arrow::Status MergingOperation::CheckAdded(const TableMetadata& metadata) const {
  bool upgraded =
      added_format_version_ != 0 && added_format_version_ != metadata.format_version;
  std::set<std::string> paths;
  for (const FileChanges::Added& added : changes_.data) {
    if (added.file.content != FileContent::kData) {
      return MakeError(ErrorCode::kInvalidArgument, "{} is a delete file, not data",
                       added.file.file_path);
    }
    if (!paths.insert(added.file.file_path).second) {
      return MakeError(ErrorCode::kInvalidArgument, "{} is added twice",
                       added.file.file_path);
    }
    ARROW_RETURN_NOT_OK(CheckAddedFile(metadata, added.file, upgraded));
  }
  if (!changes_.deletes.empty() && metadata.format_version < 2) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "format version 1 has no delete files; upgrade the table to 2");
  }
  for (const FileChanges::Added& added : changes_.deletes) {
    if (added.file.content == FileContent::kData) {
      return MakeError(ErrorCode::kInvalidArgument, "{} is data, not a delete file",
                       added.file.file_path);
    }
    ARROW_RETURN_NOT_OK(CheckAddedFile(metadata, added.file, upgraded));
  }
  return arrow::Status::OK();
}

arrow::Result<ManifestFile> MergingOperation::WriteOwn(const Table& base, int32_t spec_id,
                                                       ManifestContent content,
                                                       std::vector<ManifestEntry> entries,
                                                       bool reusable) {
  ARROW_ASSIGN_OR_RAISE(ManifestFile manifest,
                        WriteNewManifest(base, spec_id, content, entries, reusable));
  own_entries_[manifest.manifest_path] = std::move(entries);
  return manifest;
}

arrow::Status MergingOperation::AddManifests(
    const Table& base, ManifestContent content,
    const std::vector<FileChanges::Added>& files) {
  std::map<int32_t, std::vector<ManifestEntry>> by_spec;
  for (const FileChanges::Added& added : files) {
    ManifestEntry entry;
    entry.status = EntryStatus::kAdded;
    entry.snapshot_id = snapshot_id();
    entry.sequence_number = added.sequence_number;
    entry.file = added.file;
    // Spec, "First Row ID Inheritance": a new file's is the commit's to give.
    entry.file.first_row_id.reset();
    by_spec[added.file.spec_id].push_back(std::move(entry));
  }
  for (auto& [spec_id, entries] : by_spec) {
    ARROW_ASSIGN_OR_RAISE(ManifestFile manifest,
                          WriteOwn(base, spec_id, content, std::move(entries), true));
    added_manifests_.push_back(std::move(manifest));
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<ManifestFile>> MergingOperation::AddedManifests(
    const Table& base, SnapshotSummary* summary) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_RETURN_NOT_OK(CheckAdded(metadata));
  for (const auto* files : {&changes_.data, &changes_.deletes}) {
    for (const FileChanges::Added& added : *files) {
      ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                            metadata.SpecById(added.file.spec_id));
      summary->AddFile(added.file, *spec);
    }
  }
  if (added_format_version_ != metadata.format_version) {
    // Those of an older version stay reusable files and go when the commit is through.
    added_manifests_.clear();
    added_format_version_ = metadata.format_version;
    ARROW_RETURN_NOT_OK(AddManifests(base, ManifestContent::kData, changes_.data));
    ARROW_RETURN_NOT_OK(AddManifests(base, ManifestContent::kDeletes, changes_.deletes));
  }
  return added_manifests_;
}

arrow::Result<MergingOperation::Removal> MergingOperation::StartRemoval(
    const Table& base) const {
  Removal removal;
  removal.missing_data = changes_.removed_data;
  removal.missing_deletes = changes_.removed_deletes;
  const TableMetadata& metadata = *base.metadata();
  const Schema& schema = *metadata.schema();
  ARROW_ASSIGN_OR_RAISE(removal.bound, Bind(changes_.removed_where, schema));
  if (removal.bound->op() == Predicate::Op::kFalse) return removal;
  for (const PartitionSpec& spec : metadata.partition_specs) {
    ARROW_ASSIGN_OR_RAISE(FileMatcher matcher,
                          FileMatcher::Make(removal.bound, schema, spec));
    removal.matchers.emplace(spec.spec_id, std::move(matcher));
  }
  return removal;
}

bool MergingOperation::RemovesData() const {
  return !changes_.removed_data.empty() || !changes_.removed_partitions.empty() ||
         changes_.removed_where->op() != Predicate::Op::kFalse;
}

bool MergingOperation::MayTouch(const ManifestFile& manifest,
                                const Removal& removal) const {
  if (!HasLiveFiles(manifest)) return false;
  if (manifest.content == ManifestContent::kDeletes) return true;
  if (!removal.missing_data.empty() || !changes_.removed_partitions.empty()) return true;
  auto matcher = removal.matchers.find(manifest.partition_spec_id);
  return matcher != removal.matchers.end() && matcher->second.ManifestMayMatch(manifest);
}

arrow::Result<bool> MergingOperation::IsRemoved(const Table& base, const DataFile& file,
                                                Removal* removal) const {
  if (file.content != FileContent::kData) {
    if (changes_.removed_deletes.count(DeleteFileKey::Of(file)) > 0) return true;
    auto about = DataFileOfDeletes(file);
    return about && removal->removed_data.count(*about) > 0;
  }
  if (changes_.removed_data.count(file.file_path) > 0) return true;
  if (!changes_.removed_partitions.empty()) {
    ARROW_ASSIGN_OR_RAISE(std::string partition, PartitionIdentity(file));
    if (changes_.removed_partitions.count(partition) > 0) return true;
  }
  auto matcher = removal->matchers.find(file.spec_id);
  if (matcher == removal->matchers.end()) return false;
  if (!matcher->second.MayMatch(file)) return false;
  if (matcher->second.MustMatch(file)) return true;
  return MakeError(ErrorCode::kCommitConflict,
                   "some rows of {} may match {} and others not: table '{}' must be "
                   "changed row by row",
                   file.file_path, removal->bound->ToString(), base.name());
}

arrow::Result<ManifestFile> MergingOperation::FilterManifest(const Table& base,
                                                             const ManifestFile& manifest,
                                                             Removal* removal,
                                                             SnapshotSummary* summary) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                        metadata.SpecById(manifest.partition_spec_id));
  ARROW_ASSIGN_OR_RAISE(TypePtr type, spec->PartitionType(*metadata.schema()));
  MetadataCache& cache = *base.context().cache;
  std::vector<int32_t> ids = ReferencedFieldIds(*removal->bound);
  // Deletes name their data file in the bounds of that column.
  if (manifest.content == ManifestContent::kDeletes) ids = {kDeleteFilePathId};
  ARROW_ASSIGN_OR_RAISE(auto looked_at,
                        cache.ManifestAt(*base.io(), manifest, *type, ids));
  std::vector<bool> is_removed;
  bool is_touched = false;
  for (const ManifestEntry& entry : *looked_at) {
    ARROW_ASSIGN_OR_RAISE(bool removed, IsRemoved(base, entry.file, removal));
    is_removed.push_back(removed);
    is_touched = is_touched || removed;
  }
  if (!is_touched) return manifest;
  ARROW_ASSIGN_OR_RAISE(auto entries,
                        cache.ManifestAt(*base.io(), manifest, *type, std::nullopt));
  std::vector<ManifestEntry> rewritten = *entries;
  for (size_t i = 0; i < rewritten.size(); ++i) {
    ManifestEntry& entry = rewritten[i];
    entry.status = EntryStatus::kExisting;
    if (!is_removed[i]) continue;
    entry.status = EntryStatus::kDeleted;
    entry.snapshot_id = snapshot_id();
    summary->RemoveFile(entry.file, *spec);
    if (entry.file.content == FileContent::kData) {
      removal->missing_data.erase(entry.file.file_path);
      removal->removed_data.insert(entry.file.file_path);
    } else {
      removal->missing_deletes.erase(DeleteFileKey::Of(entry.file));
    }
  }
  return WriteOwn(base, manifest.partition_spec_id, manifest.content,
                  std::move(rewritten), false);
}

arrow::Status MergingOperation::CheckRemoval(const Table& base,
                                             const Removal& removal) const {
  if (changes_.must_not_remove && !removal.removed_data.empty()) {
    return MakeError(ErrorCode::kCommitConflict,
                     "the change may only append, but table '{}' has data in its "
                     "partitions, e.g. {}",
                     base.name(), *removal.removed_data.begin());
  }
  if (!changes_.must_exist) return arrow::Status::OK();
  size_t missing = removal.missing_data.size() + removal.missing_deletes.size();
  if (missing == 0) return arrow::Status::OK();
  return MakeError(ErrorCode::kCommitConflict,
                   "{} of the files to replace are no longer part of table '{}', e.g. "
                   "{}: another writer removed them; start again from the new table",
                   missing, base.name(),
                   removal.missing_data.empty() ? removal.missing_deletes.begin()->path
                                                : *removal.missing_data.begin());
}

arrow::Result<std::vector<ManifestFile>> MergingOperation::MakeManifests(
    const Table& base, const std::vector<ManifestFile>& parent,
    SnapshotSummary* summary) {
  Describe(summary);
  ARROW_ASSIGN_OR_RAISE(std::vector<ManifestFile> all, AddedManifests(base, summary));
  ARROW_ASSIGN_OR_RAISE(Removal removal, StartRemoval(base));
  std::vector<ManifestFile> kept = parent;
  for (ManifestContent content : {ManifestContent::kData, ManifestContent::kDeletes}) {
    bool removes =
        content == ManifestContent::kData
            ? RemovesData()
            : !changes_.removed_deletes.empty() || !removal.removed_data.empty();
    if (!removes) continue;
    for (ManifestFile& manifest : kept) {
      if (manifest.content != content || !MayTouch(manifest, removal)) continue;
      ARROW_ASSIGN_OR_RAISE(manifest, FilterManifest(base, manifest, &removal, summary));
    }
  }
  ARROW_RETURN_NOT_OK(CheckRemoval(base, removal));
  for (ManifestFile& manifest : kept) {
    bool is_own = manifest.added_snapshot_id == snapshot_id();
    if (is_own || HasLiveFiles(manifest)) all.push_back(std::move(manifest));
  }
  bool merges =
      changes_.merge_manifests &&
      base.metadata()->Property("commit.manifest-merge.enabled", "true") == "true";
  return merges ? Merge(base, std::move(all)) : std::move(all);
}

arrow::Result<std::vector<ManifestFile>> MergingOperation::Merge(
    const Table& base, std::vector<ManifestFile> manifests) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_ASSIGN_OR_RAISE(int64_t target,
                        PositiveProperty(metadata, "commit.manifest.target-size-bytes",
                                         kManifestTargetBytes));
  ARROW_ASSIGN_OR_RAISE(
      int64_t min_count,
      PositiveProperty(metadata, "commit.manifest.min-count-to-merge", kMinCountToMerge));
  std::map<std::pair<ManifestContent, int32_t>, std::vector<ManifestFile>> groups;
  for (ManifestFile& manifest : manifests) {
    groups[{manifest.content, -manifest.partition_spec_id}].push_back(
        std::move(manifest));
  }
  std::vector<ManifestFile> merged;
  for (const auto& [key, group] : groups) {
    for (const std::vector<ManifestFile>& bin : PackFromEnd(group, target)) {
      bool holds_newest = bin.front().manifest_path == group.front().manifest_path;
      bool is_too_few = holds_newest && static_cast<int64_t>(bin.size()) < min_count;
      if (bin.size() == 1 || is_too_few) {
        merged.insert(merged.end(), bin.begin(), bin.end());
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(ManifestFile one, MergeBin(base, bin));
      merged.push_back(std::move(one));
    }
  }
  return merged;
}

arrow::Result<ManifestFile> MergingOperation::MergeBin(
    const Table& base, const std::vector<ManifestFile>& bin) {
  std::vector<ManifestEntry> entries;
  for (const ManifestFile& manifest : bin) {
    if (auto own = own_entries_.find(manifest.manifest_path); own != own_entries_.end()) {
      entries.insert(entries.end(), own->second.begin(), own->second.end());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto read, ReadAllEntries(base, manifest));
    for (ManifestEntry& entry : read) {
      // What older snapshots deleted is theirs to tell.
      if (entry.status == EntryStatus::kDeleted) continue;
      entry.status = EntryStatus::kExisting;
      entries.push_back(std::move(entry));
    }
  }
  return WriteOwn(base, bin.front().partition_spec_id, bin.front().content,
                  std::move(entries), false);
}

}  // namespace floe::iceberg
