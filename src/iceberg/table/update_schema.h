#pragma once

#include <map>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/type.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Changes a table's top-level columns (Java's UpdateSchema). Changes are checked against
/// the table as it is when they commit; not thread-safe.
class UpdateSchema {
 public:
  explicit UpdateSchema(TablePtr table) : table_(std::move(table)) {}

  /// An optional column; ids within `type` are assigned anew.
  UpdateSchema& AddColumn(std::string name, TypePtr type, std::string doc = "");
  UpdateSchema& DropColumn(std::string name);
  UpdateSchema& RenameColumn(std::string from, std::string to);
  /// To a type that IsPromotionAllowed says.
  UpdateSchema& WidenColumn(std::string name, TypePtr type);

  /// kNoSuchColumn, kAlreadyExists or kInvalidArgument names the column and why.
  arrow::Result<TablePtr> Commit();

 private:
  struct Change {
    enum class Kind { kAdd, kDrop, kRename, kWiden } kind;
    std::string name;
    std::string text;  ///< The doc or the new name.
    TypePtr type;
  };
  class Operation;

  TablePtr table_;
  std::vector<Change> changes_;
};

/// Sets and removes table properties in one commit.
arrow::Result<TablePtr> UpdateProperties(
    const TablePtr& table, const std::map<std::string, std::string>& updates,
    const std::vector<std::string>& removals = {});

}  // namespace floe::iceberg
