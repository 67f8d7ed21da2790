#include "iceberg/table/schema_of_rows.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "arrow/type.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {
namespace {

const NestedField* FindColumn(const Schema& schema, const std::string& name) {
  const auto& fields = schema.fields();
  auto found = std::find_if(fields.begin(), fields.end(),
                            [&](const NestedField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

/// Equal but for the ids, names' order counting.
bool SameType(const Type& a, const Type& b) {
  if (a.id() != b.id()) return false;
  switch (a.id()) {
    case TypeId::kStruct:
      return std::equal(
          a.fields().begin(), a.fields().end(), b.fields().begin(), b.fields().end(),
          [](const NestedField& left, const NestedField& right) {
            return left.name == right.name && SameType(*left.type, *right.type);
          });
    case TypeId::kList:
      return SameType(*a.element().type, *b.element().type);
    case TypeId::kMap:
      return SameType(*a.key().type, *b.key().type) &&
             SameType(*a.value().type, *b.value().type);
    default:
      return a.Equals(b);
  }
}

}  // namespace

arrow::Result<TablePtr> AddMissingColumns(const TablePtr& table,
                                          const arrow::Schema& rows) {
  const int version = table->metadata()->format_version;
  ARROW_ASSIGN_OR_RAISE(SchemaPtr wanted, FromArrowSchema(rows, version));
  UpdateSchema update(table);
  for (const NestedField& field : wanted->fields()) {
    const NestedField* column = FindColumn(*table->schema(), field.name);
    if (column == nullptr) {
      update.AddColumn(field.name, field.type);
    } else if (IsPromotionAllowed(*column->type, *field.type, version) &&
               !SameType(*column->type, *field.type)) {
      update.WidenColumn(field.name, field.type);
    }
  }
  return update.is_empty() ? table : update.Commit();
}

arrow::Result<UpdateSchema> MatchColumns(const TablePtr& table,
                                         const arrow::Schema& rows) {
  const int version = table->metadata()->format_version;
  ARROW_ASSIGN_OR_RAISE(SchemaPtr wanted, FromArrowSchema(rows, version));
  UpdateSchema update(table);
  std::vector<std::string> columns;  // As they stand after the changes so far.
  for (const NestedField& column : table->schema()->fields()) {
    const NestedField* field = FindColumn(*wanted, column.name);
    const bool is_same = field != nullptr && SameType(*column.type, *field->type);
    const bool is_promoted = field != nullptr && !is_same &&
                             IsPromotionAllowed(*column.type, *field->type, version);
    if (is_promoted) update.WidenColumn(column.name, field->type);
    if (is_same || is_promoted) {
      columns.push_back(column.name);
    } else {
      update.DropColumn(column.name);
    }
  }
  for (const NestedField& field : wanted->fields()) {
    if (std::count(columns.begin(), columns.end(), field.name) > 0) continue;
    update.AddColumn(field.name, field.type);
    columns.push_back(field.name);
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = wanted->fields()[i].name;
    if (columns[i] == name) continue;
    if (i == 0) {
      update.MoveFirst(name);
    } else {
      update.MoveAfter(name, columns[i - 1]);
    }
    columns.erase(std::find(columns.begin(), columns.end(), name));
    columns.insert(columns.begin() + static_cast<std::ptrdiff_t>(i), name);
  }
  return update;
}

}  // namespace floe::iceberg
