#pragma once

#include "arrow/status.h"

namespace floe::cli {

/// What the process ends with, so that scripts can tell causes apart.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,     ///< Anything without a code of its own.
  kExitUsage = 2,      ///< Bad flags, arguments or configuration.
  kExitNotFound = 3,   ///< No such namespace, table, snapshot, column or file.
  kExitData = 4,       ///< Corrupt or unsupported data.
  kExitTryAgain = 5,   ///< A conflict, a timeout or an unavailable service.
  kExitInternal = 70,  ///< A bug in Floe.
};

ExitCode ExitCodeFor(const arrow::Status& status);

/// Parses the command line, runs the command and returns the exit code. Rows and answers
/// go to stdout; errors and progress to stderr.
int Run(int argc, char** argv);

}  // namespace floe::cli
