#include "iceberg/spec/table_metadata.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr size_t kMaxNamedSnapshots = 20;

std::string SnapshotIds(const TableMetadata& metadata) {
  if (metadata.snapshots.empty()) return "it has none";
  std::string text = "it has ";
  const size_t first = metadata.snapshots.size() > kMaxNamedSnapshots
                           ? metadata.snapshots.size() - kMaxNamedSnapshots
                           : 0;
  if (first > 0) text += fmt::format("{} and of these the last are ", first);
  for (size_t i = first; i < metadata.snapshots.size(); ++i) {
    text += fmt::format("{}{}", i > first ? ", " : "", metadata.snapshots[i].snapshot_id);
  }
  return text;
}

}  // namespace

const SchemaPtr& TableMetadata::schema() const {
  const auto found = std::find_if(
      schemas.begin(), schemas.end(),
      [&](const SchemaPtr& schema) { return schema->schema_id() == current_schema_id; });
  FLOE_CHECK(found != schemas.end());
  return *found;
}

arrow::Result<SchemaPtr> TableMetadata::SchemaById(int32_t schema_id) const {
  for (const SchemaPtr& schema : schemas) {
    if (schema->schema_id() == schema_id) return schema;
  }
  return MakeError(ErrorCode::kCorruptData, "the table at {} has no schema {}", location,
                   schema_id);
}

arrow::Result<const PartitionSpec*> TableMetadata::SpecById(int32_t spec_id) const {
  for (const PartitionSpec& spec : partition_specs) {
    if (spec.spec_id == spec_id) return &spec;
  }
  return MakeError(ErrorCode::kCorruptData, "the table at {} has no partition spec {}",
                   location, spec_id);
}

const PartitionSpec& TableMetadata::default_spec() const {
  const auto found = std::find_if(
      partition_specs.begin(), partition_specs.end(),
      [&](const PartitionSpec& spec) { return spec.spec_id == default_spec_id; });
  FLOE_CHECK(found != partition_specs.end());
  return *found;
}

const Snapshot* TableMetadata::current_snapshot() const {
  if (!current_snapshot_id) return nullptr;
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.snapshot_id == *current_snapshot_id) return &snapshot;
  }
  return nullptr;
}

arrow::Result<const Snapshot*> TableMetadata::SnapshotById(int64_t snapshot_id) const {
  for (const Snapshot& snapshot : snapshots) {
    if (snapshot.snapshot_id == snapshot_id) return &snapshot;
  }
  return MakeError(ErrorCode::kNoSuchSnapshot, "the table at {} has no snapshot {}; {}",
                   location, snapshot_id, SnapshotIds(*this));
}

arrow::Result<const Snapshot*> TableMetadata::SnapshotByRef(std::string_view ref) const {
  const auto found = refs.find(std::string(ref));
  if (found != refs.end()) return SnapshotById(found->second.snapshot_id);
  std::string names;
  for (const auto& [name, unused] : refs) names += (names.empty() ? "" : ", ") + name;
  return MakeError(ErrorCode::kNoSuchSnapshot,
                   "the table at {} has no branch or tag '{}'; it has {}", location, ref,
                   names.empty() ? "none" : names);
}

arrow::Result<const Snapshot*> TableMetadata::SnapshotAsOf(int64_t timestamp_ms) const {
  const SnapshotLogEntry* current = nullptr;
  for (const SnapshotLogEntry& entry : snapshot_log) {
    if (entry.timestamp_ms <= timestamp_ms) current = &entry;
  }
  if (current != nullptr) return SnapshotById(current->snapshot_id);
  return MakeError(ErrorCode::kNoSuchSnapshot,
                   "the table at {} has no snapshot as of {} ms since 1970; {}", location,
                   timestamp_ms,
                   snapshot_log.empty() ? "its log is empty"
                                        : fmt::format("the first is of {} ms",
                                                      snapshot_log.front().timestamp_ms));
}

std::string TableMetadata::Property(std::string_view key,
                                    std::string_view default_value) const {
  const auto found = properties.find(std::string(key));
  return found == properties.end() ? std::string(default_value) : found->second;
}

}  // namespace floe::iceberg
