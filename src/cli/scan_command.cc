#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/scan_target.h"
#include "cli/snapshot_options.h"
#include "cli/variant_text.h"
#include "iceberg/table/incremental_scan.h"
#include "iceberg/table/metadata_table.h"
#include "iceberg/table/reading_plan.h"
#include "iceberg/table/scan.h"

namespace floe::cli {
namespace {

struct ScanArguments {
  std::string table;
  std::vector<std::string> columns;
  std::string filter;
  std::string metadata_table;
  std::string changes;
  std::optional<int64_t> after_snapshot_id;
  SnapshotOptions snapshot;
  std::optional<int64_t> limit;
  std::string format = "grid";
  std::string output;
};

arrow::Result<iceberg::ScanOptions> ToScanOptions(const ScanArguments& arguments) {
  iceberg::ScanOptions options;
  if (!arguments.columns.empty()) options.columns = arguments.columns;
  if (!arguments.filter.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.filter, iceberg::ParsePredicate(arguments.filter));
  }
  ARROW_ASSIGN_OR_RAISE(options.selector, ToSelector(arguments.snapshot));
  if (arguments.limit && *arguments.limit < 0) {
    return MakeError(ErrorCode::kInvalidArgument, "--limit is {}; it must be >= 0",
                     *arguments.limit);
  }
  options.limit = arguments.limit;
  return options;
}

/// Rows, and the schema that says which columns of theirs are variants (null: none is).
struct ScanRows {
  std::shared_ptr<arrow::RecordBatchReader> reader;
  iceberg::SchemaPtr schema;
};

arrow::Result<ScanRows> OpenRows(const GlobalOptions& global,
                                 const ScanArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(iceberg::ScanOptions options, ToScanOptions(arguments));
  ARROW_ASSIGN_OR_RAISE(auto target, LoadScanTarget(global.catalog, arguments.table));
  if (!arguments.metadata_table.empty()) target.metadata_table = arguments.metadata_table;
  ScanRows rows;
  if (arguments.changes.empty() && target.metadata_table.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto plan,
                          iceberg::PlanForReading(target.table, options));
    ARROW_ASSIGN_OR_RAISE(rows.reader, iceberg::ReadPlan(plan, options));
    rows.schema = plan->schema;
    return rows;
  }
  if (arguments.changes.empty()) {
    ARROW_ASSIGN_OR_RAISE(rows.reader, iceberg::Scan(target, options));
    return rows;
  }
  if (!target.metadata_table.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' has no --changes",
                     arguments.table);
  }
  iceberg::IncrementalScanOptions incremental;
  incremental.scan = std::move(options);
  incremental.from_snapshot_id = arguments.after_snapshot_id;
  ARROW_ASSIGN_OR_RAISE(rows.reader, arguments.changes == "appends"
                                         ? ScanAppends(target.table, incremental)
                                         : ScanChanges(target.table, incremental));
  return rows;
}

arrow::Status RunScan(const GlobalOptions& global, const ScanArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const OutputFormat format, ParseOutputFormat(arguments.format));
  ARROW_ASSIGN_OR_RAISE(auto rows_read, OpenRows(global, arguments));
  auto reader = std::move(rows_read.reader);
  const bool is_text = format != OutputFormat::kParquet && format != OutputFormat::kArrow;
  if (is_text && rows_read.schema != nullptr) {
    reader = VariantsAsText(std::move(reader), rows_read.schema);
  }
  Progress progress("scan " + arguments.table, global.quiet);
  ARROW_ASSIGN_OR_RAISE(const int64_t rows,
                        WriteRows(*reader, format, arguments.output, progress));
  if (!arguments.output.empty() && !global.quiet) {
    std::cerr << rows << " rows written to " << arguments.output << "\n";
  }
  return arrow::Status::OK();
}

}  // namespace

void AddScanCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto arguments = std::make_shared<ScanArguments>();
  CLI::App* scan = app.add_subcommand("scan", "Print or export rows of a table");
  scan->add_option(
          "table", arguments->table,
          "namespace.table, or the path of a metadata.json; namespace.table.files "
          "and the like (snapshots, history, refs, manifests, entries, "
          "partitions, all_files, ...) are about the table")
      ->required();
  scan->add_option("--columns", arguments->columns, "Columns, in this order (all)")
      ->delimiter(',');
  scan->add_option("--filter", arguments->filter,
                   "Rows to keep, e.g. \"a >= 3 AND b IN ('x', 'y') OR c IS NULL\"");
  AddSnapshotOptions(*scan, &arguments->snapshot);
  scan->add_option("--metadata-table", arguments->metadata_table,
                   "Read this table about the table, e.g. files");
  CLI::Option* changes =
      scan->add_option("--changes", arguments->changes,
                       "Read what snapshots changed: all, or the rows of appends only")
          ->check(CLI::IsMember({"all", "appends"}));
  scan->add_option("--after-snapshot", arguments->after_snapshot_id,
                   "Changes after this snapshot (from the first one on)")
      ->needs(changes);
  scan->add_option("--limit", arguments->limit, "Stop after this many rows");
  scan->add_option("--format", arguments->format, "grid, csv, jsonl, parquet or arrow");
  scan->add_option("--output", arguments->output, "File to write instead of stdout");
  scan->callback([&global, arguments, action] {
    *action = [&global, arguments] { return RunScan(global, *arguments); };
  });
}

}  // namespace floe::cli
