#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/progress.h"
#include "feast/value_type.h"
#include "online/online_table.h"
#include "online/online_writer.h"

namespace floe::online {

/// A column of the rows given, and the join key of the view it is.
struct MaterializedKey {
  std::string source_column;
  std::string join_key;
  feast::ValueType type = feast::ValueType::kUnknown;
};

/// A column of the rows given, and the feature of the view it is.
struct MaterializedFeature {
  std::string source_column;
  std::string feature;
  /// All lists of a vector have one length: this, or, where it is 0, the first one's.
  /// Absent: not a vector.
  std::optional<int64_t> vector_length;
};

/// Which columns of the rows are what. Names of `source_column` are the rows' own.
struct MaterializeColumns {
  std::vector<MaterializedKey> join_keys;  ///< May be empty: a view without entities.
  std::vector<MaterializedFeature> features;
  std::string timestamp;
  std::string created_timestamp;  ///< "" where there is none.
};

struct MaterializeOptions {
  /// A commit holds at most this many rows, so that memory does not grow with the table.
  static constexpr int64_t kDefaultRowsPerCommit = int64_t{4} << 20;
  int64_t rows_per_commit = kDefaultRowsPerCommit;
  /// Told about rows: each counts one for being read and one for being written. May be
  /// null.
  Progress* progress = nullptr;
};

struct MaterializeResult {
  int64_t rows_read = 0;
  int64_t rows_written = 0;
  int64_t files_written = 0;
  int64_t commits = 0;
  /// Of the last commit; absent when there was nothing to write.
  std::optional<int64_t> snapshot_id;
};

/// Writes feature rows to a view's online table, as Feast's materialization does: source
/// columns become the view's features, the join keys its entity keys. Rows are taken from
/// `rows` until it ends and committed as often as rows_per_commit (or a gigabyte) is
/// reached; each commit is whole, and running all of it again changes no answer.
///
/// kInvalidArgument names the view and the column: a NULL join key or event time, a value
/// that is not of its feature's type, text that is no JSON in a JSON feature, vectors of
/// different length. kCancelled after
/// Progress::Cancel, between batches and before a commit; what was committed stays.
arrow::Result<MaterializeResult> Materialize(OnlineWriter& writer, const OnlineView& view,
                                             const MaterializeColumns& columns,
                                             arrow::RecordBatchReader& rows,
                                             const MaterializeOptions& options = {});

}  // namespace floe::online
