#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/table_context.h"
#include "online/online_table.h"

namespace floe::online {

/// The answer to a read: columns of the request's length, in its order.
struct OnlineRows {
  /// NULL where the key has no row; never NULL where it has one.
  std::shared_ptr<arrow::TimestampArray> event_ts;
  std::shared_ptr<arrow::TimestampArray> created_ts;
  /// One per requested feature, of feast::ToArrowType(type).
  std::vector<std::shared_ptr<arrow::Array>> features;

  bool IsFound(int64_t row) const;
};

/// What reads looked at; for tests, benchmarks and metrics.
struct OnlineReadCounters {
  int64_t files_in_partitions = 0;  ///< (key, file) pairs the partitions left.
  int64_t files_opened = 0;         ///< Distinct files looked into.
  int64_t bloom_checks = 0;
  int64_t bloom_hits = 0;
  int64_t key_pages_read = 0;
  int64_t rows_matched = 0;
};

/// Reads the newest row of entity keys straight from the Iceberg table: the cold path,
/// without local state. Thread-safe.
///
/// A request asks the catalog for the table's current metadata location, then narrows by
/// partition, file bounds, bloom filter and page index to a few pages. Everything behind
/// a location is immutable and cached: metadata, manifests, the map from partition to
/// files (extended when the next snapshot appends), footers, bloom filters and indexes.
/// So a warm request costs one catalog look-up and the pages it reads.
///
/// Of a key's rows the one with the greatest (event_ts, created_ts) wins, whatever the
/// order they arrived in; a NULL created_ts is the oldest; of equal ones the newest
/// commit's (data sequence number), then the later row. Deleted rows are left out.
///
/// The deadline is checked between steps and covers all of them. A first request fills
/// the caches and may pass a tight deadline; it then fails as any other would, what it
/// loaded is kept, and the next one gets further. Warm() does that work beforehand.
class OnlineReader {
 public:
  static arrow::Result<std::unique_ptr<OnlineReader>> Make(
      std::shared_ptr<iceberg::Catalog> catalog, OnlineStoreConfig config,
      iceberg::TableContext context = {});
  ~OnlineReader();

  /// `keys` are Feast's serialized entity keys, in any order, duplicates allowed;
  /// `features` are names of the view's features, duplicates allowed. kNoSuchTable names
  /// the table and the remedy; kInvalidArgument names an unknown feature and the nearest;
  /// kDeadlineExceeded names the table, the limit and the step. A feature the table does
  /// not have yet is an error too (`feast apply` adds it), never a NULL.
  arrow::Result<OnlineRows> Read(const OnlineView& view,
                                 std::span<const std::string> keys,
                                 const std::vector<std::string>& features,
                                 OnlineReadCounters* counters = nullptr);

  /// Loads what a read of any key needs, without a deadline: the file index, and, of up
  /// to kMaxWarmFiles files, the footers, bloom filters and key indexes (about a tenth of
  /// a millisecond a file). A file that cannot be opened is left for the read that needs
  /// it to report.
  static constexpr int64_t kMaxWarmFiles = 8192;
  arrow::Status Warm(const OnlineView& view);

  const OnlineStoreConfig& config() const;

 private:
  class Impl;
  explicit OnlineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace floe::online
