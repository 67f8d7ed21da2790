#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/type.h"
#include "iceberg/table/table.h"
#include "iceberg/table/transaction.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {

/// A column to add. Ids within `type` are assigned anew.
struct NewColumn {
  std::string parent =
      {};  ///< Full name of a struct, list or map to add to; "": top level.
  std::string name = {};
  TypePtr type = {};
  std::string doc = {};
  /// Needs a default, for the rows there are.
  bool required = false;
  /// The value of rows written before, and of rows written without one (format 3).
  std::optional<Literal> default_value = {};
};

/// Changes a table's columns at any depth (Java's UpdateSchema). Columns are named by
/// their full names ("a.b", "list.element.c") as they are after the changes before.
/// Changes are checked against the table as it is when they commit; not thread-safe.
class UpdateSchema {
 public:
  explicit UpdateSchema(TablePtr table) : table_(std::move(table)) {}

  UpdateSchema& AddColumn(NewColumn column);
  /// An optional top-level column.
  UpdateSchema& AddColumn(std::string name, TypePtr type, std::string doc = "");
  UpdateSchema& DropColumn(std::string name);
  /// `to` is the last part of the new name.
  UpdateSchema& RenameColumn(std::string from, std::string to);
  /// To a type that IsPromotionAllowed says.
  UpdateSchema& WidenColumn(std::string name, TypePtr type);
  UpdateSchema& SetDoc(std::string name, std::string doc);
  UpdateSchema& MakeOptional(std::string name);
  /// The value of rows written without one, from now on (format 3).
  UpdateSchema& SetWriteDefault(std::string name, Literal value);
  /// Among the fields of its struct; `other` is a full name.
  UpdateSchema& MoveFirst(std::string name);
  UpdateSchema& MoveBefore(std::string name, std::string other);
  UpdateSchema& MoveAfter(std::string name, std::string other);
  /// Required columns of primitive types, outside lists and maps, that identify a row.
  UpdateSchema& SetIdentifierColumns(std::vector<std::string> names);

  /// kNoSuchColumn, kAlreadyExists or kInvalidArgument names the column and why.
  arrow::Result<TablePtr> Commit();
  /// What a commit on `base` would ask of the catalog, for a change that does more than
  /// this one.
  arrow::Result<TableChange> ChangeOf(const Table& base) const;
  bool is_empty() const { return changes_.empty(); }

 private:
  class Operation;
  struct Change;

  UpdateSchema& Do(Change change);

  TablePtr table_;
  std::vector<std::shared_ptr<const Change>> changes_;
};

}  // namespace floe::iceberg
