#include "iceberg/catalog/rest/commit_outcome.h"

#include <algorithm>

namespace floe::iceberg {
namespace {

bool HasSnapshot(const TableMetadata& metadata, int64_t snapshot_id) {
  return std::any_of(metadata.snapshots.begin(), metadata.snapshots.end(),
                     [&](const Snapshot& s) { return s.snapshot_id == snapshot_id; });
}

bool SameRef(const SnapshotRef& a, const SnapshotRef& b) {
  return a.snapshot_id == b.snapshot_id && a.type == b.type &&
         a.min_snapshots_to_keep == b.min_snapshots_to_keep &&
         a.max_snapshot_age_ms == b.max_snapshot_age_ms &&
         a.max_ref_age_ms == b.max_ref_age_ms;
}

/// Whether a change is the table's state. Those whose trace cannot be told from what was
/// there before are not.
struct IsState {
  const TableMetadata& now;

  bool operator()(const update::AssignUuid& change) const {
    return now.table_uuid == change.uuid;
  }
  bool operator()(const update::UpgradeFormatVersion& change) const {
    return now.format_version >= change.format_version;
  }
  bool operator()(const update::AddSchema& change) const {
    return std::any_of(now.schemas.begin(), now.schemas.end(),
                       [&](const SchemaPtr& s) { return s->SameFields(*change.schema); });
  }
  bool operator()(const update::SetCurrentSchema& change) const {
    return change.schema_id == update::SetCurrentSchema::kLastAdded ||
           now.current_schema_id == change.schema_id;
  }
  bool operator()(const update::SetDefaultSpec& change) const {
    return now.default_spec_id == change.spec_id;
  }
  bool operator()(const update::SetDefaultSortOrder& change) const {
    return now.default_sort_order_id == change.sort_order_id;
  }
  bool operator()(const update::AddSnapshot& change) const {
    return HasSnapshot(now, change.snapshot.snapshot_id);
  }
  bool operator()(const update::SetSnapshotRef& change) const {
    const auto found = now.refs.find(change.name);
    return found != now.refs.end() && SameRef(found->second, change.ref);
  }
  bool operator()(const update::RemoveSnapshots& change) const {
    return std::none_of(change.snapshot_ids.begin(), change.snapshot_ids.end(),
                        [&](int64_t id) { return HasSnapshot(now, id); });
  }
  bool operator()(const update::RemoveSnapshotRef& change) const {
    return now.refs.count(change.name) == 0;
  }
  bool operator()(const update::SetProperties& change) const {
    return std::all_of(change.updates.begin(), change.updates.end(), [&](const auto& p) {
      const auto found = now.properties.find(p.first);
      return found != now.properties.end() && found->second == p.second;
    });
  }
  bool operator()(const update::RemoveProperties& change) const {
    return std::none_of(
        change.removals.begin(), change.removals.end(),
        [&](const std::string& key) { return now.properties.count(key) > 0; });
  }
  bool operator()(const update::SetLocation& change) const {
    return now.location == change.location;
  }
  bool operator()(const update::RemoveSchemas& change) const {
    return std::none_of(now.schemas.begin(), now.schemas.end(), [&](const SchemaPtr& s) {
      return std::count(change.schema_ids.begin(), change.schema_ids.end(),
                        s->schema_id()) > 0;
    });
  }
  bool operator()(const update::RemovePartitionSpecs& change) const {
    return std::none_of(now.partition_specs.begin(), now.partition_specs.end(),
                        [&](const PartitionSpec& spec) {
                          return std::count(change.spec_ids.begin(),
                                            change.spec_ids.end(), spec.spec_id) > 0;
                        });
  }
  template <typename Change>
  bool operator()(const Change&) const {
    return false;
  }
};

/// The schema that became current is the last one added.
bool HasCurrentSchema(const TableMetadata& now, const std::vector<TableUpdate>& updates) {
  const update::AddSchema* last = nullptr;
  for (const TableUpdate& change : updates) {
    if (const auto* added = std::get_if<update::AddSchema>(&change)) last = added;
    const auto* current = std::get_if<update::SetCurrentSchema>(&change);
    if (current != nullptr &&
        current->schema_id == update::SetCurrentSchema::kLastAdded &&
        (last == nullptr || !now.schema()->SameFields(*last->schema))) {
      return false;
    }
  }
  return true;
}

}  // namespace

CommitOutcome OutcomeOfCommit(const TableMetadata& now,
                              const std::vector<TableUpdate>& updates) {
  bool has_snapshot = false;
  for (const TableUpdate& change : updates) {
    const auto* added = std::get_if<update::AddSnapshot>(&change);
    if (added == nullptr) continue;
    has_snapshot = true;
    if (HasSnapshot(now, added->snapshot.snapshot_id)) return CommitOutcome::kLanded;
    const int64_t number = added->snapshot.sequence_number;
    const bool is_taken =
        number > 0 &&
        std::any_of(now.snapshots.begin(), now.snapshots.end(),
                    [&](const Snapshot& s) { return s.sequence_number == number; });
    if (is_taken) return CommitOutcome::kLost;
  }
  if (has_snapshot) return CommitOutcome::kUnknown;
  const bool is_state = std::all_of(
      updates.begin(), updates.end(),
      [&](const TableUpdate& change) { return std::visit(IsState{now}, change); });
  return is_state && HasCurrentSchema(now, updates) ? CommitOutcome::kLanded
                                                    : CommitOutcome::kUnknown;
}

}  // namespace floe::iceberg
