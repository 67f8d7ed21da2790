#include "iceberg/maintain/report.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"

namespace floe::iceberg {
namespace {

/// Deleting waits for the store, not for the processor.
constexpr int kDeletingThreads = 16;
constexpr int64_t kProgressStep = 256;

}  // namespace

std::string MaintenanceReportToJson(const MaintenanceReport& report) {
  nlohmann::json json = {{"action", report.action},
                         {"dry_run", report.is_dry_run},
                         {"counts", report.counts},
                         {"removed", report.removed},
                         {"failures", report.failures}};
  if (report.table != nullptr) {
    json["table"] = report.table->name();
    json["metadata_location"] = report.table->metadata_location();
    const auto& current = report.table->metadata()->current_snapshot_id;
    json["snapshot_id"] = current ? nlohmann::json(*current) : nlohmann::json(nullptr);
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void RemoveFiles(const Table& table, const std::vector<std::string>& locations,
                 const MaintenanceProgress& progress, MaintenanceReport* report) {
  auto total = static_cast<int64_t>(locations.size());
  for (const std::string& location : locations) {
    if (report->removed.size() >= MaintenanceReport::kMaxListedFiles) break;
    report->removed.push_back(location);
  }
  if (report->is_dry_run) {
    report->counts["removed_files"] += total;
    return;
  }
  std::mutex mutex;
  int64_t done = 0;
  // A failure is noted; the others go on.
  static_cast<void>(ParallelFor(total, kDeletingThreads, [&](int64_t i) {
    const std::string& location = locations[static_cast<size_t>(i)];
    arrow::Status status = table.io()->Delete(location);
    std::lock_guard<std::mutex> lock(mutex);
    if (status.ok() || IsError(status, ErrorCode::kNoSuchFile)) {
      ++report->counts["removed_files"];
    } else {
      report->failures.push_back(location + ": " + ErrorText(status));
    }
    if (++done % kProgressStep == 0 && progress) progress("removing files", done, total);
    return arrow::Status::OK();
  }));
}

}  // namespace floe::iceberg
