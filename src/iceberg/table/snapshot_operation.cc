#include "iceberg/table/snapshot_operation.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error.h"

namespace floe::iceberg {
namespace {

std::string MetadataFolder(const TableMetadata& metadata) {
  return metadata.Property("write.metadata.path",
                           JoinLocation(metadata.location, "metadata"));
}

/// A number of the parent's summary; nullopt when it does not say.
std::optional<int64_t> ParentTotal(const Snapshot* parent, const std::string& key) {
  if (parent == nullptr) return 0;
  auto found = parent->summary.find(key);
  if (found == parent->summary.end()) return std::nullopt;
  const std::string& text = found->second;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool is_number = error == std::errc() && end == text.data() + text.size() && value >= 0;
  return is_number ? std::optional<int64_t>(value) : std::nullopt;
}

}  // namespace

void SnapshotSummary::Count(const DataFile& file, Counts* counts) {
  ++counts->files;
  counts->records += file.record_count;
  counts->bytes += file.file_size_bytes;
}

void SnapshotSummary::AddFile(const DataFile& file, const PartitionSpec& spec) {
  Count(file, &added_);
  partitions_.insert(spec.PartitionPath(file.partition));
}

void SnapshotSummary::RemoveFile(const DataFile& file, const PartitionSpec& spec) {
  Count(file, &removed_);
  partitions_.insert(spec.PartitionPath(file.partition));
}

std::map<std::string, std::string> SnapshotSummary::ToProperties(
    const Snapshot* parent) const {
  std::map<std::string, std::string> properties;
  auto set_positive = [&](const char* key, int64_t value) {
    if (value > 0) properties[key] = std::to_string(value);
  };
  set_positive("added-data-files", added_.files);
  set_positive("added-records", added_.records);
  set_positive("added-files-size", added_.bytes);
  set_positive("deleted-data-files", removed_.files);
  set_positive("deleted-records", removed_.records);
  set_positive("removed-files-size", removed_.bytes);
  properties["changed-partition-count"] = std::to_string(partitions_.size());
  auto set_total = [&](const char* key, int64_t change) {
    std::optional<int64_t> before = ParentTotal(parent, key);
    if (before && *before + change >= 0) {
      properties[key] = std::to_string(*before + change);
    }
  };
  set_total("total-data-files", added_.files - removed_.files);
  set_total("total-records", added_.records - removed_.records);
  set_total("total-files-size", added_.bytes - removed_.bytes);
  set_total("total-delete-files", 0);
  set_total("total-position-deletes", 0);
  set_total("total-equality-deletes", 0);
  return properties;
}

arrow::Result<std::vector<ManifestFile>> ManifestsOf(const Table& table,
                                                     const Snapshot* snapshot) {
  if (snapshot == nullptr) return std::vector<ManifestFile>();
  if (snapshot->manifest_list.empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "snapshot {} of table '{}' lists its manifests inline (format 1 "
                     "without manifest lists), which this version of Floe does not read",
                     snapshot->snapshot_id, table.name());
  }
  ARROW_ASSIGN_OR_RAISE(auto list, table.context().cache->ManifestListAt(
                                       *table.io(), snapshot->manifest_list));
  return *list;
}

arrow::Status SnapshotOperation::ChooseIds(const Table& base) {
  const TableContext& context = base.context();
  if (commit_uuid_.empty()) commit_uuid_ = NewUuid(*context.random);
  while (snapshot_id_ == 0) {
    constexpr uint64_t kPositive = std::numeric_limits<int64_t>::max();
    auto id = static_cast<int64_t>(context.random->Next() & kPositive);
    if (!base.metadata()->SnapshotById(id).ok()) snapshot_id_ = id;
  }
  ++attempt_;
  return arrow::Status::OK();
}

arrow::Result<ManifestFile> SnapshotOperation::WriteNewManifest(
    const Table& base, int32_t spec_id, const std::vector<ManifestEntry>& entries,
    bool reusable) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(spec_id));
  ManifestWriteContext context;
  context.format_version = metadata.format_version;
  context.schema = metadata.schema();
  context.spec = *spec;
  context.snapshot_id = snapshot_id_;
  ARROW_ASSIGN_OR_RAISE(WrittenManifest written, WriteManifest(context, entries));
  std::string location =
      JoinLocation(MetadataFolder(metadata),
                   fmt::format("{}-m{}.avro", commit_uuid_, manifest_count_++));
  (reusable ? reusable_files_ : attempt_files_).push_back(location);
  ARROW_RETURN_NOT_OK(base.io()->Write(location, written.bytes, WriteMode::kCreate));
  written.manifest.manifest_path = location;
  written.manifest.manifest_length = static_cast<int64_t>(written.bytes.size());
  return written.manifest;
}

arrow::Result<std::string> SnapshotOperation::WriteList(
    const Table& base, std::vector<ManifestFile> manifests, int64_t sequence_number) {
  const TableMetadata& metadata = *base.metadata();
  for (ManifestFile& manifest : manifests) {
    if (manifest.added_snapshot_id != snapshot_id_) continue;
    manifest.sequence_number = sequence_number;
    bool has_older = manifest.existing_files_count.value_or(0) > 0;
    manifest.min_sequence_number =
        has_older ? std::min(manifest.min_sequence_number, sequence_number)
                  : sequence_number;
  }
  ManifestListContext context;
  context.format_version = metadata.format_version;
  context.snapshot_id = snapshot_id_;
  context.parent_snapshot_id = metadata.current_snapshot_id;
  context.sequence_number = sequence_number;
  ARROW_ASSIGN_OR_RAISE(std::string bytes, WriteManifestList(context, manifests));
  std::string location = JoinLocation(
      MetadataFolder(metadata),
      fmt::format("snap-{}-{}-{}.avro", snapshot_id_, attempt_, commit_uuid_));
  attempt_files_.push_back(location);
  ARROW_RETURN_NOT_OK(base.io()->Write(location, bytes, WriteMode::kCreate));
  return location;
}

arrow::Result<TableChange> SnapshotOperation::Apply(const Table& base) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_RETURN_NOT_OK(ChooseIds(base));
  const Snapshot* parent = metadata.current_snapshot();
  ARROW_ASSIGN_OR_RAISE(auto parent_manifests, ManifestsOf(base, parent));
  SnapshotSummary summary;
  ARROW_ASSIGN_OR_RAISE(auto manifests, MakeManifests(base, parent_manifests, &summary));

  Snapshot snapshot;
  snapshot.snapshot_id = snapshot_id_;
  snapshot.parent_snapshot_id = metadata.current_snapshot_id;
  snapshot.sequence_number =
      metadata.format_version == 1 ? 0 : metadata.last_sequence_number + 1;
  snapshot.timestamp_ms =
      std::max(base.context().clock->NowMillis(), metadata.last_updated_ms);
  snapshot.schema_id = metadata.current_schema_id;
  snapshot.summary = extra_summary_;
  for (auto& [key, value] : summary.ToProperties(parent)) snapshot.summary[key] = value;
  snapshot.summary["operation"] = OperationName();
  ARROW_ASSIGN_OR_RAISE(snapshot.manifest_list,
                        WriteList(base, std::move(manifests), snapshot.sequence_number));

  SnapshotRef ref;
  auto known = metadata.refs.find(kMainBranch);
  if (known != metadata.refs.end()) ref = known->second;
  ref.snapshot_id = snapshot_id_;
  TableChange change;
  change.requirements = {
      requirement::AssertTableUuid{metadata.table_uuid},
      requirement::AssertRefSnapshotId{kMainBranch, metadata.current_snapshot_id}};
  change.updates = {update::AddSnapshot{std::move(snapshot)},
                    update::SetSnapshotRef{kMainBranch, ref}};
  return change;
}

void SnapshotOperation::CleanUpAttempt(const Table& base) {
  // A file that cannot be removed is an orphan that no snapshot refers to.
  for (const std::string& location : attempt_files_) {
    static_cast<void>(base.io()->Delete(location));
  }
  attempt_files_.clear();
}

void SnapshotOperation::CleanUp(const Table& base) {
  for (const std::string& location : reusable_files_) {
    static_cast<void>(base.io()->Delete(location));
  }
  reusable_files_.clear();
}

arrow::Status AddedFiles::Check(const TableMetadata& metadata) const {
  for (const DataFile& file : files_) {
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(file.spec_id));
    if (file.content != FileContent::kData) {
      return MakeError(ErrorCode::kInvalidArgument, "{} is a delete file, not data",
                       file.file_path);
    }
    if (file.partition.size() != spec->fields.size()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} has {} partition values, but partition spec {} has {} fields",
                       file.file_path, file.partition.size(), spec->spec_id,
                       spec->fields.size());
    }
  }
  return arrow::Status::OK();
}

std::map<int32_t, std::vector<ManifestEntry>> AddedFiles::Entries(
    int64_t snapshot_id) const {
  std::map<int32_t, std::vector<ManifestEntry>> by_spec;
  for (const DataFile& file : files_) {
    ManifestEntry entry;
    entry.status = EntryStatus::kAdded;
    entry.snapshot_id = snapshot_id;
    entry.file = file;
    by_spec[file.spec_id].push_back(std::move(entry));
  }
  return by_spec;
}

}  // namespace floe::iceberg
