#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/snapshot_options.h"
#include "cli/variant_text.h"
#include "iceberg/table/reading_plan.h"
#include "iceberg/table/scan.h"

namespace floe::cli {
namespace {

struct ScanArguments {
  std::string table;
  std::vector<std::string> columns;
  std::string filter;
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

arrow::Status RunScan(const GlobalOptions& global, const ScanArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const OutputFormat format, ParseOutputFormat(arguments.format));
  ARROW_ASSIGN_OR_RAISE(const iceberg::ScanOptions options, ToScanOptions(arguments));
  ARROW_ASSIGN_OR_RAISE(const auto table, LoadTable(global.catalog, arguments.table));
  ARROW_ASSIGN_OR_RAISE(const auto plan, iceberg::PlanForReading(table, options));
  ARROW_ASSIGN_OR_RAISE(auto reader, iceberg::ReadPlan(plan, options));
  if (format != OutputFormat::kParquet && format != OutputFormat::kArrow) {
    reader = VariantsAsText(std::move(reader), plan->schema);
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
  scan->add_option("table", arguments->table,
                   "namespace.table, or the path of a metadata.json")
      ->required();
  scan->add_option("--columns", arguments->columns, "Columns, in this order (all)")
      ->delimiter(',');
  scan->add_option("--filter", arguments->filter,
                   "Rows to keep, e.g. \"a >= 3 AND b IN ('x', 'y') OR c IS NULL\"");
  AddSnapshotOptions(*scan, &arguments->snapshot);
  scan->add_option("--limit", arguments->limit, "Stop after this many rows");
  scan->add_option("--format", arguments->format, "grid, csv, jsonl, parquet or arrow");
  scan->add_option("--output", arguments->output, "File to write instead of stdout");
  scan->callback([&global, arguments, action] {
    *action = [&global, arguments] { return RunScan(global, *arguments); };
  });
}

}  // namespace floe::cli
