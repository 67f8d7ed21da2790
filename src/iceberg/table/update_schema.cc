#include "iceberg/table/update_schema.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/error.h"
#include "iceberg/table/transaction.h"

namespace floe::iceberg {

struct UpdateSchema::Change {
  enum class Kind {
    kAdd,
    kDrop,
    kRename,
    kWiden,
    kDoc,
    kOptional,
    kDefault,
    kFirst,
    kBefore,
    kAfter,
    kIdentifiers
  };

  Kind kind = Kind::kAdd;
  std::string name = {};
  std::string text = {};  ///< The new name, the doc, or the other column of a move.
  TypePtr type = {};
  NewColumn column = {};
  std::optional<Literal> value = {};
  std::vector<std::string> names = {};
};

namespace {

using Fields = std::vector<NestedField>;
/// Changes fields[index], a field of a struct, a list or a map.
using Edit = std::function<arrow::Status(Fields* fields, size_t index)>;

TypePtr Rebuild(const Type& type, Fields fields) {
  switch (type.id()) {
    case TypeId::kList:
      return Type::List(std::move(fields[0]));
    case TypeId::kMap:
      return Type::Map(std::move(fields[0]), std::move(fields[1]));
    default:
      return Type::Struct(std::move(fields));
  }
}

/// `type` with every nested field's id taken from `next_id` on.
TypePtr WithFreshIds(const TypePtr& type, int32_t* next_id) {
  if (type->is_primitive()) return type;
  Fields fields = type->fields();
  for (NestedField& field : fields) field.id = (*next_id)++;
  for (NestedField& field : fields) field.type = WithFreshIds(field.type, next_id);
  return Rebuild(*type, std::move(fields));
}

/// `type` with the field `id` below it changed by `edit`.
arrow::Result<TypePtr> EditBelow(const TypePtr& type, int32_t id, const Edit& edit) {
  Fields fields = type->fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id == id) {
      ARROW_RETURN_NOT_OK(edit(&fields, i));
      return Rebuild(*type, std::move(fields));
    }
    if (fields[i].type->is_primitive()) continue;
    ARROW_ASSIGN_OR_RAISE(TypePtr changed, EditBelow(fields[i].type, id, edit));
    if (changed == fields[i].type) continue;
    if (type->id() == TypeId::kMap && i == 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the keys of a map cannot be changed: what they equal would");
    }
    fields[i].type = std::move(changed);
    return Rebuild(*type, std::move(fields));
  }
  return type;
}

bool HoldsId(const NestedField& field, const std::set<int32_t>& ids) {
  return ids.count(field.id) > 0 ||
         std::any_of(field.type->fields().begin(), field.type->fields().end(),
                     [&](const NestedField& below) { return HoldsId(below, ids); });
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

arrow::Status Exists(const std::string& name) {
  return MakeError(ErrorCode::kAlreadyExists, "there is a column '{}' already", name);
}

bool HasName(const Fields& fields, const std::string& name) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const NestedField& field) { return field.name == name; });
}

/// Applies changes one after the other to a schema.
class SchemaEditor {
 public:
  explicit SchemaEditor(const TableMetadata& metadata)
      : metadata_(metadata),
        schema_(metadata.schema()),
        next_id_(metadata.last_column_id + 1) {}

  const SchemaPtr& schema() const { return schema_; }

  arrow::Status Add(const NewColumn& column) {
    NestedField added = NestedField::Optional(next_id_++, column.name, column.type);
    added.type = WithFreshIds(column.type, &next_id_);
    added.doc = column.doc;
    added.required = column.required;
    if (column.default_value) {
      ARROW_ASSIGN_OR_RAISE(auto value, DefaultOf(added, *column.default_value));
      added.initial_default = value;
      added.write_default = std::move(value);
    } else if (column.required) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' is required: rows there are need a default for it",
                       column.name);
    }
    if (column.parent.empty()) {
      Fields fields = schema_->fields();
      if (HasName(fields, column.name)) return Exists(column.name);
      fields.push_back(std::move(added));
      return Set(std::move(fields));
    }
    ARROW_ASSIGN_OR_RAISE(const NestedField* parent, schema_->GetField(column.parent));
    // Of a list or a map, the struct in it is meant.
    while (parent->type->id() == TypeId::kList || parent->type->id() == TypeId::kMap) {
      parent = &parent->type->fields().back();
    }
    if (parent->type->id() != TypeId::kStruct) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' is {}: columns are added to structs", column.parent,
                       parent->type->ToString());
    }
    return EditField(parent->id, [&](Fields* fields, size_t i) {
      Fields members = (*fields)[i].type->fields();
      if (HasName(members, column.name)) return Exists(column.parent + "." + column.name);
      members.push_back(std::move(added));
      (*fields)[i].type = Type::Struct(std::move(members));
      return arrow::Status::OK();
    });
  }

  arrow::Status Drop(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, InStruct(name));
    std::set<int32_t> used = SourcesInUse(metadata_);
    used.insert(schema_->identifier_field_ids().begin(),
                schema_->identifier_field_ids().end());
    if (HoldsId(*field, used)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' cannot be dropped: the table is partitioned, sorted "
                       "or identified by it",
                       name);
    }
    return EditField(field->id, [&](Fields* fields, size_t i) {
      if (fields->size() == 1) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "column '{}' cannot be dropped: nothing would be left beside it",
                         name);
      }
      fields->erase(fields->begin() + static_cast<Fields::difference_type>(i));
      return arrow::Status::OK();
    });
  }

  arrow::Status Rename(const std::string& from, const std::string& to) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, InStruct(from));
    return EditField(field->id, [&](Fields* fields, size_t i) {
      if ((*fields)[i].name != to && HasName(*fields, to)) return Exists(to);
      (*fields)[i].name = to;
      return arrow::Status::OK();
    });
  }

  arrow::Status Widen(const std::string& name, const TypePtr& type) {
    return EditNamed(name, [&](NestedField* field) {
      if (field->type->Equals(*type)) return arrow::Status::OK();
      bool is_allowed = field->type->is_primitive() &&
                        IsPromotionAllowed(*field->type, *type, metadata_.format_version);
      if (!is_allowed) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "column '{}' cannot go from {} to {}: allowed are int to long, "
                         "float to double and a decimal to more digits",
                         name, field->type->ToString(), type->ToString());
      }
      field->type = type;
      for (auto* value : {&field->initial_default, &field->write_default}) {
        if (*value == nullptr) continue;
        ARROW_ASSIGN_OR_RAISE(Literal cast, (*value)->CastTo(type));
        *value = std::make_shared<const Literal>(std::move(cast));
      }
      return arrow::Status::OK();
    });
  }

  arrow::Status SetDoc(const std::string& name, const std::string& doc) {
    return EditNamed(name, [&](NestedField* field) {
      field->doc = doc;
      return arrow::Status::OK();
    });
  }

  arrow::Status MakeOptional(const std::string& name) {
    return EditNamed(name, [&](NestedField* field) {
      const auto& ids = schema_->identifier_field_ids();
      if (std::find(ids.begin(), ids.end(), field->id) != ids.end()) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "column '{}' identifies rows and must stay required", name);
      }
      field->required = false;
      return arrow::Status::OK();
    });
  }

  arrow::Status SetDefault(const std::string& name, const Literal& value) {
    return EditNamed(name, [&](NestedField* field) -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(field->write_default, DefaultOf(*field, value));
      return arrow::Status::OK();
    });
  }

  /// Before (`offset` 0) or after (1) `other`; "": to the front.
  arrow::Status Move(const std::string& name, const std::string& other, size_t offset) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, InStruct(name));
    int32_t other_id = 0;
    if (!other.empty()) {
      ARROW_ASSIGN_OR_RAISE(const NestedField* beside, InStruct(other));
      other_id = beside->id;
    }
    if (other_id == field->id) return arrow::Status::OK();
    return EditField(field->id, [&](Fields* fields, size_t i) {
      NestedField moved = (*fields)[i];
      fields->erase(fields->begin() + static_cast<Fields::difference_type>(i));
      size_t to = 0;
      if (!other.empty()) {
        auto beside =
            std::find_if(fields->begin(), fields->end(),
                         [&](const NestedField& each) { return each.id == other_id; });
        if (beside == fields->end()) {
          return MakeError(ErrorCode::kInvalidArgument,
                           "'{}' and '{}' are not fields of the same struct", name,
                           other);
        }
        to = static_cast<size_t>(beside - fields->begin()) + offset;
      }
      fields->insert(fields->begin() + static_cast<Fields::difference_type>(to),
                     std::move(moved));
      return arrow::Status::OK();
    });
  }

  arrow::Status SetIdentifiers(const std::vector<std::string>& names) {
    std::vector<int32_t> ids;
    for (const std::string& name : names) {
      ARROW_ASSIGN_OR_RAISE(const NestedField* field, schema_->GetField(name));
      bool is_float =
          field->type->id() == TypeId::kFloat || field->type->id() == TypeId::kDouble;
      if (!field->required || !field->type->is_primitive() || is_float ||
          !IsBelowRequiredStructs(schema_->fields(), field->id)) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "column '{}' cannot identify rows: it must be required, of a "
                         "primitive type other than float and double, and in no list, "
                         "map or optional struct",
                         name);
      }
      ids.push_back(field->id);
    }
    std::sort(ids.begin(), ids.end());
    ARROW_ASSIGN_OR_RAISE(
        schema_, Schema::Make(schema_->fields(), schema_->schema_id(), std::move(ids)));
    return arrow::Status::OK();
  }

 private:
  arrow::Result<std::shared_ptr<const Literal>> DefaultOf(const NestedField& field,
                                                          const Literal& value) const {
    constexpr int kDefaultsVersion = 3;
    if (metadata_.format_version < kDefaultsVersion) {
      return MakeError(ErrorCode::kNotSupported,
                       "the default of column '{}' needs format-version 3, the table has "
                       "{}",
                       field.name, metadata_.format_version);
    }
    ARROW_ASSIGN_OR_RAISE(Literal cast, value.CastTo(field.type));
    return std::make_shared<const Literal>(std::move(cast));
  }

  static bool IsBelowRequiredStructs(const Fields& fields, int32_t id) {
    return std::any_of(fields.begin(), fields.end(), [&](const NestedField& field) {
      if (field.id == id) return true;
      return field.required && field.type->id() == TypeId::kStruct &&
             IsBelowRequiredStructs(field.type->fields(), id);
    });
  }

  /// A field of a struct, not the element of a list or the key or value of a map.
  arrow::Result<const NestedField*> InStruct(const std::string& name) const {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, schema_->GetField(name));
    if (!IsPartOfContainer(field->id)) return field;
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is part of a list or map: change that as a whole", name);
  }

  /// Whether the field `id` is the direct child of a list or a map.
  bool IsPartOfContainer(int32_t id) const {
    std::function<bool(const Type&)> look = [&](const Type& type) {
      for (const NestedField& field : type.fields()) {
        if (field.id == id) return type.id() != TypeId::kStruct;
        if (look(*field.type)) return true;
      }
      return false;
    };
    return look(*schema_->struct_type());
  }

  arrow::Status EditNamed(const std::string& name,
                          const std::function<arrow::Status(NestedField*)>& edit) {
    ARROW_ASSIGN_OR_RAISE(const NestedField* field, schema_->GetField(name));
    return EditField(field->id,
                     [&](Fields* fields, size_t i) { return edit(&(*fields)[i]); });
  }

  arrow::Status EditField(int32_t id, const Edit& edit) {
    ARROW_ASSIGN_OR_RAISE(TypePtr changed, EditBelow(schema_->struct_type(), id, edit));
    return Set(changed->fields());
  }

  arrow::Status Set(Fields fields) {
    ARROW_ASSIGN_OR_RAISE(schema_, Schema::Make(std::move(fields), schema_->schema_id(),
                                                schema_->identifier_field_ids()));
    return arrow::Status::OK();
  }

  const TableMetadata& metadata_;
  SchemaPtr schema_;
  int32_t next_id_;
};

}  // namespace

class UpdateSchema::Operation final : public TableOperation {
 public:
  explicit Operation(std::vector<std::shared_ptr<const Change>> changes)
      : changes_(std::move(changes)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    const TableMetadata& metadata = *base.metadata();
    SchemaEditor editor(metadata);
    for (const auto& change : changes_) {
      ARROW_RETURN_NOT_OK(WithContext(Make(*change, &editor), "table", base.name()));
    }
    TableChange result;
    result.requirements = {
        requirement::AssertTableUuid{metadata.table_uuid},
        requirement::AssertCurrentSchemaId{metadata.current_schema_id},
        requirement::AssertLastAssignedFieldId{metadata.last_column_id}};
    const Schema& schema = *editor.schema();
    ARROW_ASSIGN_OR_RAISE(SchemaPtr added,
                          Schema::Make(schema.fields(), AddedSchemaId(metadata, schema),
                                       schema.identifier_field_ids()));
    result.updates = {update::AddSchema{std::move(added)}, update::SetCurrentSchema{}};
    return result;
  }
  void CleanUpAttempt(const Table&) override {}
  void CleanUp(const Table&) override {}

 private:
  static arrow::Status Make(const Change& change, SchemaEditor* editor) {
    using Kind = Change::Kind;
    switch (change.kind) {
      case Kind::kAdd:
        return editor->Add(change.column);
      case Kind::kDrop:
        return editor->Drop(change.name);
      case Kind::kRename:
        return editor->Rename(change.name, change.text);
      case Kind::kWiden:
        return editor->Widen(change.name, change.type);
      case Kind::kDoc:
        return editor->SetDoc(change.name, change.text);
      case Kind::kOptional:
        return editor->MakeOptional(change.name);
      case Kind::kDefault:
        return editor->SetDefault(change.name, *change.value);
      case Kind::kFirst:
        return editor->Move(change.name, "", 0);
      case Kind::kBefore:
        return editor->Move(change.name, change.text, 0);
      case Kind::kAfter:
        return editor->Move(change.name, change.text, 1);
      default:
        return editor->SetIdentifiers(change.names);
    }
  }

  std::vector<std::shared_ptr<const Change>> changes_;
};

UpdateSchema& UpdateSchema::Do(Change change) {
  changes_.push_back(std::make_shared<const Change>(std::move(change)));
  return *this;
}

UpdateSchema& UpdateSchema::AddColumn(NewColumn column) {
  Change change;
  change.column = std::move(column);
  return Do(std::move(change));
}

UpdateSchema& UpdateSchema::AddColumn(std::string name, TypePtr type, std::string doc) {
  NewColumn column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.doc = std::move(doc);
  return AddColumn(std::move(column));
}

UpdateSchema& UpdateSchema::DropColumn(std::string name) {
  return Do({.kind = Change::Kind::kDrop, .name = std::move(name)});
}

UpdateSchema& UpdateSchema::RenameColumn(std::string from, std::string to) {
  return Do(
      {.kind = Change::Kind::kRename, .name = std::move(from), .text = std::move(to)});
}

UpdateSchema& UpdateSchema::WidenColumn(std::string name, TypePtr type) {
  return Do(
      {.kind = Change::Kind::kWiden, .name = std::move(name), .type = std::move(type)});
}

UpdateSchema& UpdateSchema::SetDoc(std::string name, std::string doc) {
  return Do(
      {.kind = Change::Kind::kDoc, .name = std::move(name), .text = std::move(doc)});
}

UpdateSchema& UpdateSchema::MakeOptional(std::string name) {
  return Do({.kind = Change::Kind::kOptional, .name = std::move(name)});
}

UpdateSchema& UpdateSchema::SetWriteDefault(std::string name, Literal value) {
  Change change;
  change.kind = Change::Kind::kDefault;
  change.name = std::move(name);
  change.value = std::move(value);
  return Do(std::move(change));
}

UpdateSchema& UpdateSchema::MoveFirst(std::string name) {
  return Do({.kind = Change::Kind::kFirst, .name = std::move(name)});
}

UpdateSchema& UpdateSchema::MoveBefore(std::string name, std::string other) {
  return Do(
      {.kind = Change::Kind::kBefore, .name = std::move(name), .text = std::move(other)});
}

UpdateSchema& UpdateSchema::MoveAfter(std::string name, std::string other) {
  return Do(
      {.kind = Change::Kind::kAfter, .name = std::move(name), .text = std::move(other)});
}

UpdateSchema& UpdateSchema::SetIdentifierColumns(std::vector<std::string> names) {
  Change change;
  change.kind = Change::Kind::kIdentifiers;
  change.names = std::move(names);
  return Do(std::move(change));
}

arrow::Result<TableChange> UpdateSchema::ChangeOf(const Table& base) const {
  return Operation(changes_).Apply(base);
}

arrow::Result<TablePtr> UpdateSchema::Commit() {
  Operation operation(changes_);
  return CommitWithRetry(table_, operation);
}

}  // namespace floe::iceberg
