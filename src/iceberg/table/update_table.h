#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/transform.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// Changes how new rows are partitioned (Java's UpdatePartitionSpec); files there are
/// stay as they are. Not thread-safe.
class UpdateSpec {
 public:
  explicit UpdateSpec(TablePtr table) : table_(std::move(table)) {}

  /// `name` "": made of column and transform, as the Java reference does.
  UpdateSpec& AddField(std::string column, Transform transform, std::string name = "");
  UpdateSpec& RemoveField(std::string name);
  UpdateSpec& RenameField(std::string from, std::string to);

  /// kNoSuchColumn, kAlreadyExists or kInvalidArgument names the field and why.
  arrow::Result<TablePtr> Commit();

 private:
  class Operation;
  struct Change {
    enum class Kind { kAdd, kRemove, kRename } kind;
    std::string name;
    std::string text;  ///< The column or the new name.
    Transform transform = Transform::Identity();
  };

  TablePtr table_;
  std::vector<Change> changes_;
};

/// A column, by full name, of a sort order.
struct SortColumn {
  std::string column = {};
  Transform transform = Transform::Identity();
  SortDirection direction = SortDirection::kAscending;
  NullOrder null_order = NullOrder::kNullsFirst;
};

/// The fields of an order over these columns of `schema`, its id 0.
arrow::Result<SortOrder> MakeSortOrder(const Schema& schema,
                                       const std::vector<SortColumn>& columns);

/// Sorts new files by `columns` from now on; none: not at all.
arrow::Result<TablePtr> ReplaceSortOrder(const TablePtr& table,
                                         const std::vector<SortColumn>& columns);

/// Sets and removes table properties in one commit.
arrow::Result<TablePtr> UpdateProperties(
    const TablePtr& table, const std::map<std::string, std::string>& updates,
    const std::vector<std::string>& removals = {});

/// To a higher format version; the version it has already changes nothing.
arrow::Result<TablePtr> UpgradeFormat(const TablePtr& table, int format_version);

/// New files go under `location`; those there are stay where they are.
arrow::Result<TablePtr> UpdateLocation(const TablePtr& table, std::string location);

/// Sets the statistics file of a snapshot: an object of the specification's "Table
/// Statistics" as JSON text. RemoveStatistics takes it away again.
arrow::Result<TablePtr> SetStatistics(const TablePtr& table, int64_t snapshot_id,
                                      std::string json);
arrow::Result<TablePtr> RemoveStatistics(const TablePtr& table, int64_t snapshot_id);

}  // namespace floe::iceberg
