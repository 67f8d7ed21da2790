#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/table_update.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// The commit.retry.* properties.
struct CommitRetry {
  int max_retries = 4;                ///< commit.retry.num-retries
  int64_t min_wait_ms = 100;          ///< commit.retry.min-wait-ms
  int64_t max_wait_ms = 60'000;       ///< commit.retry.max-wait-ms
  int64_t total_wait_ms = 1'800'000;  ///< commit.retry.total-timeout-ms

  /// kInvalidConfig names a property that is no number or out of range.
  static arrow::Result<CommitRetry> FromProperties(
      const std::map<std::string, std::string>& properties);
};

/// What one attempt asks of the catalog.
struct TableChange {
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
};

/// A change that can be made again on a newer base: the unit of a retry.
class TableOperation {
 public:
  virtual ~TableOperation() = default;
  /// Called once an attempt. An empty change commits nothing. An error here ends it all:
  /// on this base the change cannot be made.
  virtual arrow::Result<TableChange> Apply(const Table& base) = 0;
  /// The attempt certainly did not happen: removes what only it could have used.
  virtual void CleanUpAttempt(const Table& base) = 0;
  /// No attempt happened and there will be no other: removes the rest.
  virtual void CleanUp(const Table& base) = 0;
  /// The change is part of `committed`: removes what it turned out not to need.
  virtual void Committed(const Table& /*committed*/) {}
};

/// Applies and commits `operation`, again on the refreshed table after each
/// kCommitConflict, waiting with jitter in between, as CommitRetry says. Returns the
/// table as committed. On kCommitStateUnknown nothing is removed. Any other error leaves
/// the table as it was and the attempt's files removed.
arrow::Result<TablePtr> CommitWithRetry(const TablePtr& table, TableOperation& operation);

}  // namespace floe::iceberg
