#include <arrow/config.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace floe::cli {

void AddVersionCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  app.add_subcommand("version", "Print the versions of floe and of Arrow")
      ->callback([&global, action] {
        *action = [&global] {
          const std::string arrow_version = arrow::GetBuildInfo().version_string;
          if (global.json) {
            std::cout << nlohmann::json{{"floe", FLOE_VERSION}, {"arrow", arrow_version}}
                      << "\n";
          } else {
            std::cout << "floe " << FLOE_VERSION << " (Arrow " << arrow_version << ")\n";
          }
          return arrow::Status::OK();
        };
      });
}

}  // namespace floe::cli
