#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/catalog_check.h"
#include "cli/command.h"

namespace floe::cli {
namespace {

using nlohmann::json;

constexpr double kMicrosPerMilli = 1000;

const char* VerdictOf(const CheckStep& step) {
  if (step.is_skipped) return "skipped";
  return step.status.ok() ? "ok" : "failed";
}

json StepJson(const CheckStep& step) {
  json entry = {{"step", step.name}, {"verdict", VerdictOf(step)}};
  if (step.is_skipped) return entry;
  entry["milliseconds"] = static_cast<double>(step.micros) / kMicrosPerMilli;
  if (step.status.ok()) {
    entry["found"] = step.found;
  } else {
    entry["code"] = ErrorCodeName(ErrorCodeOf(step.status));
    entry["message"] = ErrorText(step.status);
    entry["remedy"] = step.remedy;
  }
  return entry;
}

void PrintStep(const CheckStep& step) {
  if (step.is_skipped) {
    std::cout << fmt::format("{:<8} {:<13}\n", "skipped", step.name);
    return;
  }
  std::cout << fmt::format("{:<8} {:<13} {:>8.1f} ms  {}\n", VerdictOf(step), step.name,
                           static_cast<double>(step.micros) / kMicrosPerMilli,
                           step.status.ok() ? step.found : ErrorText(step.status));
  if (!step.remedy.empty()) std::cout << "         -> " << step.remedy << "\n";
}

/// The file of a SQLite catalog that opening it would make; empty when there is none.
std::string MissingDatabase(const iceberg::CatalogConfig& config) {
  constexpr std::string_view kSqlite = "sqlite:///";
  if (config.catalog_type != "sql" || !config.uri.starts_with(kSqlite)) return "";
  std::string path = config.uri.substr(kSqlite.size());
  return std::filesystem::exists(path) ? "" : path;
}

arrow::Status RunCatalogs(const GlobalOptions& global, const std::string& name_space) {
  ARROW_ASSIGN_OR_RAISE(const ResolvedCatalog resolved, ResolveCatalog(global.catalog));
  const iceberg::CatalogConfig& config = resolved.config;
  const std::string made_by_us = MissingDatabase(config);
  CheckOptions options;
  options.name_space = name_space;
  std::vector<CheckStep> steps;
  {
    iceberg::CatalogRegistry registry;
    RegisterCatalogs(registry);
    steps = CheckCatalog([&] { return registry.Open(config); }, options);
  }
  std::error_code ignored;
  if (!made_by_us.empty()) std::filesystem::remove(made_by_us, ignored);

  if (global.json) {
    json list = json::array();
    for (const CheckStep& step : steps) list.push_back(StepJson(step));
    std::cout << json({{"catalog_type", config.catalog_type},
                       {"catalog_name", config.catalog_name},
                       {"uri", iceberg::ShownUri(config.uri)},
                       {"warehouse", iceberg::ShownUri(config.warehouse)},
                       {"from", resolved.origin},
                       {"steps", list}})
                     .dump(2)
              << "\n";
  } else {
    std::cout << fmt::format("catalog  {} '{}' {} (from {})\n", config.catalog_type,
                             config.catalog_name, iceberg::ShownUri(config.uri),
                             resolved.origin);
    if (!config.warehouse.empty()) {
      std::cout << "files    " << iceberg::ShownUri(config.warehouse) << "\n";
    }
    for (const CheckStep& step : steps) PrintStep(step);
  }
  for (const CheckStep& step : steps) {
    if (!step.status.ok()) return WithContext(step.status, "step", step.name);
  }
  return arrow::Status::OK();
}

}  // namespace

void AddCatalogsCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto name_space = std::make_shared<std::string>();
  CLI::App* catalogs = app.add_subcommand(
      "catalogs",
      "Test a catalog configuration end to end: reach, authenticate, list, create, "
      "commit, read, drop; leaves nothing behind");
  catalogs->add_option("--namespace", *name_space,
                       "Make the table in this namespace, which must exist, instead of "
                       "in one of its own");
  catalogs->callback([&global, name_space, action] {
    *action = [&global, name_space] { return RunCatalogs(global, *name_space); };
  });
}

}  // namespace floe::cli
