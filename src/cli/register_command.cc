#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/command.h"

namespace floe::cli {
namespace {

struct RegisterArguments {
  std::string table;
  std::string metadata_location;
};

arrow::Status RunRegister(const GlobalOptions& global,
                          const RegisterArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const auto identifier,
                        iceberg::TableIdentifier::Parse(arguments.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, OpenCatalog(global.catalog));
  ARROW_RETURN_NOT_OK(EnsureNamespace(*catalog, identifier.levels));
  ARROW_ASSIGN_OR_RAISE(const auto loaded,
                        catalog->RegisterTable(identifier, arguments.metadata_location));
  const auto& metadata = *loaded.metadata;
  const iceberg::Snapshot* current = metadata.current_snapshot();
  if (global.json) {
    nlohmann::json answer = {{"table", identifier.ToString()},
                             {"uuid", metadata.table_uuid},
                             {"format_version", metadata.format_version},
                             {"location", metadata.location},
                             {"metadata_location", loaded.metadata_location},
                             {"snapshots", metadata.snapshots.size()}};
    answer["current_snapshot_id"] = current == nullptr
                                        ? nlohmann::json(nullptr)
                                        : nlohmann::json(current->snapshot_id);
    std::cout << answer << "\n";
    return arrow::Status::OK();
  }
  std::cout << fmt::format("{} is now the table of {} ({} snapshots)\n",
                           identifier.ToString(), loaded.metadata_location,
                           metadata.snapshots.size());
  return arrow::Status::OK();
}

}  // namespace

void AddRegisterCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto arguments = std::make_shared<RegisterArguments>();
  CLI::App* command = app.add_subcommand(
      "register", "Give a table whose metadata exists a name in the catalog");
  command->add_option("table", arguments->table, "namespace.table to make")->required();
  command
      ->add_option("metadata", arguments->metadata_location,
                   "Its newest metadata.json; other catalogs must not go on writing it")
      ->required();
  command->callback([&global, arguments, action] {
    *action = [&global, arguments] { return RunRegister(global, *arguments); };
  });
}

}  // namespace floe::cli
