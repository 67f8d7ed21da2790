#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"

namespace floe::iceberg {

/// Makes `catalog_type` "hive" known to `registry`.
void RegisterHiveCatalog(CatalogRegistry& registry);

/// A catalog in a Hive Metastore (2.3 to 4), shared with PyIceberg, Java, Spark, Trino
/// and Hive. `config.uri`: "thrift://host:9083", several separated by commas to fall back
/// on. Namespaces are databases: one level, lower case. No connection is made until the
/// first call. A commit takes the table's lock; with `hive.lock-enabled` false it relies
/// on the comparison that metastores of version 4 make themselves. Properties and their
/// defaults are in docs/catalogs.md. kInvalidConfig names a bad one; kNotSupported:
/// Kerberos.
arrow::Result<std::shared_ptr<Catalog>> OpenHiveCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment);

}  // namespace floe::iceberg
