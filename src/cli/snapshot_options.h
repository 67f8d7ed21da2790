#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "iceberg/table/scan.h"

namespace CLI {
class App;
}

namespace floe::cli {

/// The flags that pin a table's version; at most one is given.
struct SnapshotOptions {
  std::optional<int64_t> snapshot_id;
  std::string ref;
  std::string as_of;
};

void AddSnapshotOptions(CLI::App& command, SnapshotOptions* options);
arrow::Result<iceberg::SnapshotSelector> ToSelector(const SnapshotOptions& options);

}  // namespace floe::cli
