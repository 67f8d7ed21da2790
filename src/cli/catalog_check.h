#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "base/clock.h"
#include "base/random.h"
#include "iceberg/catalog/catalog.h"

namespace floe::cli {

/// One thing a catalog was asked to do.
struct CheckStep {
  std::string
      name;  ///< "reach", "authenticate", "list", "create", "commit", "read", "drop"
  arrow::Status status;
  int64_t micros = 0;
  /// Not tried, because an earlier step failed.
  bool is_skipped = false;
  std::string found;   ///< What it showed, for people.
  std::string remedy;  ///< What to do about a failure.
};

struct CheckOptions {
  /// Where the table is made; empty: a namespace of its own, made and removed.
  std::string name_space;
  const Clock* clock = &Clock::System();
  Random* random = &Random::System();
};

/// Opens a catalog and uses it as a user would: lists, creates a table of a name nobody
/// has, appends rows, reads them back, and removes all of it again, whichever step
/// failed. What could not be removed is named in a last step "clean up".
std::vector<CheckStep> CheckCatalog(
    const std::function<arrow::Result<std::shared_ptr<iceberg::Catalog>>()>& open,
    const CheckOptions& options);

}  // namespace floe::cli
