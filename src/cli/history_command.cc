#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/request_counters.h"
#include "cli/command.h"
#include "cli/entity_frame.h"
#include "cli/output.h"
#include "cli/snapshot_options.h"
#include "cli/view_text.h"
#include "io/file_io.h"
#include "offline/historical_features.h"
#include "offline/receipt.h"

namespace floe::cli {
namespace {

struct HistoryArguments {
  std::string entities;
  std::string timestamp_column = "event_timestamp";
  std::vector<std::string> views;
  SnapshotOptions snapshot;
  bool full_feature_names = false;
  std::string format;
  std::string output;
  std::string receipt;
};

arrow::Result<offline::ViewRequest> ToViewRequest(const GlobalOptions& global,
                                                  const HistoryArguments& arguments,
                                                  const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(const ViewText parsed, ParseViewText(text));
  offline::ViewRequest view;
  view.name = parsed.name;
  view.ttl_us = parsed.ttl_us;
  view.source.timestamp_field = parsed.timestamp_field;
  view.source.created_timestamp_column = parsed.created_timestamp_column;
  if (parsed.table.empty()) {
    view.source.name = parsed.parquet;
    view.source.parquet_path = parsed.parquet;
  } else {
    view.source.name = parsed.table;
    ARROW_ASSIGN_OR_RAISE(view.source.table, LoadTable(global.catalog, parsed.table));
    ARROW_ASSIGN_OR_RAISE(view.source.snapshot, ToSelector(arguments.snapshot));
  }
  for (const auto& [entity, source] : parsed.keys) {
    view.join_keys.push_back({entity, source});
  }
  for (const auto& [output, source] : parsed.features) {
    view.features.push_back(
        {source, arguments.full_feature_names ? parsed.name + "__" + output : output,
         nullptr});
  }
  return view;
}

// Without --format, the output file's name decides; a terminal gets a grid.
arrow::Result<OutputFormat> ChooseFormat(const HistoryArguments& arguments) {
  if (!arguments.format.empty()) return ParseOutputFormat(arguments.format);
  const size_t dot = arguments.output.find_last_of('.');
  if (dot == std::string::npos) return OutputFormat::kGrid;
  return ParseOutputFormat(arguments.output.substr(dot + 1));
}

arrow::Status RunHistory(const GlobalOptions& global, const HistoryArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const OutputFormat format, ChooseFormat(arguments));
  offline::HistoricalFeaturesRequest request;
  ARROW_ASSIGN_OR_RAISE(request.entities, OpenEntityFrame(arguments.entities));
  request.entity_timestamp_column = arguments.timestamp_column;
  for (const std::string& text : arguments.views) {
    ARROW_ASSIGN_OR_RAISE(request.views.emplace_back(),
                          ToViewRequest(global, arguments, text));
  }
  Progress progress("history", global.quiet);
  ARROW_ASSIGN_OR_RAISE(const offline::HistoricalFeatures features,
                        offline::GetHistoricalFeatures(std::move(request)));
  ARROW_ASSIGN_OR_RAISE(const int64_t rows,
                        WriteRows(*features.reader, format, arguments.output, progress));
  if (!arguments.receipt.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<FileIO> io, MakeFileIO({}));
    const std::string receipt =
        offline::WithCost(features.receipt_json, RequestCounters::Process().totals());
    ARROW_RETURN_NOT_OK(io->Write(arguments.receipt, receipt + "\n"));
  }
  if (!arguments.output.empty() && !global.quiet) {
    std::cerr << rows << " rows written to " << arguments.output << "\n";
  }
  return arrow::Status::OK();
}

constexpr char kViewHelp[] =
    "A feature view: KEY=VALUE parts between semicolons. table=NAME or parquet=PATH; "
    "time=COLUMN; key=COLUMN[,...], or ENTITY_COLUMN:SOURCE_COLUMN; "
    "features=COLUMN[,...], "
    "or COLUMN:OUTPUT_NAME; created=COLUMN; ttl=7d; name=NAME. May be given again";

}  // namespace

void AddHistoryCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto arguments = std::make_shared<HistoryArguments>();
  CLI::App* history = app.add_subcommand(
      "history", "Make a training set: the features each entity row had at its own time");
  history
      ->add_option("--entities", arguments->entities,
                   "Entity rows: a .parquet, .csv or .arrow file")
      ->required();
  history->add_option("--timestamp-column", arguments->timestamp_column,
                      "The entity rows' time (event_timestamp)");
  history->add_option("--view", arguments->views, kViewHelp)
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  AddSnapshotOptions(*history, &arguments->snapshot);
  history->add_flag("--full-feature-names", arguments->full_feature_names,
                    "Name features view__feature");
  history->add_option("--format", arguments->format,
                      "grid, csv, jsonl, parquet or arrow (by the output's ending)");
  history->add_option("--output", arguments->output, "File to write instead of stdout");
  history->add_option("--receipt", arguments->receipt,
                      "File for the receipt: which table versions were read");
  history->callback([&global, arguments, action] {
    *action = [&global, arguments] { return RunHistory(global, *arguments); };
  });
}

}  // namespace floe::cli
