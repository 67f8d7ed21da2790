#include <arrow/config.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "io/file_io.h"

namespace floe::cli {
namespace {

enum class Verdict { kGood, kNote, kBad };

struct Finding {
  Verdict verdict;
  std::string subject;
  std::string found;
  std::string remedy;  ///< What to do; empty when there is nothing to do.
};

const char* VerdictName(Verdict verdict) {
  return verdict == Verdict::kGood ? "ok" : verdict == Verdict::kNote ? "note" : "bad";
}

Finding CheckFeastRepo(const CatalogOptions& options) {
  const auto file =
      std::filesystem::path(options.feast_repo.empty() ? "." : options.feast_repo) /
      "feature_store.yaml";
  if (std::filesystem::exists(file)) {
    return {Verdict::kGood, "feast repo", file.string(), ""};
  }
  return {Verdict::kNote, "feast repo", "no feature_store.yaml here",
          "run floe in a Feast repo, or name one with --feast-repo"};
}

Finding CheckWarehouse(const iceberg::CatalogConfig& config) {
  const auto path = LocalPath(config.warehouse);
  if (!path.ok()) {
    return {Verdict::kBad, "warehouse", config.warehouse, ErrorText(path.status())};
  }
  std::filesystem::path folder = *path;
  if (!std::filesystem::exists(folder)) {
    while (!folder.empty() && !std::filesystem::exists(folder)) {
      folder = folder.parent_path();
    }
    if (access(folder.c_str(), W_OK) == 0) {
      return {Verdict::kNote, "warehouse", *path + " does not exist yet",
              "it is made with the first table"};
    }
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return {Verdict::kBad, "warehouse", *path + " cannot be written",
            "give this user write access to " + folder.string() +
                ", or set another warehouse"};
  }
  return {Verdict::kGood, "warehouse", *path, ""};
}

Finding CheckCatalog(const iceberg::CatalogConfig& config,
                     const CatalogOptions& options) {
  const std::string shown = config.catalog_type + " " + iceberg::ShownUri(config.uri);
  // Opening makes a missing database; looking at the state of things must not.
  constexpr std::string_view kSqlite = "sqlite:///";
  if (config.catalog_type == "sql" && config.uri.starts_with(kSqlite) &&
      !std::filesystem::exists(config.uri.substr(kSqlite.size()))) {
    return {Verdict::kNote, "catalog", shown + " does not exist yet",
            "it is made with the first table: feast apply, or feast materialize"};
  }
  const auto catalog = OpenCatalog(options);
  if (!catalog.ok()) {
    return {Verdict::kBad, "catalog", shown, ErrorText(catalog.status())};
  }
  const auto namespaces = (*catalog)->ListNamespaces({});
  if (!namespaces.ok()) {
    return {Verdict::kBad, "catalog", shown, ErrorText(namespaces.status())};
  }
  return {Verdict::kGood, "catalog",
          fmt::format("{}, {} namespace{}", shown, namespaces->size(),
                      namespaces->size() == 1 ? "" : "s"),
          ""};
}

std::vector<Finding> Examine(const CatalogOptions& options) {
  std::vector<Finding> findings = {
      {Verdict::kGood, "floe", FLOE_VERSION, ""},
      {Verdict::kGood, "arrow", arrow::GetBuildInfo().version_string, ""},
      {Verdict::kGood, "threads", std::to_string(DefaultThreadCount()), ""},
      CheckFeastRepo(options)};
  const auto resolved = ResolveCatalog(options);
  if (!resolved.ok()) {
    findings.push_back(
        {Verdict::kBad, "configuration", "unusable", ErrorText(resolved.status())});
    return findings;
  }
  findings.push_back({Verdict::kGood, "configuration", resolved->origin, ""});
  findings.push_back(CheckCatalog(resolved->config, options));
  findings.push_back(CheckWarehouse(resolved->config));
  return findings;
}

arrow::Status RunDoctor(const GlobalOptions& global) {
  const std::vector<Finding> findings = Examine(global.catalog);
  nlohmann::json list = nlohmann::json::array();
  int bad = 0;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::kBad) ++bad;
    if (global.json) {
      list.push_back({{"verdict", VerdictName(finding.verdict)},
                      {"subject", finding.subject},
                      {"found", finding.found},
                      {"remedy", finding.remedy}});
      continue;
    }
    std::cout << fmt::format("{:<5} {:<14} {}\n", VerdictName(finding.verdict),
                             finding.subject, finding.found);
    if (!finding.remedy.empty())
      std::cout << fmt::format("      -> {}\n", finding.remedy);
  }
  if (global.json) std::cout << list.dump(2) << "\n";
  if (bad == 0) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidConfig, "{} finding{} to mend", bad,
                   bad == 1 ? "" : "s");
}

}  // namespace

void AddDoctorCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  app.add_subcommand("doctor", "Look at this set-up: what is found, missing, to be done")
      ->callback(
          [&global, action] { *action = [&global] { return RunDoctor(global); }; });
}

}  // namespace floe::cli
