#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace floe::iceberg {

/// One version of a table (spec, "Snapshots").
struct Snapshot {
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  /// Location of the manifest list; empty only in V1 tables that list manifests inline.
  std::string manifest_list;
  std::vector<std::string> manifests;  ///< V1 inline manifest locations.
  /// "operation" and the counters, as text.
  std::map<std::string, std::string> summary;
  std::optional<int32_t> schema_id;
  std::optional<int64_t> first_row_id;
  std::optional<int64_t> added_rows;
  /// Id of the key the manifest list is encrypted with (V3).
  std::optional<std::string> key_id;

  std::string operation() const {
    auto found = summary.find("operation");
    return found == summary.end() ? "" : found->second;
  }
};

enum class RefType { kBranch, kTag };

struct SnapshotRef {
  int64_t snapshot_id = 0;
  RefType type = RefType::kBranch;
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
};

inline constexpr char kMainBranch[] = "main";

}  // namespace floe::iceberg
