#include "capi/scan_target.h"

#include <memory>
#include <utility>

#include "base/error.h"

namespace floe::capi {

arrow::Result<iceberg::ScanTarget> LoadScanTarget(floe_catalog* handle,
                                                  const std::string& name) {
  const auto identifier = iceberg::TableIdentifier::Parse(name);
  if (identifier.ok() && iceberg::IsMetadataTable(identifier->name) &&
      name.find('/') == std::string::npos) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
    return iceberg::LoadScanTarget(std::move(catalog), *identifier);
  }
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr table, LoadTable(handle, name));
  return iceberg::ScanTarget{std::move(table), ""};
}

}  // namespace floe::capi
