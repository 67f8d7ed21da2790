#include "iceberg/table/update_schema.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {
namespace {

/// `type` with every nested field's id taken from `next_id` on.
TypePtr WithFreshIds(const Type& type, int32_t* next_id) {
  auto fresh = [&](NestedField field) {
    field.id = (*next_id)++;
    return field;
  };
  if (type.is_primitive()) return nullptr;
  std::vector<NestedField> fields;
  for (const NestedField& field : type.fields()) fields.push_back(fresh(field));
  for (NestedField& field : fields) {
    if (field.type->is_nested()) field.type = WithFreshIds(*field.type, next_id);
  }
  switch (type.id()) {
    case TypeId::kList:
      return Type::List(std::move(fields[0]));
    case TypeId::kMap:
      return Type::Map(std::move(fields[0]), std::move(fields[1]));
    default:
      return Type::Struct(std::move(fields));
  }
}

arrow::Status NoColumn(const Schema& schema, const std::string& name) {
  return schema.GetField(name).status();
}

std::set<int32_t> SourcesInUse(const TableMetadata& metadata) {
  std::set<int32_t> sources;
  for (const PartitionField& field : metadata.default_spec().fields) {
    sources.insert(field.source_id);
  }
  for (const SortOrder& order : metadata.sort_orders) {
    if (order.order_id != metadata.default_sort_order_id) continue;
    for (const SortField& field : order.fields) sources.insert(field.source_id);
  }
  return sources;
}

class PropertiesOperation final : public TableOperation {
 public:
  PropertiesOperation(std::map<std::string, std::string> updates,
                      std::vector<std::string> removals)
      : updates_(std::move(updates)), removals_(std::move(removals)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    TableChange change;
    change.requirements = {requirement::AssertTableUuid{base.metadata()->table_uuid}};
    if (!updates_.empty()) change.updates.push_back(update::SetProperties{updates_});
    if (!removals_.empty()) {
      change.updates.push_back(update::RemoveProperties{removals_});
    }
    return change;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

 private:
  std::map<std::string, std::string> updates_;
  std::vector<std::string> removals_;
};

}  // namespace

class UpdateSchema::Operation final : public TableOperation {
 public:
  explicit Operation(std::vector<Change> changes) : changes_(std::move(changes)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    const TableMetadata& metadata = *base.metadata();
    const Schema& schema = *metadata.schema();
    std::vector<NestedField> fields = schema.fields();
    int32_t next_id = metadata.last_column_id + 1;
    for (const Change& change : changes_) {
      ARROW_RETURN_NOT_OK(
          WithContext(Make(metadata, change, &fields, &next_id), "table", base.name()));
    }
    ARROW_ASSIGN_OR_RAISE(SchemaPtr changed,
                          Schema::Make(std::move(fields), schema.schema_id(),
                                       schema.identifier_field_ids()));
    TableChange result;
    result.requirements = {
        requirement::AssertTableUuid{metadata.table_uuid},
        requirement::AssertCurrentSchemaId{metadata.current_schema_id},
        requirement::AssertLastAssignedFieldId{metadata.last_column_id}};
    result.updates = {update::AddSchema{std::move(changed)}, update::SetCurrentSchema{}};
    return result;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

 private:
  static arrow::Status Make(const TableMetadata& metadata, const Change& change,
                            std::vector<NestedField>* fields, int32_t* next_id) {
    const Schema& schema = *metadata.schema();
    auto find = [&](const std::string& name) {
      return std::find_if(fields->begin(), fields->end(),
                          [&](const NestedField& field) { return field.name == name; });
    };
    if (change.kind == Change::Kind::kAdd) {
      if (find(change.name) != fields->end()) return Exists(change.name);
      NestedField added = NestedField::Optional((*next_id)++, change.name, change.type);
      if (change.type->is_nested()) added.type = WithFreshIds(*change.type, next_id);
      added.doc = change.text;
      fields->push_back(std::move(added));
      return arrow::Status::OK();
    }
    auto field = find(change.name);
    if (field == fields->end()) {
      ARROW_RETURN_NOT_OK(NoColumn(schema, change.name));
      return MakeError(ErrorCode::kNoSuchColumn,
                       "'{}' is no top-level column, which is all that can be changed",
                       change.name);
    }
    switch (change.kind) {
      case Change::Kind::kDrop:
        ARROW_RETURN_NOT_OK(CheckDroppable(metadata, *field));
        fields->erase(field);
        return arrow::Status::OK();
      case Change::Kind::kRename:
        if (find(change.text) != fields->end()) return Exists(change.text);
        field->name = change.text;
        return arrow::Status::OK();
      default:
        return Widen(metadata.format_version, change, &*field);
    }
  }

  static arrow::Status Exists(const std::string& name) {
    return MakeError(ErrorCode::kAlreadyExists, "there is a column '{}' already", name);
  }

  static arrow::Status CheckDroppable(const TableMetadata& metadata,
                                      const NestedField& field) {
    const auto& identifiers = metadata.schema()->identifier_field_ids();
    bool is_identifier =
        std::find(identifiers.begin(), identifiers.end(), field.id) != identifiers.end();
    if (!is_identifier && SourcesInUse(metadata).count(field.id) == 0) {
      return arrow::Status::OK();
    }
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' cannot be dropped: the table is partitioned, sorted or "
                     "identified by it",
                     field.name);
  }

  static arrow::Status Widen(int format_version, const Change& change,
                             NestedField* field) {
    if (field->type->Equals(*change.type)) return arrow::Status::OK();
    if (!IsPromotionAllowed(*field->type, *change.type, format_version)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' cannot go from {} to {}: allowed are int to long, "
                       "float to double and a decimal to more digits",
                       field->name, field->type->ToString(), change.type->ToString());
    }
    field->type = change.type;
    return arrow::Status::OK();
  }

  std::vector<Change> changes_;
};

UpdateSchema& UpdateSchema::AddColumn(std::string name, TypePtr type, std::string doc) {
  changes_.push_back(
      {Change::Kind::kAdd, std::move(name), std::move(doc), std::move(type)});
  return *this;
}

UpdateSchema& UpdateSchema::DropColumn(std::string name) {
  changes_.push_back({Change::Kind::kDrop, std::move(name), "", nullptr});
  return *this;
}

UpdateSchema& UpdateSchema::RenameColumn(std::string from, std::string to) {
  changes_.push_back({Change::Kind::kRename, std::move(from), std::move(to), nullptr});
  return *this;
}

UpdateSchema& UpdateSchema::WidenColumn(std::string name, TypePtr type) {
  changes_.push_back({Change::Kind::kWiden, std::move(name), "", std::move(type)});
  return *this;
}

arrow::Result<TablePtr> UpdateSchema::Commit() {
  Operation operation(changes_);
  return CommitWithRetry(table_, operation);
}

arrow::Result<TablePtr> UpdateProperties(
    const TablePtr& table, const std::map<std::string, std::string>& updates,
    const std::vector<std::string>& removals) {
  PropertiesOperation operation(updates, removals);
  return CommitWithRetry(table, operation);
}

}  // namespace floe::iceberg
