#pragma once

#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "capi/request.h"
#include "floe/floe.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/table.h"

/// What a catalog handle refers to; shared with whatever was made from it.
struct floe_catalog {
  std::shared_ptr<floe::iceberg::Catalog> catalog;
};

namespace floe::capi {

/// kInvalidArgument when the handle is NULL.
arrow::Result<std::shared_ptr<iceberg::Catalog>> CatalogOf(floe_catalog* handle);

/// The process's one catalog of a configuration (floe_catalog_open), opened where it is
/// not.
arrow::Result<std::shared_ptr<iceberg::Catalog>> SharedCatalog(const Request& config);

/// The table "namespace.table", or, where `name` is the path or URI of a metadata.json,
/// that version of it read with `storage_options`; then the handle may be NULL.
arrow::Result<iceberg::TablePtr> LoadTable(
    floe_catalog* handle, const std::string& name,
    const std::map<std::string, std::string>& storage_options = {});

/// The pins of a request: "snapshot_id", "ref" and "as_of_ms", at most one of them.
arrow::Result<iceberg::SnapshotSelector> SelectorOf(const Request& request);

}  // namespace floe::capi
