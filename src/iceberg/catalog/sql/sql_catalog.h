#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"

namespace floe::iceberg {

/// Makes `catalog_type` "sql" known to `registry`.
void RegisterSqlCatalog(CatalogRegistry& registry);

/// A catalog in the tables iceberg_tables and iceberg_namespace_properties that PyIceberg
/// and Java's JDBC catalog share (both of its schema versions); they are created when
/// missing. `config.uri`: "sqlite:///relative.db", "sqlite:////absolute.db" (as
/// SQLAlchemy writes them) or "jdbc:sqlite:path". kNotSupported names another database;
/// kServiceUnavailable when it stays locked; kIo names a path that cannot be written.
arrow::Result<std::shared_ptr<Catalog>> OpenSqlCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment);

}  // namespace floe::iceberg
