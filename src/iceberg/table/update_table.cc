#include "iceberg/table/update_table.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {
namespace {

/// A change that needs nothing but the metadata.
class MetadataOperation final : public TableOperation {
 public:
  using Make = std::function<arrow::Result<TableChange>(const TableMetadata& metadata)>;
  explicit MetadataOperation(Make make) : make_(std::move(make)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    auto change = make_(*base.metadata());
    if (!change.ok()) return WithContext(change.status(), "table", base.name());
    change->requirements.push_back(
        requirement::AssertTableUuid{base.metadata()->table_uuid});
    return change;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

 private:
  Make make_;
};

arrow::Result<TablePtr> CommitUpdates(const TablePtr& table,
                                      std::vector<TableUpdate> updates) {
  MetadataOperation operation([&](const TableMetadata&) -> arrow::Result<TableChange> {
    return TableChange{{}, updates};
  });
  return CommitWithRetry(table, operation);
}

std::string DefaultFieldName(const std::string& column, const Transform& transform) {
  switch (transform.kind()) {
    case Transform::Kind::kIdentity:
      return column;
    case Transform::Kind::kBucket:
      return fmt::format("{}_bucket_{}", column, transform.parameter());
    case Transform::Kind::kTruncate:
      return fmt::format("{}_trunc_{}", column, transform.parameter());
    case Transform::Kind::kVoid:
      return column + "_null";
    default:
      return column + "_" + transform.ToString();
  }
}

}  // namespace

class UpdateSpec::Operation {
 public:
  Operation(const TableMetadata& metadata, const std::vector<Change>& changes)
      : metadata_(metadata), changes_(changes), spec_(metadata.default_spec()) {}

  arrow::Result<TableChange> Make() {
    for (const Change& change : changes_) {
      switch (change.kind) {
        case Change::Kind::kAdd:
          ARROW_RETURN_NOT_OK(Add(change));
          break;
        case Change::Kind::kRemove:
          ARROW_RETURN_NOT_OK(Remove(change.name));
          break;
        case Change::Kind::kRename:
          ARROW_RETURN_NOT_OK(Rename(change));
          break;
      }
    }
    ARROW_ASSIGN_OR_RAISE(PartitionSpec added, AddedSpec(metadata_, spec_));
    TableChange change;
    change.requirements = {
        requirement::AssertDefaultSpecId{metadata_.default_spec_id},
        requirement::AssertLastAssignedPartitionId{metadata_.last_partition_id}};
    change.updates = {update::AddSpec{std::move(added)}, update::SetDefaultSpec{}};
    return change;
  }

 private:
  std::vector<PartitionField>::iterator Find(const std::string& name) {
    return std::find_if(spec_.fields.begin(), spec_.fields.end(),
                        [&](const PartitionField& field) { return field.name == name; });
  }

  arrow::Status NoField(const std::string& name) const {
    std::vector<std::string> names;
    for (const PartitionField& field : spec_.fields) names.push_back(field.name);
    std::string nearest = NearestName(name, names);
    return MakeError(ErrorCode::kNoSuchColumn, "there is no partition field '{}'{}", name,
                     nearest.empty() ? "" : fmt::format(": did you mean '{}'?", nearest));
  }

  arrow::Status Add(const Change& change) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* source,
                          metadata_.schema()->GetField(change.text));
    PartitionField field;
    field.source_id = source->id;
    field.transform = change.transform;
    for (const PartitionField& known : spec_.fields) {
      if (known.source_id == field.source_id && known.transform == field.transform) {
        return MakeError(ErrorCode::kAlreadyExists,
                         "the table is partitioned by {} of '{}' already, as '{}'",
                         change.transform.ToString(), change.text, known.name);
      }
    }
    field.name = change.name.empty() ? DefaultFieldName(change.text, change.transform)
                                     : change.name;
    if (auto taken = Find(field.name); taken != spec_.fields.end()) {
      if (taken->transform.kind() != Transform::Kind::kVoid) {
        return MakeError(ErrorCode::kAlreadyExists,
                         "there is a partition field '{}' already", field.name);
      }
      // What is left of a removed field of format 1 gives its name up.
      taken->name = fmt::format("{}_{}", taken->name, taken->field_id);
    }
    spec_.fields.push_back(std::move(field));
    return arrow::Status::OK();
  }

  arrow::Status Remove(const std::string& name) {
    auto field = Find(name);
    if (field == spec_.fields.end()) return NoField(name);
    if (metadata_.format_version == 1) {
      // Fields of format 1 are told apart by their place (spec, "Partition Evolution").
      field->transform = Transform::Void();
    } else {
      spec_.fields.erase(field);
    }
    return arrow::Status::OK();
  }

  arrow::Status Rename(const Change& change) {
    auto field = Find(change.name);
    if (field == spec_.fields.end()) return NoField(change.name);
    if (Find(change.text) != spec_.fields.end()) {
      return MakeError(ErrorCode::kAlreadyExists,
                       "there is a partition field '{}' already", change.text);
    }
    field->name = change.text;
    return arrow::Status::OK();
  }

  const TableMetadata& metadata_;
  const std::vector<Change>& changes_;
  PartitionSpec spec_;
};

UpdateSpec& UpdateSpec::AddField(std::string column, Transform transform,
                                 std::string name) {
  changes_.push_back(
      {Change::Kind::kAdd, std::move(name), std::move(column), std::move(transform)});
  return *this;
}

UpdateSpec& UpdateSpec::RemoveField(std::string name) {
  changes_.push_back({Change::Kind::kRemove, std::move(name), ""});
  return *this;
}

UpdateSpec& UpdateSpec::RenameField(std::string from, std::string to) {
  changes_.push_back({Change::Kind::kRename, std::move(from), std::move(to)});
  return *this;
}

arrow::Result<TablePtr> UpdateSpec::Commit() {
  MetadataOperation operation([&](const TableMetadata& metadata) {
    return Operation(metadata, changes_).Make();
  });
  return CommitWithRetry(table_, operation);
}

arrow::Result<SortOrder> MakeSortOrder(const Schema& schema,
                                       const std::vector<SortColumn>& columns) {
  SortOrder order;
  for (const SortColumn& column : columns) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* source, schema.GetField(column.column));
    ARROW_RETURN_NOT_OK(column.transform.ResultType(source->type).status());
    order.fields.push_back(
        {source->id, column.transform, column.direction, column.null_order});
  }
  return order;
}

arrow::Result<TablePtr> ReplaceSortOrder(const TablePtr& table,
                                         const std::vector<SortColumn>& columns) {
  MetadataOperation operation(
      [&](const TableMetadata& metadata) -> arrow::Result<TableChange> {
        ARROW_ASSIGN_OR_RAISE(SortOrder order,
                              MakeSortOrder(*metadata.schema(), columns));
        order.order_id = AddedSortOrderId(metadata, order);
        TableChange change;
        change.requirements = {
            requirement::AssertCurrentSchemaId{metadata.current_schema_id},
            requirement::AssertDefaultSortOrderId{metadata.default_sort_order_id}};
        change.updates = {update::AddSortOrder{std::move(order)},
                          update::SetDefaultSortOrder{}};
        return change;
      });
  return CommitWithRetry(table, operation);
}

arrow::Result<TablePtr> UpdateProperties(
    const TablePtr& table, const std::map<std::string, std::string>& updates,
    const std::vector<std::string>& removals) {
  std::vector<TableUpdate> changes;
  if (!updates.empty()) changes.push_back(update::SetProperties{updates});
  if (!removals.empty()) changes.push_back(update::RemoveProperties{removals});
  return CommitUpdates(table, std::move(changes));
}

arrow::Result<TablePtr> UpgradeFormat(const TablePtr& table, int format_version) {
  if (table->metadata()->format_version == format_version) return table;
  return CommitUpdates(table, {update::UpgradeFormatVersion{format_version}});
}

arrow::Result<TablePtr> UpdateLocation(const TablePtr& table, std::string location) {
  return CommitUpdates(table, {update::SetLocation{std::move(location)}});
}

arrow::Result<TablePtr> SetStatistics(const TablePtr& table, int64_t snapshot_id,
                                      std::string json) {
  return CommitUpdates(table, {update::SetStatistics{snapshot_id, std::move(json)}});
}

arrow::Result<TablePtr> RemoveStatistics(const TablePtr& table, int64_t snapshot_id) {
  return CommitUpdates(table, {update::RemoveStatistics{snapshot_id}});
}

}  // namespace floe::iceberg
