#include "cli/snapshot_options.h"

#include <CLI/CLI.hpp>

#include "cli/timestamp_text.h"

namespace floe::cli {

void AddSnapshotOptions(CLI::App& command, SnapshotOptions* options) {
  CLI::Option* by_id =
      command.add_option("--snapshot-id", options->snapshot_id, "Read this snapshot");
  CLI::Option* by_ref =
      command.add_option("--ref", options->ref, "Read this branch or tag");
  CLI::Option* by_time = command.add_option(
      "--as-of", options->as_of, "Read what was current then, e.g. 2026-11-22T10:00:00Z");
  by_id->excludes(by_ref)->excludes(by_time);
  by_ref->excludes(by_time);
}

arrow::Result<iceberg::SnapshotSelector> ToSelector(const SnapshotOptions& options) {
  if (options.snapshot_id) return iceberg::SnapshotSelector::ById(*options.snapshot_id);
  if (!options.ref.empty()) return iceberg::SnapshotSelector::ByRef(options.ref);
  if (options.as_of.empty()) return iceberg::SnapshotSelector::Current();
  ARROW_ASSIGN_OR_RAISE(const int64_t micros, ParseTimestampMicros(options.as_of));
  return iceberg::SnapshotSelector::AsOf(micros / 1000);
}

}  // namespace floe::cli
