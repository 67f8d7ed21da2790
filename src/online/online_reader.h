#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/table_context.h"
#include "online/online_rows.h"
#include "online/online_table.h"

namespace floe::online {

/// Which features of which view to read: checked once, for many reads. Immutable.
struct ReadPlan {
  OnlineView view;
  std::vector<OnlineFeature> features;
  std::string table_name;  ///< For messages.
  uint64_t shape = 0;      ///< Names `features` within the reader.
};

/// Reads the newest row of entity keys straight from the Iceberg table: the cold path,
/// without local state. Thread-safe.
///
/// A request asks the catalog for the table's current metadata location, then narrows by
/// partition, file bounds, bloom filter and page index to a few pages. Everything behind
/// a location is immutable and cached: metadata, manifests, the map from partition to
/// files (extended when the next snapshot appends), footers, bloom filters and indexes.
/// So a warm request costs one catalog look-up and the pages it reads. ReadEncoded
/// also keeps the rows it found: a commit that only adds files costs a key a look into
/// those of its partition whose bounds and bloom filter allow it, and nothing else.
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

  /// A plan for ReadEncoded; kInvalidArgument names an unknown feature and the nearest.
  arrow::Result<std::shared_ptr<const ReadPlan>> Plan(
      const OnlineView& view, const std::vector<std::string>& features);

  /// As Read, row by row and through the row cache: one entry per key, never null. The
  /// plan must be this reader's. `timeout_ms` replaces the configured one.
  arrow::Result<std::vector<EncodedRowPtr>> ReadEncoded(
      const ReadPlan& plan, std::span<const std::string> keys,
      OnlineReadCounters* counters = nullptr,
      std::optional<int64_t> timeout_ms = std::nullopt);

  /// All distinct keys the plan's table has rows of, ascending; kept until the table
  /// changes. Reads the key column of every file. kResourceExhausted beyond kMaxKeys.
  static constexpr int64_t kMaxKeys = 5'000'000;
  arrow::Result<std::shared_ptr<const std::vector<std::string>>> Keys(
      const ReadPlan& plan, int64_t timeout_ms);

  /// Makes the next read of the view's table ask the catalog, whatever
  /// snapshot_refresh_ms says: after a write of one's own.
  void Forget(const OnlineView& view);

  /// Loads what a read of any key needs, without a deadline: the file index, and, of up
  /// to kMaxWarmFiles files, the footers, bloom filters and key indexes (about a tenth of
  /// a millisecond a file). A file that cannot be opened is left for the read that needs
  /// it to report.
  static constexpr int64_t kMaxWarmFiles = 8192;
  arrow::Status Warm(const OnlineView& view);

  const OnlineStoreConfig& config() const;
  int64_t row_cache_used_bytes() const;

 private:
  class Impl;
  explicit OnlineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace floe::online
