#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/table_context.h"
#include "online/online_table.h"

namespace floe::online {

/// What a write did.
struct OnlineWriteResult {
  int64_t rows_in = 0;
  /// Rows written: one per distinct key, the newest.
  int64_t rows_written = 0;
  int64_t files_written = 0;
  /// Absent when there was nothing to write.
  std::optional<int64_t> snapshot_id;
};

/// Appends rows to a view's online table. A write is one snapshot: all of it is visible
/// or none. Concurrent writers each retry until theirs is in; none is lost. Thread-safe.
class OnlineWriter {
 public:
  OnlineWriter(std::shared_ptr<iceberg::Catalog> catalog, OnlineStoreConfig config,
               iceberg::TableContext context = {});

  /// Writes rows of columns entity_key (binary: Feast's serialized key), event_ts
  /// (timestamp of any unit), optionally created_ts (nullable), and any of the view's
  /// features (of a type feast::ToStorage takes); features left out are NULL. Per key,
  /// only the newest row of the batch by (event_ts, created_ts, position) is written.
  /// kNoSuchTable as LoadOnlineTable; kInvalidArgument names the column, e.g. an unknown
  /// one, and the row of a NULL key or event_ts. Zero rows commit nothing.
  arrow::Result<OnlineWriteResult> Write(
      const OnlineView& view, const std::shared_ptr<arrow::RecordBatch>& rows,
      const std::map<std::string, std::string>& summary = {});

  const OnlineStoreConfig& config() const { return config_; }

 private:
  std::shared_ptr<iceberg::Catalog> catalog_;
  OnlineStoreConfig config_;
  iceberg::TableContext context_;
};

}  // namespace floe::online
