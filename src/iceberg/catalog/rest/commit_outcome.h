#pragma once

#include <vector>

#include "iceberg/catalog/table_update.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::iceberg {

/// What a table, loaded again, says of a commit whose answer was lost.
enum class CommitOutcome {
  kLanded,   ///< All it asked for is there.
  kLost,     ///< It is not there and cannot come any more.
  kUnknown,  ///< It is not there, but the server may still be at it.
};

/// A commit with a snapshot is recognised by the snapshot's id, which no other writer
/// has; another snapshot under its sequence number shows that it lost. Other commits have
/// landed when each of their changes is the table's state: then it does not matter who
/// made them.
CommitOutcome OutcomeOfCommit(const TableMetadata& now,
                              const std::vector<TableUpdate>& updates);

}  // namespace floe::iceberg
