#include "cli/scan_target.h"

#include <utility>

#include "base/error.h"

namespace floe::cli {

arrow::Result<iceberg::ScanTarget> LoadScanTarget(const CatalogOptions& options,
                                                  const std::string& name_or_path) {
  const auto identifier = iceberg::TableIdentifier::Parse(name_or_path);
  if (identifier.ok() && iceberg::IsMetadataTable(identifier->name) &&
      name_or_path.find('/') == std::string::npos) {
    ARROW_ASSIGN_OR_RAISE(auto catalog, OpenCatalog(options));
    return iceberg::LoadScanTarget(std::move(catalog), *identifier);
  }
  ARROW_ASSIGN_OR_RAISE(auto table, LoadTable(options, name_or_path));
  return iceberg::ScanTarget{std::move(table), ""};
}

}  // namespace floe::cli
