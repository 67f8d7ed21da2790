#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/timestamp_text.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/maintain/compact.h"
#include "iceberg/maintain/expire_snapshots.h"
#include "iceberg/maintain/remove_orphans.h"
#include "iceberg/maintain/rewrite_deletes.h"
#include "iceberg/maintain/rewrite_manifests.h"

namespace floe::cli {
namespace {

using iceberg::MaintenanceReport;

constexpr int64_t kMicrosPerMilli = 1000;

struct MaintainArguments {
  std::string table;
  std::string filter;
  std::optional<int64_t> target_bytes;
  std::optional<int64_t> min_files;
  bool rewrite_all = false;
  bool sort = false;
  std::vector<std::string> sort_by;
  std::string older_than;
  std::optional<int32_t> retain_last;
  std::vector<int64_t> snapshot_ids;
  bool keep_files = false;
  bool allow_recent = false;
  bool dry_run = false;
};

arrow::Result<iceberg::PredicatePtr> FilterOf(const MaintainArguments& arguments) {
  if (arguments.filter.empty()) return iceberg::Predicate::True();
  return iceberg::ParsePredicate(arguments.filter);
}

/// A time, or how long ago.
arrow::Result<std::optional<int64_t>> OlderThanMs(const MaintainArguments& arguments) {
  if (arguments.older_than.empty()) return std::nullopt;
  auto duration = ParseDurationMicros(arguments.older_than);
  if (duration.ok()) {
    return (Clock::System().NowMicros() - *duration) / kMicrosPerMilli;
  }
  ARROW_ASSIGN_OR_RAISE(int64_t micros, ParseTimestampMicros(arguments.older_than));
  return micros / kMicrosPerMilli;
}

/// "column", "column asc" or "column desc".
arrow::Result<iceberg::SortColumn> ParseSortColumn(const std::string& text) {
  iceberg::SortColumn column;
  size_t space = text.rfind(' ');
  std::string direction = space == std::string::npos ? "" : text.substr(space + 1);
  bool is_descending = direction == "desc";
  column.column = is_descending || direction == "asc" ? text.substr(0, space) : text;
  if (is_descending) column.direction = iceberg::SortDirection::kDescending;
  if (!column.column.empty()) return column;
  return MakeError(ErrorCode::kInvalidArgument, "'{}' names no column to sort by", text);
}

arrow::Result<MaintenanceReport> Compact(const iceberg::TablePtr& table,
                                         const MaintainArguments& arguments,
                                         iceberg::MaintenanceProgress progress) {
  iceberg::CompactOptions options;
  ARROW_ASSIGN_OR_RAISE(options.filter, FilterOf(arguments));
  options.target_file_bytes = arguments.target_bytes;
  options.min_input_files = arguments.min_files.value_or(options.min_input_files);
  options.rewrite_all = arguments.rewrite_all;
  if (arguments.sort || !arguments.sort_by.empty()) options.sort_by.emplace();
  for (const std::string& text : arguments.sort_by) {
    ARROW_ASSIGN_OR_RAISE(options.sort_by->emplace_back(), ParseSortColumn(text));
  }
  options.dry_run = arguments.dry_run;
  options.progress = std::move(progress);
  return iceberg::CompactFiles(table, options);
}

arrow::Result<MaintenanceReport> Deletes(const iceberg::TablePtr& table,
                                         const MaintainArguments& arguments,
                                         iceberg::MaintenanceProgress progress) {
  iceberg::RewriteDeletesOptions options;
  ARROW_ASSIGN_OR_RAISE(options.filter, FilterOf(arguments));
  options.min_delete_files = arguments.min_files.value_or(options.min_delete_files);
  options.dry_run = arguments.dry_run;
  options.progress = std::move(progress);
  return iceberg::RewriteDeletes(table, options);
}

arrow::Result<MaintenanceReport> Manifests(const iceberg::TablePtr& table,
                                           const MaintainArguments& arguments,
                                           iceberg::MaintenanceProgress progress) {
  iceberg::RewriteManifestsOptions options;
  options.target_bytes = arguments.target_bytes;
  options.dry_run = arguments.dry_run;
  options.progress = std::move(progress);
  return iceberg::RewriteManifests(table, options);
}

arrow::Result<MaintenanceReport> Expire(const iceberg::TablePtr& table,
                                        const MaintainArguments& arguments,
                                        iceberg::MaintenanceProgress progress) {
  iceberg::ExpireSnapshotsOptions options;
  ARROW_ASSIGN_OR_RAISE(options.older_than_ms, OlderThanMs(arguments));
  options.retain_last = arguments.retain_last;
  options.snapshot_ids = arguments.snapshot_ids;
  options.remove_files = !arguments.keep_files;
  options.dry_run = arguments.dry_run;
  options.progress = std::move(progress);
  return iceberg::ExpireSnapshots(table, options);
}

arrow::Result<MaintenanceReport> Orphans(const iceberg::TablePtr& table,
                                         const MaintainArguments& arguments,
                                         iceberg::MaintenanceProgress progress) {
  iceberg::RemoveOrphansOptions options;
  ARROW_ASSIGN_OR_RAISE(options.older_than_ms, OlderThanMs(arguments));
  options.allow_recent = arguments.allow_recent;
  options.dry_run = arguments.dry_run;
  options.progress = std::move(progress);
  return iceberg::RemoveOrphanFiles(table, options);
}

using Step = std::function<arrow::Result<MaintenanceReport>(
    const iceberg::TablePtr&, const MaintainArguments&, iceberg::MaintenanceProgress)>;

arrow::Status Print(const MaintenanceReport& report, bool json) {
  if (json) {
    std::cout << iceberg::MaintenanceReportToJson(report) << "\n";
  } else {
    std::cout << report.action << (report.is_dry_run ? " (dry run)" : "") << "\n";
    for (const auto& [name, count] : report.counts) {
      std::cout << "  " << name << ": " << count << "\n";
    }
    if (report.is_dry_run) {
      for (const std::string& file : report.removed) std::cout << "  " << file << "\n";
    }
  }
  if (report.failures.empty()) return arrow::Status::OK();
  return MakeError(ErrorCode::kIo, "{} files could not be removed, e.g. {}",
                   report.failures.size(), report.failures.front());
}

arrow::Status RunMaintain(const GlobalOptions& global, const MaintainArguments& arguments,
                          const Step& step) {
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table,
                        LoadTable(global.catalog, arguments.table));
  Progress progress("maintain", global.quiet);
  auto report = step(table, arguments, [&](const std::string&, int64_t done, int64_t) {
    progress.Advance(done);
  });
  ARROW_RETURN_NOT_OK(report.status());
  return Print(*report, global.json);
}

}  // namespace

void AddMaintainCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  CLI::App* maintain = app.add_subcommand(
      "maintain", "Keep tables small and quick: compact, expire, clean up");
  maintain->require_subcommand(1);
  auto arguments = std::make_shared<MaintainArguments>();
  auto add = [&](const char* name, const char* help, const Step& step) {
    CLI::App* command = maintain->add_subcommand(name, help);
    command->add_option("table", arguments->table, "namespace.table")->required();
    command->add_flag("--dry-run", arguments->dry_run,
                      "Say what would be done, and do nothing");
    command->callback([&global, arguments, action, step] {
      *action = [&global, arguments, step] {
        return RunMaintain(global, *arguments, step);
      };
    });
    return command;
  };
  CLI::App* compact = add(
      "compact", "Write small files, and files with deletes, as larger ones", Compact);
  compact->add_option("--filter", arguments->filter,
                      "Only files that may hold such rows");
  compact->add_option("--target-bytes", arguments->target_bytes, "Size of files to make");
  compact->add_option("--min-files", arguments->min_files,
                      "Small files of a partition that are worth it (5)");
  compact->add_flag("--all", arguments->rewrite_all, "Write every file anew");
  compact->add_flag("--sort", arguments->sort, "Sort rows by the table's sort order");
  compact->add_option("--sort-by", arguments->sort_by,
                      "Sort rows by this column, asc or desc; may be given again");

  CLI::App* deletes =
      add("deletes", "Give each data file one delete file or deletion vector", Deletes);
  deletes->add_option("--filter", arguments->filter,
                      "Only files that may hold such rows");
  deletes->add_option("--min-files", arguments->min_files,
                      "Delete files of a data file that are worth it (2)");

  CLI::App* manifests =
      add("manifests", "Write manifests anew, ordered by partition", Manifests);
  manifests->add_option("--target-bytes", arguments->target_bytes,
                        "Size of manifests to make");

  CLI::App* expire =
      add("expire", "Forget old snapshots, and remove files they alone used", Expire);
  expire->add_option("--older-than", arguments->older_than,
                     "A duration such as 5d, or a time (5d)");
  expire->add_option("--retain-last", arguments->retain_last,
                     "Snapshots of each branch that stay in any case (1)");
  expire->add_option("--snapshot-id", arguments->snapshot_ids,
                     "A snapshot to forget whatever its age; may be given again");
  expire->add_flag("--keep-files", arguments->keep_files, "Remove no files");

  CLI::App* orphans = add(
      "orphans", "Remove files in the table's folder that nothing refers to", Orphans);
  orphans->add_option("--older-than", arguments->older_than,
                      "A duration such as 3d, or a time (3d)");
  orphans->add_flag("--allow-recent", arguments->allow_recent,
                    "Also files younger than a day: only where nobody else writes");
}

}  // namespace floe::cli
