#pragma once

#include <functional>
#include <string>

#include "arrow/status.h"
#include "cli/catalog_options.h"

namespace CLI {
class App;
}

namespace floe::cli {

/// Flags every command has.
struct GlobalOptions {
  CatalogOptions catalog;
  bool json = false;
  bool quiet = false;  ///< No progress.
  bool stats = false;  ///< Requests, bytes and what they cost, on stderr.
};

/// What the chosen command will do once parsing has succeeded.
using Action = std::function<arrow::Status()>;

/// Each adds its command to `app`; parsing sets `*action`. `global` and `action` outlive
/// the app.
void AddVersionCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddDoctorCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddTableCommands(CLI::App& app, const GlobalOptions& global, Action* action);
void AddScanCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddMaintainCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddCatalogsCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddRegisterCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddMigrateCommand(CLI::App& app, const GlobalOptions& global, Action* action);
void AddHistoryCommand(CLI::App& app, const GlobalOptions& global, Action* action);

}  // namespace floe::cli
