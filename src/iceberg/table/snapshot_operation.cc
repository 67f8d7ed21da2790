#include "iceberg/table/snapshot_operation.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/error.h"

namespace floe::iceberg {
namespace {

/// Names the key that a table's files must be encrypted with.
constexpr char kEncryptionProperty[] = "encryption.key-id";

constexpr int kRowLineageVersion = 3;

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
  // A Puffin file may hold the vectors of many data files: each counts for its own part.
  counts->bytes += file.file_format == FileFormat::kPuffin
                       ? file.content_size_bytes.value_or(file.file_size_bytes)
                       : file.file_size_bytes;
  switch (file.content) {
    case FileContent::kData:
      ++counts->data_files;
      counts->records += file.record_count;
      return;
    case FileContent::kPositionDeletes:
      ++(file.file_format == FileFormat::kPuffin ? counts->vectors
                                                 : counts->position_delete_files);
      counts->position_deletes += file.record_count;
      return;
    case FileContent::kEqualityDeletes:
      ++counts->equality_delete_files;
      counts->equality_deletes += file.record_count;
      return;
  }
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
  std::map<std::string, std::string> properties = extra_;
  auto set_positive = [&](const char* key, int64_t value) {
    if (value > 0) properties[key] = std::to_string(value);
  };
  set_positive("added-data-files", added_.data_files);
  set_positive("added-records", added_.records);
  set_positive("added-files-size", added_.bytes);
  set_positive("added-delete-files", added_.delete_files());
  set_positive("added-position-delete-files", added_.position_delete_files);
  set_positive("added-dvs", added_.vectors);
  set_positive("added-position-deletes", added_.position_deletes);
  set_positive("added-equality-delete-files", added_.equality_delete_files);
  set_positive("added-equality-deletes", added_.equality_deletes);
  set_positive("deleted-data-files", removed_.data_files);
  set_positive("deleted-records", removed_.records);
  set_positive("removed-files-size", removed_.bytes);
  set_positive("removed-delete-files", removed_.delete_files());
  set_positive("removed-position-delete-files", removed_.position_delete_files);
  set_positive("removed-dvs", removed_.vectors);
  set_positive("removed-position-deletes", removed_.position_deletes);
  set_positive("removed-equality-delete-files", removed_.equality_delete_files);
  set_positive("removed-equality-deletes", removed_.equality_deletes);
  properties["changed-partition-count"] = std::to_string(partitions_.size());
  auto set_total = [&](const char* key, int64_t change) {
    std::optional<int64_t> before = ParentTotal(parent, key);
    if (before && *before + change >= 0) {
      properties[key] = std::to_string(*before + change);
    }
  };
  set_total("total-data-files", added_.data_files - removed_.data_files);
  set_total("total-records", added_.records - removed_.records);
  set_total("total-files-size", added_.bytes - removed_.bytes);
  set_total("total-delete-files", added_.delete_files() - removed_.delete_files());
  set_total("total-position-deletes",
            added_.position_deletes - removed_.position_deletes);
  set_total("total-equality-deletes",
            added_.equality_deletes - removed_.equality_deletes);
  return properties;
}

arrow::Result<const Snapshot*> BranchHead(const TableMetadata& metadata,
                                          const std::string& branch) {
  if (branch == kMainBranch) return metadata.current_snapshot();
  auto found = metadata.refs.find(branch);
  if (found == metadata.refs.end()) return metadata.current_snapshot();
  if (found->second.type != RefType::kBranch) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is a tag: only a branch can be committed to", branch);
  }
  return metadata.SnapshotById(found->second.snapshot_id);
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
    const Table& base, int32_t spec_id, ManifestContent content,
    const std::vector<ManifestEntry>& entries, bool reusable) {
  const TableMetadata& metadata = *base.metadata();
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(spec_id));
  ManifestWriteContext context;
  context.format_version = metadata.format_version;
  context.schema = metadata.schema();
  context.spec = *spec;
  context.content = content;
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

arrow::Status SnapshotOperation::WriteList(const Table& base,
                                           std::vector<ManifestFile> manifests,
                                           Snapshot* snapshot) {
  const TableMetadata& metadata = *base.metadata();
  listed_.clear();
  for (ManifestFile& manifest : manifests) {
    listed_.insert(manifest.manifest_path);
    if (manifest.added_snapshot_id != snapshot_id_) continue;
    manifest.sequence_number = snapshot->sequence_number;
    bool has_own = manifest.min_sequence_number != kUnassignedSequenceNumber;
    manifest.min_sequence_number =
        has_own ? std::min(manifest.min_sequence_number, snapshot->sequence_number)
                : snapshot->sequence_number;
  }
  ManifestListContext context;
  context.format_version = metadata.format_version;
  context.snapshot_id = snapshot_id_;
  context.parent_snapshot_id = snapshot->parent_snapshot_id;
  context.sequence_number = snapshot->sequence_number;
  if (metadata.format_version >= kRowLineageVersion) {
    context.first_row_id = metadata.next_row_id;
    snapshot->first_row_id = metadata.next_row_id;
    snapshot->added_rows =
        AssignFirstRowIds(metadata.next_row_id, &manifests) - metadata.next_row_id;
  }
  ARROW_ASSIGN_OR_RAISE(std::string bytes, WriteManifestList(context, manifests));
  snapshot->manifest_list = JoinLocation(
      MetadataFolder(metadata),
      fmt::format("snap-{}-{}-{}.avro", snapshot_id_, attempt_, commit_uuid_));
  attempt_files_.push_back(snapshot->manifest_list);
  listed_.insert(snapshot->manifest_list);
  return base.io()->Write(snapshot->manifest_list, bytes, WriteMode::kCreate);
}

arrow::Result<TableChange> SnapshotOperation::Apply(const Table& base) {
  const TableMetadata& metadata = *base.metadata();
  if (metadata.properties.contains(kEncryptionProperty)) {
    return MakeError(
        ErrorCode::kNotSupported,
        "table '{}' is encrypted (property {}); files written to it would not "
        "be, so nothing is",
        base.name(), kEncryptionProperty);
  }
  ARROW_RETURN_NOT_OK(ChooseIds(base));
  ARROW_ASSIGN_OR_RAISE(const Snapshot* parent, BranchHead(metadata, options_.branch));
  ARROW_RETURN_NOT_OK(WithContext(Validate(base, parent), "table", base.name()));
  ARROW_ASSIGN_OR_RAISE(auto parent_manifests, ManifestsOf(base, parent));
  SnapshotSummary summary;
  ARROW_ASSIGN_OR_RAISE(auto manifests, MakeManifests(base, parent_manifests, &summary));

  Snapshot snapshot;
  snapshot.snapshot_id = snapshot_id_;
  if (parent != nullptr) snapshot.parent_snapshot_id = parent->snapshot_id;
  snapshot.sequence_number =
      metadata.format_version == 1 ? 0 : metadata.last_sequence_number + 1;
  snapshot.timestamp_ms =
      std::max(base.context().clock->NowMillis(), metadata.last_updated_ms);
  snapshot.schema_id = metadata.current_schema_id;
  snapshot.summary = options_.summary;
  for (auto& [key, value] : summary.ToProperties(parent)) snapshot.summary[key] = value;
  snapshot.summary["operation"] = OperationName();
  ARROW_RETURN_NOT_OK(WriteList(base, std::move(manifests), &snapshot));

  TableChange change;
  change.requirements = {requirement::AssertTableUuid{metadata.table_uuid}};
  change.updates = {update::AddSnapshot{std::move(snapshot)}};
  if (options_.stage_only) return change;
  SnapshotRef ref;
  std::optional<int64_t> head;
  if (auto known = metadata.refs.find(options_.branch); known != metadata.refs.end()) {
    ref = known->second;
    head = ref.snapshot_id;
  } else if (options_.branch == kMainBranch) {
    head = metadata.current_snapshot_id;
  }
  ref.snapshot_id = snapshot_id_;
  change.requirements.push_back(requirement::AssertRefSnapshotId{options_.branch, head});
  change.updates.push_back(update::SetSnapshotRef{options_.branch, ref});
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

void SnapshotOperation::Committed(const Table& committed) {
  // Manifests whose entries went into a merged one.
  for (const auto* files : {&attempt_files_, &reusable_files_}) {
    for (const std::string& location : *files) {
      if (listed_.count(location) > 0) continue;
      static_cast<void>(committed.io()->Delete(location));
    }
  }
}

}  // namespace floe::iceberg
