#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "iceberg/table/table.h"

namespace floe::iceberg {

/// What an upkeep run did, or with a dry run would do.
struct MaintenanceReport {
  /// Paths listed at most.
  static constexpr size_t kMaxListedFiles = 10'000;

  std::string action;
  TablePtr table;  ///< As it is now.
  bool is_dry_run = false;
  /// "removed_files", "rewritten_bytes", ...
  std::map<std::string, int64_t> counts;
  /// Files removed, the first kMaxListedFiles of them.
  std::vector<std::string> removed;
  /// Files that should have been removed and could not, and why.
  std::vector<std::string> failures;
};

/// Called now and then with what is done of how much. One thread at a time.
using MaintenanceProgress =
    std::function<void(const std::string& step, int64_t done, int64_t of)>;

/// The report as JSON text.
std::string MaintenanceReportToJson(const MaintenanceReport& report);

/// Deletes files, several at a time, and notes in `report` what came of each. A file that
/// is gone already counts as removed.
void RemoveFiles(const Table& table, const std::vector<std::string>& locations,
                 const MaintenanceProgress& progress, MaintenanceReport* report);

}  // namespace floe::iceberg
