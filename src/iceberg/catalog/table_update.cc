#include "iceberg/catalog/table_update.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/spec/json_reader.h"

namespace floe::iceberg {
namespace {

constexpr int kWritableFormatVersionMax = TableMetadata::kFormatVersionMax;
constexpr int kRowLineageVersion = 3;
constexpr int64_t kDefaultPreviousVersions = 100;
constexpr int32_t kFirstSortOrderId = 1;

arrow::Status CheckWritableVersion(int format_version) {
  if (format_version >= 1 && format_version <= kWritableFormatVersionMax) {
    return arrow::Status::OK();
  }
  return MakeError(ErrorCode::kNotSupported,
                   "format-version {} cannot be written by this version of Floe: use 1 "
                   "to {}",
                   format_version, kWritableFormatVersionMax);
}

bool NeedsVersion3(const Type& type) {
  switch (type.id()) {
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
    case TypeId::kUnknown:
    case TypeId::kVariant:
    case TypeId::kGeometry:
    case TypeId::kGeography:
      return true;
    default:
      return std::any_of(type.fields().begin(), type.fields().end(),
                         [](const NestedField& f) { return NeedsVersion3(*f.type); });
  }
}

/// Rows written before the field was there have a value that only V3 readers know of.
bool HasInitialDefault(const NestedField& field) {
  bool has_own = field.initial_default != nullptr && !field.initial_default->is_null();
  return has_own || std::any_of(field.type->fields().begin(), field.type->fields().end(),
                                HasInitialDefault);
}

arrow::Status CheckSchemaTypes(const Schema& schema, int format_version) {
  if (format_version >= 3) return arrow::Status::OK();
  for (const NestedField& field : schema.fields()) {
    if (HasInitialDefault(field)) {
      return MakeError(ErrorCode::kNotSupported,
                       "the default of column '{}' needs format-version 3, the table has "
                       "{}",
                       field.name, format_version);
    }
    if (!NeedsVersion3(*field.type)) continue;
    return MakeError(ErrorCode::kNotSupported,
                     "column '{}' of type {} needs format-version 3, the table has {}",
                     field.name, field.type->ToString(), format_version);
  }
  return arrow::Status::OK();
}

arrow::Status CheckRef(const std::string& name, const SnapshotRef& ref) {
  auto bad = [&](std::string_view what) {
    return MakeError(ErrorCode::kInvalidArgument, "ref '{}': {}", name, what);
  };
  if (name.empty()) return bad("a name is needed");
  if (name == kMainBranch && ref.type != RefType::kBranch) {
    return bad("'main' must be a branch");
  }
  bool keeps_snapshots = ref.min_snapshots_to_keep || ref.max_snapshot_age_ms;
  if (ref.type == RefType::kTag && keeps_snapshots) {
    return bad("a tag is one snapshot: how many to keep is said of branches");
  }
  if (ref.min_snapshots_to_keep.value_or(1) < 1 ||
      ref.max_snapshot_age_ms.value_or(1) < 1 || ref.max_ref_age_ms.value_or(1) < 1) {
    return bad("ages and numbers of snapshots to keep must be above 0");
  }
  return arrow::Status::OK();
}

/// The array `text` ("" where there is none) without the objects of these snapshots, and
/// with `added` ("" for none).
arrow::Result<std::string> ReplaceStatistics(const std::string& text,
                                             const std::set<int64_t>& snapshot_ids,
                                             const std::string& added) {
  nlohmann::json kept = nlohmann::json::array();
  if (!text.empty()) {
    ARROW_ASSIGN_OR_RAISE(nlohmann::json known, ParseJson(text, "statistics"));
    for (nlohmann::json& file : known) {
      ARROW_ASSIGN_OR_RAISE(JsonObject object, JsonObject::Make(file, "statistics"));
      ARROW_ASSIGN_OR_RAISE(int64_t id, object.GetLong("snapshot-id"));
      if (snapshot_ids.count(id) == 0) kept.push_back(std::move(file));
    }
  }
  if (!added.empty()) {
    ARROW_ASSIGN_OR_RAISE(nlohmann::json file, ParseJson(added, "statistics"));
    ARROW_ASSIGN_OR_RAISE(JsonObject object, JsonObject::Make(file, "statistics"));
    ARROW_ASSIGN_OR_RAISE(int64_t id, object.GetLong("snapshot-id"));
    ARROW_RETURN_NOT_OK(object.GetString("statistics-path").status());
    if (snapshot_ids.count(id) == 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the statistics are of snapshot {}, not of the one named", id);
    }
    kept.push_back(std::move(file));
  }
  if (kept.empty()) return std::string();
  return DumpJson(kept, "statistics");
}

arrow::Status CheckSpecField(const PartitionField& field, const Schema& schema) {
  const NestedField* source = schema.FindField(field.source_id);
  if (source == nullptr) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "partition field '{}' refers to field id {}, which the schema does "
                     "not have",
                     field.name, field.source_id);
  }
  if (field.transform.kind() == Transform::Kind::kUnknown) {
    return MakeError(ErrorCode::kNotSupported,
                     "partition field '{}' uses the unknown transform '{}'", field.name,
                     field.transform.ToString());
  }
  auto result = field.transform.ResultType(source->type);
  if (!result.ok()) return WithContext(result.status(), "partition field", field.name);
  const NestedField* same_name = schema.FindField(field.name);
  bool is_own = field.transform.kind() == Transform::Kind::kIdentity &&
                same_name != nullptr && same_name->id == field.source_id;
  if (same_name != nullptr && !is_own) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "partition field '{}' has the name of a column: choose another, "
                     "e.g. '{}_{}'",
                     field.name, field.name, field.transform.ToString());
  }
  return arrow::Status::OK();
}

/// Checks `spec` and gives each field without an id the next one.
arrow::Status AssignSpecFieldIds(const Schema& schema, PartitionSpec* spec,
                                 int32_t* last_partition_id) {
  std::set<std::string> names;
  for (PartitionField& field : spec->fields) {
    if (!names.insert(field.name).second) {
      return MakeError(ErrorCode::kInvalidArgument, "two partition fields are named '{}'",
                       field.name);
    }
    ARROW_RETURN_NOT_OK(CheckSpecField(field, schema));
    if (field.field_id == 0) field.field_id = *last_partition_id + 1;
    if (field.field_id < PartitionSpec::kFirstFieldId) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "partition field '{}' has id {}: ids start at {}", field.name,
                       field.field_id, PartitionSpec::kFirstFieldId);
    }
    *last_partition_id = std::max(*last_partition_id, field.field_id);
  }
  return arrow::Status::OK();
}

/// A field that any spec of the table had keeps its id.
void ReuseFieldIds(const TableMetadata& base, PartitionSpec* spec) {
  for (PartitionField& field : spec->fields) {
    if (field.field_id != 0) continue;
    for (const PartitionSpec& known : base.partition_specs) {
      for (const PartitionField& old : known.fields) {
        if (old.source_id == field.source_id && old.transform == field.transform) {
          field.field_id = old.field_id;
        }
      }
    }
  }
}

arrow::Status CheckSortOrder(const SortOrder& order, const Schema& schema) {
  for (const SortField& field : order.fields) {
    const NestedField* source = schema.FindField(field.source_id);
    if (source == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the sort order refers to field id {}, which the schema does not "
                       "have",
                       field.source_id);
    }
    ARROW_RETURN_NOT_OK(field.transform.ResultType(source->type).status());
  }
  return arrow::Status::OK();
}

arrow::Result<int64_t> PreviousVersionsMax(const TableMetadata& metadata) {
  constexpr char kKey[] = "write.metadata.previous-versions-max";
  std::string text = metadata.Property(kKey, "");
  if (text.empty()) return kDefaultPreviousVersions;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "table property {} is '{}': expected a number from 0 up", kKey,
                     text);
  }
  return value;
}

std::string WithoutTrailingSlash(std::string location) {
  while (location.size() > 1 && location.back() == '/') location.pop_back();
  return location;
}

/// One change of a table's metadata under way.
class MetadataBuilder {
 public:
  MetadataBuilder(const TableMetadata& base, int64_t now_ms)
      : metadata_(base), now_ms_(std::max(now_ms, base.last_updated_ms)) {}

  arrow::Status Apply(const TableUpdate& change) {
    return std::visit([this](const auto& value) { return Do(value); }, change);
  }

  arrow::Result<TableMetadata> Finish(const TableMetadata& base,
                                      const std::string& base_location) {
    metadata_.last_updated_ms = now_ms_;
    if (!base_location.empty()) {
      metadata_.metadata_log.push_back({base.last_updated_ms, base_location});
    }
    ARROW_ASSIGN_OR_RAISE(int64_t keep, PreviousVersionsMax(metadata_));
    auto& log = metadata_.metadata_log;
    int64_t excess = static_cast<int64_t>(log.size()) - keep;
    if (excess > 0) log.erase(log.begin(), log.begin() + excess);
    return std::move(metadata_);
  }

 private:
  arrow::Status Do(const update::AssignUuid& change) {
    if (!metadata_.table_uuid.empty() && metadata_.table_uuid != change.uuid) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the table's uuid {} cannot become {}", metadata_.table_uuid,
                       change.uuid);
    }
    metadata_.table_uuid = change.uuid;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::UpgradeFormatVersion& change) {
    ARROW_RETURN_NOT_OK(CheckWritableVersion(change.format_version));
    if (change.format_version < metadata_.format_version) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a table of format-version {} cannot go back to {}",
                       metadata_.format_version, change.format_version);
    }
    metadata_.format_version = change.format_version;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::AddSchema& change) {
    const Schema& schema = *change.schema;
    ARROW_RETURN_NOT_OK(CheckSchemaTypes(schema, metadata_.format_version));
    const int32_t id = AddedSchemaId(metadata_, schema);
    last_schema_id_ = id;
    if (metadata_.SchemaById(id).ok()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(SchemaPtr added, Schema::Make(schema.fields(), id,
                                                        schema.identifier_field_ids()));
    metadata_.last_column_id =
        std::max(metadata_.last_column_id, added->highest_field_id());
    metadata_.schemas.push_back(std::move(added));
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetCurrentSchema& change) {
    ARROW_ASSIGN_OR_RAISE(int32_t id, ResolveId(change.schema_id, last_schema_id_));
    ARROW_RETURN_NOT_OK(metadata_.SchemaById(id).status());
    metadata_.current_schema_id = id;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::AddSpec& change) {
    ARROW_ASSIGN_OR_RAISE(PartitionSpec spec, AddedSpec(metadata_, change.spec));
    last_spec_id_ = spec.spec_id;
    if (metadata_.SpecById(spec.spec_id).ok()) return arrow::Status::OK();
    for (const PartitionField& field : spec.fields) {
      metadata_.last_partition_id = std::max(metadata_.last_partition_id, field.field_id);
    }
    metadata_.partition_specs.push_back(std::move(spec));
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetDefaultSpec& change) {
    ARROW_ASSIGN_OR_RAISE(int32_t id, ResolveId(change.spec_id, last_spec_id_));
    ARROW_RETURN_NOT_OK(metadata_.SpecById(id).status());
    metadata_.default_spec_id = id;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::AddSortOrder& change) {
    ARROW_RETURN_NOT_OK(CheckSortOrder(change.sort_order, *metadata_.schema()));
    const int32_t id = AddedSortOrderId(metadata_, change.sort_order);
    last_sort_order_id_ = id;
    if (!HasSortOrder(id)) {
      metadata_.sort_orders.push_back({id, change.sort_order.fields});
    }
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetDefaultSortOrder& change) {
    ARROW_ASSIGN_OR_RAISE(int32_t id,
                          ResolveId(change.sort_order_id, last_sort_order_id_));
    if (!HasSortOrder(id)) {
      return MakeError(ErrorCode::kInvalidArgument, "the table has no sort order {}", id);
    }
    metadata_.default_sort_order_id = id;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::AddSnapshot& change) {
    const Snapshot& snapshot = change.snapshot;
    if (metadata_.SnapshotById(snapshot.snapshot_id).ok()) {
      return MakeError(ErrorCode::kInvalidArgument, "the table already has snapshot {}",
                       snapshot.snapshot_id);
    }
    bool is_newer = snapshot.sequence_number > metadata_.last_sequence_number;
    if (metadata_.format_version > 1 && !is_newer && snapshot.parent_snapshot_id) {
      // A commit to another branch took the number.
      return MakeError(ErrorCode::kCommitConflict,
                       "snapshot {} has sequence number {}, not above the table's {}",
                       snapshot.snapshot_id, snapshot.sequence_number,
                       metadata_.last_sequence_number);
    }
    ARROW_RETURN_NOT_OK(TakeRowIds(snapshot));
    metadata_.last_sequence_number =
        std::max(metadata_.last_sequence_number, snapshot.sequence_number);
    now_ms_ = std::max(now_ms_, snapshot.timestamp_ms);
    added_snapshots_.insert(snapshot.snapshot_id);
    metadata_.snapshots.push_back(snapshot);
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetSnapshotRef& change) {
    ARROW_ASSIGN_OR_RAISE(const Snapshot* snapshot,
                          metadata_.SnapshotById(change.ref.snapshot_id));
    ARROW_RETURN_NOT_OK(CheckRef(change.name, change.ref));
    if (change.name == kMainBranch) {
      if (metadata_.current_snapshot_id != snapshot->snapshot_id) {
        bool is_new = added_snapshots_.count(snapshot->snapshot_id) > 0;
        metadata_.snapshot_log.push_back(
            {is_new ? snapshot->timestamp_ms : now_ms_, snapshot->snapshot_id});
      }
      metadata_.current_snapshot_id = snapshot->snapshot_id;
    }
    metadata_.refs[change.name] = change.ref;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::RemoveSnapshots& change) {
    std::set<int64_t> removed(change.snapshot_ids.begin(), change.snapshot_ids.end());
    std::erase_if(metadata_.snapshots, [&](const Snapshot& snapshot) {
      return removed.count(snapshot.snapshot_id) > 0;
    });
    std::erase_if(metadata_.refs, [&](const auto& ref) {
      return removed.count(ref.second.snapshot_id) > 0;
    });
    if (metadata_.current_snapshot_id &&
        removed.count(*metadata_.current_snapshot_id) > 0) {
      metadata_.current_snapshot_id.reset();
    }
    for (std::string* text :
         {&metadata_.statistics_json, &metadata_.partition_statistics_json}) {
      ARROW_ASSIGN_OR_RAISE(*text, ReplaceStatistics(*text, removed, ""));
    }
    // History before a removed snapshot is cut: a time travel there could not be
    // answered.
    std::vector<SnapshotLogEntry> kept;
    for (const SnapshotLogEntry& entry : metadata_.snapshot_log) {
      if (removed.count(entry.snapshot_id) > 0) {
        kept.clear();
      } else {
        kept.push_back(entry);
      }
    }
    metadata_.snapshot_log = std::move(kept);
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::RemoveSnapshotRef& change) {
    if (change.name == kMainBranch) {
      metadata_.current_snapshot_id.reset();
      metadata_.snapshot_log.clear();
    }
    metadata_.refs.erase(change.name);
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetProperties& change) {
    for (const auto& [key, value] : change.updates) metadata_.properties[key] = value;
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::RemoveProperties& change) {
    for (const std::string& key : change.removals) metadata_.properties.erase(key);
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetLocation& change) {
    if (change.location.empty()) {
      return MakeError(ErrorCode::kInvalidArgument, "a table's location cannot be empty");
    }
    metadata_.location = WithoutTrailingSlash(change.location);
    return arrow::Status::OK();
  }

  arrow::Status SetFile(std::string* text, int64_t snapshot_id, const std::string& json) {
    ARROW_RETURN_NOT_OK(metadata_.SnapshotById(snapshot_id).status());
    ARROW_ASSIGN_OR_RAISE(*text, ReplaceStatistics(*text, {snapshot_id}, json));
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::SetStatistics& change) {
    return SetFile(&metadata_.statistics_json, change.snapshot_id, change.json);
  }

  arrow::Status Do(const update::RemoveStatistics& change) {
    return SetFile(&metadata_.statistics_json, change.snapshot_id, "");
  }

  arrow::Status Do(const update::SetPartitionStatistics& change) {
    return SetFile(&metadata_.partition_statistics_json, change.snapshot_id, change.json);
  }

  arrow::Status Do(const update::RemovePartitionStatistics& change) {
    return SetFile(&metadata_.partition_statistics_json, change.snapshot_id, "");
  }

  arrow::Status Do(const update::RemoveSchemas& change) {
    std::set<int32_t> removed(change.schema_ids.begin(), change.schema_ids.end());
    bool is_used = removed.count(metadata_.current_schema_id) > 0;
    for (const Snapshot& snapshot : metadata_.snapshots) {
      is_used |= snapshot.schema_id && removed.count(*snapshot.schema_id) > 0;
    }
    if (is_used) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a schema to be removed is current or a snapshot's");
    }
    std::erase_if(metadata_.schemas, [&](const SchemaPtr& schema) {
      return removed.count(schema->schema_id()) > 0;
    });
    return arrow::Status::OK();
  }

  arrow::Status Do(const update::RemovePartitionSpecs& change) {
    std::set<int32_t> removed(change.spec_ids.begin(), change.spec_ids.end());
    if (removed.count(metadata_.default_spec_id) > 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the default partition spec {} cannot be removed",
                       metadata_.default_spec_id);
    }
    std::erase_if(metadata_.partition_specs, [&](const PartitionSpec& spec) {
      return removed.count(spec.spec_id) > 0;
    });
    return arrow::Status::OK();
  }

  /// Spec, "Row Lineage": a snapshot's rows get ids from the table's next on.
  arrow::Status TakeRowIds(const Snapshot& snapshot) {
    if (metadata_.format_version < kRowLineageVersion) return arrow::Status::OK();
    if (!snapshot.first_row_id || !snapshot.added_rows || *snapshot.added_rows < 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "snapshot {} lacks its first row id or number of rows, which "
                       "format-version 3 needs",
                       snapshot.snapshot_id);
    }
    if (*snapshot.first_row_id < metadata_.next_row_id) {
      return MakeError(ErrorCode::kCommitConflict,
                       "snapshot {} has rows from id {} on, below the table's next, {}",
                       snapshot.snapshot_id, *snapshot.first_row_id,
                       metadata_.next_row_id);
    }
    metadata_.next_row_id = *snapshot.first_row_id + *snapshot.added_rows;
    return arrow::Status::OK();
  }

  bool HasSortOrder(int32_t id) const {
    return std::any_of(metadata_.sort_orders.begin(), metadata_.sort_orders.end(),
                       [&](const SortOrder& order) { return order.order_id == id; });
  }

  static arrow::Result<int32_t> ResolveId(int32_t id,
                                          const std::optional<int32_t>& last_added) {
    if (id != update::SetCurrentSchema::kLastAdded) return id;
    if (last_added) return *last_added;
    return MakeError(ErrorCode::kInvalidArgument,
                     "id -1 means the last one added, but this commit adds none");
  }

  TableMetadata metadata_;
  int64_t now_ms_;
  std::optional<int32_t> last_schema_id_;
  std::optional<int32_t> last_spec_id_;
  std::optional<int32_t> last_sort_order_id_;
  std::set<int64_t> added_snapshots_;
};

template <typename T>
arrow::Status CheckSame(std::string_view what, const T& expected, const T& actual) {
  if (expected == actual) return arrow::Status::OK();
  return MakeError(ErrorCode::kCommitConflict,
                   "the table changed: its {} is {}, the commit expects {}", what, actual,
                   expected);
}

std::optional<int64_t> RefSnapshot(const TableMetadata& base, const std::string& ref) {
  if (ref == kMainBranch) return base.current_snapshot_id;
  auto found = base.refs.find(ref);
  if (found == base.refs.end()) return std::nullopt;
  return found->second.snapshot_id;
}

std::string SnapshotText(const std::optional<int64_t>& id) {
  return id ? std::to_string(*id) : "none";
}

struct RequirementCheck {
  const TableMetadata& base;

  arrow::Status operator()(const requirement::AssertCreate&) const {
    return MakeError(ErrorCode::kAlreadyExists, "the table exists already");
  }
  arrow::Status operator()(const requirement::AssertTableUuid& r) const {
    return CheckSame("uuid", r.uuid, base.table_uuid);
  }
  arrow::Status operator()(const requirement::AssertRefSnapshotId& r) const {
    return CheckSame("snapshot of '" + r.ref + "'", SnapshotText(r.snapshot_id),
                     SnapshotText(RefSnapshot(base, r.ref)));
  }
  arrow::Status operator()(const requirement::AssertLastAssignedFieldId& r) const {
    return CheckSame("last field id", r.last_assigned_field_id, base.last_column_id);
  }
  arrow::Status operator()(const requirement::AssertCurrentSchemaId& r) const {
    return CheckSame("current schema", r.current_schema_id, base.current_schema_id);
  }
  arrow::Status operator()(const requirement::AssertLastAssignedPartitionId& r) const {
    return CheckSame("last partition id", r.last_assigned_partition_id,
                     base.last_partition_id);
  }
  arrow::Status operator()(const requirement::AssertDefaultSpecId& r) const {
    return CheckSame("default partition spec", r.default_spec_id, base.default_spec_id);
  }
  arrow::Status operator()(const requirement::AssertDefaultSortOrderId& r) const {
    return CheckSame("default sort order", r.default_sort_order_id,
                     base.default_sort_order_id);
  }
};

}  // namespace

arrow::Result<TableMetadata> NewTableMetadata(const CreateTableRequest& request,
                                              const std::string& location,
                                              const std::string& uuid, int64_t now_ms) {
  ARROW_RETURN_NOT_OK(CheckWritableVersion(request.format_version));
  if (request.schema == nullptr || request.schema->fields().empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a table needs a schema with at least one column");
  }
  ARROW_RETURN_NOT_OK(CheckSchemaTypes(*request.schema, request.format_version));
  TableMetadata metadata;
  metadata.format_version = request.format_version;
  metadata.table_uuid = uuid;
  metadata.location = WithoutTrailingSlash(location);
  metadata.last_updated_ms = now_ms;
  metadata.last_column_id = request.schema->highest_field_id();
  ARROW_ASSIGN_OR_RAISE(SchemaPtr schema,
                        Schema::Make(request.schema->fields(), Schema::kInitialId,
                                     request.schema->identifier_field_ids()));
  metadata.schemas.push_back(std::move(schema));
  metadata.current_schema_id = Schema::kInitialId;

  PartitionSpec spec = request.spec;
  spec.spec_id = 0;
  ARROW_RETURN_NOT_OK(
      AssignSpecFieldIds(*request.schema, &spec, &metadata.last_partition_id));
  metadata.partition_specs.push_back(std::move(spec));

  ARROW_RETURN_NOT_OK(CheckSortOrder(request.sort_order, *request.schema));
  SortOrder order = request.sort_order;
  order.order_id = order.fields.empty() ? SortOrder::kUnsortedId : kFirstSortOrderId;
  metadata.default_sort_order_id = order.order_id;
  metadata.sort_orders.push_back(std::move(order));
  metadata.properties = request.properties;
  return metadata;
}

int32_t AddedSchemaId(const TableMetadata& base, const Schema& schema) {
  int32_t next_id = 0;
  for (const SchemaPtr& known : base.schemas) {
    if (known->SameFields(schema) &&
        known->identifier_field_ids() == schema.identifier_field_ids()) {
      return known->schema_id();
    }
    next_id = std::max(next_id, known->schema_id() + 1);
  }
  return next_id;
}

arrow::Result<PartitionSpec> AddedSpec(const TableMetadata& base, PartitionSpec spec) {
  spec.spec_id = 0;
  for (const PartitionSpec& known : base.partition_specs) {
    if (known.IsEquivalentTo(spec)) return known;
    spec.spec_id = std::max(spec.spec_id, known.spec_id + 1);
  }
  ReuseFieldIds(base, &spec);
  int32_t last_partition_id = base.last_partition_id;
  ARROW_RETURN_NOT_OK(AssignSpecFieldIds(*base.schema(), &spec, &last_partition_id));
  return spec;
}

int32_t AddedSortOrderId(const TableMetadata& base, const SortOrder& order) {
  int32_t next_id = kFirstSortOrderId;
  for (const SortOrder& known : base.sort_orders) {
    if (known.fields == order.fields) return known.order_id;
    next_id = std::max(next_id, known.order_id + 1);
  }
  return order.fields.empty() ? SortOrder::kUnsortedId : next_id;
}

arrow::Result<TableMetadata> ApplyUpdates(const TableMetadata& base,
                                          const std::string& base_location,
                                          const std::vector<TableUpdate>& updates,
                                          int64_t now_ms) {
  ARROW_RETURN_NOT_OK(CheckWritableVersion(base.format_version));
  MetadataBuilder builder(base, now_ms);
  for (const TableUpdate& change : updates) ARROW_RETURN_NOT_OK(builder.Apply(change));
  return builder.Finish(base, base_location);
}

arrow::Status CheckRequirements(const TableMetadata* base,
                                const std::vector<TableRequirement>& requirements) {
  for (const TableRequirement& required : requirements) {
    bool wants_none = std::holds_alternative<requirement::AssertCreate>(required);
    if (base == nullptr) {
      if (wants_none) continue;
      return MakeError(ErrorCode::kCommitConflict, "the table no longer exists");
    }
    ARROW_RETURN_NOT_OK(std::visit(RequirementCheck{*base}, required));
  }
  return arrow::Status::OK();
}

}  // namespace floe::iceberg
