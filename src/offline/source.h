#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/progress.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/table.h"

namespace floe::offline {

/// Where a feature view's rows come from: an Iceberg table pinned by a selector, or
/// Parquet files. All column names here are the source's own, before any field mapping.
struct FeatureSource {
  /// What messages and receipts call it, e.g. "feast.driver_stats" or a path.
  std::string name;
  /// The table, loaded; nullptr when the source is Parquet files.
  std::shared_ptr<const iceberg::Table> table;
  /// Which snapshot of the table; by default the current one when the request starts.
  iceberg::SnapshotSelector snapshot;
  /// A Parquet file, or a folder whose *.parquet files (at any depth, hidden ones left
  /// out) are read in path order; a path or URI. Used when `table` is null.
  std::string parquet_path;
  /// PyIceberg's property names ("s3.endpoint", ...), for opening `parquet_path`.
  std::map<std::string, std::string> storage_options;
  /// The event time: timestamp or timestamptz (naive is UTC) of any unit, or date.
  std::string timestamp_field;
  /// Breaks ties between rows of one key and event time; "" when there is none.
  std::string created_timestamp_column;
};

/// An entity's column in the entity frame and the source's column it is matched with.
struct JoinKey {
  std::string entity_column;
  std::string source_column;
};

/// What a retrieval read, and what it did not have to. For explain and for tests.
struct ReadCounters {
  int64_t files_total = 0;
  int64_t files_read = 0;
  int64_t row_groups_total = 0;  ///< Of the files read.
  int64_t row_groups_read = 0;
  int64_t pages_skipped = 0;
  int64_t bytes_read = 0;
  int64_t rows_matched = 0;  ///< Source rows whose key some entity row has.
  /// Row groups whose key columns could not be read page by page (nested, encoded in a
  /// way only Arrow reads, or absent from the file) and went through the general reader.
  int64_t row_groups_read_generally = 0;

  void Add(const ReadCounters& other);
};

/// How a retrieval may use the machine.
struct RetrievalOptions {
  /// 0: DefaultThreadCount().
  int threads = 0;
  /// Memory for the working state and the part of the result in hand. An entity frame
  /// that needs more is answered in several passes, each over a part of its rows.
  int64_t memory_budget_bytes = int64_t{4} << 30;
  /// Rows in a batch of the result, and of reads on the general path.
  int64_t batch_rows = 65536;
  /// Asked between row groups and batches whether to go on; null, or outlives the
  /// retrieval and the reader of its rows.
  const Progress* progress = nullptr;
  /// Forces the general path, which is exact for every table; for tests.
  bool general_path_only = false;

  /// kCancelled or kDeadlineExceeded where the retrieval is to end.
  arrow::Status CheckGoOn() const {
    return progress == nullptr ? arrow::Status::OK() : progress->Check();
  }
};

}  // namespace floe::offline
