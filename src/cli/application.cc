#include "cli/application.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/request_stats.h"

namespace floe::cli {
namespace {

constexpr char kFooter[] =
    R"(Which catalog: the flags above, else --pyiceberg, else FLOE_CATALOG_URI and FLOE_WAREHOUSE, else the
offline_store of ./feature_store.yaml, else the embedded one under ./data.

Examples:
  floe tables
  floe describe feast.driver_stats
  floe scan feast.driver_stats --columns driver_id,conv_rate --filter "conv_rate > 0.5" --limit 5
  floe scan path/to/00003-x.metadata.json --format csv
  floe catalogs --catalog-uri 'postgresql://floe:${PASSWORD}@db/iceberg' --warehouse s3://lake/wh
  floe migrate data/trips demo.trips --dry-run
  floe history --entities entities.parquet --output training.parquet \
      --view "table=feast.driver_stats;key=driver_id;time=event_timestamp;ttl=1d;features=conv_rate"

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not found, 4 corrupt or unsupported
data, 5 conflict, timeout or unavailable (try again), 70 a bug in floe.)";

void AddGlobalOptions(CLI::App& app, GlobalOptions* global) {
  CatalogOptions& catalog = global->catalog;
  app.add_option("--catalog-type", catalog.catalog_type, "Kind of catalog: sql")
      ->group("Catalog");
  app.add_option("--property", catalog.properties,
                 "KEY=VALUE of the catalog or its files, e.g. s3.region=eu-central-1; "
                 "${VAR} in it is taken from the environment; may be given again")
      ->allow_extra_args(false)
      ->group("Catalog");
  app.add_option("--pyiceberg", catalog.pyiceberg,
                 "Take this catalog of PyIceberg's .pyiceberg.yaml")
      ->group("Catalog");
  app.add_option("--catalog-name", catalog.catalog_name,
                 "Name of the catalog inside its database (floe)")
      ->group("Catalog");
  app.add_option("--catalog-uri", catalog.uri,
                 "Where the catalog is, e.g. sqlite:////data/catalog.db or "
                 "postgresql://user:${PASSWORD}@host/database")
      ->group("Catalog");
  app.add_option("--warehouse", catalog.warehouse, "Folder or URI of new tables")
      ->group("Catalog");
  app.add_option("--path-prefix", catalog.path_prefixes,
                 "from=to: files whose paths start with the one are read at the other; "
                 "for tables that were moved");
  app.add_option("--feast-repo", catalog.feast_repo,
                 "Folder of the feature_store.yaml to take the catalog from (.)")
      ->group("Catalog");
  app.add_flag("--json", global->json, "Print answers and errors as JSON");
  app.add_flag("--quiet", global->quiet, "Show no progress");
  app.add_flag("--stats", global->stats,
               "Say on stderr which requests were made and what they cost");
}

void PrintError(const arrow::Status& status, bool json) {
  if (!json) {
    std::cerr << "floe: " << ErrorText(status) << "\n";
    return;
  }
  const nlohmann::json error = {{"error",
                                 {{"code", ErrorCodeName(ErrorCodeOf(status))},
                                  {"message", ErrorText(status)},
                                  {"retryable", IsRetryable(status)}}}};
  std::cerr << error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
            << "\n";
}

void PrintStats(const RequestCounters::Totals& totals, bool json) {
  if (json) {
    std::cerr << nlohmann::json({{"stats", StatsJson(totals)}}) << "\n";
  } else {
    std::cerr << StatsText(totals);
  }
}

}  // namespace

ExitCode ExitCodeFor(const arrow::Status& status) {
  if (status.ok()) return kExitOk;
  switch (ErrorCodeOf(status)) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidConfig:
      return kExitUsage;
    case ErrorCode::kNoSuchNamespace:
    case ErrorCode::kNoSuchTable:
    case ErrorCode::kNoSuchSnapshot:
    case ErrorCode::kNoSuchColumn:
    case ErrorCode::kNoSuchFile:
      return kExitNotFound;
    case ErrorCode::kCorruptData:
    case ErrorCode::kNotSupported:
      return kExitData;
    case ErrorCode::kCommitConflict:
    case ErrorCode::kThrottled:
    case ErrorCode::kServiceUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return kExitTryAgain;
    case ErrorCode::kInternal:
      return kExitInternal;
    default:
      return kExitFailed;
  }
}

int Run(int argc, char** argv) {
  CLI::App app{"Floe: Apache Iceberg storage for the Feast feature store.", "floe"};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_all_flag("--help-all", "Print the help of every command");
  GlobalOptions global;
  Action action;
  AddGlobalOptions(app, &global);
  AddVersionCommand(app, global, &action);
  AddDoctorCommand(app, global, &action);
  AddTableCommands(app, global, &action);
  AddScanCommand(app, global, &action);
  AddHistoryCommand(app, global, &action);
  AddCatalogsCommand(app, global, &action);
  AddRegisterCommand(app, global, &action);
  AddMigrateCommand(app, global, &action);
  AddMaintainCommand(app, global, &action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const arrow::Status status = action();
  std::cout.flush();
  // The process does one thing: its totals are that thing's, whatever thread did it.
  if (global.stats) PrintStats(RequestCounters::Process().totals(), global.json);
  if (!status.ok()) {
    PrintError(status, global.json);
  } else if (!std::cout) {
    PrintError(MakeError(ErrorCode::kIo, "standard output could not be written"),
               global.json);
    return kExitFailed;
  }
  return ExitCodeFor(status);
}

}  // namespace floe::cli
